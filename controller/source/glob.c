#include "source/glob.h"

#include <stdint.h>
#include <string.h>

/*
 * A pattern is a row of places; a place is what matches next. Bit N of a set: place N is reached,
 * that is, all before it has matched. The last place, behind the pattern, is acceptance.
 */
enum {
    WORD_BITS = 64,
    BYTES = 256,
    PLACES = GLOB_LIMIT + 1, /* no byte takes more than one */
    WORDS = (PLACES + WORD_BITS - 1) / WORD_BITS
};

struct set {
    uint64_t words[WORDS];
};

struct glob {
    struct set steps[BYTES]; /* places that this byte leads on from, by one */
    struct set stays[BYTES]; /* places that this byte may repeat at */
    struct set skips;        /* places that match nothing too: the next one is reached with them */
    struct set jumps;        /* the same, for the next but one */
    size_t end;              /* the place of acceptance */
};

static void set_add(struct set *set, size_t place)
{
    set->words[place / WORD_BITS] |= UINT64_C(1) << (place % WORD_BITS);
}

static bool set_has(const struct set *set, size_t place)
{
    return (set->words[place / WORD_BITS] >> (place % WORD_BITS) & 1U) != 0;
}

static struct set set_both(const struct set *a, const struct set *b)
{
    struct set both;
    for (size_t at = 0; at < WORDS; at++) {
        both.words[at] = a->words[at] & b->words[at];
    }
    return both;
}

/* Adds `from`, moved on by one place; true when that changed `set`. */
static bool set_add_next(struct set *set, const struct set *from)
{
    uint64_t carry = 0;
    uint64_t changed = 0;
    for (size_t at = 0; at < WORDS; at++) {
        uint64_t moved = from->words[at] << 1 | carry;
        carry = from->words[at] >> (WORD_BITS - 1);
        changed |= moved & ~set->words[at];
        set->words[at] |= moved;
    }
    return changed != 0;
}

static bool is_continuation(unsigned byte)
{
    return (byte & 0xC0U) == 0x80U;
}

/* A "?": a byte that begins a character, then the rest of that character. */
static void add_character(struct glob *glob, size_t place)
{
    for (unsigned byte = 0; byte < BYTES; byte++) {
        if (is_continuation(byte)) {
            set_add(&glob->stays[byte], place + 1);
        } else if (byte != '/') {
            set_add(&glob->steps[byte], place);
        }
    }
}

static void add_star(struct glob *glob, size_t place, bool with_slash)
{
    for (unsigned byte = 0; byte < BYTES; byte++) {
        if (with_slash || byte != '/') {
            set_add(&glob->stays[byte], place);
        }
    }
    set_add(&glob->skips, place);
}

/*
 * "**" and "/" at a place where a folder may begin: two places. The first is left at once, to the
 * second, which eats up to some "/", or over it, eating nothing.
 */
static void add_folders(struct glob *glob, size_t place)
{
    set_add(&glob->skips, place);
    set_add(&glob->jumps, place);
    for (unsigned byte = 0; byte < BYTES; byte++) {
        set_add(&glob->stays[byte], place + 1);
    }
    set_add(&glob->steps['/'], place + 1);
}

/* Reads what stands at `*at`, which moves on, and gives the next free place. */
static size_t add_next(struct glob *glob, const char *pattern, const char **at, size_t place)
{
    bool begins_folder = *at == pattern || (*at)[-1] == '/';
    if (**at == '*') {
        size_t stars = strspn(*at, "*");
        *at += stars;
        if (stars > 1 && **at == '/' && begins_folder) {
            (*at)++;
            add_folders(glob, place);
            return place + 2;
        }
        add_star(glob, place, stars > 1);
        return place + 1;
    }
    if (**at == '?') {
        add_character(glob, place);
    } else {
        *at += **at == '\\' ? 1 : 0;
        set_add(&glob->steps[(unsigned char)**at], place);
    }
    (*at)++;
    return place + 1;
}

struct result glob_compile(struct arena *arena, const char *pattern, const struct glob **glob,
                           struct error *error)
{
    if (strnlen(pattern, GLOB_LIMIT + 1) > GLOB_LIMIT) {
        return error_set(error, ERROR_INVALID, "the pattern is longer than %d bytes", GLOB_LIMIT);
    }
    struct glob *compiled = arena_new(arena, struct glob);
    size_t place = 0;
    for (const char *at = pattern; *at;) {
        if (at[0] == '\\' && at[1] == '\0') {
            return error_set(error, ERROR_INVALID,
                             "the pattern ends with a \"\\\": write \"\\\\\" for the character");
        }
        place = add_next(compiled, pattern, &at, place);
    }
    compiled->end = place;
    *glob = compiled;
    return RESULT_OK;
}

/* Adds what is reached without a byte. Ends: each round adds a place, or is the last. */
static void follow_skips(const struct glob *glob, struct set *set)
{
    for (bool more = true; more;) {
        struct set skipping = set_both(set, &glob->skips);
        struct set jumping = set_both(set, &glob->jumps);
        struct set over = {{0}};
        (void)set_add_next(&over, &jumping);
        more = set_add_next(set, &skipping);
        more = set_add_next(set, &over) || more;
    }
}

bool glob_matches(const struct glob *glob, const char *bytes, size_t size)
{
    struct set reached = {{0}};
    set_add(&reached, 0);
    follow_skips(glob, &reached);
    for (size_t at = 0; at < size; at++) {
        unsigned char byte = (unsigned char)bytes[at];
        struct set moving = set_both(&reached, &glob->steps[byte]);
        struct set next = set_both(&reached, &glob->stays[byte]);
        (void)set_add_next(&next, &moving);
        follow_skips(glob, &next);
        reached = next;
    }
    return set_has(&reached, glob->end);
}
