#include "source/bucket_mark.h"

#include "api/meta.h"
#include "core/civil.h"
#include "core/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HASH_DIGITS = 8, HEXADECIMAL = 16 };

static uint32_t hash_of(const unsigned char raw[DIGEST_SIZE])
{
    uint32_t hash = 0;
    for (size_t at = 0; at < sizeof(hash); at++) {
        hash = (hash << 8) | raw[at];
    }
    return hash;
}

static bool is_younger(const struct bucket_marked *a, const struct bucket_marked *b)
{
    return a->modified != b->modified ? a->modified > b->modified : a->hash < b->hash;
}

void bucket_mark_add(struct bucket_mark *mark, const unsigned char raw[DIGEST_SIZE],
                     int64_t modified)
{
    const struct bucket_marked object = {.hash = hash_of(raw), .modified = modified};
    size_t place = mark->newest_count;
    mark->is_known = true;
    mark->count++;
    while (place > 0 && is_younger(&object, &mark->newest[place - 1])) {
        place--;
    }
    if (place == BUCKET_MARKED) {
        return;
    }
    mark->newest_count += mark->newest_count < BUCKET_MARKED ? 1 : 0;
    memmove(&mark->newest[place + 1], &mark->newest[place],
            (mark->newest_count - 1 - place) * sizeof(mark->newest[0]));
    mark->newest[place] = object;
}

bool bucket_mark_is_new(const struct bucket_mark *mark, const unsigned char raw[DIGEST_SIZE],
                        int64_t modified)
{
    uint32_t hash = hash_of(raw);
    for (size_t at = 0; at < mark->newest_count; at++) {
        if (mark->newest[at].hash == hash) {
            return false;
        }
    }
    return mark->count <= mark->newest_count || modified > mark->oldest;
}

static uint32_t hash_place(const char *place)
{
    return (uint32_t)hash_text(HASH_SEED, place);
}

static void print_time(const struct bucket_mark *mark, char time[CIVIL_TEXT_SIZE])
{
    int64_t oldest = mark->newest_count > 0 ? mark->newest[mark->newest_count - 1].modified
                                            : TIME_ABSENT;
    bool are_all = mark->count <= mark->newest_count;
    civil_format(are_all || oldest == TIME_ABSENT ? 0 : oldest, time);
    if (are_all) {
        memcpy(time, "-", sizeof("-"));
    }
}

const char *bucket_mark_print(struct arena *arena, const struct bucket_mark *mark,
                              const char *place)
{
    char hashes[BUCKET_MARKED * HASH_DIGITS + 1] = "";
    char time[CIVIL_TEXT_SIZE];
    for (size_t at = 0; at < mark->newest_count; at++) {
        (void)snprintf(hashes + at * HASH_DIGITS, HASH_DIGITS + 1, "%08" PRIx32,
                       mark->newest[at].hash);
    }
    print_time(mark, time);
    return arena_print(arena, "%08" PRIx32 " %zu %s %s", hash_place(place), mark->count, time,
                       hashes);
}

/* ---- Back from the status, which people can edit ---- */

/* A word of hexadecimal digits up to the next space; false when it has others, or too many. */
static bool read_hash(const char **at, uint32_t *hash)
{
    *hash = 0;
    for (size_t digit = 0; digit < HASH_DIGITS; digit++, ++*at) {
        const char *all = "0123456789abcdef";
        const char *found = **at ? strchr(all, **at) : NULL;
        if (!found) {
            return false;
        }
        *hash = *hash * HEXADECIMAL + (uint32_t)(found - all);
    }
    return true;
}

static bool read_space(const char **at)
{
    bool is_space = **at == ' ';
    *at += is_space ? 1 : 0;
    return is_space;
}

static bool read_count(const char **at, size_t *count)
{
    enum { DIGITS_MAXIMUM = 12, DECIMAL = 10 };
    size_t digits = strspn(*at, "0123456789");
    *count = 0;
    for (size_t digit = 0; digit < digits && digits <= DIGITS_MAXIMUM; digit++) {
        *count = *count * DECIMAL + (size_t)((*at)[digit] - '0');
    }
    *at += digits;
    return digits > 0 && digits <= DIGITS_MAXIMUM;
}

static bool read_oldest(const char **at, int64_t *oldest)
{
    char time[CIVIL_TEXT_SIZE] = "";
    size_t size = strcspn(*at, " ");
    *oldest = TIME_ABSENT;
    if (size >= sizeof(time)) {
        return false;
    }
    memcpy(time, *at, size);
    *at += size;
    return strcmp(time, "-") == 0 || civil_parse(time, oldest);
}

struct bucket_mark bucket_mark_read(const char *text, const char *place)
{
    const struct bucket_mark none = {0};
    struct bucket_mark mark = {.is_known = true};
    uint32_t hash = 0;
    const char *at = text;
    bool is_fine = text && read_hash(&at, &hash) && hash == hash_place(place) && read_space(&at) &&
                   read_count(&at, &mark.count) && read_space(&at) &&
                   read_oldest(&at, &mark.oldest) && read_space(&at);
    while (is_fine && *at) {
        is_fine = mark.newest_count < BUCKET_MARKED &&
                  read_hash(&at, &mark.newest[mark.newest_count++].hash);
    }
    return is_fine ? mark : none;
}
