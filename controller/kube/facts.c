#include "kube/facts.h"

#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/reaction.h"

#include <string.h>

enum { MICROS_PER_SECOND = 1000 * 1000 };

struct entry {
    struct entry *next;
    struct fact fact; /* with texts of its own */
    char *name;
    char *message; /* NULL or owned */
    uint64_t attempt;
    int64_t tried_ms;
};

/* All about one key. */
struct shelf {
    struct entry *entries;
    size_t count;
    size_t answers; /* of DRY_RUN, among them */
};

struct facts {
    struct io io;
    struct map shelves;
};

struct facts *facts_new(struct io io)
{
    struct facts *facts = memory_allocate(1, sizeof(*facts));
    facts->io = io;
    return facts;
}

static void free_entry(struct entry *entry)
{
    (void)memory_free(entry->name);
    (void)memory_free(entry->message);
    (void)memory_free(entry);
}

static void free_shelf(struct shelf *shelf)
{
    struct entry *entry = shelf->entries;
    while (entry) {
        struct entry *next = entry->next;
        free_entry(entry);
        entry = next;
    }
    (void)memory_free(shelf);
}

struct facts *facts_free(struct facts *facts)
{
    if (!facts) {
        return NULL;
    }
    const struct map_entry *at_key;
    for (size_t at = 0; (at_key = map_next(&facts->shelves, &at)) != NULL;) {
        free_shelf(at_key->value);
    }
    map_free(&facts->shelves);
    return memory_free(facts);
}

static bool is_question(enum operation_type type)
{
    return type == OPERATION_PROBE || type == OPERATION_EXPLAIN || type == OPERATION_DRY_RUN;
}

static bool is_over(const struct entry *entry, int64_t now_ms)
{
    int64_t limit_ms = FACT_FAILURE_MS;
    if (entry->fact.type == OPERATION_PROBE) {
        limit_ms = FACT_PROBE_MS;
    } else if (entry->fact.type == OPERATION_EXPLAIN) {
        limit_ms = FACT_EXPLAIN_MS;
    } else if (entry->fact.type == OPERATION_DRY_RUN) {
        limit_ms = FACT_DRY_RUN_MS;
    }
    return now_ms - entry->tried_ms >= limit_ms;
}

static bool is_about(const struct entry *entry, enum operation_type type, enum api_kind kind,
                     const char *name)
{
    return entry->fact.type == type && entry->fact.kind == kind && text_equal(entry->name, name);
}

static struct entry **find_link(struct shelf *shelf, enum operation_type type, enum api_kind kind,
                                const char *name)
{
    struct entry **link = &shelf->entries;
    while (*link && !is_about(*link, type, kind, name)) {
        link = &(*link)->next;
    }
    return link;
}

static void drop(struct shelf *shelf, struct entry **link)
{
    struct entry *entry = *link;
    *link = entry->next;
    shelf->count--;
    shelf->answers -= entry->fact.type == OPERATION_DRY_RUN;
    free_entry(entry);
}

/* An empty shelf goes too: idle keys cost nothing. */
static void drop_over(struct facts *facts, const char *key, struct shelf *shelf)
{
    int64_t now_ms = io_now_ms(facts->io);
    for (struct entry **link = &shelf->entries; *link;) {
        if (is_over(*link, now_ms)) {
            drop(shelf, link);
        } else {
            link = &(*link)->next;
        }
    }
    if (shelf->count == 0) {
        free_shelf(map_remove(&facts->shelves, key));
    }
}

static struct shelf *living_shelf(struct facts *facts, const char *key)
{
    struct shelf *shelf = map_get(&facts->shelves, key);
    if (shelf) {
        drop_over(facts, key, shelf);
        shelf = map_get(&facts->shelves, key);
    }
    return shelf;
}

static bool is_news(const struct entry *entry, const struct fact *fact)
{
    return entry->fact.error != fact->error ||
           (is_question(fact->type) && !text_equal(entry->message, fact->message));
}

static void drop_oldest_answer(struct shelf *shelf)
{
    struct entry **oldest = NULL;
    for (struct entry **link = &shelf->entries; *link; link = &(*link)->next) {
        if ((*link)->fact.type == OPERATION_DRY_RUN &&
            (!oldest || (*link)->tried_ms <= (*oldest)->tried_ms)) {
            oldest = link;
        }
    }
    drop(shelf, oldest);
}

/* A new entry, or NULL when there is no room. */
static struct entry *add_entry(struct shelf *shelf, const struct fact *fact)
{
    bool is_answer = fact->type == OPERATION_DRY_RUN;
    size_t count = is_answer ? shelf->answers : shelf->count - shelf->answers;
    if (count >= FACTS_PER_KEY) {
        if (!is_answer) {
            return NULL;
        }
        drop_oldest_answer(shelf);
    }
    struct entry *entry = memory_allocate(1, sizeof(*entry));
    entry->name = memory_copy_text(fact->name);
    entry->next = shelf->entries;
    shelf->entries = entry;
    shelf->count++;
    shelf->answers += is_answer;
    return entry;
}

bool facts_put(struct facts *facts, const char *key, const struct fact *fact, uint64_t attempt)
{
    struct shelf *shelf = living_shelf(facts, key);
    if (!shelf) {
        shelf = memory_allocate(1, sizeof(*shelf));
        (void)map_put(&facts->shelves, key, shelf);
    }
    struct entry *entry = *find_link(shelf, fact->type, fact->kind, fact->name);
    bool news = !entry || is_news(entry, fact);
    if (!entry) {
        entry = add_entry(shelf, fact);
        if (!entry) {
            return false;
        }
    }
    char *message = memory_copy_text(fact->message);
    (void)memory_free(entry->message);
    entry->message = message;
    entry->fact = *fact;
    entry->fact.name = entry->name;
    entry->fact.message = entry->message;
    entry->fact.time = io_unix_micros(facts->io) / MICROS_PER_SECOND;
    entry->attempt = attempt;
    entry->tried_ms = io_now_ms(facts->io);
    return news;
}

bool facts_forget(struct facts *facts, const char *key, enum operation_type type,
                  enum api_kind kind, const char *name)
{
    struct shelf *shelf = living_shelf(facts, key);
    if (!shelf) {
        return false;
    }
    struct entry **link = find_link(shelf, type, kind, name);
    if (!*link) {
        return false;
    }
    drop(shelf, link);
    drop_over(facts, key, shelf);
    return true;
}

bool facts_has_any(const struct facts *facts, const char *key)
{
    return map_get(&facts->shelves, key) != NULL;
}

bool facts_hold_back(const struct facts *facts, const char *key, enum operation_type type,
                     enum api_kind kind, const char *name, uint64_t attempt, enum error_kind *error)
{
    struct shelf *shelf = map_get(&facts->shelves, key);
    const struct entry *entry = shelf ? *find_link(shelf, type, kind, name) : NULL;
    if (!entry || entry->attempt != attempt ||
        reaction_rule_of(entry->fact.error)->reaction != REACTION_WAIT_CHANGE ||
        io_now_ms(facts->io) - entry->tried_ms >= REACTION_WAIT_CHANGE_MS) {
        return false;
    }
    *error = entry->fact.error;
    return true;
}

struct fact_list facts_list(struct facts *facts, struct arena *arena, const char *key)
{
    struct shelf *shelf = living_shelf(facts, key);
    if (!shelf) {
        return (struct fact_list){0};
    }
    struct fact *items = arena_array(arena, struct fact, shelf->count);
    size_t count = 0;
    for (const struct entry *entry = shelf->entries; entry; entry = entry->next) {
        items[count] = entry->fact;
        items[count].name = arena_copy_text(arena, entry->name);
        items[count].message = arena_copy_text(arena, entry->message);
        count++;
    }
    facts_sort(items, count);
    return (struct fact_list){.items = items, .count = count};
}

void facts_forget_answers(struct facts *facts, const char *key)
{
    struct shelf *shelf = map_get(&facts->shelves, key);
    if (!shelf) {
        return;
    }
    for (struct entry **link = &shelf->entries; *link;) {
        if ((*link)->fact.type == OPERATION_DRY_RUN) {
            drop(shelf, link);
        } else {
            link = &(*link)->next;
        }
    }
    drop_over(facts, key, shelf);
}

void facts_forget_key(struct facts *facts, const char *key)
{
    struct shelf *shelf = map_remove(&facts->shelves, key);
    if (shelf) {
        free_shelf(shelf);
    }
}
