#include "source/semver.h"

#include <string.h>

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Without a zero in front (section 2). */
static bool take_number(const char **at, int64_t *number)
{
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > SEMVER_DIGITS_LIMIT || (digits > 1 && **at == '0')) {
        return false;
    }
    *number = 0;
    for (; is_digit(**at); (*at)++) {
        *number = *number * 10 + (**at - '0');
    }
    return true;
}

static size_t identifier_size(const char *at)
{
    return strspn(at, "0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
}

static bool is_numeric(const char *identifier, size_t size)
{
    return strspn(identifier, "0123456789") >= size;
}

/* Identifiers with dots between (sections 9, 10); in a pre-release numbers have no zero in front.
 */
static bool take_identifiers(struct arena *arena, const char **at, bool is_prerelease,
                             const char **identifiers)
{
    const char *start = *at;
    for (;;) {
        size_t size = identifier_size(*at);
        bool has_zero = size > 1 && **at == '0' && is_numeric(*at, size);
        if (size == 0 || (is_prerelease && has_zero)) {
            return false;
        }
        *at += size;
        if (**at != '.') {
            break;
        }
        (*at)++;
    }
    *identifiers = arena_copy_bytes(arena, start, (size_t)(*at - start));
    return true;
}

/* What may follow the three numbers, to the end of the text. */
static bool take_rest(struct arena *arena, const char *at, struct semver *version)
{
    const char *build = NULL;
    version->prerelease = "";
    if (*at == '-') {
        at++;
        if (!take_identifiers(arena, &at, true, &version->prerelease)) {
            return false;
        }
    }
    if (*at == '+') {
        at++;
        if (!take_identifiers(arena, &at, false, &build)) {
            return false;
        }
    }
    return *at == '\0';
}

bool semver_parse(struct arena *arena, const char *text, struct semver *version)
{
    struct semver parsed = {0};
    const char *at = text + (text[0] == 'v' ? 1 : 0);
    int64_t *const numbers[] = {&parsed.major, &parsed.minor, &parsed.patch};
    if (strlen(text) > SEMVER_LIMIT) {
        return false;
    }
    for (size_t part = 0; part < 3; part++) {
        if (part > 0 && *at++ != '.') {
            return false;
        }
        if (!take_number(&at, numbers[part])) {
            return false;
        }
    }
    if (!take_rest(arena, at, &parsed)) {
        return false;
    }
    *version = parsed;
    return true;
}

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Section 11.4: numbers by value, and below words; words by bytes. */
static int compare_identifiers(const char *a, size_t a_size, const char *b, size_t b_size)
{
    bool a_numeric = is_numeric(a, a_size);
    bool b_numeric = is_numeric(b, b_size);
    if (a_numeric != b_numeric) {
        return a_numeric ? -1 : 1;
    }
    if (a_numeric && a_size != b_size) {
        return a_size < b_size ? -1 : 1;
    }
    size_t shared = a_size < b_size ? a_size : b_size;
    int order = memcmp(a, b, shared);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_prereleases(const char *a, const char *b)
{
    if (*a == '\0' || *b == '\0') {
        return (*a == '\0') - (*b == '\0');
    }
    for (;;) {
        size_t a_size = identifier_size(a);
        size_t b_size = identifier_size(b);
        int order = compare_identifiers(a, a_size, b, b_size);
        if (order != 0) {
            return order;
        }
        a += a_size;
        b += b_size;
        if (*a == '\0' || *b == '\0') {
            return (*a != '\0') - (*b != '\0');
        }
        a++;
        b++;
    }
}

static int compare_cores(const struct semver *a, const struct semver *b)
{
    int major = compare_numbers(a->major, b->major);
    int minor = compare_numbers(a->minor, b->minor);
    return major != 0 ? major : minor != 0 ? minor : compare_numbers(a->patch, b->patch);
}

int semver_compare(const struct semver *a, const struct semver *b)
{
    int order = compare_cores(a, b);
    return order != 0 ? order : compare_prereleases(a->prerelease, b->prerelease);
}
