/*
 * A query of Prometheus (its HTTP API v1) against a threshold. Revisions: "breach", and "ok", which
 * is quiet. A breach that lasts is one revision, so it fires once; ok between two breaches makes
 * them two. What the planner does with the rest:
 *
 *   value within its bounds                "ok", quiet   the next breach fires
 *   beyond, for less than `for`            not yet       the same: this breach is a new one
 *   beyond, for all of `for`               "breach"      fires, if the last one was not "breach"
 *   no sample, NaN, an infinite value      absent        nothing is known: as it was
 *   several samples, an error, a warning   failed        nothing is known: as it was
 *
 * `for` is asked of Prometheus itself, so that nobody here has to remember since when: a controller
 * that is restarted within `for` loses nothing, and polls may be as rare as they like.
 *
 *   1. QUERY, at the server's own time T: one sample, and if it breaches and there is a `for`:
 *   2. max(count_over_time(((QUERY) > THRESHOLD)[WINDOW:STEP])) at T, cut to whole seconds
 *
 * A subquery is evaluated at the multiples of STEP. With STEP in whole seconds and WINDOW
 * half a second less than POINTS * STEP there are exactly POINTS of them in it, whether its start
 * counts (Prometheus 2) or not (3), and the oldest is at least `for` ago. A point without a sample
 * is no breach: as with Prometheus's own alerts, a gap begins the wait anew (one that is longer
 * than the server's lookback, 5 minutes by default). So does a series that takes the place of
 * another (max: one series must have breached all the time). Between points nothing is seen: there
 * are about 60 in a `for`, at least a second apart.
 *
 * The answer's value is compared exactly, as decimals; within `for` Prometheus compares doubles.
 */

#include "source/private.h"

#include "api/json_part.h"
#include "api/quantity.h"
#include "core/encoding.h"
#include "core/text.h"
#include "core/url.h"
#include "source/answer.h"
#include "source/authorization.h"

#include <string.h>

enum {
    STATUS_OK = 200,
    STATUS_BAD_REQUEST = 400,
    STATUS_UNPROCESSABLE = 422,
    STATUS_SERVER = 500,
    POINTS_OF_HOLD = 60,
    MILLISECONDS = 1000,
    QUERY_LIMIT = 8 * 1024,
    ANSWER_LIMIT = 1024 * 1024, /* of one number; several samples are a mistake */
    HEADERS = 3,
    VALUES = 2,
    NUMBER_LIMIT = 32 /* bytes of a value: a double has 24 at most */
};

struct prometheus_state {
    const char *url;
    const char *field; /* what is named where the address is wrong */
    const char *threshold;
    bool is_above;
    int64_t step;   /* seconds; 0: no `for` */
    int64_t points; /* that must breach, all of them */
    struct name_value headers[HEADERS];
    size_t header_count;
    bool carries_secret;
    bool has_asked;
    const char *value; /* of the first answer, NULL before it */
    bool is_scalar;
};

/* ---- What is asked ---- */

/* As PromQL reads it: a zero in front would make it octal. */
static const char *plain_decimal(struct arena *arena, const char *text)
{
    bool is_negative = text[0] == '-';
    text += text[0] == '-' || text[0] == '+' ? 1 : 0;
    while (text[0] == '0' && text[1] >= '0' && text[1] <= '9') {
        text++;
    }
    return arena_print(arena, "%s%s", is_negative ? "-" : "", text);
}

static struct result read_threshold(struct arena *arena, const struct prometheus_source *spec,
                                    struct prometheus_state *state, struct error *error)
{
    if (!spec->above == !spec->below) {
        return error_set(error, ERROR_INVALID,
                         "spec.prometheus: set either above or below, and not both");
    }
    const char *text = spec->above ? spec->above : spec->below;
    if (!decimal_is_valid(text)) {
        return error_set(error, ERROR_INVALID,
                         "spec.prometheus.%s: not a decimal, such as \"0.05\"",
                         spec->above ? "above" : "below");
    }
    state->is_above = spec->above != NULL;
    state->threshold = plain_decimal(arena, text);
    return RESULT_OK;
}

static struct result read_hold(const struct prometheus_source *spec, struct prometheus_state *state,
                               struct error *error)
{
    int64_t hold_ms = 0;
    if (!spec->hold) {
        return RESULT_OK;
    }
    if (!duration_parse(spec->hold, &hold_ms)) {
        return error_set(error, ERROR_INVALID,
                         "spec.prometheus.for: not a duration, such as \"10m\"");
    }
    int64_t seconds = (hold_ms + MILLISECONDS - 1) / MILLISECONDS;
    if (seconds == 0) {
        return RESULT_OK;
    }
    state->step = (seconds + POINTS_OF_HOLD - 1) / POINTS_OF_HOLD;
    /* One more than fits: the oldest is then at least `for` ago. */
    state->points = (seconds + state->step - 1) / state->step + 1;
    return RESULT_OK;
}

static struct result read_address(struct source_talk *talk, const struct prometheus_source *spec,
                                  struct prometheus_state *state, struct error *error)
{
    struct url url;
    state->field = "spec.prometheus.url";
    if (text_is_empty(spec->url)) {
        return error_set(error, ERROR_INVALID,
                         "spec.prometheus.url: none is given; write the server's, such as "
                         "http://prometheus:9090");
    }
    struct result result = url_parse(talk->arena, spec->url, &url, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "%s", state->field);
        return result;
    }
    if (url.query) {
        return error_set(error, ERROR_INVALID,
                         "%s: has a \"?\": write what stands before /api/v1/query", state->field);
    }
    size_t size = strlen(url.path);
    while (size > 0 && url.path[size - 1] == '/') {
        size--;
    }
    state->url = url_print(talk->arena, &url,
                           arena_print(talk->arena, "%.*s/api/v1/query", (int)size, url.path));
    return RESULT_OK;
}

static struct result read_spec(struct source_talk *talk, struct prometheus_state *state,
                               struct error *error)
{
    const struct prometheus_source *spec = &talk->trigger->spec.prometheus;
    const char *authorization = NULL;
    if (strnlen(spec->query, QUERY_LIMIT + 1) > QUERY_LIMIT) {
        return error_set(error, ERROR_INVALID, "spec.prometheus.query: longer than %d bytes",
                         QUERY_LIMIT);
    }
    TRY(read_address(talk, spec, state, error));
    TRY(read_threshold(talk->arena, spec, state, error));
    TRY(read_hold(spec, state, error));
    TRY(source_authorization(talk->arena, spec->secret_name, talk->secret,
                             "spec.prometheus.secretName", &authorization, error));
    state->headers[state->header_count++] = (struct name_value){"accept", "application/json"};
    state->headers[state->header_count++] = (struct name_value){
        "content-type", "application/x-www-form-urlencoded"};
    if (authorization) {
        state->headers[state->header_count++] = (struct name_value){"authorization", authorization};
        state->carries_secret = true;
    }
    return RESULT_OK;
}

static void *prometheus_begin(struct source_talk *talk, struct error *error)
{
    struct prometheus_state *state = arena_new(talk->arena, struct prometheus_state);
    return result_is_ok(read_spec(talk, state, error)) ? state : NULL;
}

static enum source_step ask(const struct prometheus_state *state, const char *body,
                            struct source_request *request)
{
    *request = (struct source_request){.method = "POST",
                                       .url = state->url,
                                       .headers = state->headers,
                                       .header_count = state->header_count,
                                       .body = body,
                                       .body_size = strlen(body),
                                       .answer_limit = ANSWER_LIMIT,
                                       .carries_secret = state->carries_secret};
    return SOURCE_ASK;
}

static enum source_step ask_now(const struct source_talk *talk, struct prometheus_state *state,
                                struct source_request *request)
{
    const char *query = percent_encode(talk->arena, talk->trigger->spec.prometheus.query, NULL);
    state->has_asked = true;
    return ask(state, arena_print(talk->arena, "query=%s", query), request);
}

/* The line break ends a comment that the query may end with. */
static enum source_step ask_hold(const struct source_talk *talk,
                                 const struct prometheus_state *state, int64_t time,
                                 struct source_request *request)
{
    int64_t window_ms = state->points * state->step * MILLISECONDS - MILLISECONDS / 2;
    const char *query = arena_print(
        talk->arena, "max(count_over_time((%s(%s\n) %c %s)[%lldms:%llds]))",
        state->is_scalar ? "vector" : "", talk->trigger->spec.prometheus.query,
        state->is_above ? '>' : '<', state->threshold, (long long)window_ms,
        (long long)state->step);
    return ask(state,
               arena_print(talk->arena, "query=%s&time=%lld",
                           percent_encode(talk->arena, query, NULL), (long long)time),
               request);
}

/* ---- What is answered ---- */

/* One sample: [1435781451.781, "1"]. */
struct sample {
    int64_t time;      /* whole seconds; 0 when it can't be told */
    const char *value; /* a decimal, "NaN", "+Inf" or "-Inf" */
};

static bool read_sample(struct arena *arena, struct span pair, struct sample *sample)
{
    enum { DIGITS_LIMIT = 15 };
    struct scan scan;
    struct span time;
    struct span value;
    struct span more;
    if (!scan_open(pair, '[', &scan) || scan_next_item(&scan, &time) != SCAN_FOUND ||
        scan_next_item(&scan, &value) != SCAN_FOUND || scan_next_item(&scan, &more) != SCAN_END) {
        return false;
    }
    sample->time = 0;
    for (size_t at = 0; at < time.size && at < DIGITS_LIMIT; at++) {
        if (time.bytes[at] < '0' || time.bytes[at] > '9') {
            break;
        }
        sample->time = sample->time * 10 + (time.bytes[at] - '0');
    }
    sample->value = json_part_text(arena, value);
    bool is_number = sample->value && strlen(sample->value) <= NUMBER_LIMIT &&
                     (decimal_is_valid(sample->value) || text_equal(sample->value, "NaN") ||
                      text_equal(sample->value, "+Inf") || text_equal(sample->value, "-Inf"));
    return is_number && sample->time > 0;
}

enum samples { SAMPLES_NONE, SAMPLES_ONE, SAMPLES_SEVERAL, SAMPLES_BROKEN, SAMPLES_OTHER };

static enum samples read_vector(struct arena *arena, struct span result, struct sample *sample)
{
    struct scan scan;
    struct span item;
    struct span pair;
    struct span more;
    if (!scan_open(result, '[', &scan)) {
        return SAMPLES_BROKEN;
    }
    enum scan_step step = scan_next_item(&scan, &item);
    if (step != SCAN_FOUND) {
        return step == SCAN_END ? SAMPLES_NONE : SAMPLES_BROKEN;
    }
    if (!scan_find(item, "value", &pair)) {
        struct span histogram;
        return scan_find(item, "histogram", &histogram) ? SAMPLES_OTHER : SAMPLES_BROKEN;
    }
    if (!read_sample(arena, pair, sample)) {
        return SAMPLES_BROKEN;
    }
    step = scan_next_item(&scan, &more);
    return step == SCAN_END ? SAMPLES_ONE : step == SCAN_FOUND ? SAMPLES_SEVERAL : SAMPLES_BROKEN;
}

static enum samples read_samples(struct arena *arena, struct span root, bool *is_scalar,
                                 struct sample *sample)
{
    struct span result;
    const char *type = json_part_find_text(arena, root, "data.resultType");
    if (!type || !json_part_find(root, "data.result", &result)) {
        return SAMPLES_BROKEN;
    }
    *is_scalar = text_equal(type, "scalar");
    if (*is_scalar) {
        return read_sample(arena, result, sample) ? SAMPLES_ONE : SAMPLES_BROKEN;
    }
    return text_equal(type, "vector") ? read_vector(arena, result, sample) : SAMPLES_OTHER;
}

/*
 * The first warning that makes the value doubtful. Prometheus 2.48 to 2.x put remarks about style
 * among the warnings ("PromQL info: ..."); later ones have a list of their own for them.
 */
static const char *find_warning(struct arena *arena, struct span root)
{
    struct span warnings;
    struct scan scan;
    struct span item;
    if (!scan_find(root, "warnings", &warnings) || !scan_open(warnings, '[', &scan)) {
        return NULL;
    }
    while (scan_next_item(&scan, &item) == SCAN_FOUND) {
        const char *text = text_or(json_part_text(arena, item), "");
        if (!text_starts_with(text, "PromQL info:")) {
            return source_show(arena, text, strlen(text));
        }
    }
    return NULL;
}

static enum source_step fail(struct error *error, enum error_kind kind, const char *message)
{
    (void)error_set(error, kind, "%s", message);
    return SOURCE_FAILED;
}

/* Prometheus's own errors; a proxy before it may have others in the same form. */
static bool is_own_error(int status)
{
    return status == STATUS_OK || status == STATUS_BAD_REQUEST || status == STATUS_UNPROCESSABLE ||
           status >= STATUS_SERVER;
}

/* An answer with status "error", or one that is none of Prometheus's. */
static enum source_step refuse(const struct source_talk *talk, const struct prometheus_state *state,
                               const struct source_answer *answer, struct span root,
                               struct error *error)
{
    const struct source_question question = {"POST", state->url, state->field,
                                             "spec.prometheus.secretName", state->carries_secret};
    const char *type = json_part_find_text(talk->arena, root, "errorType");
    const char *text = json_part_find_text(talk->arena, root, "error");
    if (!type || !text || !is_own_error(answer->status)) {
        if (result_is_ok(source_check_status(talk->arena, &question, answer, error))) {
            (void)error_set(error, ERROR_INVALID,
                            "POST %s: the answer is not one of Prometheus: see %s", state->url,
                            state->field);
        }
        return SOURCE_FAILED;
    }
    bool is_query = answer->status == STATUS_BAD_REQUEST || answer->status == STATUS_UNPROCESSABLE;
    (void)error_set(
        error, is_query ? ERROR_INVALID : ERROR_UNAVAILABLE,
        "POST %s: Prometheus can't answer (%s: %s): %s", state->url,
        source_show(talk->arena, type, strlen(type)), source_show(talk->arena, text, strlen(text)),
        is_query ? "see whether spec.prometheus.query is right" : "it is asked again later");
    return SOURCE_FAILED;
}

static enum source_step fail_samples(const struct source_talk *talk,
                                     const struct prometheus_state *state, enum samples samples,
                                     struct error *error)
{
    if (samples == SAMPLES_SEVERAL) {
        return fail(error, ERROR_INVALID,
                    "spec.prometheus.query: it gives several samples: write one that gives a "
                    "single one, by max(...), sum(...) or narrower labels");
    }
    if (samples == SAMPLES_OTHER) {
        return fail(error, ERROR_INVALID,
                    "spec.prometheus.query: it gives no instant vector and no scalar: write one "
                    "that gives a number, without a range [...] at its end");
    }
    return fail(error, ERROR_INVALID,
                arena_print(talk->arena, "POST %s: the answer is not one of Prometheus: see %s",
                            state->url, state->field));
}

/* ---- What is found ---- */

static bool breaches(const struct prometheus_state *state, const char *value)
{
    int order = 0;
    return decimal_compare(value, state->threshold, &order) &&
           (state->is_above ? order > 0 : order < 0);
}

static enum source_step finish(enum source_verdict verdict, const char *summary,
                               struct source_finding *finding)
{
    *finding = (struct source_finding){.verdict = verdict, .summary = summary};
    return SOURCE_DONE;
}

static enum source_step finish_found(const struct source_talk *talk,
                                     const struct prometheus_state *state, const char *revision,
                                     const char *summary, struct source_finding *finding)
{
    struct name_value *values = arena_array(talk->arena, struct name_value, VALUES);
    values[0] = (struct name_value){"value", state->value};
    values[1] = (struct name_value){"threshold", state->threshold};
    *finding = (struct source_finding){.verdict = SOURCE_FOUND,
                                       .revision = revision,
                                       .summary = summary,
                                       .values = values,
                                       .value_count = VALUES};
    return SOURCE_DONE;
}

static const char *direction_of(const struct prometheus_state *state)
{
    return state->is_above ? "above" : "below";
}

static enum source_step finish_breach(const struct source_talk *talk,
                                      const struct prometheus_state *state, bool has_held,
                                      struct source_finding *finding)
{
    const char *hold = state->step > 0 ? talk->trigger->spec.prometheus.hold : "";
    const char *lasting = state->step == 0 ? ""
                          : has_held       ? ", for at least "
                                           : ", but not yet for ";
    const char *summary = arena_print(talk->arena, "the value %s is %s %s%s%s", state->value,
                                      direction_of(state), state->threshold, lasting, hold);
    if (has_held) {
        return finish_found(talk, state, "breach", summary, finding);
    }
    enum source_step step = finish(SOURCE_NOT_YET, summary, finding);
    finding->revision = "not-yet"; /* this breach is a new one, whether or not "ok" was seen */
    finding->quiet = true;
    return step;
}

static enum source_step finish_ok(const struct source_talk *talk,
                                  const struct prometheus_state *state,
                                  struct source_finding *finding)
{
    const char *summary = arena_print(talk->arena, "the value %s is not %s %s", state->value,
                                      direction_of(state), state->threshold);
    (void)finish_found(talk, state, "ok", summary, finding);
    finding->quiet = true;
    return SOURCE_DONE;
}

static enum source_step take_now(const struct source_talk *talk, struct prometheus_state *state,
                                 enum samples samples, const struct sample *sample,
                                 struct source_request *request, struct source_finding *finding)
{
    if (samples == SAMPLES_NONE) {
        return finish(SOURCE_ABSENT,
                      "the query gives no sample: see whether what it asks for is still scraped",
                      finding);
    }
    if (!decimal_is_valid(sample->value)) {
        return finish(SOURCE_ABSENT,
                      arena_print(talk->arena,
                                  "the query gives %s, which is no number to compare, often a "
                                  "division by zero: leave such samples out with a condition",
                                  sample->value),
                      finding);
    }
    state->value = sample->value;
    if (!breaches(state, sample->value)) {
        return finish_ok(talk, state, finding);
    }
    return state->step == 0 ? finish_breach(talk, state, true, finding)
                            : ask_hold(talk, state, sample->time, request);
}

static enum source_step take_hold(const struct source_talk *talk,
                                  const struct prometheus_state *state, enum samples samples,
                                  const struct sample *sample, struct source_finding *finding)
{
    int order = -1;
    const char *needed = arena_print(talk->arena, "%lld", (long long)state->points);
    bool has_held = samples == SAMPLES_ONE && decimal_compare(sample->value, needed, &order) &&
                    order >= 0;
    return finish_breach(talk, state, has_held, finding);
}

static enum source_step prometheus_next(struct source_talk *talk, void *own,
                                        const struct source_answer *answer,
                                        struct source_request *request,
                                        struct source_finding *finding, struct error *error)
{
    struct prometheus_state *state = own;
    struct span root = {"", 0};
    struct sample sample = {0};
    bool is_scalar = false;
    if (!state->has_asked) {
        return ask_now(talk, state, request);
    }
    bool is_json = answer->body_size > 0 && json_part_open(answer->body, answer->body_size, &root);
    const char *status = is_json ? json_part_find_text(talk->arena, root, "status") : NULL;
    if (answer->status != STATUS_OK || !text_equal(status, "success")) {
        return refuse(talk, state, answer, root, error);
    }
    const char *warning = find_warning(talk->arena, root);
    if (warning) {
        return fail(error, ERROR_UNAVAILABLE,
                    arena_print(talk->arena,
                                "POST %s: the value came with a warning and is not judged (%s): it "
                                "is asked again later",
                                state->url, warning));
    }
    enum samples samples = read_samples(talk->arena, root, &is_scalar, &sample);
    if (samples != SAMPLES_NONE && samples != SAMPLES_ONE) {
        return fail_samples(talk, state, samples, error);
    }
    if (state->value) {
        return take_hold(talk, state, samples, &sample, finding);
    }
    state->is_scalar = is_scalar;
    return take_now(talk, state, samples, &sample, request, finding);
}

const struct source_protocol source_prometheus = {.begin = prometheus_begin,
                                                  .next = prometheus_next};
