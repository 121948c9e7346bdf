#include "support/fake_io.h"

#include "core/assert.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "support/fake_exchange.h"

#include <string.h>

/* Bytes of a refusal's body that a streaming request keeps; see kube/io.h. */
enum { STREAM_REFUSAL_MAXIMUM = 64 * 1024 };

/* A run that does not come to rest is a loop in what is tested. */
enum { STEPS_MAXIMUM = 10 * 1000 * 1000 };

static const int64_t START_MS = 1000 * 1000;
static const int64_t START_UNIX_MICROS = INT64_C(1767225600) * 1000 * 1000; /* 2026-01-01 */
static const int64_t NEVER = INT64_MAX;

struct io_call {
    struct io_call *next; /* oldest first */
    struct fake_request sent;
    struct io_request request;
    int64_t last_byte_ms;
    int64_t answer_at_ms; /* NEVER: none scripted */
    struct fake_answer answer;
    uint64_t bytes_received;
    char *content_type; /* of what is fed */
    bool type_is_told;
};

struct io_timer {
    struct io_timer *next; /* by time, then by order of starting */
    int64_t at_ms;
    void (*fire)(void *context);
    void *context;
};

struct zone_bytes {
    void *bytes;
    size_t size;
};

struct fake_io {
    int64_t now_ms;
    int64_t unix_micros;
    struct prng prng;
    bool random_is_fixed;
    uint64_t fixed_random;
    struct fake_script *scripts;
    struct io_call *calls;
    struct io_timer *timers;
    struct map zones;
    struct fake_request *history;
    size_t history_count;
    size_t history_capacity;
    uint64_t sent;
    size_t cancelled;
    struct fake_fetch *fetches;
};

static void free_call(struct io_call *call)
{
    fake_request_free(&call->sent);
    fake_answer_free(&call->answer);
    (void)memory_free(call->content_type);
    (void)memory_free(call);
}

/* Scripts */

static void add_script(struct fake_io *fake, struct fake_script *script)
{
    struct fake_script **end = &fake->scripts;
    while (*end) {
        end = &(*end)->next;
    }
    *end = script;
}

void fake_io_script(struct fake_io *fake, const char *method, const char *path,
                    struct fake_answer answer)
{
    add_script(fake, fake_script_new(method, path, &answer, false));
}

void fake_io_script_always(struct fake_io *fake, const char *method, const char *path,
                           struct fake_answer answer)
{
    add_script(fake, fake_script_new(method, path, &answer, true));
}

size_t fake_io_unused_scripts(const struct fake_io *fake)
{
    size_t count = 0;
    for (const struct fake_script *script = fake->scripts; script; script = script->next) {
        count += script->always ? 0 : 1;
    }
    return count;
}

void fake_io_clear_scripts(struct fake_io *fake)
{
    while (fake->scripts) {
        struct fake_script *script = fake->scripts;
        fake->scripts = script->next;
        fake_script_free(script);
    }
}

static void take_script(struct fake_io *fake, struct io_call *call)
{
    for (struct fake_script **link = &fake->scripts; *link; link = &(*link)->next) {
        struct fake_script *script = *link;
        if (!fake_request_matches(&call->sent, script->method, script->path)) {
            continue;
        }
        call->answer = fake_answer_copy(&script->answer);
        call->answer_at_ms = fake->now_ms + script->answer.delay_ms;
        if (!script->always) {
            *link = script->next;
            fake_script_free(script);
        }
        return;
    }
}

/* Calls */

static void remember_request(struct fake_io *fake, const struct fake_request *request)
{
    fake->history = memory_grow(fake->history, &fake->history_capacity, fake->history_count + 1,
                                sizeof(*fake->history));
    fake->history[fake->history_count++] = fake_request_copy(request);
}

static struct io_call *start_call(void *self, const struct io_request *request)
{
    struct fake_io *fake = self;
    REQUIRE(request->method && request->path && request->on_done);
    struct io_call *call = memory_allocate(1, sizeof(*call));
    call->request = *request;
    call->sent = fake_request_copy(&(struct fake_request){.number = ++fake->sent,
                                                          .sent_at_ms = fake->now_ms,
                                                          .method = request->method,
                                                          .path = request->path,
                                                          .content_type = request->content_type,
                                                          .accept = request->accept,
                                                          .body = request->body,
                                                          .body_size = request->body_size,
                                                          .timeout_ms = request->timeout_ms,
                                                          .idle_ms = request->idle_ms,
                                                          .send_before_ms = request->send_before_ms,
                                                          .maximum = request->maximum,
                                                          .streams = request->on_data != NULL});
    call->last_byte_ms = fake->now_ms;
    call->answer_at_ms = NEVER;
    if (request->send_before_ms != 0 && fake->now_ms >= request->send_before_ms) {
        call->answer = fake_answer_copy(
            &(struct fake_answer){.failure = ERROR_CLOSED, .message = "not sent: too late"});
        call->answer_at_ms = fake->now_ms;
    } else {
        remember_request(fake, &call->sent);
        take_script(fake, call);
    }
    struct io_call **end = &fake->calls;
    while (*end) {
        end = &(*end)->next;
    }
    *end = call;
    return call;
}

static struct io_call **find_call(struct fake_io *fake, const struct io_call *call)
{
    struct io_call **link = &fake->calls;
    while (*link && *link != call) {
        link = &(*link)->next;
    }
    return link;
}

static void cancel_call(void *self, struct io_call *call)
{
    struct fake_io *fake = self;
    struct io_call **link = find_call(fake, call);
    REQUIRE(*link == call); /* cancelled twice, or after on_done */
    *link = call->next;
    fake->cancelled++;
    free_call(call);
}

struct io_call *fake_io_find_open(struct fake_io *fake, const char *method, const char *path)
{
    for (struct io_call *call = fake->calls; call; call = call->next) {
        if (fake_request_matches(&call->sent, method, path)) {
            return call;
        }
    }
    return NULL;
}

struct io_call *fake_io_next_open(struct fake_io *fake, uint64_t number)
{
    struct io_call *call = fake->calls;
    while (call && call->sent.number <= number) {
        call = call->next;
    }
    return call;
}

size_t fake_io_open_count(const struct fake_io *fake)
{
    size_t count = 0;
    for (const struct io_call *call = fake->calls; call; call = call->next) {
        count++;
    }
    return count;
}

const struct fake_request *fake_io_request_of(const struct io_call *call)
{
    return &call->sent;
}

static int retry_after_of(const struct fake_answer *answer)
{
    if (answer->retry_after_seconds == FAKE_RETRY_AFTER_ZERO) {
        return 0;
    }
    return answer->retry_after_seconds ? answer->retry_after_seconds : IO_NO_RETRY_AFTER;
}

/* Takes the call off the list first: its on_done may start others or free everything. */
static void complete(struct fake_io *fake, struct io_call *call, const struct io_response *response)
{
    struct io_call **link = find_call(fake, call);
    REQUIRE(*link == call);
    *link = call->next;
    call->request.on_done(call->request.context, response);
    free_call(call);
}

void fake_io_set_content_type(struct io_call *call, const char *content_type)
{
    (void)memory_free(call->content_type);
    call->content_type = memory_copy_text(content_type);
}

static void tell_content_type(struct io_call *call)
{
    if (call->request.on_content_type && !call->type_is_told) {
        call->request.on_content_type(call->request.context, call->content_type);
    }
    call->type_is_told = true;
}

bool fake_io_feed(struct fake_io *fake, struct io_call *call, const void *bytes, size_t size)
{
    REQUIRE(call->request.on_data);
    uint64_t number = call->sent.number;
    call->last_byte_ms = fake->now_ms;
    call->bytes_received += size;
    tell_content_type(call);
    /* A heap copy of the exact size: the sanitizer sees a read beyond it. */
    char *copy = memory_allocate(size, 1);
    memcpy(copy, bytes, size);
    struct result result = call->request.on_data(call->request.context, copy, size);
    (void)memory_free(copy);
    struct io_call *alive = *find_call(fake, call);
    if (!alive || alive->sent.number != number) {
        return false;
    }
    if (!result_is_ok(result)) {
        complete(fake, call,
                 &(struct io_response){.failure = ERROR_CLOSED,
                                       .message = "stopped by the receiver",
                                       .status = 200,
                                       .retry_after_seconds = IO_NO_RETRY_AFTER,
                                       .bytes_received = call->bytes_received});
        return false;
    }
    return true;
}

bool fake_io_feed_text(struct fake_io *fake, struct io_call *call, const char *text)
{
    return fake_io_feed(fake, call, text, strlen(text));
}

void fake_io_finish(struct fake_io *fake, struct io_call *call, struct fake_answer answer)
{
    struct fake_answer kept = fake_answer_copy(&answer);
    bool streamed = call->request.on_data && kept.status >= 200 && kept.status < 300;
    bool over = false;
    if (streamed && kept.body_size > 0) {
        if (kept.content_type) {
            fake_io_set_content_type(call, kept.content_type);
        }
        over = !fake_io_feed(fake, call, kept.body, kept.body_size);
    } else {
        call->bytes_received += kept.body_size;
    }
    if (!over) {
        struct io_response response = {.failure = kept.failure,
                                       .message = kept.failure ? text_or(kept.message, "failed")
                                                               : kept.message,
                                       .status = kept.status,
                                       .retry_after_seconds = retry_after_of(&kept),
                                       .content_type = kept.content_type,
                                       .warning = kept.warning,
                                       .bytes_received = call->bytes_received};
        size_t maximum = call->request.on_data ? STREAM_REFUSAL_MAXIMUM : call->request.maximum;
        if (!streamed && !kept.failure && kept.body_size > maximum) {
            response.failure = ERROR_LIMIT;
            response.message = "the answer is over the maximum";
        } else if (!streamed && !kept.failure) {
            response.body = text_or(kept.body, "");
            response.body_size = kept.body_size;
        }
        complete(fake, call, &response);
    }
    fake_answer_free(&kept);
}

/* Timers */

static struct io_timer *start_timer(void *self, int64_t at_ms, void (*fire)(void *context),
                                    void *context)
{
    struct fake_io *fake = self;
    struct io_timer *timer = memory_allocate(1, sizeof(*timer));
    *timer = (struct io_timer){.at_ms = at_ms, .fire = fire, .context = context};
    struct io_timer **link = &fake->timers;
    while (*link && (*link)->at_ms <= at_ms) {
        link = &(*link)->next;
    }
    timer->next = *link;
    *link = timer;
    return timer;
}

static void stop_timer(void *self, struct io_timer *timer)
{
    struct fake_io *fake = self;
    if (!timer) {
        return;
    }
    struct io_timer **link = &fake->timers;
    while (*link && *link != timer) {
        link = &(*link)->next;
    }
    REQUIRE(*link == timer); /* stopped twice, or after it fired */
    *link = timer->next;
    (void)memory_free(timer);
}

int64_t fake_io_next_timer_ms(const struct fake_io *fake)
{
    return fake->timers ? fake->timers->at_ms : NEVER;
}

size_t fake_io_timer_count(const struct fake_io *fake)
{
    size_t count = 0;
    for (const struct io_timer *timer = fake->timers; timer; timer = timer->next) {
        count++;
    }
    return count;
}

/* Time */

/* When something happens to this call by itself. */
static int64_t due_of(const struct io_call *call)
{
    int64_t due = call->answer_at_ms;
    if (call->request.idle_ms > 0 && call->last_byte_ms + call->request.idle_ms < due) {
        due = call->last_byte_ms + call->request.idle_ms;
    }
    if (call->request.timeout_ms > 0 && call->sent.sent_at_ms + call->request.timeout_ms < due) {
        due = call->sent.sent_at_ms + call->request.timeout_ms;
    }
    return due;
}

static struct io_call *next_call(const struct fake_io *fake)
{
    struct io_call *next = NULL;
    for (struct io_call *call = fake->calls; call; call = call->next) {
        if (due_of(call) != NEVER && (!next || due_of(call) < due_of(next))) {
            next = call;
        }
    }
    return next;
}

static void settle_call(struct fake_io *fake, struct io_call *call)
{
    if (call->answer_at_ms <= due_of(call)) {
        fake_io_finish(fake, call, call->answer);
        return;
    }
    bool idle = call->request.idle_ms > 0 &&
                due_of(call) == call->last_byte_ms + call->request.idle_ms;
    fake_io_finish(
        fake, call,
        (struct fake_answer){.failure = ERROR_LOST,
                             .message = idle ? "no byte arrived for too long" : "timed out"});
}

/* Does the next thing that is due until `until_ms`; false when there is none. */
static bool step(struct fake_io *fake, int64_t until_ms)
{
    struct io_call *call = next_call(fake);
    int64_t call_at = call ? due_of(call) : NEVER;
    int64_t timer_at = fake_io_next_timer_ms(fake);
    int64_t at = call_at < timer_at ? call_at : timer_at;
    if (at == NEVER || at > until_ms) {
        return false;
    }
    if (at > fake->now_ms) {
        fake->unix_micros += (at - fake->now_ms) * 1000;
        fake->now_ms = at;
    }
    if (call_at <= timer_at) {
        settle_call(fake, call);
        return true;
    }
    struct io_timer *timer = fake->timers;
    fake->timers = timer->next;
    timer->fire(timer->context);
    (void)memory_free(timer);
    return true;
}

void fake_io_advance(struct fake_io *fake, int64_t milliseconds)
{
    int64_t until = fake->now_ms + milliseconds;
    for (int steps = 0; step(fake, until); steps++) {
        REQUIRE(steps < STEPS_MAXIMUM);
    }
    if (until > fake->now_ms) {
        fake->unix_micros += (until - fake->now_ms) * 1000;
        fake->now_ms = until;
    }
}

void fake_io_run(struct fake_io *fake)
{
    fake_io_advance(fake, 0);
}

void fake_io_jump(struct fake_io *fake, int64_t milliseconds)
{
    fake->now_ms += milliseconds;
    fake->unix_micros += milliseconds * 1000;
}

int64_t fake_io_now_ms(const struct fake_io *fake)
{
    return fake->now_ms;
}

void fake_io_set_unix_micros(struct fake_io *fake, int64_t unix_micros)
{
    fake->unix_micros = unix_micros;
}

static int64_t read_now_ms(void *self)
{
    const struct fake_io *fake = self;
    return fake->now_ms;
}

static int64_t read_unix_micros(void *self)
{
    const struct fake_io *fake = self;
    return fake->unix_micros;
}

/* Randomness and zones */

void fake_io_fix_random(struct fake_io *fake, uint64_t value)
{
    fake->random_is_fixed = true;
    fake->fixed_random = value;
}

void fake_io_free_random(struct fake_io *fake)
{
    fake->random_is_fixed = false;
}

static uint64_t draw_random(void *self)
{
    struct fake_io *fake = self;
    return fake->random_is_fixed ? fake->fixed_random : prng_next(&fake->prng);
}

void fake_io_add_zone(struct fake_io *fake, const char *name, const void *bytes, size_t size)
{
    struct zone_bytes *zone = memory_allocate(1, sizeof(*zone));
    *zone = (struct zone_bytes){.bytes = fake_bytes_copy(bytes, size), .size = size};
    struct zone_bytes *before = map_put(&fake->zones, name, zone);
    if (before) {
        (void)memory_free(before->bytes);
        (void)memory_free(before);
    }
}

static struct result read_zone(void *self, const char *name, struct buffer *bytes,
                               struct error *error)
{
    const struct fake_io *fake = self;
    const struct zone_bytes *zone = map_get(&fake->zones, name);
    if (!zone) {
        return error_set(error, ERROR_NOT_FOUND, "no time zone %s", name);
    }
    return buffer_append(bytes, zone->bytes, zone->size);
}

/* What was sent */

size_t fake_io_sent_count(const struct fake_io *fake)
{
    return fake->history_count;
}

const struct fake_request *fake_io_sent(const struct fake_io *fake, size_t at)
{
    REQUIRE(at < fake->history_count);
    return &fake->history[at];
}

size_t fake_io_count_sent(const struct fake_io *fake, const char *method, const char *path)
{
    size_t count = 0;
    for (size_t at = 0; at < fake->history_count; at++) {
        count += fake_request_matches(&fake->history[at], method, path) ? 1 : 0;
    }
    return count;
}

void fake_io_forget(struct fake_io *fake)
{
    for (size_t at = 0; at < fake->history_count; at++) {
        fake_request_free(&fake->history[at]);
    }
    fake->history_count = 0;
}

size_t fake_io_cancelled_count(const struct fake_io *fake)
{
    return fake->cancelled;
}

struct fake_io *fake_io_new(void)
{
    struct fake_io *fake = memory_allocate(1, sizeof(*fake));
    fake->now_ms = START_MS;
    fake->unix_micros = START_UNIX_MICROS;
    prng_seed(&fake->prng, 1);
    fake->fetches = fake_fetch_new();
    return fake;
}

struct fake_io *fake_io_free(struct fake_io *fake)
{
    if (!fake) {
        return NULL;
    }
    fake_io_clear_scripts(fake);
    fake_io_forget(fake);
    (void)memory_free(fake->history);
    while (fake->calls) {
        struct io_call *call = fake->calls;
        fake->calls = call->next;
        free_call(call);
    }
    while (fake->timers) {
        stop_timer(fake, fake->timers);
    }
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&fake->zones, &at)) != NULL;) {
        struct zone_bytes *zone = entry->value;
        (void)memory_free(zone->bytes);
        (void)memory_free(zone);
    }
    map_free(&fake->zones);
    fake->fetches = fake_fetch_free(fake->fetches);
    return memory_free(fake);
}

struct fake_fetch *fake_io_fetches(struct fake_io *fake)
{
    return fake->fetches;
}

static struct io_visit *start_fetch(void *self, const struct io_fetch *asked)
{
    return fake_fetch_start(((struct fake_io *)self)->fetches, asked);
}

static void cancel_fetch(void *self, struct io_visit *visit)
{
    fake_fetch_cancel(((struct fake_io *)self)->fetches, visit);
}

struct io fake_io_seam(struct fake_io *fake)
{
    static const struct io_table table = {.start = start_call,
                                          .cancel = cancel_call,
                                          .fetch = start_fetch,
                                          .cancel_fetch = cancel_fetch,
                                          .now_ms = read_now_ms,
                                          .unix_micros = read_unix_micros,
                                          .random = draw_random,
                                          .start_timer = start_timer,
                                          .stop_timer = stop_timer,
                                          .read_zone = read_zone};
    return (struct io){.table = &table, .self = fake};
}
