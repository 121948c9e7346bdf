/* The payload of a delivery, and single fields of it. */

#include "source/webhook_private.h"

#include "api/json_part.h"
#include "core/encoding.h"
#include "core/text.h"

#include <string.h>

enum { INDEX_DIGITS = 6, FORM_FIELD_LIMIT = 64 };

/* ---- Where the payload is ---- */

/* "application/json; charset=utf-8" as "application/json" */
static const char *media_type(struct arena *arena, const struct webhook_delivery *delivery)
{
    const char *value = text_or(webhook_header(delivery, "content-type"), "application/json");
    return arena_copy_bytes(arena, value, strcspn(value, "; \t"));
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t size = strlen(text);
    return size >= strlen(suffix) &&
           text_equal_ignoring_case(text + size - strlen(suffix), suffix, strlen(suffix));
}

/* One field of a form: bytes up to the next '&'. */
static char *decode_form(struct arena *arena, const char *bytes, size_t size)
{
    char *copy = arena_copy_bytes(arena, bytes, size);
    for (char *at = copy; *at; at++) {
        *at = *at == '+' ? ' ' : *at;
    }
    return strlen(copy) == size ? percent_decode(arena, copy) : NULL;
}

static bool find_form_payload(struct arena *arena, const struct webhook_delivery *delivery,
                              struct span *payload)
{
    static const char field[] = "payload=";
    const char *at = delivery->body;
    const char *end = delivery->body + delivery->body_size;
    while (at < end) {
        const char *ampersand = memchr(at, '&', (size_t)(end - at));
        size_t size = (size_t)((ampersand ? ampersand : end) - at);
        if (size >= sizeof(field) - 1 && memcmp(at, field, sizeof(field) - 1) == 0) {
            const char *text = decode_form(arena, at + sizeof(field) - 1,
                                           size - (sizeof(field) - 1));
            return text && json_part_open(text, strlen(text), payload);
        }
        at += size + (ampersand ? 1 : 0);
    }
    return false;
}

struct result webhook_payload(struct arena *arena, const struct webhook_delivery *delivery,
                              struct span *payload, struct error *error)
{
    const char *type = media_type(arena, delivery);
    if (text_equal_ignoring_case(type, "application/x-www-form-urlencoded", strlen(type) + 1)) {
        return find_form_payload(arena, delivery, payload)
                   ? RESULT_OK
                   : error_set(error, ERROR_INVALID,
                               "the form has no field payload with JSON in it: let the sender use "
                               "application/json");
    }
    if (!ends_with(type, "/json") && !ends_with(type, "+json")) {
        return error_set(error, ERROR_INVALID,
                         "the payload's Content-Type is not JSON: let the sender use "
                         "application/json");
    }
    return json_part_open(delivery->body, delivery->body_size, payload)
               ? RESULT_OK
               : error_set(error, ERROR_INVALID, "the payload is not JSON");
}

/* ---- Paths ---- */

/* Past a name: up to the next "." or "["; 0 bytes when there is none. */
static size_t name_size(const char *at)
{
    return strcspn(at, ".[]");
}

/* Past "[12]"; 0 when it is none. */
static size_t index_size(const char *at)
{
    size_t digits = at[0] == '[' ? strspn(at + 1, "0123456789") : 0;
    return digits > 0 && digits <= INDEX_DIGITS && at[digits + 1] == ']' ? digits + 2 : 0;
}

const char *webhook_path_fault(const char *path)
{
    if (text_is_empty(path)) {
        return "it is empty: write the field's name, such as ref or commits[0].id";
    }
    if (strnlen(path, WEBHOOK_PATH_LIMIT + 1) > WEBHOOK_PATH_LIMIT) {
        return "it is longer than 256 bytes";
    }
    const char *at = path;
    while (*at) {
        size_t size = at[0] == '[' ? index_size(at) : name_size(at);
        if (size == 0) {
            return "it is not names with dots between and [NUMBER] for an array's item, such as "
                   "repository.full_name or commits[0].id";
        }
        at += size;
        if (at[0] == '.' && at[1] != '[' && at[1] != '\0') {
            at++;
        } else if (at[0] != '[' && at[0] != '\0') {
            return "it has a \".\" or \"]\" where none can be";
        }
    }
    return NULL;
}

/* The first member of this name, which may be written with escapes. */
static bool find_member(struct arena *arena, struct span object, const char *name, size_t size,
                        struct span *value)
{
    struct scan scan;
    struct span key;
    struct span found;
    if (!scan_open(object, '{', &scan)) {
        return false;
    }
    while (scan_next_member(&scan, &key, &found) == SCAN_FOUND) {
        const char *text = key.bytes;
        size_t text_size = key.size;
        if (memchr(key.bytes, '\\', key.size)) {
            text = json_part_text(arena, (struct span){key.bytes - 1, key.size + 2});
            text_size = text ? strlen(text) : 0;
        }
        if (text && text_size == size && memcmp(text, name, size) == 0) {
            *value = found;
            return true;
        }
    }
    return false;
}

static bool find_item(struct span array, size_t index, struct span *value)
{
    struct scan scan;
    struct span found;
    if (!scan_open(array, '[', &scan)) {
        return false;
    }
    for (size_t at = 0; scan_next_item(&scan, &found) == SCAN_FOUND; at++) {
        if (at == index) {
            *value = found;
            return true;
        }
    }
    return false;
}

static size_t read_index(const char *at)
{
    size_t index = 0;
    for (at++; *at != ']'; at++) {
        index = index * 10 + (size_t)(*at - '0');
    }
    return index;
}

static bool find_value(struct arena *arena, struct span payload, const char *path,
                       struct span *value)
{
    for (const char *at = path; *at;) {
        size_t size = at[0] == '[' ? index_size(at) : name_size(at);
        bool is_there = at[0] == '[' ? find_item(payload, read_index(at), &payload)
                                     : find_member(arena, payload, at, size, &payload);
        if (!is_there) {
            return false;
        }
        at += size;
        at += *at == '.' ? 1 : 0;
    }
    *value = payload;
    return true;
}

/* ---- Values ---- */

static bool is_word(struct span value, const char *word)
{
    return value.size == strlen(word) && memcmp(value.bytes, word, value.size) == 0;
}

static size_t skip_digits(struct span value, size_t at)
{
    while (at < value.size && value.bytes[at] >= '0' && value.bytes[at] <= '9') {
        at++;
    }
    return at;
}

static bool has_byte(struct span value, size_t at, const char *bytes)
{
    return at < value.size && value.bytes[at] != '\0' && strchr(bytes, value.bytes[at]);
}

/* RFC 8259, section 6. */
static bool is_number(struct span value)
{
    size_t at = has_byte(value, 0, "-") ? 1 : 0;
    size_t end = has_byte(value, at, "0") ? at + 1 : skip_digits(value, at);
    if (end == at) {
        return false;
    }
    if (has_byte(value, end, ".")) {
        at = end + 1;
        end = skip_digits(value, at);
        if (end == at) {
            return false;
        }
    }
    if (has_byte(value, end, "eE")) {
        at = end + 1;
        at += has_byte(value, at, "+-") ? 1 : 0;
        end = skip_digits(value, at);
        if (end == at) {
            return false;
        }
    }
    return end == value.size;
}

enum webhook_field webhook_field_text(struct arena *arena, struct span payload, const char *path,
                                      const char **text)
{
    struct span value;
    *text = NULL;
    if (!find_value(arena, payload, path, &value) || is_word(value, "null")) {
        return FIELD_ABSENT;
    }
    if (value.bytes[0] == '{' || value.bytes[0] == '[') {
        return FIELD_NESTED;
    }
    if (value.bytes[0] == '"') {
        *text = json_part_text(arena, value);
    } else if (is_word(value, "true") || is_word(value, "false") || is_number(value)) {
        *text = arena_copy_bytes(arena, value.bytes, value.size);
    }
    return *text ? FIELD_TEXT : FIELD_BROKEN;
}
