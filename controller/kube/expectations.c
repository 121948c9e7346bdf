#include "kube/expectations.h"

#include "core/assert.h"
#include "core/log.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/*
 * Expectations hang on scopes: the text of a key, or "admission/" and an admission (kinds begin
 * with a capital, so the two never meet). A scope with keys that wait is also in a list, so that
 * a moving cache looks at those alone.
 */

struct entry {
    struct entry *next;
    struct expectation expectation; /* texts owned */
    char *writer;                   /* key text; does not wait for its own EXPECT_MOVED; or NULL */
    int64_t ends_ms;
};

struct expectation_ticket {
    struct expectation_ticket *next; /* in its scope */
    struct scope *scope;
    char *writer;
};

struct waiter {
    struct waiter *next;
    struct work_key key;
};

struct scope {
    char *name;
    struct entry *entries;
    struct expectation_ticket *tickets;
    struct waiter *waiters;
    struct scope *next_blocked; /* while it has waiters */
    struct scope **blocked_link;
};

struct expectations {
    struct io io;
    struct expectations_source source;
    struct map scopes;
    struct scope *blocked;
    struct io_timer *timer;
    int64_t timer_at_ms;
    struct io_timer *advance_timer; /* caches moved in this turn */
    bool advanced[KIND_COUNT];      /* which */
    struct expectations_numbers numbers;
};

struct expectations *expectations_new(struct io io, const struct expectations_source *source)
{
    struct expectations *expectations = memory_allocate(1, sizeof(*expectations));
    expectations->io = io;
    expectations->source = *source;
    return expectations;
}

/* Texts of an entry are copies made by memory_copy_text(). */
static void free_text(const char *text)
{
    union {
        const char *borrowed;
        void *owned;
    } both = {.borrowed = text};
    (void)memory_free(both.owned);
}

static void free_entry(struct expectations *expectations, struct entry *entry)
{
    free_text(entry->expectation.namespace);
    free_text(entry->expectation.name);
    free_text(entry->expectation.text);
    (void)memory_free(entry->writer);
    (void)memory_free(entry);
    expectations->numbers.open--;
}

static struct waiter *free_waiter(struct waiter *waiter)
{
    struct waiter *next = waiter->next;
    key_free(&waiter->key);
    (void)memory_free(waiter);
    return next;
}

static void free_scope(struct expectations *expectations, struct scope *scope)
{
    while (scope->entries) {
        struct entry *next = scope->entries->next;
        free_entry(expectations, scope->entries);
        scope->entries = next;
    }
    while (scope->tickets) {
        struct expectation_ticket *next = scope->tickets->next;
        (void)memory_free(scope->tickets->writer);
        (void)memory_free(scope->tickets);
        scope->tickets = next;
    }
    while (scope->waiters) {
        scope->waiters = free_waiter(scope->waiters);
    }
    (void)memory_free(scope->name);
    (void)memory_free(scope);
}

struct expectations *expectations_free(struct expectations *expectations)
{
    if (!expectations) {
        return NULL;
    }
    io_stop_timer(expectations->io, expectations->timer);
    io_stop_timer(expectations->io, expectations->advance_timer);
    const struct map_entry *at_scope;
    for (size_t at = 0; (at_scope = map_next(&expectations->scopes, &at)) != NULL;) {
        free_scope(expectations, at_scope->value);
    }
    map_free(&expectations->scopes);
    return memory_free(expectations);
}

static struct scope *need_scope(struct expectations *expectations, const char *name)
{
    struct scope *scope = map_get(&expectations->scopes, name);
    if (!scope) {
        scope = memory_allocate(1, sizeof(*scope));
        scope->name = memory_copy_text(name);
        (void)map_put(&expectations->scopes, name, scope);
    }
    return scope;
}

static void drop_scope_if_empty(struct expectations *expectations, struct scope *scope)
{
    if (!scope->entries && !scope->tickets && !scope->waiters) {
        (void)map_remove(&expectations->scopes, scope->name);
        free_scope(expectations, scope);
    }
}

static bool is_true(const struct expectations *expectations, const struct expectation *expectation)
{
    const struct expectations_source *source = &expectations->source;
    if (expectation->type == EXPECT_SEEN &&
        source->reached(source->context, expectation->kind, expectation->text)) {
        return true;
    }
    const struct meta *found = source->find(source->context, expectation->kind,
                                            expectation->namespace, expectation->name);
    switch (expectation->type) {
    case EXPECT_SEEN:
        /* Versions that can't be compared are at least equal to themselves (C7). */
        return found && text_equal(found->resource_version, expectation->text);
    case EXPECT_GONE:
        return !found || !text_equal(found->uid, expectation->text) ||
               found->deletion_time != TIME_ABSENT;
    case EXPECT_MOVED:
        if (!expectation->text) {
            return found != NULL;
        }
        return !found || !text_equal(found->resource_version, expectation->text);
    }
    return true;
}

/* Whatever key asks, but for the writer of an EXPECT_MOVED. */
static bool blocks_all(const struct entry *entry)
{
    return entry->expectation.type != EXPECT_MOVED || !entry->writer;
}

/*
 * Looks at entries up to the first that blocks all the same. A run that starts 1,000 Jobs at once
 * expects to see each of them, and the cache moves as often: to look at all of them each time would
 * be a million looks. True when any came true.
 */
static bool drop_entries_that_came_true(struct expectations *expectations, struct scope *scope)
{
    bool any = false;
    for (struct entry **link = &scope->entries; *link;) {
        struct entry *entry = *link;
        if (is_true(expectations, &entry->expectation)) {
            *link = entry->next;
            free_entry(expectations, entry);
            any = true;
        } else if (blocks_all(entry)) {
            break;
        } else {
            link = &entry->next;
        }
    }
    return any;
}

static bool blocks(const struct scope *scope, const char *key)
{
    for (const struct expectation_ticket *ticket = scope->tickets; ticket; ticket = ticket->next) {
        if (!text_equal(ticket->writer, key)) {
            return true;
        }
    }
    for (const struct entry *entry = scope->entries; entry; entry = entry->next) {
        if (entry->expectation.type != EXPECT_MOVED || !text_equal(entry->writer, key)) {
            return true;
        }
    }
    return false;
}

static void unlink_blocked(struct scope *scope)
{
    if (scope->blocked_link) {
        *scope->blocked_link = scope->next_blocked;
        if (scope->next_blocked) {
            scope->next_blocked->blocked_link = scope->blocked_link;
        }
        scope->blocked_link = NULL;
        scope->next_blocked = NULL;
    }
}

static void link_blocked(struct expectations *expectations, struct scope *scope)
{
    if (scope->blocked_link) {
        return;
    }
    scope->next_blocked = expectations->blocked;
    scope->blocked_link = &expectations->blocked;
    if (expectations->blocked) {
        expectations->blocked->blocked_link = &scope->next_blocked;
    }
    expectations->blocked = scope;
}

static void wake_waiters(struct expectations *expectations, struct scope *scope)
{
    const struct expectations_source *source = &expectations->source;
    for (struct waiter **link = &scope->waiters; *link;) {
        struct waiter *waiter = *link;
        char text[KEY_TEXT_SIZE];
        if (blocks(scope, key_format(&waiter->key, text))) {
            link = &waiter->next;
            continue;
        }
        source->wake(source->context, &waiter->key);
        expectations->numbers.waiting--;
        *link = free_waiter(waiter);
    }
    if (!scope->waiters) {
        unlink_blocked(scope);
    }
}

/* Wakes the keys that this scope stops no more; it may be gone afterwards. */
static void settle_scope(struct expectations *expectations, struct scope *scope)
{
    (void)drop_entries_that_came_true(expectations, scope);
    wake_waiters(expectations, scope);
    drop_scope_if_empty(expectations, scope);
}

static const char *type_name(enum expectation_type type)
{
    static const char *const names[] = {
        [EXPECT_SEEN] = "seen", [EXPECT_GONE] = "gone", [EXPECT_MOVED] = "moved"};
    return names[type];
}

static int64_t expire_entries(struct expectations *expectations, struct scope *scope,
                              int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    for (struct entry **link = &scope->entries; *link;) {
        struct entry *entry = *link;
        if (entry->ends_ms > now_ms) {
            next_ms = entry->ends_ms < next_ms ? entry->ends_ms : next_ms;
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        if (is_true(expectations, &entry->expectation)) {
            free_entry(expectations, entry);
            continue;
        }
        log_warning("the cache has not shown a write of ours in time, going on without it",
                    LOG_TEXT("scope", scope->name),
                    LOG_TEXT("kind", kind_info(entry->expectation.kind)->kind),
                    LOG_TEXT("name", entry->expectation.name),
                    LOG_TEXT("expected", type_name(entry->expectation.type)),
                    LOG_TEXT("text", entry->expectation.text));
        expectations->numbers.expired++;
        free_entry(expectations, entry);
    }
    return next_ms;
}

static void arm_timer(struct expectations *expectations, int64_t at_ms);

/* Rare: most expectations come true within milliseconds. So one walk over all of them will do. */
static void fire(void *context)
{
    struct expectations *expectations = context;
    expectations->timer = NULL;
    int64_t now_ms = io_now_ms(expectations->io);
    int64_t next_ms = INT64_MAX;
    const struct map_entry *at_scope;
    for (size_t at = 0; (at_scope = map_next(&expectations->scopes, &at)) != NULL;) {
        struct scope *scope = at_scope->value;
        (void)drop_entries_that_came_true(expectations, scope);
        int64_t scope_ms = expire_entries(expectations, scope, now_ms);
        next_ms = scope_ms < next_ms ? scope_ms : next_ms;
        settle_scope(expectations, scope);
    }
    if (next_ms != INT64_MAX) {
        arm_timer(expectations, next_ms);
    }
}

static void arm_timer(struct expectations *expectations, int64_t at_ms)
{
    if (expectations->timer && expectations->timer_at_ms <= at_ms) {
        return;
    }
    io_stop_timer(expectations->io, expectations->timer);
    expectations->timer = io_start_timer(expectations->io, at_ms, fire, expectations);
    expectations->timer_at_ms = at_ms;
}

static void add_entry(struct expectations *expectations, struct scope *scope, const char *writer,
                      const struct expectation *expectation)
{
    struct entry *entry = memory_allocate(1, sizeof(*entry));
    bool is_guess = expectation->type == EXPECT_MOVED && !writer;
    int64_t limit_ms = is_guess ? EXPECTATION_MOVE_LIMIT_MS : EXPECTATION_LIMIT_MS;
    entry->expectation = (struct expectation){
        .type = expectation->type,
        .kind = expectation->kind,
        .namespace = memory_copy_text(expectation->namespace),
        .name = memory_copy_text(expectation->name),
        .text = memory_copy_text(expectation->text),
    };
    entry->writer = memory_copy_text(writer);
    entry->ends_ms = io_now_ms(expectations->io) + limit_ms;
    entry->next = scope->entries;
    scope->entries = entry;
    expectations->numbers.open++;
    arm_timer(expectations, entry->ends_ms);
}

void expectations_add(struct expectations *expectations, const struct work_key *key,
                      const struct expectation *expectation)
{
    if (is_true(expectations, expectation)) {
        return;
    }
    char text[KEY_TEXT_SIZE];
    add_entry(expectations, need_scope(expectations, key_format(key, text)), NULL, expectation);
}

static struct scope *need_admission(struct expectations *expectations, const char *admission)
{
    char *name = memory_print("admission/%s", admission);
    struct scope *scope = need_scope(expectations, name);
    (void)memory_free(name);
    return scope;
}

struct expectation_ticket *expectations_begin(struct expectations *expectations,
                                              const struct work_key *writer, const char *admission)
{
    char text[KEY_TEXT_SIZE];
    struct scope *scope = need_admission(expectations, admission);
    struct expectation_ticket *ticket = memory_allocate(1, sizeof(*ticket));
    ticket->scope = scope;
    ticket->writer = memory_copy_text(key_format(writer, text));
    ticket->next = scope->tickets;
    scope->tickets = ticket;
    return ticket;
}

void expectations_resolve(struct expectations *expectations, struct expectation_ticket *ticket,
                          const struct expectation *expectation)
{
    struct scope *scope = ticket->scope;
    struct expectation_ticket **link = &scope->tickets;
    while (*link != ticket) {
        REQUIRE(*link != NULL);
        link = &(*link)->next;
    }
    *link = ticket->next;
    if (expectation) {
        add_entry(expectations, scope, ticket->writer, expectation);
    }
    (void)memory_free(ticket->writer);
    (void)memory_free(ticket);
    settle_scope(expectations, scope);
}

static bool is_same_key(const struct work_key *a, const struct work_key *b)
{
    return a->kind == b->kind && text_equal(a->name, b->name) &&
           text_equal(a->namespace, b->namespace);
}

/* At the end, so that keys are woken in the order in which they came. */
static void add_waiter(struct expectations *expectations, struct scope *scope,
                       const struct work_key *key)
{
    struct waiter **link = &scope->waiters;
    while (*link) {
        link = &(*link)->next;
    }
    *link = memory_allocate(1, sizeof(**link));
    (*link)->key = key_copy(key);
    expectations->numbers.waiting++;
    link_blocked(expectations, scope);
}

/* A key that asks again on its own is not woken as well. */
static void remove_waiter(struct expectations *expectations, struct scope *scope,
                          const struct work_key *key)
{
    struct waiter **link = &scope->waiters;
    while (*link && !is_same_key(&(*link)->key, key)) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = free_waiter(*link);
        expectations->numbers.waiting--;
    }
}

/* True when `scope` (or NULL) does not stop the key; else the key waits on it. */
static bool passes(struct expectations *expectations, struct scope *scope,
                   const struct work_key *key)
{
    if (!scope) {
        return true;
    }
    char text[KEY_TEXT_SIZE];
    remove_waiter(expectations, scope, key);
    if (drop_entries_that_came_true(expectations, scope) || !scope->waiters) {
        wake_waiters(expectations, scope);
    }
    if (!blocks(scope, key_format(key, text))) {
        drop_scope_if_empty(expectations, scope);
        return true;
    }
    expectations->numbers.refused++;
    add_waiter(expectations, scope, key);
    return false;
}

bool expectations_satisfied(struct expectations *expectations, const struct work_key *key,
                            const char *admission)
{
    char text[KEY_TEXT_SIZE];
    if (!passes(expectations, map_get(&expectations->scopes, key_format(key, text)), key)) {
        return false;
    }
    if (!admission) {
        return true;
    }
    char *name = memory_print("admission/%s", admission);
    bool result = passes(expectations, map_get(&expectations->scopes, name), key);
    (void)memory_free(name);
    return result;
}

static bool concerns(const struct scope *scope, const bool kinds[KIND_COUNT])
{
    for (const struct entry *entry = scope->entries; entry; entry = entry->next) {
        if (kinds[entry->expectation.kind]) {
            return true;
        }
    }
    return false;
}

static void wake_after_advance(void *context)
{
    struct expectations *expectations = context;
    struct scope *scope = expectations->blocked;
    expectations->advance_timer = NULL;
    while (scope) {
        struct scope *next = scope->next_blocked;
        if (concerns(scope, expectations->advanced)) {
            settle_scope(expectations, scope);
        }
        scope = next;
    }
    memset(expectations->advanced, 0, sizeof(expectations->advanced));
}

/*
 * Once for all events that came together: hundreds of keys may wait, and looking at each of them
 * after each event would be their product.
 */
void expectations_advance(struct expectations *expectations, enum api_kind kind)
{
    if (!expectations->blocked) {
        return;
    }
    expectations->advanced[kind] = true;
    if (!expectations->advance_timer) {
        expectations->advance_timer = io_start_timer(expectations->io, io_now_ms(expectations->io),
                                                     wake_after_advance, expectations);
    }
}

void expectations_forget_key(struct expectations *expectations, const struct work_key *key)
{
    char text[KEY_TEXT_SIZE];
    struct scope *scope = map_get(&expectations->scopes, key_format(key, text));
    if (!scope) {
        return;
    }
    while (scope->entries) {
        struct entry *next = scope->entries->next;
        free_entry(expectations, scope->entries);
        scope->entries = next;
    }
    settle_scope(expectations, scope);
}

struct expectations_numbers expectations_numbers(const struct expectations *expectations)
{
    return expectations->numbers;
}
