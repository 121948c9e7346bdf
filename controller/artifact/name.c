#include "artifact/name.h"

#include "artifact/failure.h"
#include "core/text.h"

#include <string.h>

enum { HEX_DIGITS = 64 };

static const char digest_prefix[] = "sha256:";

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0U) == 0x80U;
}

/* RFC 3629, section 4: the second byte decides about overlong forms, surrogates and the end. */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second <= 0x9F;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second <= 0x8F;
    case 0xC2:
        return second >= 0xA0; /* below: U+0080 to U+009F, control characters */
    default:
        return true;
    }
}

size_t artifact_character_size(const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (size == 0 || bytes[0] < 0x20 || bytes[0] == 0x7F) {
        return 0;
    }
    if (bytes[0] < 0x80) {
        return 1;
    }
    size_t needed = 0;
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) {
        needed = 2;
    } else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
        needed = 3;
    } else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        needed = 4;
    }
    if (needed == 0 || needed > size || !second_byte_fits(bytes[0], bytes[1])) {
        return 0;
    }
    for (size_t at = 1; at < needed; at++) {
        if (!is_continuation(bytes[at])) {
            return 0;
        }
    }
    return needed;
}

bool artifact_name_is_plain(const char *name, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t step = artifact_character_size(name + at, size - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return size > 0;
}

static struct result check_component(const char *path, const char *name, size_t size,
                                     struct error *error)
{
    if (size == 0) {
        return error_set(error, ERROR_INVALID,
                         "path %s: must be relative, without empty parts: no slash at its begin "
                         "or end, none doubled",
                         artifact_quote(path, NULL).text);
    }
    if ((size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0)) {
        return error_set(error, ERROR_INVALID, "path %s: \".\" and \"..\" are not allowed",
                         artifact_quote(path, NULL).text);
    }
    if (size > ARTIFACT_NAME_MAX) {
        return error_set(error, ERROR_INVALID, "path %s: a part is longer than %d bytes",
                         artifact_quote(path, NULL).text, ARTIFACT_NAME_MAX);
    }
    if (!artifact_name_is_plain(name, size)) {
        return error_set(error, ERROR_INVALID, "path %s: has a control character or is not UTF-8",
                         artifact_quote(path, NULL).text);
    }
    return RESULT_OK;
}

struct result artifact_path_check(const char *path, struct error *error)
{
    size_t size = strlen(path);
    if (size > ARTIFACT_PATH_MAX) {
        return error_set(error, ERROR_INVALID, "path %s: longer than %d bytes",
                         artifact_quote(path, NULL).text, ARTIFACT_PATH_MAX);
    }
    size_t depth = 0;
    for (const char *name = path;; depth++) {
        size_t length = strcspn(name, "/");
        TRY(check_component(path, name, length, error));
        if (depth >= ARTIFACT_DEPTH_MAX) {
            return error_set(error, ERROR_INVALID, "path %s: more than %d parts",
                             artifact_quote(path, NULL).text, ARTIFACT_DEPTH_MAX);
        }
        if (name[length] == '\0') {
            return RESULT_OK;
        }
        name += length + 1;
    }
}

static bool is_letter_or_digit(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9');
}

bool artifact_input_name_is_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > ARTIFACT_INPUT_NAME_MAX || !is_letter_or_digit(name[0]) ||
        !is_letter_or_digit(name[size - 1])) {
        return false;
    }
    for (size_t at = 0; at < size; at++) {
        if (!is_letter_or_digit(name[at]) && strchr("-_.", name[at]) == NULL) {
            return false;
        }
    }
    return true;
}

bool artifact_digest_is_valid(const char *digest)
{
    return text_starts_with(digest, digest_prefix) && strlen(digest) == ARTIFACT_DIGEST_LENGTH &&
           strspn(digest + sizeof(digest_prefix) - 1, "0123456789abcdef") == HEX_DIGITS;
}
