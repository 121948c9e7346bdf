/*
 * What a webhook's payload says: whether it counts, by its event and filters, and what it gives to
 * parameters; and specs that can't ask for that.
 */

#include "support/test.h"

#include "core/text.h"
#include "support/webhook_delivery.h"

#include <string.h>

enum { FILTERS = 2, PARAMS = 3 };

struct read_row {
    const char *sentence;
    struct webhook_source source; /* without lists */
    const char *event;            /* that is asked for; NULL: any */
    struct webhook_filter filters[FILTERS];
    struct webhook_param params[PARAMS];
    struct name_value headers[WEBHOOK_HEADERS];
    const char *body;
    const char *outcome; /* "name=value ..." , "not: reason" or "kind: message" */
};

#define PUSH                                                                                     \
    "{\"ref\":\"refs/heads/main\",\"forced\":false,\"size\":2,\"big\":123456789012345678901234," \
    "\"null\":null,\"commits\":[{\"id\":\"3f2a\"},{\"id\":\"7b1c\",\"added\":[\"a.csv\"]}],"     \
    "\"repository\":{\"full_name\":\"a\\/b\",\"\\u0069d\":-1.50e+3},\"esc\":\"\\u00e4\\n\"}"
#define GITHUB           \
    {                    \
        .type = "GitHub" \
    }
#define EVENT(name)                            \
    {                                          \
        {"x-github-event", name},              \
        {                                      \
            "content-type", "application/json" \
        }                                      \
    }

static const struct read_row read_rows[] = {
    {"nothing is asked for, so nothing is read",
     GITHUB,
     NULL,
     {{0}},
     {{0}},
     EVENT("push"),
     "no JSON",
     ""},
    {"a field that equals",
     GITHUB,
     NULL,
     {{"ref", "refs/heads/main", NULL}},
     {{0}},
     EVENT("push"),
     PUSH,
     ""},
    {"a field that does not",
     GITHUB,
     NULL,
     {{"ref", "refs/heads/dev", NULL}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on ref does not hold"},
    {"a pattern over a ref",
     GITHUB,
     NULL,
     {{"ref", NULL, "refs/heads/*"}},
     {{0}},
     EVENT("push"),
     PUSH,
     ""},
    {"* is not over a slash",
     GITHUB,
     NULL,
     {{"ref", NULL, "refs/*"}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on ref does not hold"},
    {"all filters must hold",
     GITHUB,
     NULL,
     {{"ref", "refs/heads/main", NULL}, {"forced", "true", NULL}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on forced does not hold"},
    {"a boolean and an escaped slash as text",
     GITHUB,
     NULL,
     {{"forced", "false", NULL}, {"repository.full_name", "a/b", NULL}},
     {{0}},
     EVENT("push"),
     PUSH,
     ""},
    {"a field that is absent holds nothing",
     GITHUB,
     NULL,
     {{"no.such", NULL, "**"}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on no.such does not hold"},
    {"nor does null",
     GITHUB,
     NULL,
     {{"null", "null", NULL}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on null does not hold"},
    {"nor an object",
     GITHUB,
     NULL,
     {{"repository", NULL, "**"}},
     {{0}},
     EVENT("push"),
     PUSH,
     "not: the filter on repository does not hold"},
    {"an event that is asked for", GITHUB, "push", {{0}}, {{0}}, EVENT("push"), "", ""},
    {"one that is not",
     GITHUB,
     "push",
     {{0}},
     {{0}},
     EVENT("issues"),
     "",
     "not: its event is none of spec.webhook.events"},
    {"none where one is asked for",
     GITHUB,
     "push",
     {{0}},
     {{0}},
     {{0}},
     "",
     "not: its event is none of spec.webhook.events"},
    {"a ping starts nothing",
     GITHUB,
     NULL,
     {{0}},
     {{0}},
     EVENT("ping"),
     "",
     "not: a ping: the sender sees whether it arrives"},
    {"unless it is asked for", GITHUB, "ping", {{0}}, {{0}}, EVENT("ping"), "", ""},
    {"GitLab's events have their own header",
     {.type = "GitLab"},
     "Push Hook",
     {{0}},
     {{0}},
     {{"x-gitlab-event", "Push Hook"}},
     "",
     ""},
    {"Gitea's too",
     {.type = "Gitea"},
     "push",
     {{0}},
     {{0}},
     {{"x-gitea-event", "push"}, {"x-github-event", "x"}},
     "{\"before\":\"1a\",\"after\":\"1b\"}",
     ""},
    {"Gitea's test delivery starts nothing",
     {.type = "Gitea"},
     "push",
     {{0}},
     {{0}},
     {{"x-gitea-event", "push"}},
     "{\"before\":\"1a\",\"after\":\"1a\"}",
     "not: a test delivery: the sender sees whether it arrives"},
    {"what else of Gitea's is alike on both sides is no test",
     {.type = "Gitea"},
     NULL,
     {{0}},
     {{0}},
     {{"x-gitea-event", "release"}},
     "{\"before\":\"1a\",\"after\":\"1a\"}",
     ""},
    {"Standard Webhooks' is in the payload",
     {.type = "Standard"},
     "data.ready",
     {{0}},
     {{0}},
     {{0}},
     "{\"type\":\"data.ready\"}",
     ""},
    {"and another one too",
     {.type = "Standard"},
     "data.ready",
     {{0}},
     {{0}},
     {{0}},
     "{\"type\":\"data.gone\"}",
     "not: its event is none of spec.webhook.events"},
    {"parameters of each type, as they were written",
     GITHUB,
     NULL,
     {{0}},
     {{"commit", "commits[1].id"}, {"big", "big"}, {"forced", "forced"}},
     EVENT("push"),
     PUSH,
     "commit=7b1c big=123456789012345678901234 forced=false "},
    {"names and texts with escapes",
     GITHUB,
     NULL,
     {{0}},
     {{"id", "repository.id"}, {"esc", "esc"}, {"file", "commits[1].added[0]"}},
     EVENT("push"),
     PUSH,
     "id=-1.50e+3 esc=\xC3\xA4\n file=a.csv "},
    {"what is absent or null is left to the defaults",
     GITHUB,
     NULL,
     {{0}},
     {{"a", "commits[2].id"}, {"b", "null"}, {"c", "ref.x"}},
     EVENT("push"),
     PUSH,
     ""},
    {"an object is no parameter",
     GITHUB,
     NULL,
     {{0}},
     {{"repo", "repository"}},
     EVENT("push"),
     PUSH,
     "invalid: value repo: the payload's repository is an object or an array: name a field in "
     "it, such as commits[0].id"},
    {"an array in the payload's place",
     GITHUB,
     NULL,
     {{0}},
     {{"a", "[1].id"}},
     EVENT("push"),
     "[{\"id\":1},{\"id\":2}]",
     "a=2 "},
    {"a form with the field payload, as GitHub may send it",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
     "a=b&payload=%7B%22ref%22%3A+%22x%2By%22%7D&c=d",
     "ref=x+y "},
    {"a form without it",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     {{"content-type", "application/x-www-form-urlencoded"}},
     "xpayload=%7B%7D",
     "invalid: the form has no field payload with JSON in it: let the sender use application/json"},
    {"a form with half an escape",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     {{"content-type", "application/x-www-form-urlencoded"}},
     "payload=%7",
     "invalid: the form has no field payload with JSON in it: let the sender use application/json"},
    {"a cloud event is JSON",
     {.type = "HMAC", .header = "x"},
     NULL,
     {{0}},
     {{"a", "a"}},
     {{"content-type", "application/cloudevents+json"}},
     "{\"a\":1}",
     "a=1 "},
    {"XML is not",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     {{"content-type", "text/xml"}},
     "<a/>",
     "invalid: the payload's Content-Type is not JSON: let the sender use application/json"},
    {"no JSON",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     EVENT("push"),
     "ref=main",
     "invalid: the payload is not JSON"},
    {"nothing",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     EVENT("push"),
     "",
     "invalid: the payload is not JSON"},
    {"JSON that was cut off",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     EVENT("push"),
     "{\"ref\":\"x\"",
     "invalid: the payload is not JSON"},
    {"something behind it",
     GITHUB,
     NULL,
     {{0}},
     {{"ref", "ref"}},
     EVENT("push"),
     "{} {}",
     "invalid: the payload is not JSON"},
    {"a number that is none",
     GITHUB,
     NULL,
     {{0}},
     {{"a", "a"}},
     EVENT("push"),
     "{\"a\":01}",
     "invalid: value a: what the payload has at a is not JSON"},
    {"text that is not UTF-8",
     GITHUB,
     NULL,
     {{0}},
     {{"a", "a"}},
     EVENT("push"),
     "{\"a\":\"\xFF\"}",
     "invalid: value a: what the payload has at a is not JSON"},
    {"of two members of one name the first counts, for filters and parameters alike",
     GITHUB,
     NULL,
     {{"ref", "good", NULL}},
     {{"ref", "ref"}},
     EVENT("push"),
     "{\"ref\":\"good\",\"r\\u0065f\":\"bad\",\"ref\":\"bad\"}",
     "ref=good "},
};

static const char *describe(struct arena *arena, struct result result,
                            const struct webhook_event *event, const struct error *error)
{
    const char *text = "";
    if (!result_is_ok(result)) {
        return arena_print(arena, "%s: %s", error_kind_name(result.kind), error->message);
    }
    if (!event->counts) {
        return arena_print(arena, "not: %s", event->reason);
    }
    for (size_t at = 0; at < event->param_count; at++) {
        text = arena_print(arena, "%s%s=%s ", text, event->params[at].name,
                           event->params[at].value);
    }
    return text;
}

static void a_payload_is_judged_and_read(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(read_rows); at++) {
        struct read_row row = read_rows[at];
        struct arena arena = {0};
        struct error error = {0};
        struct webhook_event event = {0};
        row.source.events = &row.event;
        row.source.event_count = row.event ? 1 : 0;
        row.source.filters = row.filters;
        while (row.source.filter_count < FILTERS && row.filters[row.source.filter_count].path) {
            row.source.filter_count++;
        }
        row.source.params = row.params;
        while (row.source.param_count < PARAMS && row.params[row.source.param_count].path) {
            row.source.param_count++;
        }
        struct webhook_delivery delivery = webhook_deliver(row.headers, row.body);
        struct result result = webhook_read(&arena, &row.source, &delivery, &event, &error);
        webhook_drop(&delivery);
        const char *got = describe(&arena, result, &event, &error);
        if (!text_equal(got, row.outcome)) {
            fail_msg("%s:\n  got      %s\n  expected %s", row.sentence, got, row.outcome);
        }
        arena_free(&arena);
    }
}

static void parameters_are_bounded_together(void **state)
{
    (void)state;
    for (size_t size = WEBHOOK_PARAMS_BYTES - 1; size <= WEBHOOK_PARAMS_BYTES; size++) {
        struct arena arena = {0};
        struct error error = {0};
        struct webhook_event event = {0};
        struct webhook_param param = {"a", "a"};
        const struct name_value headers[WEBHOOK_HEADERS] = {{0}};
        const struct webhook_source source = {.type = "GitHub", .params = &param, .param_count = 1};
        char text[WEBHOOK_PARAMS_BYTES + 1] = "";
        memset(text, 'x', size);
        struct webhook_delivery delivery = webhook_deliver(
            headers, arena_print(&arena, "{\"a\":\"%s\"}", text));
        struct result result = webhook_read(&arena, &source, &delivery, &event, &error);
        webhook_drop(&delivery);
        assert_int_equal(result.kind, size < WEBHOOK_PARAMS_BYTES ? ERROR_NONE : ERROR_LIMIT);
        arena_free(&arena);
    }
}

/* ---- Specs ---- */

struct fault_row {
    struct webhook_source source;
    const char *filter_path;
    const char *equals;
    const char *pattern;
    const char *param_path;
    const char *fault; /* NULL: none */
};

#define NOT_A_PATH                                                                 \
    "it is not names with dots between and [NUMBER] for an array's item, such as " \
    "repository.full_name or commits[0].id"
#define MISPLACED "it has a \".\" or \"]\" where none can be"

static const struct fault_row fault_rows[] = {
    {GITHUB, "a.b[0][1].c", "x", NULL, "[0].a", NULL},
    {{.type = "HMAC", .header = "X-Sig"}, NULL, NULL, NULL, NULL, NULL},
    {{.type = "github"},
     NULL,
     NULL,
     NULL,
     NULL,
     "spec.webhook.type: not one of GitHub, GitLab, Gitea, Standard, HMAC"},
    {{.type = "HMAC"},
     NULL,
     NULL,
     NULL,
     NULL,
     "spec.webhook.header: name the header with the signature for type HMAC, and for no other"},
    {{.type = "HMAC", .header = "X Sig"},
     NULL,
     NULL,
     NULL,
     NULL,
     "spec.webhook.header: name the header with the signature for type HMAC, and for no other"},
    {{.type = "GitHub", .header = "X-Sig"},
     NULL,
     NULL,
     NULL,
     NULL,
     "spec.webhook.header: name the header with the signature for type HMAC, and for no other"},
    {{.type = "HMAC", .header = "X-Sig", .event_count = 1},
     NULL,
     NULL,
     NULL,
     NULL,
     "spec.webhook.events: deliveries of type HMAC have no event: write a filter"},
    {GITHUB, "", "x", NULL, NULL,
     "spec.webhook.filters[0].path: it is empty: write the field's name, such as ref or "
     "commits[0].id"},
    {GITHUB, ".a", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a.", "x", NULL, NULL, "spec.webhook.filters[0].path: " MISPLACED},
    {GITHUB, "a..b", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a.[0]", "x", NULL, NULL, "spec.webhook.filters[0].path: " MISPLACED},
    {GITHUB, "a[x]", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a[0", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a[]", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a[1234567]", "x", NULL, NULL, "spec.webhook.filters[0].path: " NOT_A_PATH},
    {GITHUB, "a]", "x", NULL, NULL, "spec.webhook.filters[0].path: " MISPLACED},
    {GITHUB, "a[0]b", "x", NULL, NULL, "spec.webhook.filters[0].path: " MISPLACED},
    {GITHUB, "a", NULL, NULL, NULL,
     "spec.webhook.filters[0]: set either equals or pattern, and not both"},
    {GITHUB, "a", "x", "x", NULL,
     "spec.webhook.filters[0]: set either equals or pattern, and not both"},
    {GITHUB, "a", NULL, "\\", NULL,
     "spec.webhook.filters[0].pattern: the pattern ends with a \"\\\": write \"\\\\\" for the "
     "character"},
    {GITHUB, NULL, NULL, NULL, "a b..", "spec.webhook.values[0].path: " NOT_A_PATH},
};

static void a_spec_that_cannot_be_meant_is_named_by_its_field(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(fault_rows); at++) {
        const struct fault_row *row = &fault_rows[at];
        struct arena arena = {0};
        struct webhook_filter filter = {row->filter_path, row->equals, row->pattern};
        struct webhook_param param = {"a", row->param_path};
        struct webhook_source source = row->source;
        source.filters = &filter;
        source.filter_count = row->filter_path ? 1 : 0;
        source.params = &param;
        source.param_count = row->param_path ? 1 : 0;
        const char *got = webhook_fault(&arena, &source);
        if (!text_equal(got, row->fault)) {
            fail_msg("row %zu: %s", at, text_or(got, "no fault"));
        }
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_is_judged_and_read),
        cmocka_unit_test(parameters_are_bounded_together),
        cmocka_unit_test(a_spec_that_cannot_be_meant_is_named_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
