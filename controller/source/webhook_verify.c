/*
 * Signatures of deliveries. Nothing here compares what came with what is right but digest_equal():
 * a test looks at this file's symbols for it.
 */

#include "source/webhook.h"

#include "core/digest.h"
#include "core/encoding.h"
#include "core/text.h"
#include "source/webhook_private.h"

#include <string.h>

/* One that nobody has: what is computed without a Secret. */
static const char no_secret[] = "no secret";

enum { SIGNATURES_LIMIT = 8 };

struct key {
    const char *bytes;
    size_t size;
};

struct keys {
    struct key items[WEBHOOK_SECRETS_LIMIT];
    size_t count;
    bool are_real;
};

/* What the sender claims: HMACs, any of which may be right. */
struct claims {
    unsigned char items[SIGNATURES_LIMIT][DIGEST_SIZE];
    size_t count;
};

/* ---- Keys ---- */

static bool is_secret_key(const char *name)
{
    return text_equal(name, "secret") || text_starts_with(name, "secret-");
}

/* Without a line break at its end, which a Secret made of a file has. */
static struct key trim(const char *value)
{
    size_t size = strlen(value);
    while (size > 0 && (value[size - 1] == '\n' || value[size - 1] == '\r')) {
        size--;
    }
    return (struct key){value, size};
}

/* whsec_BASE64; a secret without the prefix is base64 as well, as in the reference libraries. */
static bool decode_standard(struct arena *arena, struct key *key)
{
    const char *text = arena_copy_bytes(arena, key->bytes, key->size);
    size_t prefix = text_starts_with(text, "whsec_") ? strlen("whsec_") : 0;
    size_t size = 0;
    const char *bytes = base64_decode(arena, text + prefix, &size);
    if (!bytes) {
        return false;
    }
    *key = (struct key){bytes, size};
    return true;
}

static void find_keys(struct arena *arena, const struct webhook_source *source,
                      const struct source_secret *secret, struct keys *keys)
{
    bool is_standard = text_equal(source->type, "Standard");
    *keys = (struct keys){0};
    for (size_t at = 0; secret && at < secret->count && keys->count < WEBHOOK_SECRETS_LIMIT; at++) {
        const struct name_value *item = &secret->items[at];
        if (!is_secret_key(item->name) || !item->value) {
            continue;
        }
        struct key key = trim(item->value);
        /* An empty secret would let everybody in. */
        if ((!is_standard || decode_standard(arena, &key)) && key.size > 0) {
            keys->items[keys->count++] = key;
        }
    }
    keys->are_real = keys->count > 0;
    if (!keys->are_real) {
        keys->items[keys->count++] = (struct key){no_secret, strlen(no_secret)};
    }
}

/* ---- Claims ---- */

static void add_hex(struct claims *claims, const char *text)
{
    if (claims->count < SIGNATURES_LIMIT && digest_parse(text, claims->items[claims->count])) {
        claims->count++;
    }
}

static void add_base64(struct arena *arena, struct claims *claims, const char *text)
{
    size_t size = 0;
    const char *bytes = base64_decode(arena, text, &size);
    if (bytes && size == DIGEST_SIZE && claims->count < SIGNATURES_LIMIT) {
        memcpy(claims->items[claims->count++], bytes, DIGEST_SIZE);
    }
}

/* "v1,BASE64 v1a,..." */
static void add_standard(struct arena *arena, struct claims *claims, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, " ");
        const char *word = arena_copy_bytes(arena, text, size);
        if (text_starts_with(word, "v1,")) {
            add_base64(arena, claims, word + strlen("v1,"));
        }
        text += size;
        text += strspn(text, " ");
    }
}

/* ---- What was signed ---- */

struct content {
    const char *bytes;
    size_t size;
};

static bool is_timely(const struct webhook_delivery *delivery, const char *timestamp)
{
    int64_t time = 0;
    int64_t distance = 0;
    return text_parse_integer(timestamp, &time) &&
           !__builtin_sub_overflow(delivery->now, time, &distance) &&
           distance <= WEBHOOK_TOLERANCE_SECONDS && distance >= -WEBHOOK_TOLERANCE_SECONDS;
}

/* ID.TIMESTAMP.BODY */
static struct content standard_content(struct arena *arena, const struct webhook_delivery *delivery)
{
    const char *head = arena_print(arena, "%s.%s.",
                                   text_or(webhook_header(delivery, "webhook-id"), ""),
                                   text_or(webhook_header(delivery, "webhook-timestamp"), ""));
    size_t head_size = strlen(head);
    char *bytes = arena_allocate(arena, 1, head_size + delivery->body_size + 1);
    memcpy(bytes, head, head_size);
    memcpy(bytes + head_size, delivery->body, delivery->body_size);
    return (struct content){bytes, head_size + delivery->body_size};
}

/* The header in lower case, as names of headers are here. */
static const char *own_header(struct arena *arena, const struct webhook_source *source)
{
    char *name = arena_copy_text(arena, text_or(source->header, ""));
    for (char *at = name; *at; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    }
    return name;
}

static void read_claims(struct arena *arena, const struct webhook_source *source,
                        const char *presented, struct claims *claims)
{
    if (text_equal(source->type, "Standard")) {
        add_standard(arena, claims, presented);
        return;
    }
    const char *prefix = text_equal(source->type, "GitHub") ? "sha256="
                         : text_equal(source->type, "HMAC") ? text_or(source->prefix, "")
                                                            : "";
    if (!text_starts_with(presented, prefix)) {
        return;
    }
    presented += strlen(prefix);
    add_hex(claims, presented);
    if (text_equal(source->type, "HMAC")) {
        add_base64(arena, claims, presented);
    }
}

static const char *signature_header(struct arena *arena, const struct webhook_source *source)
{
    return text_equal(source->type, "GitHub")     ? "x-hub-signature-256"
           : text_equal(source->type, "GitLab")   ? "x-gitlab-token"
           : text_equal(source->type, "Gitea")    ? "x-gitea-signature"
           : text_equal(source->type, "Standard") ? "webhook-signature"
                                                  : own_header(arena, source);
}

/* Every key against every claim, whichever fits. */
static bool is_signed(const struct keys *keys, const struct claims *claims,
                      const struct content *content)
{
    unsigned char right[DIGEST_SIZE];
    unsigned fits = 0;
    for (size_t at = 0; at < keys->count; at++) {
        digest_hmac(keys->items[at].bytes, keys->items[at].size, content->bytes, content->size,
                    right);
        for (size_t claim = 0; claim < claims->count; claim++) {
            fits |= digest_equal(right, claims->items[claim]) ? 1U : 0U;
        }
    }
    return fits != 0 && keys->are_real;
}

/* A token is compared by digests, so that not even its length is told. */
static bool is_token(const struct keys *keys, const char *presented)
{
    unsigned char claimed[DIGEST_SIZE];
    unsigned char right[DIGEST_SIZE];
    unsigned fits = 0;
    digest_raw(presented, strlen(presented), claimed);
    for (size_t at = 0; at < keys->count; at++) {
        digest_raw(keys->items[at].bytes, keys->items[at].size, right);
        fits |= digest_equal(right, claimed) ? 1U : 0U;
    }
    return fits != 0 && keys->are_real;
}

static struct result deny(const struct keys *keys, const char *header, const char *presented,
                          struct error *error)
{
    if (!keys->are_real) {
        return error_set(error, ERROR_DENIED,
                         "there is no Secret with a usable key secret or secret-...");
    }
    if (!presented) {
        return error_set(error, ERROR_DENIED, "it has no header %s", header);
    }
    return error_set(error, ERROR_DENIED, "its %s is not made with any secret that is valid",
                     header);
}

struct result webhook_verify(struct arena *arena, const struct webhook_source *source,
                             const struct source_secret *secret,
                             const struct webhook_delivery *delivery, struct error *error)
{
    struct keys keys;
    struct claims claims = {.count = 0};
    bool is_standard = text_equal(source->type, "Standard");
    const char *header = signature_header(arena, source);
    const char *presented = webhook_header(delivery, header);
    struct content content = is_standard ? standard_content(arena, delivery)
                                         : (struct content){delivery->body, delivery->body_size};
    find_keys(arena, source, secret, &keys);
    read_claims(arena, source, text_or(presented, ""), &claims);
    bool fits = text_equal(source->type, "GitLab") ? is_token(&keys, text_or(presented, ""))
                                                   : is_signed(&keys, &claims, &content);
    if (!fits) {
        return deny(&keys, header, presented, error);
    }
    if (is_standard && text_is_empty(webhook_header(delivery, "webhook-id"))) {
        return error_set(error, ERROR_DENIED, "it has no header webhook-id");
    }
    if (is_standard && !is_timely(delivery, webhook_header(delivery, "webhook-timestamp"))) {
        return error_set(error, ERROR_DENIED,
                         "its webhook-timestamp is more than 5 minutes away: an old delivery, or a "
                         "clock that is wrong");
    }
    return RESULT_OK;
}
