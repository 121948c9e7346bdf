#include "support/test.h"

#include "core/encoding.h"
#include "core/text.h"
#include "support/source_talk.h"

#include <string.h>

enum { ANSWERS = 2 };

struct row {
    const char *sentence;
    const char *above;
    const char *below;
    const char *hold;
    struct talk_answer answers[ANSWERS];
    const char *outcome;
};

#define PLACE "http://prometheus.monitoring.svc:9090"
#define ANSWER(code, text)                \
    {                                     \
        .status = (code), TALK_BODY(text) \
    }
#define RESULT(type, result)                                                                       \
    ANSWER(200, "{\"status\":\"success\",\"data\":{\"resultType\":\"" type "\",\"result\":" result \
                "}}")
#define SAMPLE(value) "{\"metric\":{\"a\":\"b\"},\"value\":[1700000000.781,\"" value "\"]}"
#define VECTOR(value) RESULT("vector", "[" SAMPLE(value) "]")
#define ALIEN                     \
    "FAILED invalid: POST " PLACE \
    "/api/v1/query: the answer is not one of Prometheus: see spec.prometheus.url"

static const struct row rows[] = {
    {"over the threshold", .above = "0.05", .answers = {VECTOR("0.07")},
     .outcome = "FOUND breach | the value 0.07 is above 0.05 | value=0.07 threshold=0.05"},
    {"at the threshold is not over it", .above = "0.05", .answers = {VECTOR("0.05")},
     .outcome = "FOUND ok (quiet) | the value 0.05 is not above 0.05 | value=0.05 threshold=0.05"},
    {"in exponents", .above = "999999", .answers = {VECTOR("1e+06")},
     .outcome = "FOUND breach | the value 1e+06 is above 999999 | value=1e+06 threshold=999999"},
    {"exactly: a double would call these equal", .above = "9007199254740992",
     .answers = {VECTOR("9007199254740993")},
     .outcome = "FOUND breach | the value 9007199254740993 is above 9007199254740992 | "
                "value=9007199254740993 threshold=9007199254740992"},
    {"under the threshold", .below = "-1", .answers = {VECTOR("-1.5")},
     .outcome = "FOUND breach | the value -1.5 is below -1 | value=-1.5 threshold=-1"},
    {"not under it", .below = "0", .answers = {VECTOR("-0")},
     .outcome = "FOUND ok (quiet) | the value -0 is not below 0 | value=-0 threshold=0"},
    {"a scalar", .above = "1", .answers = {RESULT("scalar", "[1700000000,\"2\"]")},
     .outcome = "FOUND breach | the value 2 is above 1 | value=2 threshold=1"},
    {"no sample is known to be neither", .above = "1", .answers = {RESULT("vector", "[]")},
     .outcome = "ABSENT the query gives no sample: see whether what it asks for is still scraped"},
    {"NaN never fires", .above = "1", .answers = {VECTOR("NaN")},
     .outcome = "ABSENT the query gives NaN, which is no number to compare, often a division by "
                "zero: leave such samples out with a condition"},
    {"nor does a value without end", .above = "1", .answers = {VECTOR("+Inf")},
     .outcome = "ABSENT the query gives +Inf, which is no number to compare, often a division by "
                "zero: leave such samples out with a condition"},
    {"nor below", .below = "1", .answers = {VECTOR("-Inf")},
     .outcome = "ABSENT the query gives -Inf, which is no number to compare, often a division by "
                "zero: leave such samples out with a condition"},
    {"several samples are nobody's choice", .above = "1",
     .answers = {RESULT("vector", "[" SAMPLE("2") "," SAMPLE("3") "]")},
     .outcome = "FAILED invalid: spec.prometheus.query: it gives several samples: write one that "
                "gives a single one, by max(...), sum(...) or narrower labels"},
    {"a range is no number", .above = "1",
     .answers = {RESULT("matrix", "[{\"metric\":{},\"values\":[[1,\"2\"]]}]")},
     .outcome = "FAILED invalid: spec.prometheus.query: it gives no instant vector and no scalar: "
                "write one that gives a number, without a range [...] at its end"},
    {"a histogram is no number", .above = "1",
     .answers = {RESULT("vector",
                        "[{\"metric\":{},\"histogram\":[1700000000,{\"count\":\"1\"}]}]")},
     .outcome = "FAILED invalid: spec.prometheus.query: it gives no instant vector and no scalar: "
                "write one that gives a number, without a range [...] at its end"},
    {"a warning makes the value doubtful", .above = "1",
     .answers = {ANSWER(200, "{\"status\":\"success\",\"warnings\":[\"store 2 did not answer\"],"
                             "\"data\":{\"resultType\":\"vector\",\"result\":[" SAMPLE("9") "]}}")},
     .outcome = "FAILED unavailable: POST " PLACE
                "/api/v1/query: the value came with a warning and "
                "is not judged (store 2 did not answer): it is asked again later"},
    {"a remark about style does not", .above = "1",
     .answers = {ANSWER(200, "{\"status\":\"success\",\"warnings\":[\"PromQL info: metric might "
                             "not be a counter\"],\"infos\":[\"x\"],\"data\":{\"resultType\":"
                             "\"vector\",\"result\":[" SAMPLE("9") "]}}")},
     .outcome = "FOUND breach | the value 9 is above 1 | value=9 threshold=1"},
    {"a query that can't be read", .above = "1",
     .answers = {ANSWER(400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse "
                             "error: unexpected <EOF>\"}")},
     .outcome = "FAILED invalid: POST " PLACE "/api/v1/query: Prometheus can't answer (bad_data: "
                "parse error: unexpected <EOF>): see whether spec.prometheus.query is right"},
    {"a query that can't be computed", .above = "1",
     .answers = {ANSWER(422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"many"
                             "-to-many\"}")},
     .outcome = "FAILED invalid: POST " PLACE "/api/v1/query: Prometheus can't answer (execution: "
                "many-to-many): see whether spec.prometheus.query is right"},
    {"a query that takes too long", .above = "1",
     .answers = {ANSWER(503, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"too "
                             "long\"}")},
     .outcome = "FAILED unavailable: POST " PLACE
                "/api/v1/query: Prometheus can't answer (timeout: "
                "too long): it is asked again later"},
    {"an error with status 200", .above = "1",
     .answers = {ANSWER(200, "{\"status\":\"error\",\"errorType\":\"internal\",\"error\":\"x\"}")},
     .outcome = "FAILED unavailable: POST " PLACE "/api/v1/query: Prometheus can't answer "
                "(internal: x): it is asked again later"},
    {"a proxy's refusal in Prometheus's form", .above = "1",
     .answers = {ANSWER(404, "{\"status\":\"error\",\"errorType\":\"a\",\"error\":\"no org\"}")},
     .outcome = "FAILED not-found: POST " PLACE "/api/v1/query: 404: nothing is there, or not for "
                "everybody: see spec.prometheus.url and spec.prometheus.secretName"},
    {"a page of some other server", .above = "1", .answers = {ANSWER(200, "<html></html>")},
     .outcome = ALIEN},
    {"nothing", .above = "1", .answers = {ANSWER(200, "")}, .outcome = ALIEN},
    {"an answer that was cut off", .above = "1",
     .answers = {ANSWER(200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",")},
     .outcome = ALIEN},
    {"success without data", .above = "1", .answers = {ANSWER(200, "{\"status\":\"success\"}")},
     .outcome = ALIEN},
    {"a value that is no text", .above = "1",
     .answers = {RESULT("vector", "[{\"value\":[1700000000,2]}]")}, .outcome = ALIEN},
    {"a value that is no number", .above = "1", .answers = {VECTOR("two")}, .outcome = ALIEN},
    {"a value longer than a double's", .above = "1",
     .answers = {VECTOR("100000000000000000000000000000000000")}, .outcome = ALIEN},
    {"a sample without a time", .above = "1", .answers = {RESULT("scalar", "[\"2\"]")},
     .outcome = ALIEN},
    {"a sample of three", .above = "1", .answers = {RESULT("scalar", "[1700000000,\"2\",\"3\"]")},
     .outcome = ALIEN},
    {"a redirect", .above = "1", .answers = {{.status = 302}},
     .outcome = "FAILED invalid: POST " PLACE "/api/v1/query: 302: it moved to somewhere else: "
                "redirects aren't followed, write the new place into spec.prometheus.url"},
    {"not asked about `for` when there is no breach", .above = "1", .hold = "10m",
     .answers = {VECTOR("1")},
     .outcome = "FOUND ok (quiet) | the value 1 is not above 1 | value=1 threshold=1"},
    {"each of the 61 points in 10 minutes breached", .above = "1", .hold = "10m",
     .answers = {VECTOR("2"), VECTOR("61")},
     .outcome = "FOUND breach | the value 2 is above 1, for at least 10m | value=2 threshold=1"},
    {"one point did not", .above = "1", .hold = "10m", .answers = {VECTOR("2"), VECTOR("60")},
     .outcome = "NOT_YET the value 2 is above 1, but not yet for 10m"},
    {"no point did", .above = "1", .hold = "10m", .answers = {VECTOR("2"), RESULT("vector", "[]")},
     .outcome = "NOT_YET the value 2 is above 1, but not yet for 10m"},
    {"a count that is none", .above = "1", .hold = "10m", .answers = {VECTOR("2"), VECTOR("NaN")},
     .outcome = "NOT_YET the value 2 is above 1, but not yet for 10m"},
    {"`for` that can't be asked", .above = "1", .hold = "10m",
     .answers = {VECTOR("2"),
                 ANSWER(422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"x\"}")},
     .outcome = "FAILED invalid: POST " PLACE "/api/v1/query: Prometheus can't answer (execution: "
                "x): see whether spec.prometheus.query is right"},
    {"`for` of nothing is at once", .above = "1", .hold = "0s", .answers = {VECTOR("2")},
     .outcome = "FOUND breach | the value 2 is above 1 | value=2 threshold=1"},
};

static size_t count_answers(const struct talk_answer *answers)
{
    size_t count = 0;
    while (count < ANSWERS && answers[count].status != 0) {
        count++;
    }
    return count;
}

static void an_answer_is_a_finding_and_never_a_firing_by_mistake(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct row *row = &rows[at];
        struct arena arena = {0};
        const struct trigger trigger = {.spec.prometheus = {.query = "error_rate",
                                                            .url = PLACE,
                                                            .above = row->above,
                                                            .below = row->below,
                                                            .hold = row->hold}};
        struct talk_record record = talk_play(&arena, &trigger, NULL, row->answers,
                                              count_answers(row->answers));
        if (!text_equal(record.outcome, row->outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", row->sentence, record.outcome,
                     row->outcome);
        }
        arena_free(&arena);
    }
}

struct question_row {
    const char *sentence;
    struct prometheus_source spec;
    struct talk_answer first;
    const char *query; /* of the second question, decoded */
};

static const struct question_row question_rows[] = {
    {"ten minutes at steps of ten seconds",
     {.query = "a", .above = "1", .hold = "10m"},
     VECTOR("2"),
     "max(count_over_time(((a\n) > 1)[609500ms:10s]))&time=1700000000"},
    {"half a minute at steps of a second",
     {.query = "a", .above = "1", .hold = "30s"},
     VECTOR("2"),
     "max(count_over_time(((a\n) > 1)[30500ms:1s]))&time=1700000000"},
    {"61 seconds take 32 points, two seconds apart",
     {.query = "a", .above = "1", .hold = "61s"},
     VECTOR("2"),
     "max(count_over_time(((a\n) > 1)[63500ms:2s]))&time=1700000000"},
    {"milliseconds are rounded up",
     {.query = "a", .above = "1", .hold = "500ms"},
     VECTOR("2"),
     "max(count_over_time(((a\n) > 1)[1500ms:1s]))&time=1700000000"},
    {"below, and a threshold that is not octal",
     {.query = "a", .below = "010", .hold = "1m"},
     VECTOR("2"),
     "max(count_over_time(((a\n) < 10)[60500ms:1s]))&time=1700000000"},
    {"a scalar becomes a vector",
     {.query = "scalar(a)", .above = "-0.5", .hold = "1m"},
     RESULT("scalar", "[1700000000,\"2\"]"),
     "max(count_over_time((vector(scalar(a)\n) > -0.5)[60500ms:1s]))&time=1700000000"},
    {"a comment at the query's end does not eat what follows",
     {.query = "a # why", .above = "1", .hold = "1m"},
     VECTOR("2"),
     "max(count_over_time(((a # why\n) > 1)[60500ms:1s]))&time=1700000000"},
};

static void for_is_asked_of_the_server_at_its_own_time(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(question_rows); at++) {
        const struct question_row *row = &question_rows[at];
        struct arena arena = {0};
        struct trigger trigger = {.spec.prometheus = row->spec};
        trigger.spec.prometheus.url = PLACE;
        struct talk_record record = talk_play(&arena, &trigger, NULL, &row->first, 1);
        const char *second = strstr(record.asked, "--\n");
        const char *query = second ? strstr(second, "query=") : "query=";
        const char *decoded = percent_decode(&arena, query + strlen("query="));
        if (!text_equal(decoded, arena_print(&arena, "%s\n", row->query))) {
            fail_msg("%s: %s", row->sentence, decoded);
        }
        arena_free(&arena);
    }
}

static void the_query_is_asked_as_a_form(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct name_value items[] = {{"token", "t"}};
    const struct source_secret secret = {items, 1};
    const struct trigger trigger = {.spec.prometheus = {.query = "sum(a{b=\"c d\"}) + 1",
                                                        .url = PLACE "/prom/",
                                                        .above = "1",
                                                        .secret_name = "prom"}};
    assert_string_equal(talk_play(&arena, &trigger, &secret, NULL, 0).asked,
                        "POST " PLACE "/prom/api/v1/query (secret)\n"
                        "accept: application/json\n"
                        "content-type: application/x-www-form-urlencoded\n"
                        "authorization: Bearer t\n\n"
                        "query=sum%28a%7Bb%3D%22c%20d%22%7D%29%20%2B%201\n");
    arena_free(&arena);
}

struct refusal_row {
    struct prometheus_source spec;
    const char *outcome;
};

static const struct refusal_row refusal_rows[] = {
    {{.query = "a", .above = "1"},
     "REFUSED spec.prometheus.url: none is given; write the server's, such as "
     "http://prometheus:9090"},
    {{.query = "a", .above = "1", .url = "prometheus:9090"},
     "REFUSED spec.prometheus.url: does not begin with https:// or http://"},
    {{.query = "a", .above = "1", .url = PLACE "/?x"},
     "REFUSED spec.prometheus.url: has a \"?\": write what stands before /api/v1/query"},
    {{.query = "a", .url = PLACE},
     "REFUSED spec.prometheus: set either above or below, and not both"},
    {{.query = "a", .url = PLACE, .above = "1", .below = "2"},
     "REFUSED spec.prometheus: set either above or below, and not both"},
    {{.query = "a", .url = PLACE, .above = "5%"},
     "REFUSED spec.prometheus.above: not a decimal, such as \"0.05\""},
    {{.query = "a", .url = PLACE, .below = "1) or vector(2"},
     "REFUSED spec.prometheus.below: not a decimal, such as \"0.05\""},
    {{.query = "a", .url = PLACE, .above = "1", .hold = "5"},
     "REFUSED spec.prometheus.for: not a duration, such as \"10m\""},
    {{.query = "a", .url = PLACE, .above = "1", .secret_name = "none"},
     "REFUSED spec.prometheus.secretName: the Secret needs the key token, or username and "
     "password"},
};

static void a_spec_that_can_t_be_asked_is_refused_by_its_field(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusal_rows); at++) {
        struct arena arena = {0};
        const struct trigger trigger = {.spec.prometheus = refusal_rows[at].spec};
        assert_string_equal(talk_play(&arena, &trigger, NULL, NULL, 0).outcome,
                            refusal_rows[at].outcome);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_a_finding_and_never_a_firing_by_mistake),
        cmocka_unit_test(for_is_asked_of_the_server_at_its_own_time),
        cmocka_unit_test(the_query_is_asked_as_a_form),
        cmocka_unit_test(a_spec_that_can_t_be_asked_is_refused_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
