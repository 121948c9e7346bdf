#include "plan/zone.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/zone_rule.h"

#include <string.h>

/* RFC 9636, 3.1 and 3.2: sizes in bytes, offsets in seconds. */
enum {
    MAGIC_SIZE = 4,
    RESERVED_SIZE = 15,
    COUNT_SIZE = 4,
    TIME_SIZE_V1 = 4,
    TIME_SIZE_V2 = 8,
    TYPE_SIZE = 6,
    LEAP_CORRECTION_SIZE = 4,
    TYPES_MAXIMUM = 256,     /* types are named by one byte */
    OFFSET_MINIMUM = -89999, /* -24:59:59 */
    OFFSET_MAXIMUM = 93599,  /* 25:59:59 */
};

struct zone_type {
    int32_t offset;
    bool daylight;
    const char *abbreviation;
};

struct zone {
    const char *name;
    size_t change_count;
    const int64_t *changes;    /* ascending */
    const uint8_t *type_after; /* index into types, from that change on */
    size_t type_count;
    const struct zone_type *types; /* [0] holds before the first change */
    bool has_rule;                 /* from the last change on; without changes: always */
    struct zone_rule rule;
};

static const struct zone_type utc_type = {.abbreviation = "UTC"};
static const struct zone utc = {.name = "UTC", .type_count = 1, .types = &utc_type};

struct reader {
    const unsigned char *bytes;
    size_t size;
    size_t at;
};

struct header {
    unsigned char version;
    uint32_t ut_count;
    uint32_t standard_count;
    uint32_t leap_count;
    uint32_t time_count;
    uint32_t type_count;
    uint32_t character_count;
};

static const unsigned char *read_bytes(struct reader *reader, size_t size)
{
    if (reader->size - reader->at < size) {
        return NULL;
    }
    const unsigned char *bytes = reader->bytes + reader->at;
    reader->at += size;
    return bytes;
}

static uint32_t decode_32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int64_t decode_time(const unsigned char *bytes, size_t time_size)
{
    if (time_size == TIME_SIZE_V1) {
        return (int32_t)decode_32(bytes);
    }
    return (int64_t)((uint64_t)decode_32(bytes) << 32 | decode_32(bytes + COUNT_SIZE));
}

static struct result read_header(struct reader *reader, struct header *header, struct error *error)
{
    size_t start = reader->at;
    const unsigned char *magic = read_bytes(reader, MAGIC_SIZE);
    if (!magic || memcmp(magic, "TZif", MAGIC_SIZE) != 0) {
        return error_set(error, ERROR_INVALID, "byte %zu: no TZif header", start);
    }
    const unsigned char *version = read_bytes(reader, 1 + RESERVED_SIZE);
    const unsigned char *counts = read_bytes(reader, (size_t)6 * COUNT_SIZE);
    if (!version || !counts) {
        return error_set(error, ERROR_INVALID, "byte %zu: the header is cut short", start);
    }
    *header = (struct header){
        .version = version[0],
        .ut_count = decode_32(counts),
        .standard_count = decode_32(counts + COUNT_SIZE),
        .leap_count = decode_32(counts + 2 * COUNT_SIZE),
        .time_count = decode_32(counts + 3 * COUNT_SIZE),
        .type_count = decode_32(counts + 4 * COUNT_SIZE),
        .character_count = decode_32(counts + 5 * COUNT_SIZE),
    };
    if (header->version != 0 && (header->version < '2' || header->version > '4')) {
        return error_set(error, ERROR_INVALID, "byte %zu: unknown TZif version 0x%02x",
                         start + MAGIC_SIZE, header->version);
    }
    return RESULT_OK;
}

static uint64_t block_size(const struct header *header, size_t time_size)
{
    return (uint64_t)header->time_count * (time_size + 1) +
           (uint64_t)header->type_count * TYPE_SIZE + header->character_count +
           (uint64_t)header->leap_count * (time_size + LEAP_CORRECTION_SIZE) +
           header->standard_count + header->ut_count;
}

static struct result check_counts(const struct header *header, uint64_t needed, size_t left,
                                  struct error *error)
{
    if (needed > left) {
        return error_set(error, ERROR_INVALID,
                         "the header promises %llu bytes of data, but only %zu are left",
                         (unsigned long long)needed, left);
    }
    if (header->type_count == 0 || header->type_count > TYPES_MAXIMUM) {
        return error_set(error, ERROR_INVALID, "%u local time types, expected 1 to %d",
                         header->type_count, TYPES_MAXIMUM);
    }
    if (header->character_count == 0) {
        return error_set(error, ERROR_INVALID, "there are no abbreviations");
    }
    if ((header->ut_count != 0 && header->ut_count != header->type_count) ||
        (header->standard_count != 0 && header->standard_count != header->type_count)) {
        return error_set(error, ERROR_INVALID,
                         "%u UT and %u standard indicators for %u local time types",
                         header->ut_count, header->standard_count, header->type_count);
    }
    if (header->leap_count != 0) {
        return error_set(error, ERROR_INVALID,
                         "it counts leap seconds, which unix time does not have; "
                         "use the zone's name without \"right/\"");
    }
    return RESULT_OK;
}

static struct result read_changes(struct reader *reader, struct arena *arena,
                                  const struct header *header, size_t time_size, struct zone *zone,
                                  struct error *error)
{
    size_t count = header->time_count;
    const unsigned char *times = read_bytes(reader, count * time_size);
    const unsigned char *types = read_bytes(reader, count);
    int64_t *changes = arena_array(arena, int64_t, count);
    uint8_t *type_after = arena_array(arena, uint8_t, count);
    for (size_t at = 0; at < count; at++) {
        changes[at] = decode_time(times + at * time_size, time_size);
        type_after[at] = types[at];
        if (changes[at] < ZONE_EARLIEST || changes[at] >= ZONE_LATEST) {
            return error_set(error, ERROR_INVALID, "transition %zu is further away than 2^59 s",
                             at);
        }
        if (at > 0 && changes[at] <= changes[at - 1]) {
            return error_set(error, ERROR_INVALID,
                             "transition %zu is not later than the one before it", at);
        }
        if (types[at] >= header->type_count) {
            return error_set(error, ERROR_INVALID,
                             "transition %zu leads to local time type %u, but there are %u", at,
                             types[at], header->type_count);
        }
    }
    zone->change_count = count;
    zone->changes = changes;
    zone->type_after = type_after;
    return RESULT_OK;
}

/* Abbreviations are printed on terminals: anything but plain visible characters is refused. */
static bool abbreviation_is_plain(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t at = 0; at < length; at++) {
        if (text[at] <= ' ' || text[at] > '~') {
            return false;
        }
    }
    return length < size;
}

static struct result read_types(struct reader *reader, struct arena *arena,
                                const struct header *header, struct zone *zone, struct error *error)
{
    const unsigned char *records = read_bytes(reader, (size_t)header->type_count * TYPE_SIZE);
    const unsigned char *characters = read_bytes(reader, header->character_count);
    const char *names = arena_copy_bytes(arena, characters, header->character_count);
    struct zone_type *types = arena_array(arena, struct zone_type, header->type_count);
    for (size_t at = 0; at < header->type_count; at++) {
        const unsigned char *record = records + at * TYPE_SIZE;
        int32_t offset = (int32_t)decode_32(record);
        unsigned daylight = record[4];
        unsigned name_at = record[5];
        if (offset < OFFSET_MINIMUM || offset > OFFSET_MAXIMUM) {
            return error_set(error, ERROR_INVALID,
                             "local time type %zu is %d s from UTC, more than a day", at, offset);
        }
        if (daylight > 1) {
            return error_set(error, ERROR_INVALID,
                             "local time type %zu: daylight indicator %u is neither 0 nor 1", at,
                             daylight);
        }
        if (name_at >= header->character_count ||
            !abbreviation_is_plain(names + name_at, header->character_count - name_at)) {
            return error_set(error, ERROR_INVALID,
                             "local time type %zu: its abbreviation is not plain text that ends "
                             "within the %u bytes of abbreviations",
                             at, header->character_count);
        }
        types[at] = (struct zone_type){offset, daylight == 1, names + name_at};
    }
    zone->type_count = header->type_count;
    zone->types = types;
    return RESULT_OK;
}

static struct result read_block(struct reader *reader, struct arena *arena,
                                const struct header *header, size_t time_size, struct zone *zone,
                                struct error *error)
{
    uint64_t needed = block_size(header, time_size);
    TRY(check_counts(header, needed, reader->size - reader->at, error));
    size_t end = reader->at + (size_t)needed;
    TRY(read_changes(reader, arena, header, time_size, zone, error));
    TRY(read_types(reader, arena, header, zone, error));
    reader->at = end; /* the indicators matter only to those who rebuild TZ strings */
    return RESULT_OK;
}

static struct result read_footer(struct reader *reader, struct zone *zone, struct error *error)
{
    size_t left = reader->size - reader->at;
    const char *text = (const char *)reader->bytes + reader->at;
    if (left < 2 || text[0] != '\n' || text[left - 1] != '\n') {
        return error_set(error, ERROR_INVALID,
                         "byte %zu: the footer is not one line between two line ends", reader->at);
    }
    size_t length = left - 2;
    if (length == 0) {
        return RESULT_OK; /* RFC 9636, 3.3: what follows the last transition is unknown */
    }
    zone->has_rule = true;
    return zone_rule_parse(text + 1, length, &zone->rule, error);
}

static struct result read_file(struct reader *reader, struct arena *arena, struct zone *zone,
                               struct error *error)
{
    struct header header = {0};
    TRY(read_header(reader, &header, error));
    if (header.version == 0) {
        return read_block(reader, arena, &header, TIME_SIZE_V1, zone, error);
    }
    /* The block of 32 bit times is there for old readers alone. */
    uint64_t skipped = block_size(&header, TIME_SIZE_V1);
    if (skipped > reader->size - reader->at) {
        return error_set(error, ERROR_INVALID,
                         "the header promises %llu bytes of data, but only %zu are left",
                         (unsigned long long)skipped, reader->size - reader->at);
    }
    reader->at += (size_t)skipped;
    TRY(read_header(reader, &header, error));
    TRY(read_block(reader, arena, &header, TIME_SIZE_V2, zone, error));
    return read_footer(reader, zone, error);
}

struct result zone_parse(struct arena *arena, const char *name, const void *bytes, size_t size,
                         const struct zone **zone, struct error *error)
{
    struct reader reader = {.bytes = bytes, .size = size};
    struct zone *parsed = arena_new(arena, struct zone);
    parsed->name = arena_copy_text(arena, text_or(name, ""));
    struct result result = RESULT_OK;
    if (size > ZONE_FILE_MAXIMUM) {
        result = error_set(error, ERROR_LIMIT, "%zu bytes are more than the %d that are read", size,
                           ZONE_FILE_MAXIMUM);
    } else {
        result = read_file(&reader, arena, parsed, error);
    }
    if (!result_is_ok(result)) {
        error_add_context(error, "time zone file of \"%.*s\"", ZONE_NAME_MAXIMUM, parsed->name);
        return result;
    }
    *zone = parsed;
    return RESULT_OK;
}

const struct zone *zone_utc(void)
{
    return &utc;
}

const struct zone *zone_find_builtin(const char *name)
{
    bool is_utc = text_is_empty(name) || text_equal(name, "UTC") || text_equal(name, "Etc/UTC");
    return is_utc ? &utc : NULL;
}

struct result zone_check_name(const char *name, struct error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (text_is_empty(name)) {
        return error_set(error, ERROR_INVALID, "a time zone's name is empty");
    }
    if (strnlen(name, ZONE_NAME_MAXIMUM + 1) > ZONE_NAME_MAXIMUM) {
        return error_set(error, ERROR_INVALID, "a time zone's name has more than %d bytes",
                         ZONE_NAME_MAXIMUM);
    }
    for (const char *part = name; part;) {
        size_t length = strcspn(part, "/");
        /* That each part begins with a letter or digit keeps "..", "//" and a leading '/' out. */
        if (length == 0 || !strchr(letters, part[0])) {
            return error_set(error, ERROR_INVALID,
                             "byte %zu of the time zone's name: each part must begin with a "
                             "letter or digit, as in \"Europe/Berlin\"",
                             (size_t)(part - name) + 1);
        }
        for (size_t at = 0; at < length; at++) {
            if (!strchr(letters, part[at]) && !strchr("+-_.", part[at])) {
                return error_set(error, ERROR_INVALID,
                                 "byte %zu of the time zone's name is none of letters, digits "
                                 "and \"+-_./\"; expected a name such as \"Europe/Berlin\"",
                                 (size_t)(part - name) + at + 1);
            }
        }
        part = part[length] == '/' ? part + length + 1 : NULL;
    }
    return RESULT_OK;
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* How many changes are at or before `instant`. */
static size_t count_changes_until(const struct zone *zone, int64_t instant)
{
    size_t low = 0;
    size_t high = zone->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= instant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct zone_period zone_period_at(const struct zone *zone, int64_t instant)
{
    if (instant < ZONE_EARLIEST) {
        instant = ZONE_EARLIEST;
    } else if (instant >= ZONE_LATEST) {
        instant = ZONE_LATEST - 1;
    }
    size_t passed = count_changes_until(zone, instant);
    int64_t start = passed > 0 ? zone->changes[passed - 1] : ZONE_EARLIEST;
    if (zone->has_rule && passed == zone->change_count) {
        struct zone_period period = zone_rule_period_at(&zone->rule, instant);
        period.start = period.start > start ? period.start : start;
        return period;
    }
    const struct zone_type *type = &zone->types[passed > 0 ? zone->type_after[passed - 1] : 0];
    return (struct zone_period){
        .start = start,
        .end = passed < zone->change_count ? zone->changes[passed] : ZONE_LATEST,
        .offset = type->offset,
        .daylight = type->daylight,
        .abbreviation = type->abbreviation,
    };
}

int32_t zone_offset_at(const struct zone *zone, int64_t instant)
{
    return zone_period_at(zone, instant).offset;
}

int64_t zone_first_instant(const struct zone *zone, int64_t local)
{
    int64_t at = local - OFFSET_MAXIMUM - 1; /* nowhere is it later than this yet */
    for (;;) {
        struct zone_period period = zone_period_at(zone, at);
        int64_t shown = local - period.offset;
        int64_t first = shown > at ? shown : at;
        if (first < period.end || period.end >= ZONE_LATEST) {
            return first;
        }
        at = period.end;
    }
}

bool zone_next_transition(const struct zone *zone, int64_t instant, int64_t *transition)
{
    int64_t end = zone_period_at(zone, instant).end;
    if (end >= ZONE_LATEST) {
        return false;
    }
    *transition = end;
    return true;
}

const char *zone_print_time(struct arena *arena, const struct zone *zone, int64_t instant)
{
    char in_utc[CIVIL_TEXT_SIZE];
    civil_format(instant, in_utc);
    if (!zone || zone == zone_utc()) {
        return arena_copy_text(arena, in_utc);
    }
    struct zone_period period = zone_period_at(zone, instant);
    struct civil local = civil_from_unix(instant + period.offset);
    return arena_print(arena, "%s (%04lld-%02d-%02d %02d:%02d %s in %s)", in_utc,
                       (long long)local.year, local.month, local.day, local.hour, local.minute,
                       period.abbreviation, zone_name(zone));
}
