#include "source/challenge.h"

#include "core/text.h"

#include <string.h>

/* RFC 9110, section 5.6.2. */
static size_t token_size(const char *at)
{
    size_t size = 0;
    while ((unsigned char)at[size] > ' ' && (unsigned char)at[size] < 0x7FU &&
           !strchr("\"(),/:;<=>?@[\\]{}", at[size])) {
        size++;
    }
    return size;
}

static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/* Behind the quote that closes the string at `at`; NULL when there is none. */
static const char *quoted_end(const char *at)
{
    for (at++; *at && *at != '"'; at++) {
        at += *at == '\\' && at[1] ? 1 : 0;
    }
    return *at == '"' ? at + 1 : NULL;
}

/* A token or a quoted string; NULL when neither is whole. */
static char *take_value(struct arena *arena, const char **at)
{
    if (**at != '"') {
        size_t size = token_size(*at);
        char *value = size > 0 ? arena_copy_bytes(arena, *at, size) : NULL;
        *at += size;
        return value;
    }
    const char *end = quoted_end(*at);
    if (!end) {
        return NULL;
    }
    char *value = arena_allocate(arena, (size_t)(end - *at), 1);
    char *to = value;
    for (const char *from = *at + 1; from < end - 1; from++) {
        from += *from == '\\' ? 1 : 0;
        *to++ = *from;
    }
    *at = end;
    return value;
}

static bool is_word(const char *at, size_t size, const char *word)
{
    return size == strlen(word) && text_equal_ignoring_case(at, word, size);
}

/* One parameter of the challenge that is being read; false when there is none. */
static bool take_parameter(struct arena *arena, const char **at, struct challenge *challenge)
{
    const char *name = *at;
    size_t size = token_size(name);
    const char *equals = skip_spaces(name + size);
    if (size == 0 || *equals != '=') {
        return false;
    }
    const char *value_at = skip_spaces(equals + 1);
    const char *value = take_value(arena, &value_at);
    if (!value) {
        return false;
    }
    *at = value_at;
    if (is_word(name, size, "realm")) {
        challenge->realm = value;
    } else if (is_word(name, size, "service")) {
        challenge->service = value;
    }
    return true;
}

/* The next challenge of a header's value; false at its end, or where it is broken. */
static bool take_challenge(struct arena *arena, const char **at, struct challenge *challenge)
{
    *challenge = (struct challenge){0};
    *at += strspn(*at, " \t,");
    size_t size = token_size(*at);
    if (size == 0) {
        return false;
    }
    challenge->scheme = is_word(*at, size, "bearer")  ? CHALLENGE_BEARER
                        : is_word(*at, size, "basic") ? CHALLENGE_BASIC
                                                      : CHALLENGE_NONE;
    *at += size;
    for (;;) {
        const char *parameter = *at + strspn(*at, " \t,");
        if (!take_parameter(arena, &parameter, challenge)) {
            return true;
        }
        *at = parameter;
    }
}

struct challenge challenge_read(struct arena *arena, const struct source_answer *answer)
{
    struct challenge found = {0};
    for (size_t header = 0; header < answer->header_count; header++) {
        if (!text_equal(answer->headers[header].name, "www-authenticate")) {
            continue;
        }
        const char *at = answer->headers[header].value;
        struct challenge challenge;
        while (take_challenge(arena, &at, &challenge)) {
            if (challenge.scheme > found.scheme) {
                found = challenge;
            }
        }
    }
    return found;
}
