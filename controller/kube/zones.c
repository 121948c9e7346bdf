#include "kube/zones.h"

#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"

enum { ZONE_RETRY_MS = 60 * 1000 };

struct zone_entry {
    struct arena arena;
    const struct zone *zone; /* NULL: see error */
    char *error;
    int64_t retry_at_ms;
};

struct zones {
    struct io io;
    struct map entries; /* name -> struct zone_entry */
};

struct zones *zones_new(struct io io)
{
    struct zones *zones = memory_allocate(1, sizeof(*zones));
    zones->io = io;
    return zones;
}

struct zones *zones_free(struct zones *zones)
{
    if (!zones) {
        return NULL;
    }
    const struct map_entry *item;
    for (size_t at = 0; (item = map_next(&zones->entries, &at)) != NULL;) {
        struct zone_entry *entry = item->value;
        arena_free(&entry->arena);
        (void)memory_free(entry->error);
        (void)memory_free(entry);
    }
    map_free(&zones->entries);
    return memory_free(zones);
}

static void load(struct zones *zones, const char *name, struct zone_entry *entry)
{
    struct buffer bytes = BUFFER_INIT(ZONE_FILE_MAXIMUM);
    struct error error = {0};
    struct result result = io_read_zone(zones->io, name, &bytes, &error);
    entry->error = memory_free(entry->error);
    if (result_is_ok(result)) {
        result = zone_parse(&entry->arena, name, bytes.data, bytes.size, &entry->zone, &error);
    }
    if (!result_is_ok(result)) {
        entry->zone = NULL;
        entry->error = memory_copy_text(error.message);
        entry->retry_at_ms = io_now_ms(zones->io) + ZONE_RETRY_MS;
    }
    buffer_free(&bytes);
}

const struct zone *zones_find(struct zones *zones, const char *name, const char **error)
{
    const struct zone *builtin = zone_find_builtin(name);
    if (builtin) {
        return builtin;
    }
    struct zone_entry *entry = map_get(&zones->entries, name);
    if (!entry) {
        entry = memory_allocate(1, sizeof(*entry));
        (void)map_put(&zones->entries, name, entry);
        load(zones, name, entry);
    } else if (!entry->zone && io_now_ms(zones->io) >= entry->retry_at_ms) {
        load(zones, name, entry);
    }
    *error = entry->error;
    return entry->zone;
}
