#include "kube/queue.h"

#include "core/assert.h"
#include "core/map.h"
#include "core/memory.h"
#include "kube/rate.h"

enum { NOT_IN_HEAP = -1 };

struct item {
    struct work_key key;
    struct item *next; /* in the FIFO */
    bool is_ready;
    bool in_hand;
    bool again; /* added while in hand */
    unsigned failures;
    int64_t heap_at;  /* index in the heap, or NOT_IN_HEAP */
    int64_t due_ms;   /* while in the heap */
    uint64_t order;   /* of the timed add: equal times go out in order */
    int64_t since_ms; /* ready or in hand since */
};

struct queue {
    struct io io;
    void (*ready)(void *context);
    void *context;
    struct map items; /* by key text; an item with nothing to remember is removed */
    struct item *first;
    struct item **last; /* where the next ready item is linked */
    struct item **heap; /* earliest due first */
    size_t heap_count;
    size_t heap_capacity;
    uint64_t next_order;
    struct io_timer *due_timer; /* for heap[0] */
    int64_t due_timer_at_ms;
    struct io_timer *ready_timer; /* calls `ready` from the loop */
    struct rate bucket;           /* of limited adds */
    struct queue_numbers numbers;
};

struct queue *queue_new(struct io io, void (*ready)(void *context), void *context)
{
    struct queue *queue = memory_allocate(1, sizeof(*queue));
    queue->io = io;
    queue->ready = ready;
    queue->context = context;
    queue->last = &queue->first;
    queue->bucket = (struct rate){.interval_ms = QUEUE_BUCKET_INTERVAL_MS,
                                  .burst = QUEUE_BUCKET_BURST};
    return queue;
}

static void free_item(struct item *item)
{
    key_free(&item->key);
    (void)memory_free(item);
}

struct queue *queue_free(struct queue *queue)
{
    if (!queue) {
        return NULL;
    }
    io_stop_timer(queue->io, queue->due_timer);
    io_stop_timer(queue->io, queue->ready_timer);
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&queue->items, &at)) != NULL;) {
        free_item(entry->value);
    }
    map_free(&queue->items);
    (void)memory_free(queue->heap);
    return memory_free(queue);
}

static struct item *find_item(const struct queue *queue, const struct work_key *key)
{
    char text[KEY_TEXT_SIZE];
    return map_get(&queue->items, key_format(key, text));
}

static struct item *need_item(struct queue *queue, const struct work_key *key)
{
    char text[KEY_TEXT_SIZE];
    struct item *item = map_get(&queue->items, key_format(key, text));
    if (!item) {
        item = memory_allocate(1, sizeof(*item));
        item->key = key_copy(key);
        item->heap_at = NOT_IN_HEAP;
        (void)map_put(&queue->items, text, item);
    }
    return item;
}

static void drop_item_if_idle(struct queue *queue, struct item *item)
{
    if (item->is_ready || item->in_hand || item->failures > 0 || item->heap_at != NOT_IN_HEAP) {
        return;
    }
    char text[KEY_TEXT_SIZE];
    (void)map_remove(&queue->items, key_format(&item->key, text));
    free_item(item);
}

/* The heap: parent of i is (i - 1) / 2. */

static bool is_due_before(const struct item *a, const struct item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void heap_place(struct queue *queue, size_t at, struct item *item)
{
    queue->heap[at] = item;
    item->heap_at = (int64_t)at;
}

static void heap_sift_up(struct queue *queue, size_t at, struct item *item)
{
    while (at > 0 && is_due_before(item, queue->heap[(at - 1) / 2])) {
        heap_place(queue, at, queue->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_place(queue, at, item);
}

static void heap_sift_down(struct queue *queue, size_t at, struct item *item)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= queue->heap_count) {
            break;
        }
        if (child + 1 < queue->heap_count &&
            is_due_before(queue->heap[child + 1], queue->heap[child])) {
            child++;
        }
        if (!is_due_before(queue->heap[child], item)) {
            break;
        }
        heap_place(queue, at, queue->heap[child]);
        at = child;
    }
    heap_place(queue, at, item);
}

static struct item *heap_pop(struct queue *queue)
{
    struct item *item = queue->heap[0];
    struct item *moved = queue->heap[--queue->heap_count];
    if (queue->heap_count > 0) {
        heap_sift_down(queue, 0, moved);
    }
    item->heap_at = NOT_IN_HEAP;
    return item;
}

static void fire_ready(void *context)
{
    struct queue *queue = context;
    queue->ready_timer = NULL;
    if (queue->first) {
        queue->ready(queue->context);
    }
}

static void make_ready(struct queue *queue, struct item *item)
{
    int64_t now_ms = io_now_ms(queue->io);
    item->is_ready = true;
    item->since_ms = now_ms;
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
    queue->numbers.depth++;
    queue->numbers.adds++;
    if (!queue->ready_timer) {
        queue->ready_timer = io_start_timer(queue->io, now_ms, fire_ready, queue);
    }
}

static void add_item(struct queue *queue, struct item *item)
{
    if (item->in_hand) {
        item->again = true;
    } else if (!item->is_ready) {
        make_ready(queue, item);
    }
}

static void arm_due_timer(struct queue *queue);

static void fire_due(void *context)
{
    struct queue *queue = context;
    queue->due_timer = NULL;
    int64_t now_ms = io_now_ms(queue->io);
    while (queue->heap_count > 0 && queue->heap[0]->due_ms <= now_ms) {
        add_item(queue, heap_pop(queue));
    }
    arm_due_timer(queue);
}

/* One timer for all: at the earliest time in the heap. A timer that is early only looks again. */
static void arm_due_timer(struct queue *queue)
{
    if (queue->heap_count == 0) {
        return;
    }
    int64_t at_ms = queue->heap[0]->due_ms;
    if (queue->due_timer && queue->due_timer_at_ms <= at_ms) {
        return;
    }
    io_stop_timer(queue->io, queue->due_timer);
    queue->due_timer = io_start_timer(queue->io, at_ms, fire_due, queue);
    queue->due_timer_at_ms = at_ms;
}

void queue_add(struct queue *queue, const struct work_key *key)
{
    add_item(queue, need_item(queue, key));
}

static void add_item_at(struct queue *queue, struct item *item, int64_t at_ms)
{
    if (at_ms <= io_now_ms(queue->io)) {
        add_item(queue, item);
        return;
    }
    if (item->heap_at != NOT_IN_HEAP) {
        if (at_ms >= item->due_ms) {
            return;
        }
        item->due_ms = at_ms;
        item->order = queue->next_order++;
        heap_sift_up(queue, (size_t)item->heap_at, item);
    } else {
        item->due_ms = at_ms;
        item->order = queue->next_order++;
        queue->heap = memory_grow(queue->heap, &queue->heap_capacity, queue->heap_count + 1,
                                  sizeof(struct item *));
        heap_sift_up(queue, queue->heap_count++, item);
    }
    arm_due_timer(queue);
}

void queue_add_at(struct queue *queue, const struct work_key *key, int64_t at_ms)
{
    add_item_at(queue, need_item(queue, key), at_ms);
}

static int64_t backoff_ms(unsigned failures)
{
    int64_t delay_ms = QUEUE_BACKOFF_FIRST_MS;
    while (failures > 0 && delay_ms < QUEUE_BACKOFF_LONGEST_MS) {
        delay_ms *= 2;
        failures--;
    }
    return delay_ms < QUEUE_BACKOFF_LONGEST_MS ? delay_ms : QUEUE_BACKOFF_LONGEST_MS;
}

void queue_add_limited(struct queue *queue, const struct work_key *key)
{
    struct item *item = need_item(queue, key);
    int64_t now_ms = io_now_ms(queue->io);
    int64_t item_ms = backoff_ms(item->failures);
    int64_t bucket_ms = rate_reserve(&queue->bucket, now_ms);
    if (item->failures < UINT32_MAX) {
        item->failures++;
    }
    queue->numbers.retries++;
    add_item_at(queue, item, now_ms + (item_ms > bucket_ms ? item_ms : bucket_ms));
}

void queue_forget(struct queue *queue, const struct work_key *key)
{
    struct item *item = find_item(queue, key);
    if (item) {
        item->failures = 0;
        drop_item_if_idle(queue, item);
    }
}

unsigned queue_failures(const struct queue *queue, const struct work_key *key)
{
    const struct item *item = find_item(queue, key);
    return item ? item->failures : 0;
}

bool queue_take(struct queue *queue, struct work_key *key, int64_t *waited_ms)
{
    struct item *item = queue->first;
    if (!item) {
        return false;
    }
    queue->first = item->next;
    if (!queue->first) {
        queue->last = &queue->first;
    }
    REQUIRE(!item->in_hand);
    int64_t now_ms = io_now_ms(queue->io);
    int64_t latency_ms = now_ms - item->since_ms;
    item->next = NULL;
    item->is_ready = false;
    item->in_hand = true;
    item->since_ms = now_ms;
    queue->numbers.depth--;
    queue->numbers.in_hand++;
    queue->numbers.taken++;
    queue->numbers.latency_sum_ms += latency_ms;
    if (latency_ms > queue->numbers.latency_longest_ms) {
        queue->numbers.latency_longest_ms = latency_ms;
    }
    if (waited_ms) {
        *waited_ms = latency_ms;
    }
    *key = item->key;
    return true;
}

void queue_done(struct queue *queue, const struct work_key *key)
{
    struct item *item = find_item(queue, key);
    REQUIRE(item && item->in_hand);
    item->in_hand = false;
    queue->numbers.in_hand--;
    queue->numbers.work_sum_ms += io_now_ms(queue->io) - item->since_ms;
    if (item->again) {
        item->again = false;
        make_ready(queue, item);
    }
    drop_item_if_idle(queue, item);
}

struct queue_numbers queue_numbers(const struct queue *queue)
{
    struct queue_numbers numbers = queue->numbers;
    numbers.waiting = queue->heap_count;
    numbers.oldest_ready_ms = queue->first ? io_now_ms(queue->io) - queue->first->since_ms : 0;
    return numbers;
}
