#include "core/assert.h"
#include "core/text.h"
#include "source/semver.h"

#include <string.h>

/* What one comparison lets through: at least `from`, below `below`; or what is outside of that. */
struct interval {
    struct semver from;
    struct semver below;
    bool has_below;
    bool over_from;   /* `from` itself is out */
    bool with_below;  /* `below` itself is in */
    bool is_outside;  /* of != */
    bool names_from;  /* `from` was written out: its pre-release counts */
    bool names_below; /* the same of `below` */
    bool ends_group;  /* the next one begins an alternative */
};

struct semver_range {
    struct interval *intervals;
    size_t count;
};

/* As written: of "1.2.x" the first two. */
struct partial {
    struct semver version;
    size_t parts;
};

struct range_reader {
    struct arena *arena;
    const char *text;
    const char *at;
    struct semver_range *range;
    struct error *error;
};

enum { WORD_SHOWN = 40 };

static struct result fail_at(struct range_reader *reader, const char *at, const char *message)
{
    return error_set(reader->error, ERROR_INVALID, "column %zu: %s",
                     (size_t)(at - reader->text) + 1, message);
}

static size_t word_size(const char *at)
{
    return strcspn(at, " \t,|");
}

static struct result fail_word(struct range_reader *reader, const char *word)
{
    size_t size = word_size(word);
    if (size == 0) {
        return fail_at(reader, word, "a version is missing: write 1.2.3, 1.2, 1.x or *");
    }
    char *shown = arena_copy_bytes(reader->arena, word, size < WORD_SHOWN ? size : WORD_SHOWN);
    for (char *at = shown; *at; at++) {
        *at = (char)(*at < ' ' || *at > '~' || *at == '"' ? '?' : *at);
    }
    return fail_at(reader, word,
                   arena_print(reader->arena,
                               "\"%s\" is no version: write 1.2.3, 1.2.3-rc.1, 1.2, 1.x or *",
                               shown));
}

static void skip_spaces(struct range_reader *reader)
{
    reader->at += strspn(reader->at, " \t");
}

static bool is_wildcard(const char *text)
{
    return text_equal(text, "x") || text_equal(text, "X") || text_equal(text, "*");
}

/* Cuts ".x" from the end of `word`; false when there is none. */
static bool cut_wildcard(char *word)
{
    char *dot = strrchr(word, '.');
    if (!dot || !is_wildcard(dot + 1)) {
        return false;
    }
    *dot = '\0';
    return true;
}

/* The numbers of a word that has no pre-release: one more than the dots. */
static size_t count_parts(const char *word)
{
    size_t parts = 1;
    for (; *word; word++) {
        parts += *word == '.' ? 1 : 0;
    }
    return parts;
}

/* A version of which the end may be left out or be wildcards. `word` is written to. */
static bool parse_partial(struct arena *arena, char *word, struct partial *partial)
{
    enum { PARTS = 3 };
    static const char *const missing[] = {"", ".0.0", ".0"};
    size_t wildcards = 0;
    if (semver_parse(arena, word, &partial->version)) {
        partial->parts = PARTS;
        return true;
    }
    while (cut_wildcard(word)) {
        wildcards++;
    }
    if (is_wildcard(word + (word[0] == 'v' ? 1 : 0))) {
        *partial = (struct partial){.version = {.prerelease = ""}};
        return wildcards < PARTS;
    }
    partial->parts = count_parts(word);
    return !strpbrk(word, "-+") && partial->parts < PARTS && partial->parts + wildcards <= PARTS &&
           semver_parse(arena, arena_print(arena, "%s%s", word, missing[partial->parts]),
                        &partial->version);
}

static struct result take_partial(struct range_reader *reader, struct partial *partial)
{
    size_t size = word_size(reader->at);
    char *word = arena_copy_bytes(reader->arena, reader->at, size);
    if (!parse_partial(reader->arena, word, partial)) {
        return fail_word(reader, reader->at);
    }
    reader->at += size;
    return RESULT_OK;
}

/* The first version behind all whose first `parts` numbers are these; even its pre-releases are. */
static struct semver next_of(const struct semver *version, size_t parts)
{
    struct semver next = {.major = version->major, .prerelease = "0"};
    if (parts == 1) {
        next.major++;
        return next;
    }
    next.minor = version->minor + (parts == 2 ? 1 : 0);
    next.patch = parts == 3 ? version->patch + 1 : 0;
    return next;
}

static bool is_exact(const struct partial *partial)
{
    return partial->parts == 3;
}

/* All that `partial` stands for, with its end where `parts` numbers stay the same. */
static struct interval interval_of(const struct partial *partial, size_t parts)
{
    return (struct interval){.from = partial->version,
                             .names_from = true,
                             .below = parts > 0 ? next_of(&partial->version, parts)
                                                : (struct semver){.prerelease = ""},
                             .has_below = parts > 0};
}

/* ^: the first number that is not 0 stays the same. */
static size_t caret_parts(const struct partial *partial)
{
    if (partial->parts == 0 || partial->version.major != 0 || partial->parts == 1) {
        return partial->parts == 0 ? 0 : 1;
    }
    return partial->version.minor != 0 || partial->parts == 2 ? 2 : 3;
}

/* =, and !=: one version, or all of 1.2. */
static struct interval equal_to(const struct partial *partial)
{
    struct interval interval = interval_of(partial, is_exact(partial) ? 0 : partial->parts);
    if (is_exact(partial)) {
        interval.below = partial->version;
        interval.has_below = true;
        interval.with_below = true;
    }
    return interval;
}

static const struct semver lowest = {.prerelease = "0"};

/* < and <=: of 1.2, "<" ends before 1.2.0 and "<=" behind 1.2.x. */
static struct interval up_to(const struct partial *partial, bool with)
{
    struct interval interval = {.from = lowest, .has_below = true};
    if (is_exact(partial)) {
        interval.below = partial->version;
        interval.with_below = with;
        interval.names_below = true;
        return interval;
    }
    interval.below = partial->version;
    interval.below.prerelease = "0";
    if (with) {
        interval.has_below = partial->parts > 0;
        interval.below = partial->parts > 0 ? next_of(&partial->version, partial->parts) : lowest;
    }
    return interval;
}

/* > and >=: of 1.2, ">" begins behind 1.2.x. */
static struct interval over(const struct partial *partial, bool with)
{
    struct interval interval = {.from = partial->version, .names_from = true};
    if (is_exact(partial)) {
        interval.over_from = !with;
    } else if (!with) {
        interval.from = next_of(&partial->version, partial->parts);
        interval.from.prerelease = "";
    }
    return interval;
}

enum operator{
    OPERATOR_NOT_EQUAL,
    OPERATOR_AT_LEAST,
    OPERATOR_AT_MOST,
    OPERATOR_MORE,
    OPERATOR_LESS,
    OPERATOR_EQUAL,
    OPERATOR_TILDE,
    OPERATOR_CARET,
    OPERATOR_NONE
};

static const struct {
    const char *text;
    enum operator operator;
} operators[] = {
    /* the longer one first where one begins another */
    {"!=", OPERATOR_NOT_EQUAL}, {">=", OPERATOR_AT_LEAST}, {"<=", OPERATOR_AT_MOST},
    {"~>", OPERATOR_TILDE},     {">", OPERATOR_MORE},      {"<", OPERATOR_LESS},
    {"=", OPERATOR_EQUAL},      {"~", OPERATOR_TILDE},     {"^", OPERATOR_CARET},
};

static const char operator_bytes[] = "<>=!~^";

static struct result take_operator(struct range_reader *reader, enum operator* operator)
{
    const char *start = reader->at;
    *operator= OPERATOR_NONE;
    for (size_t at = 0; at < COUNT_OF(operators); at++) {
        if (strncmp(start, operators[at].text, strlen(operators[at].text)) == 0) {
            *operator= operators[at].operator;
            reader->at += strlen(operators[at].text);
            break;
        }
    }
    if (*reader->at && strchr(operator_bytes, *reader->at)) {
        return fail_at(reader, start,
                       "no such comparison: write one of =, !=, >, >=, <, <=, ~ and ^");
    }
    skip_spaces(reader);
    return RESULT_OK;
}

static struct interval interval_by(enum operator operator, const struct partial * partial)
{
    struct interval interval;
    switch (operator) {
    case OPERATOR_NOT_EQUAL:
        interval = equal_to(partial);
        interval.is_outside = true;
        return interval;
    case OPERATOR_AT_LEAST:
    case OPERATOR_MORE:
        return over(partial, operator== OPERATOR_AT_LEAST);
    case OPERATOR_AT_MOST:
    case OPERATOR_LESS:
        return up_to(partial, operator== OPERATOR_AT_MOST);
    case OPERATOR_TILDE:
        return interval_of(partial, partial->parts < 2 ? partial->parts : 2);
    case OPERATOR_CARET:
        return interval_of(partial, caret_parts(partial));
    case OPERATOR_EQUAL:
    case OPERATOR_NONE:
    default:
        return equal_to(partial);
    }
}

/* " - " behind a version. */
static bool take_hyphen(struct range_reader *reader)
{
    size_t before = strspn(reader->at, " \t");
    const char *hyphen = reader->at + before;
    if (before == 0 || hyphen[0] != '-' || (hyphen[1] != ' ' && hyphen[1] != '\t')) {
        return false;
    }
    reader->at = hyphen + 1;
    skip_spaces(reader);
    return true;
}

static struct result parse_comparison(struct range_reader *reader, struct interval *interval)
{
    enum operator operator;
    struct partial partial;
    const char *start = reader->at;
    TRY(take_operator(reader, &operator));
    TRY(take_partial(reader, &partial));
    bool is_strict = operator== OPERATOR_MORE || operator== OPERATOR_LESS || operator==
        OPERATOR_NOT_EQUAL;
    if (partial.parts == 0 && is_strict) {
        return fail_at(reader, start, "no version is that: write * for any, or a number");
    }
    *interval = interval_by(operator, & partial);
    const char *hyphen = reader->at;
    if (!take_hyphen(reader)) {
        return RESULT_OK;
    }
    if (operator!= OPERATOR_NONE) {
        return fail_at(reader, hyphen, "\" - \" stands between two versions: write 1.2.3 - 2.0.0");
    }
    struct partial last;
    TRY(take_partial(reader, &last));
    struct interval end = up_to(&last, true);
    end.from = partial.version;
    end.names_from = true;
    *interval = end;
    return RESULT_OK;
}

/* Past what stands between two comparisons; *more is false at the end of the text. */
static struct result parse_separator(struct range_reader *reader, struct interval *interval,
                                     bool *more)
{
    const char *before = reader->at;
    skip_spaces(reader);
    *more = *reader->at != '\0';
    if (!*more) {
        return RESULT_OK;
    }
    if (reader->at[0] == '|') {
        if (reader->at[1] != '|') {
            return fail_at(reader, reader->at, "write || between two alternatives");
        }
        interval->ends_group = true;
        reader->at += 2;
    } else if (reader->at[0] == ',') {
        reader->at++;
    } else if (reader->at == before) {
        return fail_at(reader, reader->at, "write a space between two comparisons");
    }
    skip_spaces(reader);
    return RESULT_OK;
}

struct result semver_range_parse(struct arena *arena, const char *text,
                                 const struct semver_range **range, struct error *error)
{
    struct range_reader reader = {.arena = arena, .text = text, .at = text, .error = error};
    if (strlen(text) > SEMVER_LIMIT) {
        return error_set(error, ERROR_INVALID, "a range is %d bytes at most", SEMVER_LIMIT);
    }
    reader.range = arena_new(arena, struct semver_range);
    reader.range->intervals = arena_array(arena, struct interval, strlen(text) + 1);
    bool more = true;
    skip_spaces(&reader);
    while (more) {
        struct interval *interval = &reader.range->intervals[reader.range->count++];
        TRY(parse_comparison(&reader, interval));
        TRY(parse_separator(&reader, interval, &more));
    }
    *range = reader.range;
    return RESULT_OK;
}

static bool interval_contains(const struct interval *interval, const struct semver *version)
{
    int from = semver_compare(version, &interval->from);
    int below = interval->has_below ? semver_compare(version, &interval->below) : -1;
    bool inside = (from > 0 || (from == 0 && !interval->over_from)) &&
                  (below < 0 || (below == 0 && interval->with_below));
    return inside != interval->is_outside;
}

static bool is_prerelease_of(const struct semver *bound, const struct semver *version)
{
    return bound->prerelease[0] != '\0' && bound->major == version->major &&
           bound->minor == version->minor && bound->patch == version->patch;
}

/* Whether the comparison asks for pre-releases of what `version` is one of. */
static bool asks_for(const struct interval *interval, const struct semver *version)
{
    return !interval->is_outside &&
           ((interval->names_from && is_prerelease_of(&interval->from, version)) ||
            (interval->names_below && is_prerelease_of(&interval->below, version)));
}

bool semver_range_contains(const struct semver_range *range, const struct semver *version)
{
    bool holds = true;
    bool asked = version->prerelease[0] == '\0';
    for (size_t at = 0; at < range->count; at++) {
        const struct interval *interval = &range->intervals[at];
        holds = holds && interval_contains(interval, version);
        asked = asked || asks_for(interval, version);
        bool is_last = interval->ends_group || at + 1 == range->count;
        if (is_last && holds && asked) {
            return true;
        }
        if (is_last) {
            holds = true;
            asked = version->prerelease[0] == '\0';
        }
    }
    return false;
}
