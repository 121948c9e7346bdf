#include "plan/cron.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/cron_calendar.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS = 5, NAME_LENGTH = 3, QUOTED_SIZE = 40 };

enum field_index { FIELD_MINUTE, FIELD_HOUR, FIELD_MONTH_DAY, FIELD_MONTH, FIELD_WEEKDAY };

struct field {
    const char *name;
    int64_t low;
    int64_t high;      /* the end of a star, and of a step without an end */
    int64_t written;   /* the highest number that may be written: 7 is Sunday */
    const char *names; /* three letters each, the first is `low`; NULL: numbers alone */
};

static const struct field fields[FIELDS] = {
    [FIELD_MINUTE] = {"minute", 0, 59, 59, NULL},
    [FIELD_HOUR] = {"hour", 0, 23, 23, NULL},
    [FIELD_MONTH_DAY] = {"day of month", 1, 31, 31, NULL},
    [FIELD_MONTH] = {"month", 1, 12, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [FIELD_WEEKDAY] = {"day of week", 0, 6, 7, "sunmontuewedthufrisat"},
};

/* A part of the expression. */
struct span {
    const char *text;
    size_t length;
};

struct parser {
    const char *expression;
    const char *field; /* that is being read */
    struct cron_place place;
    struct error *error;
};

/* What a field, or a part of its list, stands for. */
struct values {
    uint64_t bits;
    bool all;  /* robfig's star bit: a star without a step above 1 */
    bool star; /* a star, with any step */
};

/* `span` for a message: user's bytes, cut, with '?' for what is not printable. */
static const char *quote(struct span span, char quoted[QUOTED_SIZE])
{
    size_t length = span.length < QUOTED_SIZE ? span.length : QUOTED_SIZE - 1;
    for (size_t at = 0; at < length; at++) {
        char c = span.text[at];
        quoted[at] = c >= ' ' && c <= '~' ? c : '?';
    }
    if (span.length >= QUOTED_SIZE) {
        memset(quoted + QUOTED_SIZE - 4, '.', 3);
    }
    quoted[length] = '\0';
    return quoted;
}

/* Notes the place, so that each refusal is one line: `return refuse(parser, span, "...", ...)`. */
static struct result refuse(struct parser *parser, struct span span, const char *format, ...)
    PRINTF_LIKE(3, 4);

static struct result refuse(struct parser *parser, struct span span, const char *format, ...)
{
    parser->place = (struct cron_place){
        .field = parser->field,
        .column = (size_t)(span.text - parser->expression) + 1,
        .length = span.length > 0 ? span.length : 1,
    };
    char reason[ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return error_set(parser->error, ERROR_INVALID, "%s, column %zu: %.*s", parser->field,
                     parser->place.column, ERROR_MESSAGE_SIZE / 2, reason);
}

/* The part of `span` before the first `separator`, which moves `span` behind it. */
static struct span cut(struct span *span, char separator, bool *more)
{
    const char *found = memchr(span->text, separator, span->length);
    *more = found != NULL;
    struct span part = {span->text, found ? (size_t)(found - span->text) : span->length};
    size_t taken = part.length + (found ? 1 : 0);
    span->text += taken;
    span->length -= taken;
    return part;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* As Go's strconv.Atoi: an optional sign and decimal digits. */
static struct result parse_number(struct parser *parser, struct span span, int64_t *number)
{
    char quoted[QUOTED_SIZE];
    if (span.length == 0) {
        return refuse(parser, span, "a number is missing here");
    }
    size_t at = span.text[0] == '+' || span.text[0] == '-' ? 1 : 0;
    if (at == span.length) {
        return refuse(parser, span, "\"%s\" is not a number", quote(span, quoted));
    }
    int64_t value = 0;
    for (; at < span.length; at++) {
        if (!is_digit(span.text[at])) {
            return refuse(parser, span, "\"%s\" is not a number", quote(span, quoted));
        }
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, span.text[at] - '0', &value)) {
            return refuse(parser, span, "%s is too large", quote(span, quoted));
        }
    }
    if (span.text[0] == '-' && value != 0) {
        return refuse(parser, span, "%s is negative", quote(span, quoted));
    }
    *number = value;
    return RESULT_OK;
}

static char lower_case(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool find_name(const struct field *field, struct span span, int64_t *number)
{
    if (!field->names || span.length != NAME_LENGTH) {
        return false;
    }
    const char lowered[NAME_LENGTH] = {lower_case(span.text[0]), lower_case(span.text[1]),
                                       lower_case(span.text[2])};
    size_t size = strlen(field->names);
    for (size_t at = 0; at < size; at += NAME_LENGTH) {
        if (memcmp(field->names + at, lowered, NAME_LENGTH) == 0) {
            *number = field->low + (int64_t)(at / NAME_LENGTH);
            return true;
        }
    }
    return false;
}

static struct result parse_value(struct parser *parser, const struct field *field, struct span span,
                                 int64_t *number)
{
    if (find_name(field, span, number)) {
        return RESULT_OK;
    }
    char quoted[QUOTED_SIZE];
    if (field->names && span.length > 0 && !is_digit(span.text[0]) && span.text[0] != '+') {
        return refuse(
            parser, span, "\"%s\" is neither a number nor one of the three-letter names %.3s to %s",
            quote(span, quoted), field->names, field->names + strlen(field->names) - NAME_LENGTH);
    }
    int64_t value = 0;
    TRY(parse_number(parser, span, &value));
    if (value < field->low) {
        return refuse(parser, span, "%lld is below the lowest, %lld", (long long)value,
                      (long long)field->low);
    }
    if (value > field->written) {
        return refuse(parser, span, "%lld is above the highest, %lld", (long long)value,
                      (long long)field->written);
    }
    *number = value;
    return RESULT_OK;
}

/* "*", "5" or "5-9"; `open` when it has no end of its own, so that a step reaches to the last. */
static struct result parse_range(struct parser *parser, const struct field *field, struct span span,
                                 int64_t *low, int64_t *high, bool *open, bool *star)
{
    bool more = false;
    struct span rest = span;
    struct span first = cut(&rest, '-', &more);
    *open = !more;
    *star = first.length == 1 && (first.text[0] == '*' || first.text[0] == '?');
    if (*star) { /* robfig/cron takes "*-5" for a star as well */
        *low = field->low;
        *high = field->high;
        return RESULT_OK;
    }
    TRY(parse_value(parser, field, first, low));
    *high = *low;
    if (!more) {
        return RESULT_OK;
    }
    struct span second = cut(&rest, '-', &more);
    if (more) {
        return refuse(parser, span, "a range has one hyphen, as in 1-5");
    }
    TRY(parse_value(parser, field, second, high));
    if (*low > *high) {
        return refuse(parser, span, "the range begins at %lld, after its end %lld%s",
                      (long long)*low, (long long)*high,
                      field->written > field->high && *high == 0 ? "; Sunday is also 7" : "");
    }
    return RESULT_OK;
}

/* One part of a list: a range, with or without a step. */
static struct result parse_part(struct parser *parser, const struct field *field, struct span span,
                                struct values *values)
{
    bool stepped = false;
    struct span step_span = span;
    struct span range = cut(&step_span, '/', &stepped);
    if (stepped && memchr(step_span.text, '/', step_span.length)) {
        return refuse(parser, span, "a step has one slash, as in */5");
    }
    int64_t low = 0;
    int64_t high = 0;
    int64_t step = 1;
    bool open = false;
    bool star = false;
    TRY(parse_range(parser, field, range, &low, &high, &open, &star));
    if (stepped) {
        TRY(parse_number(parser, step_span, &step));
        if (step == 0) {
            return refuse(parser, step_span, "a step must be 1 or more");
        }
        if (open && high < field->high) {
            high = field->high;
        }
    }
    values->all = values->all || (star && step == 1);
    values->star = values->star || star;
    for (int64_t value = low;; value += step) {
        values->bits |= UINT64_C(1) << value;
        if (step > high - value) {
            break; /* the next would be beyond the end, or beyond 64 bits */
        }
    }
    return RESULT_OK;
}

static struct result parse_field(struct parser *parser, const struct field *field, struct span span,
                                 struct values *values)
{
    parser->field = field->name;
    struct values parsed = {0};
    struct span rest = span;
    for (bool more = true; more;) {
        struct span part = cut(&rest, ',', &more);
        if (part.length > 0) { /* robfig/cron skips empty parts */
            TRY(parse_part(parser, field, part, &parsed));
        }
    }
    if (parsed.bits == 0) {
        return refuse(parser, span, "the list has no value");
    }
    *values = parsed;
    return RESULT_OK;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct result split_fields(struct parser *parser, struct span spans[FIELDS])
{
    static const char wanted[] = "minute, hour, day of month, month, day of week";
    const char *at = parser->expression;
    size_t count = 0;
    for (;;) {
        while (is_space(*at)) {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        struct span span = {.text = at};
        while (*at != '\0' && !is_space(*at)) {
            at++;
        }
        span.length = (size_t)(at - span.text);
        if (count == FIELDS) {
            return refuse(parser, span,
                          "text after the fifth field; expected five fields (%s); "
                          "there are neither seconds nor years",
                          wanted);
        }
        spans[count++] = span;
    }
    if (count < FIELDS) {
        return refuse(
            parser, (struct span){.text = at},
            "the expression has %zu of five fields (%s); it ends where the %s is expected", count,
            wanted, fields[count].name);
    }
    return RESULT_OK;
}

static const char *find_descriptor(const char *expression)
{
    static const struct {
        const char *descriptor;
        const char *fields;
    } descriptors[] = {
        {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
        {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
        {"@hourly", "0 * * * *"},
    };
    for (size_t at = 0; at < COUNT_OF(descriptors); at++) {
        if (text_equal(expression, descriptors[at].descriptor)) {
            return descriptors[at].fields;
        }
    }
    return NULL;
}

/* What robfig/cron knows and Tidemill does not, and what neither knows. */
static struct result refuse_foreign(struct parser *parser)
{
    const char *start = parser->expression + strspn(parser->expression, " \t\n\v\f\r");
    struct span span = {start, strcspn(start, " \t\n\v\f\r")};
    char quoted[QUOTED_SIZE];
    if (*start == '\0') {
        span.text = parser->expression;
        return refuse(parser, span, "it is empty; write five fields, as in \"0 3 * * *\"");
    }
    if (text_starts_with(start, "TZ=") || text_starts_with(start, "CRON_TZ=")) {
        return refuse(parser, span,
                      "a time zone is not part of the expression; "
                      "name it beside the schedule (timeZone, or --tz)");
    }
    if (text_starts_with(start, "@every")) {
        return refuse(parser, span,
                      "@every has no fixed point to count from; write a step such as "
                      "\"*/15 * * * *\"");
    }
    if (*start == '@') {
        return refuse(parser, (struct span){start, strlen(start)},
                      "\"%s\" is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                      "@annually",
                      quote((struct span){start, strlen(start)}, quoted));
    }
    return RESULT_OK;
}

static struct cron make_cron(const struct values values[FIELDS])
{
    enum { SUNDAY_AGAIN = 7 };
    uint64_t weekdays = values[FIELD_WEEKDAY].bits;
    weekdays |= weekdays >> SUNDAY_AGAIN;
    struct cron cron = {
        .minutes = values[FIELD_MINUTE].bits,
        .hours = (uint32_t)values[FIELD_HOUR].bits,
        .month_days = (uint32_t)(values[FIELD_MONTH_DAY].bits >> 1),
        .months = (uint32_t)values[FIELD_MONTH].bits,
        .weekdays = (uint32_t)(weekdays & ((1U << SUNDAY_AGAIN) - 1)),
        .month_day_star = values[FIELD_MONTH_DAY].all,
        .weekday_star = values[FIELD_WEEKDAY].all,
        .follows_elapsed = values[FIELD_HOUR].star,
    };
    cron_calendar_prepare(&cron);
    return cron;
}

static struct result parse_expression(struct parser *parser, struct cron *cron)
{
    struct span spans[FIELDS] = {0};
    struct values values[FIELDS] = {0};
    size_t length = strnlen(parser->expression, CRON_EXPRESSION_MAXIMUM + 1);
    if (length > CRON_EXPRESSION_MAXIMUM) {
        struct span beyond = {parser->expression + CRON_EXPRESSION_MAXIMUM, 1};
        return refuse(parser, beyond, "it is longer than %d bytes", CRON_EXPRESSION_MAXIMUM);
    }
    const char *described = find_descriptor(parser->expression);
    if (described) {
        parser->expression = described;
    }
    TRY(refuse_foreign(parser));
    TRY(split_fields(parser, spans));
    for (size_t at = 0; at < FIELDS; at++) {
        TRY(parse_field(parser, &fields[at], spans[at], &values[at]));
    }
    *cron = make_cron(values);
    if (!cron_calendar_has_day(cron)) {
        char days[QUOTED_SIZE];
        char months[QUOTED_SIZE];
        parser->field = fields[FIELD_MONTH_DAY].name;
        return refuse(parser, spans[FIELD_MONTH_DAY],
                      "it would never fire: no month in \"%s\" has a day in \"%s\"",
                      quote(spans[FIELD_MONTH], months), quote(spans[FIELD_MONTH_DAY], days));
    }
    return RESULT_OK;
}

struct result cron_parse_placed(struct arena *arena, const char *expression,
                                const struct cron **cron, struct cron_place *place,
                                struct error *error)
{
    struct cron parsed = {0};
    struct parser parser = {
        .expression = text_or(expression, ""), .field = "expression", .error = error};
    struct result result = parse_expression(&parser, &parsed);
    if (!result_is_ok(result)) {
        if (place) {
            *place = parser.place;
        }
        return result;
    }
    struct cron *kept = arena_new(arena, struct cron);
    *kept = parsed;
    *cron = kept;
    return RESULT_OK;
}

struct result cron_parse(struct arena *arena, const char *expression, const struct cron **cron,
                         struct error *error)
{
    return cron_parse_placed(arena, expression, cron, NULL, error);
}
