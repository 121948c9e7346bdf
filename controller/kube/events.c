#include "kube/events.h"

#include "api/render.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/reaction.h"
#include "kube/request.h"

#include <inttypes.h>
#include <string.h>

#define EVENT_ACTION "Reconcile" /* conformance A5: not empty */

enum {
    EVENT_BLOCK_SIZE = 1024,  /* of one remembered event */
    EVENT_NAME_MAXIMUM = 253, /* a DNS subdomain */
    EVENT_NAME_SUFFIX = 17,   /* '.' and 16 hex digits */
    EVENT_ANSWER_MAXIMUM = 64 * 1024,
    EVENT_TIMEOUT_MS = 65 * 1000, /* as the executor's */
    EVENT_RETRY_FIRST_MS = 1000,
    EVENT_RETRY_LONGEST_MS = 30 * 1000,
    EVENT_SWEEP_MS = 60 * 1000,
    MILLISECONDS = 1000
};

/*
 *   QUEUED --> SENT --> IDLE (remembered) --> QUEUED (a series, or its refresh) ...
 *                \--> RESTING --> QUEUED
 */
enum state { STATE_IDLE, STATE_QUEUED, STATE_SENT, STATE_RESTING };

/* One event and the identical ones that followed. */
struct series {
    struct events *events;
    struct arena arena;
    struct series *newer; /* in the list by last_seen_ms */
    struct series *older;
    struct series *next_queued;
    char *identity; /* key in the map */
    struct operation about;
    const char *name; /* of the event object */
    enum state state;
    uint64_t term; /* of the lease, when what is unsent was recorded */
    bool is_posted;
    bool is_series; /* the API server knows a series */
    bool is_finishing;
    unsigned tries;
    int64_t count;
    int64_t sending_count;
    int64_t sent_count;
    int64_t first_micros;
    int64_t last_micros;
    int64_t last_seen_ms;
    int64_t sent_ms;
    struct io_call *call;
    struct io_timer *timer;
};

struct events {
    struct io io;
    const struct lease *lease;
    char *instance;
    struct map by_identity;
    struct series *newest;
    struct series *oldest;
    struct series *queue;
    struct series **queue_last;
    struct io_timer *sweep_timer;
    bool drop_was_logged;
    bool failure_was_logged;
    struct events_numbers numbers;
};

struct events *events_new(const struct events_options *options)
{
    struct events *events = memory_allocate(1, sizeof(*events));
    events->io = options->io;
    events->lease = options->lease;
    events->instance = memory_copy_text(options->instance);
    events->queue_last = &events->queue;
    return events;
}

static void unlink_series(struct series *series)
{
    struct events *events = series->events;
    *(series->newer ? &series->newer->older : &events->newest) = series->older;
    *(series->older ? &series->older->newer : &events->oldest) = series->newer;
    series->newer = NULL;
    series->older = NULL;
}

static void link_as_newest(struct series *series)
{
    struct events *events = series->events;
    series->older = events->newest;
    *(events->newest ? &events->newest->newer : &events->oldest) = series;
    events->newest = series;
}

/* It is in no queue and no request. */
static void free_series(struct series *series)
{
    struct events *events = series->events;
    unlink_series(series);
    (void)map_remove(&events->by_identity, series->identity);
    events->numbers.remembered--;
    io_stop_timer(events->io, series->timer);
    (void)memory_free(series->identity);
    arena_free(&series->arena);
    (void)memory_free(series);
}

struct events *events_free(struct events *events)
{
    if (!events) {
        return NULL;
    }
    while (events->oldest) {
        if (events->oldest->state == STATE_SENT) {
            io_cancel(events->io, events->oldest->call);
        }
        free_series(events->oldest);
    }
    io_stop_timer(events->io, events->sweep_timer);
    map_free(&events->by_identity);
    (void)memory_free(events->instance);
    return memory_free(events);
}

/* "OBJECT.HASH", at most 253 bytes. The time is in the hash: an event that ended can come again. */
static const char *name_event(struct series *series)
{
    const struct operation *about = &series->about;
    uint64_t hash = hash_text(HASH_SEED, series->identity);
    hash = hash_bytes(hash, &series->first_micros, sizeof(series->first_micros));
    size_t length = strlen(about->name);
    if (length > EVENT_NAME_MAXIMUM - EVENT_NAME_SUFFIX) {
        length = EVENT_NAME_MAXIMUM - EVENT_NAME_SUFFIX;
    }
    while (length > 0 && (about->name[length - 1] == '-' || about->name[length - 1] == '.')) {
        length--;
    }
    return arena_print(&series->arena, "%.*s.%016" PRIx64, (int)length, about->name, hash);
}

static struct operation copy_about(struct arena *arena, const struct operation *operation)
{
    return (struct operation){
        .type = OPERATION_EVENT,
        .kind = operation->kind,
        .namespace = arena_copy_text(arena, operation->namespace),
        .name = arena_copy_text(arena, operation->name),
        .uid = arena_copy_text(arena, operation->uid),
        .resource_version = arena_copy_text(arena, operation->resource_version),
        .reason = arena_copy_text(arena, operation->reason),
        .message = arena_copy_text(arena, operation->message),
        .warning = operation->warning,
    };
}

static void pump(struct events *events);

/* False when the queue is full; the event is counted as dropped then. */
static bool enqueue(struct series *series)
{
    struct events *events = series->events;
    if (events->numbers.queued >= EVENTS_QUEUE_MAXIMUM) {
        events->numbers.dropped++;
        if (!events->drop_was_logged) {
            log_warning("the queue of events is full, dropping events until there is room; this "
                        "is said once",
                        LOG_INTEGER("maximum", EVENTS_QUEUE_MAXIMUM));
            events->drop_was_logged = true;
        }
        return false;
    }
    series->state = STATE_QUEUED;
    series->next_queued = NULL;
    *events->queue_last = series;
    events->queue_last = &series->next_queued;
    events->numbers.queued++;
    return true;
}

static bool has_unsent(const struct series *series)
{
    return series->count > series->sent_count;
}

static void give_up(struct series *series, enum error_kind error, const char *message)
{
    struct events *events = series->events;
    events->numbers.failed++;
    if (!events->failure_was_logged) {
        log_warning("an event can't be recorded, going on without it; said again after a success",
                    LOG_TEXT("namespace", series->about.namespace),
                    LOG_TEXT("name", series->about.name), LOG_TEXT("reason", series->about.reason),
                    LOG_TEXT("error", error_kind_name(error)), LOG_TEXT("said", message));
        events->failure_was_logged = true;
    }
    if (!series->is_posted || series->is_finishing) {
        free_series(series);
        return;
    }
    series->sent_ms = io_now_ms(events->io); /* the next refresh tries again */
}

static void note_sent(struct series *series)
{
    struct events *events = series->events;
    uint64_t *counter = series->is_posted ? &events->numbers.patched : &events->numbers.posted;
    (*counter)++;
    events->failure_was_logged = false;
    series->tries = 0;
    series->is_posted = true;
    series->is_series = series->sending_count > 1;
    series->sent_count = series->sending_count;
    series->sent_ms = io_now_ms(events->io);
    if (series->is_finishing) {
        free_series(series);
    } else if (!series->is_series && has_unsent(series)) {
        (void)enqueue(series);
    }
}

static void fire_retry(void *context)
{
    struct series *series = context;
    struct events *events = series->events;
    series->timer = NULL;
    series->state = STATE_IDLE;
    if (!enqueue(series) && !series->is_posted) {
        free_series(series);
    }
    pump(events);
}

static void retry_later(struct series *series, int retry_after_seconds)
{
    struct events *events = series->events;
    int64_t delay_ms = (int64_t)EVENT_RETRY_FIRST_MS << (series->tries - 1);
    int64_t asked_ms = (int64_t)retry_after_seconds * MILLISECONDS;
    if (asked_ms > delay_ms) {
        delay_ms = asked_ms < EVENT_RETRY_LONGEST_MS ? asked_ms : EVENT_RETRY_LONGEST_MS;
    }
    series->state = STATE_RESTING;
    series->timer = io_start_timer(events->io, io_now_ms(events->io) + delay_ms, fire_retry,
                                   series);
}

static void judge(struct series *series, const struct io_response *response)
{
    struct arena scratch = {0};
    struct api_status status = {0};
    enum error_kind error = response->failure;
    const char *message = response->message;
    if (error == ERROR_NONE) {
        error = reaction_of_status(response->status, NULL);
    }
    if (response->failure == ERROR_NONE && error != ERROR_NONE && response->body) {
        codec_decode_status(&scratch, response->body, response->body_size, &status);
        error = reaction_of_status(response->status, status.reason);
        message = status.message;
    }
    bool is_worth_a_retry = error == ERROR_TOO_MANY || error == ERROR_UNAVAILABLE ||
                            error == ERROR_LOST;
    if (error == ERROR_NONE || (error == ERROR_EXISTS && !series->is_posted)) {
        /* AlreadyExists: an answer of an earlier try was lost (conformance C26). */
        note_sent(series);
    } else if (error == ERROR_NOT_FOUND && series->is_posted) {
        /* The API server forgets events after an hour: begin anew, with the count so far. */
        series->is_posted = false;
        if (!enqueue(series)) {
            free_series(series);
        }
    } else if (is_worth_a_retry && series->tries < EVENTS_TRIES) {
        retry_later(series, response->retry_after_seconds);
    } else {
        give_up(series, error, text_or(message, "no reason given"));
    }
    arena_free(&scratch);
}

static void take_answer(void *context, const struct io_response *response)
{
    struct series *series = context;
    struct events *events = series->events;
    series->call = NULL;
    series->state = STATE_IDLE;
    events->numbers.in_flight--;
    judge(series, response);
    pump(events);
}

static const char *render_whole(struct arena *arena, const struct series *series)
{
    const struct operation *about = &series->about;
    const struct render_event event = {
        .namespace = about->namespace,
        .name = series->name,
        .kind = about->kind,
        .object_name = about->name,
        .object_uid = about->uid,
        .object_resource_version = about->resource_version,
        .warning = about->warning,
        .reason = about->reason,
        .action = EVENT_ACTION,
        .note = about->message,
        .instance = series->events->instance,
        .time_micros = series->first_micros,
        .series_count = series->count > 1 ? series->count : 0,
        .series_time_micros = series->last_micros,
    };
    return render_event(arena, &event);
}

static void send_series(struct series *series)
{
    struct events *events = series->events;
    struct arena arena = {0};
    bool is_new = !series->is_posted;
    const char *body = is_new ? render_whole(&arena, series)
                              : render_event_series(&arena, series->count, series->last_micros);
    const struct io_request request = {
        .method = is_new ? "POST" : "PATCH",
        .path = request_events_path(&arena, series->about.namespace, is_new ? NULL : series->name),
        .content_type = is_new ? "application/json" : "application/merge-patch+json",
        .accept = REQUEST_ACCEPT_METADATA,
        .body = body,
        .body_size = strlen(body),
        .maximum = EVENT_ANSWER_MAXIMUM,
        .timeout_ms = EVENT_TIMEOUT_MS,
        .send_before_ms = events->lease->deadline_ms,
        .on_done = take_answer,
        .context = series,
    };
    series->state = STATE_SENT;
    series->sending_count = series->count;
    series->tries++;
    events->numbers.in_flight++;
    series->call = io_start(events->io, &request);
    arena_free(&arena);
}

static void pump(struct events *events)
{
    while (events->queue && events->numbers.in_flight < EVENTS_IN_FLIGHT) {
        struct series *series = events->queue;
        events->queue = series->next_queued;
        if (!events->queue) {
            events->queue_last = &events->queue;
        }
        events->numbers.queued--;
        series->state = STATE_IDLE;
        if (lease_allows_write_of(events->lease, series->term)) {
            send_series(series);
        } else {
            give_up(series, ERROR_CLOSED, "this process may not write any more");
        }
    }
}

/* Ends series that nothing was added to, and sends counts that have waited long enough. */
static void sweep_series(struct series *series, int64_t now_ms)
{
    if (series->state != STATE_IDLE) {
        return;
    }
    bool is_over = now_ms - series->last_seen_ms >= EVENTS_FINISH_MS;
    if (is_over && !has_unsent(series)) {
        free_series(series);
        return;
    }
    bool is_due = has_unsent(series) && now_ms - series->sent_ms >= EVENTS_REFRESH_MS;
    if (is_over || is_due) {
        series->term = series->events->lease->term; /* a count says nothing about plans */
        series->tries = 0;
        series->is_finishing = is_over;
        (void)enqueue(series);
    }
}

static void fire_sweep(void *context)
{
    struct events *events = context;
    events->sweep_timer = NULL;
    int64_t now_ms = io_now_ms(events->io);
    for (struct series *series = events->oldest; series;) {
        struct series *newer = series->newer;
        sweep_series(series, now_ms);
        series = newer;
    }
    pump(events);
    if (events->oldest && !events->sweep_timer) {
        events->sweep_timer = io_start_timer(events->io, now_ms + EVENT_SWEEP_MS, fire_sweep,
                                             events);
    }
}

/* Room for one more: the one that was quiet longest goes, if it is not just being sent. */
static bool make_room(struct events *events)
{
    if (events->numbers.remembered < EVENTS_SERIES_MAXIMUM) {
        return true;
    }
    struct series *quiet = events->oldest;
    while (quiet && quiet->state != STATE_IDLE) {
        quiet = quiet->newer;
    }
    if (!quiet) {
        return false;
    }
    free_series(quiet);
    return true;
}

static void record_first(struct events *events, const struct operation *operation, char *identity)
{
    if (!make_room(events)) {
        events->numbers.dropped++;
        (void)memory_free(identity);
        return;
    }
    struct series *series = memory_allocate(1, sizeof(*series));
    series->events = events;
    series->arena.first_block_size = EVENT_BLOCK_SIZE;
    series->identity = identity;
    series->about = copy_about(&series->arena, operation);
    series->count = 1;
    series->term = events->lease->term;
    series->first_micros = io_unix_micros(events->io);
    series->last_micros = series->first_micros;
    series->last_seen_ms = io_now_ms(events->io);
    series->name = name_event(series);
    (void)map_put(&events->by_identity, identity, series);
    link_as_newest(series);
    events->numbers.remembered++;
    if (!enqueue(series)) {
        free_series(series);
        return;
    }
    if (!events->sweep_timer) {
        events->sweep_timer = io_start_timer(events->io, series->last_seen_ms + EVENT_SWEEP_MS,
                                             fire_sweep, events);
    }
}

static void record_again(struct series *series)
{
    series->count++;
    series->last_micros = io_unix_micros(series->events->io);
    series->last_seen_ms = io_now_ms(series->events->io);
    series->is_finishing = false;
    series->term = series->events->lease->term;
    unlink_series(series);
    link_as_newest(series);
    /* The second makes it a series at once; further ones wait for the refresh. */
    if (series->state == STATE_IDLE && !series->is_series) {
        series->tries = 0;
        (void)enqueue(series);
    }
}

void events_record(struct events *events, const struct operation *operation)
{
    events->numbers.recorded++;
    char *identity = memory_print("%s\n%c\n%s\n%s", text_or(operation->uid, ""),
                                  operation->warning ? 'W' : 'N', operation->reason,
                                  operation->message);
    struct series *series = map_get(&events->by_identity, identity);
    if (series) {
        (void)memory_free(identity);
        record_again(series);
    } else {
        record_first(events, operation, identity);
    }
    pump(events);
}

struct events_numbers events_numbers(const struct events *events)
{
    return events->numbers;
}
