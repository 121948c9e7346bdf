#include "support/test.h"

#include "core/memory.h"
#include "core/text.h"
#include "source/webhook.h"

#include <stdio.h>
#include <string.h>

enum { HEADERS = 4, SECRETS = 3, FILTERS = 2, PARAMS = 3 };

/* A body in a block of exactly its size, so that ASan sees what reads behind it. */
static struct webhook_delivery deliver(const struct name_value *headers, const char *body)
{
    struct webhook_delivery delivery = {
        .headers = headers, .body = memory_allocate(1, strlen(body)), .body_size = strlen(body)};
    memcpy((char *)(uintptr_t)delivery.body, body, delivery.body_size);
    while (delivery.header_count < HEADERS && headers[delivery.header_count].name) {
        delivery.header_count++;
    }
    return delivery;
}

static void drop(const struct webhook_delivery *delivery)
{
    (void)memory_free((char *)(uintptr_t)delivery->body);
}

/* ---- Signatures ---- */

struct signature_row {
    const char *sentence;
    struct webhook_source source;
    struct name_value secrets[SECRETS];
    struct name_value headers[HEADERS];
    const char *body;
    int64_t now;
    const char *denied; /* NULL: signed */
};

/* https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
#define EVERYBODY "It's a Secret to Everybody"
#define HELLO     "Hello, World!"
#define HELLO_HEX "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define HELLO_64  "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc="

/* The vector of the reference libraries, https://github.com/standard-webhooks/standard-webhooks */
#define WHSEC     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define MESSAGE   "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define SENT      "1614265330"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define TEST      "{\"test\": 2432232314}"
#define WRONG     "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define STANDARD(id, time, signature)                    \
    {                                                    \
        {"webhook-id", id}, {"webhook-timestamp", time}, \
        {                                                \
            "webhook-signature", signature               \
        }                                                \
    }

#define NOT_MADE(header) "its " header " is not made with any secret that is valid"

static const struct signature_row signature_rows[] = {
    {"GitHub's example",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"a secret with the line break of a file",
     {.type = "GitHub"},
     {{"secret", EVERYBODY "\r\n"}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"another body",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     "Hello, World?",
     0,
     NOT_MADE("x-hub-signature-256")},
    {"another secret",
     {.type = "GitHub"},
     {{"secret", "It's a Secret to everybody"}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NOT_MADE("x-hub-signature-256")},
    {"the new secret beside the old one",
     {.type = "GitHub"},
     {{"secret", "new"}, {"secret-old", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"the old secret beside the new one",
     {.type = "GitHub"},
     {{"secret-2026", EVERYBODY}, {"secret", "new"}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"a key of the Secret that is for something else",
     {.type = "GitHub"},
     {{"secret", "new"}, {"secrets", EVERYBODY}, {"token", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     NOT_MADE("x-hub-signature-256")},
    {"no signature",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature", "sha1=00"}},
     HELLO,
     0,
     "it has no header x-hub-signature-256"},
    {"a signature without what it is",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", HELLO_HEX}},
     HELLO,
     0,
     NOT_MADE("x-hub-signature-256")},
    {"half a signature",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=757107ea"}},
     HELLO,
     0,
     NOT_MADE("x-hub-signature-256")},
    {"an empty signature",
     {.type = "GitHub"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", ""}},
     HELLO,
     0,
     NOT_MADE("x-hub-signature-256")},
    {"an empty secret lets nobody in",
     {.type = "GitHub"},
     {{"secret", ""}},
     {{"x-hub-signature-256",
       "sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769"}},
     HELLO,
     0,
     "there is no Secret with a usable key secret or secret-..."},
    {"no Secret lets nobody in, not even with the key that stands for it",
     {.type = "GitHub"},
     {{0}},
     {{"x-hub-signature-256",
       "sha256=3816ed8816b2de8965a7976fcccd4c60304f697e5ad6edc42bad3d243f67fc03"}},
     HELLO,
     0,
     "there is no Secret with a usable key secret or secret-..."},
    {"Gitea's is plain hex",
     {.type = "Gitea"},
     {{"secret", EVERYBODY}},
     {{"x-gitea-signature", HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"Gitea's of another body",
     {.type = "Gitea"},
     {{"secret", EVERYBODY}},
     {{"x-gitea-signature", HELLO_HEX}},
     "",
     0,
     NOT_MADE("x-gitea-signature")},
    {"GitLab's is the secret itself",
     {.type = "GitLab"},
     {{"secret", EVERYBODY}},
     {{"x-gitlab-token", EVERYBODY}},
     "",
     0,
     NULL},
    {"GitLab's new secret beside the old one",
     {.type = "GitLab"},
     {{"secret", EVERYBODY}, {"secret-old", "old"}},
     {{"x-gitlab-token", EVERYBODY}},
     "",
     0,
     NULL},
    {"a part of GitLab's",
     {.type = "GitLab"},
     {{"secret", EVERYBODY}},
     {{"x-gitlab-token", "It's a Secret"}},
     "",
     0,
     NOT_MADE("x-gitlab-token")},
    {"none of GitLab's",
     {.type = "GitLab"},
     {{"secret", EVERYBODY}},
     {{0}},
     "",
     0,
     "it has no header x-gitlab-token"},
    {"an empty token beside an empty secret",
     {.type = "GitLab"},
     {{"secret", ""}},
     {{"x-gitlab-token", ""}},
     "",
     0,
     "there is no Secret with a usable key secret or secret-..."},
    {"the key that stands for none is no token",
     {.type = "GitLab"},
     {{0}},
     {{"x-gitlab-token", "no secret"}},
     "",
     0,
     "there is no Secret with a usable key secret or secret-..."},
    {"Standard Webhooks' example",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265330,
     NULL},
    {"one of several signatures",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, "v1a,abc " WRONG "  " SIGNATURE " v2,x"),
     TEST,
     1614265330,
     NULL},
    {"the ninth signature is one too many",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT,
              WRONG " " WRONG " " WRONG " " WRONG " " WRONG " " WRONG " " WRONG " " WRONG
                    " " SIGNATURE),
     TEST,
     1614265330,
     NOT_MADE("webhook-signature")},
    {"five minutes later",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265630,
     NULL},
    {"five minutes before",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265030,
     NULL},
    {"a second more than that later",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265631,
     "its webhook-timestamp is more than 5 minutes away: an old delivery, or a clock that is "
     "wrong"},
    {"a second more than that before",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265029,
     "its webhook-timestamp is more than 5 minutes away: an old delivery, or a clock that is "
     "wrong"},
    {"a time made newer",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, "1614265331", SIGNATURE),
     TEST,
     1614265330,
     NOT_MADE("webhook-signature")},
    {"another id",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD("msg_2", SENT, SIGNATURE),
     TEST,
     1614265330,
     NOT_MADE("webhook-signature")},
    {"a signature of another version",
     {.type = "Standard"},
     {{"secret", WHSEC}},
     STANDARD(MESSAGE, SENT, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
     TEST,
     1614265330,
     NOT_MADE("webhook-signature")},
    {"a secret that is no base64",
     {.type = "Standard"},
     {{"secret", "whsec_!"}},
     STANDARD(MESSAGE, SENT, SIGNATURE),
     TEST,
     1614265330,
     "there is no Secret with a usable key secret or secret-..."},
    {"HMAC under a header of its own, as hex",
     {.type = "HMAC", .header = "X-Sig"},
     {{"secret", EVERYBODY}},
     {{"x-sig", HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"HMAC with a prefix",
     {.type = "HMAC", .header = "X-Sig", .prefix = "hmac "},
     {{"secret", EVERYBODY}},
     {{"x-sig", "hmac " HELLO_HEX}},
     HELLO,
     0,
     NULL},
    {"HMAC as base64",
     {.type = "HMAC", .header = "X-Sig"},
     {{"secret", EVERYBODY}},
     {{"x-sig", HELLO_64}},
     HELLO,
     0,
     NULL},
    {"HMAC without its prefix",
     {.type = "HMAC", .header = "X-Sig", .prefix = "hmac "},
     {{"secret", EVERYBODY}},
     {{"x-sig", HELLO_HEX}},
     HELLO,
     0,
     NOT_MADE("x-sig")},
    {"a type that nobody knows is not signed",
     {.type = "Other"},
     {{"secret", EVERYBODY}},
     {{"x-hub-signature-256", "sha256=" HELLO_HEX}},
     HELLO,
     0,
     "it has no header "},
};

static void only_who_knows_a_secret_is_let_in(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(signature_rows); at++) {
        const struct signature_row *row = &signature_rows[at];
        struct arena arena = {0};
        struct error error = {0};
        struct source_secret secret = {.items = row->secrets};
        while (secret.count < SECRETS && row->secrets[secret.count].name) {
            secret.count++;
        }
        struct webhook_delivery delivery = deliver(row->headers, row->body);
        delivery.now = row->now;
        struct result result = webhook_verify(&arena, &row->source,
                                              secret.count > 0 ? &secret : NULL, &delivery, &error);
        const char *got = result_is_ok(result) ? NULL : error.message;
        if (!text_equal(got, row->denied) || (row->denied && result.kind != ERROR_DENIED)) {
            fail_msg("%s: %s", row->sentence, text_or(got, "let in"));
        }
        drop(&delivery);
        arena_free(&arena);
    }
}

/* ---- Which one ---- */

struct id_row {
    const char *type;
    struct name_value headers[HEADERS];
    const char *id;
};

#define BODY_ID "sha256:dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f"

static const struct id_row id_rows[] = {
    {"GitHub", {{"x-github-delivery", "72d3162e-cc78-11e3"}}, "72d3162e-cc78-11e3"},
    {"Gitea", {{"x-gitea-delivery", "f6266f16"}, {"x-github-delivery", "other"}}, BODY_ID},
    {"GitLab", {{"x-gitlab-event-uuid", "13792a34"}}, "13792a34"},
    {"GitLab", {{"x-gitlab-event-uuid", "13792a34"}, {"idempotency-key", "f5e5"}}, "f5e5"},
    {"Standard", {{"webhook-id", "msg_1"}}, "msg_1"},
    {"HMAC", {{"x-github-delivery", "72d3162e"}}, BODY_ID},
    {"GitHub", {{0}}, BODY_ID},
    {"GitHub", {{"x-github-delivery", ""}}, BODY_ID},
    {"GitHub", {{"x-github-delivery", "a b"}}, BODY_ID},
    {"GitHub",
     {{"x-github-delivery", "0123456789012345678901234567890123456789012345678901234567890123456789"
                            "01234567890123456789012345678901234567890123456789012345678"}},
     BODY_ID},
};

static void a_delivery_has_one_name_however_often_it_is_sent(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(id_rows); at++) {
        struct arena arena = {0};
        const struct webhook_source source = {.type = id_rows[at].type};
        struct webhook_delivery delivery = deliver(id_rows[at].headers, HELLO);
        assert_string_equal(webhook_id(&arena, &source, &delivery), id_rows[at].id);
        drop(&delivery);
        arena_free(&arena);
    }
}

/* ---- What it says ---- */

struct read_row {
    const char *sentence;
    struct webhook_source source; /* without lists */
    const char *event;            /* that is asked for; NULL: any */
    struct webhook_filter filters[FILTERS];
    struct webhook_param params[PARAMS];
    struct name_value headers[HEADERS];
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
        struct webhook_delivery delivery = deliver(row.headers, row.body);
        struct result result = webhook_read(&arena, &row.source, &delivery, &event, &error);
        drop(&delivery);
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
        const struct name_value headers[HEADERS] = {{0}};
        const struct webhook_source source = {.type = "GitHub", .params = &param, .param_count = 1};
        char text[WEBHOOK_PARAMS_BYTES + 1] = "";
        memset(text, 'x', size);
        struct webhook_delivery delivery = deliver(headers,
                                                   arena_print(&arena, "{\"a\":\"%s\"}", text));
        struct result result = webhook_read(&arena, &source, &delivery, &event, &error);
        drop(&delivery);
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
        cmocka_unit_test(only_who_knows_a_secret_is_let_in),
        cmocka_unit_test(a_delivery_has_one_name_however_often_it_is_sent),
        cmocka_unit_test(a_payload_is_judged_and_read),
        cmocka_unit_test(parameters_are_bounded_together),
        cmocka_unit_test(a_spec_that_cannot_be_meant_is_named_by_its_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
