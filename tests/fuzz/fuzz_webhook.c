/*
 * Whatever is delivered is named, judged and read within bounds, and nothing is let in that was not
 * signed. Input: a letter for the type, a path into the payload, a pattern, a header's value, the
 * body, with a NUL between each two.
 */

#include "fuzz/fuzz.h"

#include "core/text.h"
#include "source/webhook.h"

enum { HEADERS = 8 };

static void check_event(const struct webhook_event *event)
{
    size_t used = 0;
    REQUIRE(event->counts == (event->reason == NULL));
    REQUIRE(event->param_count <= WEBHOOK_PARAMS_LIMIT);
    for (size_t at = 0; at < event->param_count; at++) {
        used += strlen(event->params[at].name) + strlen(event->params[at].value);
    }
    REQUIRE(used <= WEBHOOK_PARAMS_BYTES);
}

static void play(const struct webhook_source *source, const struct webhook_delivery *delivery)
{
    static const struct name_value items[] = {{"secret", "whsec_c2VjcmV0"}};
    const struct source_secret secret = {items, 1};
    struct arena arena = {0};
    struct error error = {0};
    struct webhook_event event = {0};
    REQUIRE(!result_is_ok(webhook_verify(&arena, source, NULL, delivery, &error)));
    fuzz_require_message(&error);
    /* Only GitLab's is something that an input can hold without a key. */
    if (!result_is_ok(webhook_verify(&arena, source, &secret, delivery, &error))) {
        REQUIRE(error.kind == ERROR_DENIED);
    } else {
        REQUIRE(text_equal(source->type, "GitLab"));
    }
    REQUIRE(strlen(webhook_id(&arena, source, delivery)) <= WEBHOOK_ID_LIMIT);
    struct result result = webhook_read(&arena, source, delivery, &event, &error);
    if (result_is_ok(result)) {
        REQUIRE(!webhook_fault(&arena, source));
        check_event(&event);
    } else {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const types[] = {"GitHub", "GitLab", "Gitea", "Standard", "HMAC"};
    struct fuzz_input input = {bytes, size};
    uint8_t letter = (uint8_t)(fuzz_take_byte(&input) - 'a');
    const char *type = types[letter % (sizeof(types) / sizeof(types[0]))];
    bool is_hmac = strcmp(type, "HMAC") == 0;
    char *path = fuzz_copy_text(fuzz_take_part(&input));
    char *pattern = fuzz_copy_text(fuzz_take_part(&input));
    char *value = fuzz_copy_text(fuzz_take_part(&input));
    char *body = fuzz_copy_bytes(input);
    struct webhook_filter filter = {.path = path, .pattern = pattern};
    struct webhook_param param = {.name = "a", .path = path};
    const char *event = "push";
    const struct webhook_source source = {.type = type,
                                          .header = is_hmac ? "X-Sig" : NULL,
                                          .events = &event,
                                          .event_count = is_hmac ? 0 : letter % 2,
                                          .filters = &filter,
                                          .filter_count = pattern[0] ? 1 : 0,
                                          .params = &param,
                                          .param_count = 1};
    const struct name_value headers[HEADERS] = {
        {"x-hub-signature-256", value}, {"x-gitlab-token", value}, {"x-gitea-signature", value},
        {"webhook-signature", value},   {"x-sig", value},          {"webhook-id", value},
        {"webhook-timestamp", "0"},     {"content-type", value}};
    const struct webhook_delivery delivery = {
        .headers = headers, .header_count = HEADERS, .body = body, .body_size = input.size};
    struct webhook_delivery plain = delivery;
    plain.header_count--; /* without a type it is JSON */
    play(&source, &delivery);
    play(&source, &plain);
    (void)memory_free(path);
    (void)memory_free(pattern);
    (void)memory_free(value);
    (void)memory_free(body);
    return 0;
}
