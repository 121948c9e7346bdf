#include "plan/pattern.h"

#include <regex.h>
#include <string.h>

/* A pattern that is being read. */
struct reader {
    const char *at;
    size_t sums[PATTERN_NESTING_MAXIMUM + 1]; /* cost so far of each open group, outermost first */
    size_t nested[PATTERN_NESTING_MAXIMUM + 1]; /* repeats in repeats inside each of them */
    size_t depth;
    size_t atom_nested;
    size_t atom;   /* cost of what a repeat would repeat */
    bool repeated; /* the last thing read was a repeat */
};

/* A step of reading: NULL, or the fault. `reader->at` moves on. */
static const char *add_atom(struct reader *reader, size_t bytes)
{
    reader->at += bytes;
    reader->atom = 1;
    reader->atom_nested = 0;
    reader->sums[reader->depth]++;
    reader->repeated = false;
    return NULL;
}

static const char *read_escape(struct reader *reader)
{
    char escaped = reader->at[1];
    if (escaped >= '1' && escaped <= '9') {
        return "backreferences are not supported";
    }
    return add_atom(reader, escaped == '\0' ? 1 : 2);
}

/* "[...]", in which "]" may come first and [:alpha:] and the like have brackets of their own. */
static const char *read_bracket(struct reader *reader)
{
    const char *end = reader->at + 1;
    end += *end == '^' ? 1 : 0;
    end += *end == ']' ? 1 : 0;
    while (*end != '\0' && *end != ']') {
        const char *close = *end == '[' && end[1] != '\0' && strchr(":.=", end[1])
                                ? strchr(end + 2, ']')
                                : NULL;
        end = close ? close + 1 : end + 1;
    }
    end += *end == ']' ? 1 : 0;
    return add_atom(reader, (size_t)(end - reader->at));
}

static void note_nested(struct reader *reader, size_t nested)
{
    if (nested > reader->nested[reader->depth]) {
        reader->nested[reader->depth] = nested;
    }
}

static const char *open_group(struct reader *reader)
{
    if (reader->depth == PATTERN_NESTING_MAXIMUM) {
        return "groups stand in groups more than 16 deep";
    }
    reader->at++;
    reader->sums[++reader->depth] = 1;
    reader->nested[reader->depth] = 0;
    reader->atom = 0;
    reader->atom_nested = 0;
    reader->repeated = false;
    return NULL;
}

static const char *close_group(struct reader *reader)
{
    if (reader->depth == 0) {
        return "a ) stands without its (; write \\) for the character";
    }
    reader->at++;
    reader->atom_nested = reader->nested[reader->depth];
    reader->atom = reader->sums[reader->depth--];
    note_nested(reader, reader->atom_nested);
    reader->sums[reader->depth] += reader->atom;
    reader->repeated = false;
    return NULL;
}

/* "*", "?", "+": the last one needs its atom twice. */
static const char *read_repeat(struct reader *reader, size_t copies)
{
    if (reader->repeated) {
        return "a repeat of a repeat, such as a++, is not supported; repeat once";
    }
    if (reader->atom_nested == PATTERN_REPEAT_NESTING_MAXIMUM) {
        return "repeats stand in repeated groups more than 3 deep, as in ((((a*)+)+)+; write the "
               "groups side by side";
    }
    reader->at++;
    note_nested(reader, reader->atom_nested + 1);
    reader->sums[reader->depth] += reader->atom * copies;
    reader->atom *= copies + 1;
    reader->repeated = true;
    return NULL;
}

/* The largest number in "{n,m}"; over the maximum when there is none that counts. */
static size_t largest_count(const char *at)
{
    size_t largest = 0;
    while ((*at >= '0' && *at <= '9') || *at == ',') {
        size_t count = 0;
        for (; *at >= '0' && *at <= '9' && count <= PATTERN_REPEAT_MAXIMUM; at++) {
            count = count * 10 + (size_t)(*at - '0');
        }
        if (count > PATTERN_REPEAT_MAXIMUM) {
            return count;
        }
        largest = count > largest ? count : largest;
        at += *at == ',' ? 1 : 0;
    }
    return largest;
}

/* A '{' that counts: of one character or bracket, not of a group, and not too often. */
static const char *read_count(struct reader *reader)
{
    if (reader->repeated || reader->atom != 1) {
        return "a counted repeat ({n,m}) must follow a single character or bracket; write the "
               "group out";
    }
    size_t count = largest_count(reader->at + 1);
    if (count > PATTERN_REPEAT_MAXIMUM) {
        return "counted repeats go up to 255";
    }
    const char *end = strchr(reader->at, '}');
    reader->at = end ? end + 1 : reader->at + strlen(reader->at);
    reader->sums[reader->depth] += count;
    reader->repeated = true;
    return NULL;
}

static const char *read_next(struct reader *reader)
{
    switch (*reader->at) {
    case '\\':
        return read_escape(reader);
    case '[':
        return read_bracket(reader);
    case '(':
        return open_group(reader);
    case ')':
        return close_group(reader);
    case '*':
    case '?':
        return read_repeat(reader, 0);
    case '+':
        return read_repeat(reader, 1);
    case '{':
        return read_count(reader);
    case '|': {
        const char *fault = add_atom(reader, 1);
        reader->atom = 0; /* nothing yet that could be repeated */
        return fault;
    }
    default:
        return add_atom(reader, 1);
    }
}

/* NULL, or the fault. *cost: the length, with every repeat written out, as far as it was read. */
static const char *measure(const char *pattern, size_t *cost)
{
    struct reader reader = {.at = pattern};
    *cost = 0;
    while (*reader.at != '\0') {
        const char *fault = read_next(&reader);
        if (fault) {
            return fault;
        }
        if (reader.sums[reader.depth] > PATTERN_COST_MAXIMUM) {
            return "with every repeat written out (x+ is two x, x{n} is n) it is longer than 1000 "
                   "characters; shorten it";
        }
    }
    for (size_t at = 0; at <= reader.depth; at++) {
        *cost += reader.sums[at];
    }
    return NULL;
}

size_t pattern_cost(const char *pattern)
{
    size_t cost = 0;
    return measure(pattern, &cost) ? 0 : cost;
}

const char *pattern_fault(struct arena *arena, const char *pattern)
{
    size_t cost = 0;
    const char *fault = measure(pattern, &cost);
    if (fault) {
        return fault;
    }
    regex_t compiled;
    int code = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        char text[128];
        (void)regerror(code, &compiled, text, sizeof(text));
        return arena_copy_text(arena, text);
    }
    regfree(&compiled);
    return NULL;
}

bool pattern_matches(struct arena *arena, const char *pattern, const char *value)
{
    regex_t compiled;
    const char *whole = arena_print(arena, "^(%s)$", pattern);
    size_t cost = 0;
    if (measure(pattern, &cost) || regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    bool matches = regexec(&compiled, value, 0, NULL, 0) == 0;
    regfree(&compiled);
    return matches;
}
