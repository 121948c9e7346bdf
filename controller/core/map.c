#include "core/map.h"

#include "core/assert.h"
#include "core/memory.h"

#include <string.h>

enum { MAP_FIRST_CAPACITY = 16 };

/* Marks a removed entry, so that probing goes on past it. */
static char removed_key[] = "";

/* Eight bytes at a time; for tables alone, which end with the process. */
static uint64_t hash_key(const char *key)
{
    enum { HALF = 32 };
    static const uint64_t prime = UINT64_C(0x9E3779B97F4A7C15); /* 2^64 over the golden ratio */
    size_t size = strlen(key);
    uint64_t hash = size;
    uint64_t word;
    for (; size >= sizeof(word); size -= sizeof(word), key += sizeof(word)) {
        memcpy(&word, key, sizeof(word));
        hash = (hash ^ word) * prime;
        hash ^= hash >> HALF;
    }
    word = 0;
    memcpy(&word, key, size);
    hash = (hash ^ word) * prime;
    return hash ^ hash >> HALF;
}

static struct map_entry *find_entry(const struct map *map, const char *key, uint64_t hash)
{
    if (map->capacity == 0) {
        return NULL;
    }
    for (size_t at = hash & (map->capacity - 1);; at = (at + 1) & (map->capacity - 1)) {
        struct map_entry *entry = &map->entries[at];
        if (!entry->key) {
            return NULL;
        }
        if (entry->key != removed_key && entry->hash == hash && strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
}

static void insert_entry(struct map *map, char *key, void *value, uint64_t hash)
{
    size_t at = hash & (map->capacity - 1);
    while (map->entries[at].key) {
        at = (at + 1) & (map->capacity - 1);
    }
    map->entries[at] = (struct map_entry){.key = key, .value = value, .hash = hash};
    map->used++;
    map->count++;
}

/* Rebuilds the table at a load of at most one half, dropping the marks of removed entries. */
static void rebuild(struct map *map)
{
    struct map old = *map;
    size_t capacity = MAP_FIRST_CAPACITY;
    while (capacity < (old.count + 1) * 2) {
        capacity *= 2;
    }
    *map = (struct map){.entries = memory_allocate(capacity, sizeof(struct map_entry)),
                        .capacity = capacity};
    for (size_t at = 0; at < old.capacity; at++) {
        const struct map_entry *entry = &old.entries[at];
        if (entry->key && entry->key != removed_key) {
            insert_entry(map, entry->key, entry->value, entry->hash);
        }
    }
    (void)memory_free(old.entries);
}

void *map_get(const struct map *map, const char *key)
{
    const struct map_entry *entry = find_entry(map, key, hash_key(key));
    return entry ? entry->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
    REQUIRE(value != NULL);
    uint64_t hash = hash_key(key);
    struct map_entry *entry = find_entry(map, key, hash);
    if (entry) {
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    /* Three quarters full at most: probes stay short. */
    if ((map->used + 1) * 4 > map->capacity * 3) {
        rebuild(map);
    }
    insert_entry(map, memory_copy_text(key), value, hash);
    return NULL;
}

void *map_remove(struct map *map, const char *key)
{
    struct map_entry *entry = find_entry(map, key, hash_key(key));
    if (!entry) {
        return NULL;
    }
    void *value = entry->value;
    (void)memory_free(entry->key);
    *entry = (struct map_entry){.key = removed_key};
    map->count--;
    return value;
}

const struct map_entry *map_next(const struct map *map, size_t *at)
{
    while (*at < map->capacity) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (entry->key && entry->key != removed_key) {
            return entry;
        }
    }
    return NULL;
}

void map_free(struct map *map)
{
    for (size_t at = 0; at < map->capacity; at++) {
        if (map->entries[at].key != removed_key) {
            (void)memory_free(map->entries[at].key);
        }
    }
    (void)memory_free(map->entries);
    *map = (struct map){0};
}
