#include "support/test.h"

#include "kube/reaction.h"
#include "support/fake_io.h"

#include <stdio.h>

static void every_http_status_has_one_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        int code;
        const char *reason;
        enum error_kind kind;
    } rows[] = {
        {"a created object is no failure", 201, NULL, ERROR_NONE},
        {"an accepted deletion is no failure", 202, NULL, ERROR_NONE},
        {"a bad request stays bad", 400, "BadRequest", ERROR_INVALID},
        {"a refused credential is its own kind", 401, "Unauthorized", ERROR_UNAUTHORIZED},
        {"a quota, a missing right and a policy are all denied", 403, "Forbidden", ERROR_DENIED},
        {"what is not there is not found", 404, "NotFound", ERROR_NOT_FOUND},
        {"a proxy's 404 without a Status is not found too", 404, NULL, ERROR_NOT_FOUND},
        {"a method that is not allowed stays so", 405, "MethodNotAllowed", ERROR_INVALID},
        {"a request that took too long may work later", 408, NULL, ERROR_UNAVAILABLE},
        {"a taken name is told from a lost race by its reason", 409, "AlreadyExists", ERROR_EXISTS},
        {"a lost race is a conflict", 409, "Conflict", ERROR_CONFLICT},
        {"a 409 without a reason is a conflict", 409, NULL, ERROR_CONFLICT},
        {"an old resourceVersion is gone", 410, "Expired", ERROR_GONE},
        {"a body that is too large is over the limit", 413, "RequestEntityTooLarge", ERROR_LIMIT},
        {"a media type that is not known stays so", 415, "UnsupportedMediaType", ERROR_INVALID},
        {"an object that breaks a rule is invalid", 422, "Invalid", ERROR_INVALID},
        {"a failed test operation has no reason and is invalid", 422, NULL, ERROR_INVALID},
        {"too many requests are told apart", 429, "TooManyRequests", ERROR_TOO_MANY},
        {"any other 4xx is ours to mend", 418, NULL, ERROR_INVALID},
        {"an internal error may pass", 500, "InternalError", ERROR_UNAVAILABLE},
        {"a bad gateway may pass", 502, NULL, ERROR_UNAVAILABLE},
        {"an unavailable service may pass", 503, "ServiceUnavailable", ERROR_UNAVAILABLE},
        {"a timeout may pass", 504, "Timeout", ERROR_UNAVAILABLE},
        {"a redirect is not followed and may pass", 302, NULL, ERROR_UNAVAILABLE},
        {"AlreadyExists in a 500 is still a 500", 500, "AlreadyExists", ERROR_UNAVAILABLE},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        enum error_kind kind = reaction_of_status(rows[at].code, rows[at].reason);
        if (kind != rows[at].kind) {
            fail_msg("%s: %s", rows[at].sentence, error_kind_name(kind));
        }
    }
}

static void a_dry_run_judges_the_object_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        int code;
        const char *reason;
        const char *message;
        enum error_kind kind;
    } rows[] = {
        {"what would be stored is well", 201, NULL, NULL, ERROR_NONE},
        {"an unknown field is a bad request", 400, "BadRequest",
         "strict decoding error: unknown field \"spec.x\"", ERROR_INVALID},
        {"a broken rule is invalid", 422, "Invalid", "spec.template: Required value",
         ERROR_INVALID},
        {"a refusal without words is one", 400, NULL, NULL, ERROR_INVALID},
        {"a webhook that refuses dry runs says nothing", 400, "BadRequest",
         "admission webhook \"a.b.c\" does not support dry run", ERROR_DENIED},
        {"a quota says nothing about the object", 403, "Forbidden", "exceeded quota", ERROR_DENIED},
        {"a method that a proxy refuses says nothing", 405, "MethodNotAllowed", NULL, ERROR_DENIED},
        {"a teapot says nothing", 418, NULL, NULL, ERROR_DENIED},
        {"a body that is too large is no verdict", 413, NULL, NULL, ERROR_LIMIT},
        {"a webhook that fails says nothing", 500, "InternalError", "failed calling webhook",
         ERROR_UNAVAILABLE},
        {"nor does a name that is taken", 409, "AlreadyExists", NULL, ERROR_EXISTS},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        enum error_kind kind = reaction_of_dry_run(
            reaction_of_status(rows[at].code, rows[at].reason), rows[at].code, rows[at].message);
        if (kind != rows[at].kind) {
            fail_msg("%s: %s", rows[at].sentence, error_kind_name(kind));
        }
    }
}

static void every_kind_of_failure_has_one_rule(void **state)
{
    (void)state;
    static const struct {
        enum error_kind kind;
        enum reaction reaction;
        bool is_fact;
    } rows[ERROR_KIND_COUNT] = {
        {ERROR_NONE, REACTION_NONE, false},
        {ERROR_INVALID, REACTION_WAIT_CHANGE, true},
        {ERROR_DENIED, REACTION_WAIT_CHANGE, true},
        {ERROR_UNAUTHORIZED, REACTION_BACKOFF, false},
        {ERROR_NOT_FOUND, REACTION_WAIT_CACHE, false},
        {ERROR_EXISTS, REACTION_WAIT_CHANGE, true},
        {ERROR_CONFLICT, REACTION_WAIT_CACHE, false},
        {ERROR_GONE, REACTION_WAIT_CACHE, false},
        {ERROR_TOO_MANY, REACTION_WAIT_RETRY_AFTER, false},
        {ERROR_UNAVAILABLE, REACTION_WAIT_RETRY_AFTER, false},
        {ERROR_LOST, REACTION_BACKOFF, false},
        {ERROR_IO, REACTION_BACKOFF, false},
        {ERROR_LIMIT, REACTION_WAIT_CHANGE, true},
        {ERROR_CLOSED, REACTION_BACKOFF, false},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct reaction_rule *rule = reaction_rule_of(rows[at].kind);
        assert_int_equal(rows[at].kind, at);
        assert_int_equal(rule->reaction, rows[at].reaction);
        assert_int_equal(rule->is_fact, rows[at].is_fact);
        assert_non_null(rule->next);
    }
}

static void only_429_and_5xx_are_sent_again(void **state)
{
    (void)state;
    assert_true(reaction_may_resend(429));
    assert_true(reaction_may_resend(500));
    assert_true(reaction_may_resend(503));
    assert_true(reaction_may_resend(599));
    assert_false(reaction_may_resend(200));
    assert_false(reaction_may_resend(403));
    assert_false(reaction_may_resend(409));
    assert_false(reaction_may_resend(600));
}

static void nothing(void *context)
{
    (void)context;
}

static void a_key_comes_back_when_its_reaction_says(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        enum reaction reaction;
        int retry_after_seconds;
        bool facts_changed;
        int64_t delay_ms; /* -1: does not come back */
        unsigned failures;
    } rows[] = {
        {"success does not come back and forgets", REACTION_NONE, -1, false, -1, 0},
        {"success with news comes back at once", REACTION_NONE, -1, true, 0, 0},
        {"a refusal comes back in 30 s", REACTION_WAIT_CHANGE, -1, false, 30000, 1},
        {"a refusal that is news comes back at once", REACTION_WAIT_CHANGE, -1, true, 0, 1},
        {"a lost race comes back with backoff", REACTION_WAIT_CACHE, -1, false, 10, 2},
        {"a failure comes back with backoff", REACTION_BACKOFF, -1, false, 10, 2},
        {"Retry-After is kept to", REACTION_WAIT_RETRY_AFTER, 90, false, 90000, 1},
        {"Retry-After of hours is cut to 1000 s", REACTION_WAIT_RETRY_AFTER, 7200, false, 1000000,
         1},
        {"without Retry-After there is backoff", REACTION_WAIT_RETRY_AFTER, -1, false, 10, 2},
        {"a Retry-After of 0 is backoff", REACTION_WAIT_RETRY_AFTER, 0, false, 10, 2},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct fake_io *fake = fake_io_new();
        struct io io = fake_io_seam(fake);
        struct queue *queue = queue_new(io, nothing, NULL);
        struct work_key key = {KIND_TRIGGER, "team", "nightly"};
        /* One failure before. */
        queue_add_limited(queue, &key);
        fake_io_advance(fake, QUEUE_BACKOFF_FIRST_MS);
        struct work_key taken;
        assert_true(queue_take(queue, &taken, NULL));
        reaction_requeue(queue, io, &key, rows[at].reaction, rows[at].retry_after_seconds,
                         rows[at].facts_changed);
        unsigned failures = queue_failures(queue, &key);
        queue_done(queue, &taken);
        int64_t start_ms = fake_io_now_ms(fake);
        fake_io_run(fake);
        int64_t delay_ms = queue_numbers(queue).depth > 0 ? 0 : -1;
        if (delay_ms < 0 && fake_io_next_timer_ms(fake) != INT64_MAX) {
            delay_ms = fake_io_next_timer_ms(fake) - start_ms;
        }
        if (delay_ms != rows[at].delay_ms || failures != rows[at].failures) {
            fail_msg("%s: after %lld ms, %u failures", rows[at].sentence, (long long)delay_ms,
                     failures);
        }
        (void)queue_free(queue);
        (void)fake_io_free(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_http_status_has_one_meaning),
        cmocka_unit_test(a_dry_run_judges_the_object_or_nothing),
        cmocka_unit_test(every_kind_of_failure_has_one_rule),
        cmocka_unit_test(only_429_and_5xx_are_sent_again),
        cmocka_unit_test(a_key_comes_back_when_its_reaction_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
