/* Who may deliver to a webhook, and by which id a delivery is known. */

#include "support/test.h"

#include "core/text.h"
#include "support/webhook_delivery.h"

enum { SECRETS = 3 };

/* ---- Signatures ---- */

struct signature_row {
    const char *sentence;
    struct webhook_source source;
    struct name_value secrets[SECRETS];
    struct name_value headers[WEBHOOK_HEADERS];
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
        struct webhook_delivery delivery = webhook_deliver(row->headers, row->body);
        delivery.now = row->now;
        struct result result = webhook_verify(&arena, &row->source,
                                              secret.count > 0 ? &secret : NULL, &delivery, &error);
        const char *got = result_is_ok(result) ? NULL : error.message;
        if (!text_equal(got, row->denied) || (row->denied && result.kind != ERROR_DENIED)) {
            fail_msg("%s: %s", row->sentence, text_or(got, "let in"));
        }
        webhook_drop(&delivery);
        arena_free(&arena);
    }
}

/* ---- Which one ---- */

struct id_row {
    const char *type;
    struct name_value headers[WEBHOOK_HEADERS];
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
        struct webhook_delivery delivery = webhook_deliver(id_rows[at].headers, HELLO);
        assert_string_equal(webhook_id(&arena, &source, &delivery), id_rows[at].id);
        webhook_drop(&delivery);
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_knows_a_secret_is_let_in),
        cmocka_unit_test(a_delivery_has_one_name_however_often_it_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
