#include "support/test.h"

#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/real.h"
#include "kube/reflector.h"
#include "support/peer_process.h"
#include "support/recorded.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * C10, C13: the real client over a long life. A reflector of Jobs reads recorded events in the
 * protobuf form from a peer in another process, over TLS and HTTP/2, and its watches end in every
 * way that there is: at their end, by RST_STREAM, by GOAWAY, in the middle of a frame with the
 * connection, refused, expired; with POSTs beside them. Memory, resident or live, and descriptors
 * stay as they are after the first tenth. TIDEMILL_FULL=1 makes it 100,000 watches and 1,000,000
 * events.
 */

enum {
    TENTHS = 10,
    WATCHES_BOUNDED = 2000,
    WATCHES_FULL = 120 * 1000, /* an eighth is refused, and asked for again */
    ROUNDS = 2,                /* of the recorded changes, in a watch */
    EVENTS_MAXIMUM = 16,
    TICK_MS = 5,
    LIMIT_MS = 20 * 60 * 1000,
    FILES_MAXIMUM = 256,
    SLACK_BYTES = 64 * 1024, /* glibc keeps some of what was freed as if it were in use */
    SLACK_RESIDENT = 2 * 1024 * 1024,
    POST_MAXIMUM = 64
};

#define JOBS_TYPE     "application/vnd.kubernetes.protobuf;stream=watch"
#define FIRST_VERSION 1000000000LL

/* Live bytes of the heap; there in a build with ASan. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* What was freed does not stay resident for long, as ASan would else have it. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1:thread_local_quarantine_size_kb=16";
}

static int watches_wanted(void)
{
    return text_is_empty(getenv("TIDEMILL_FULL")) ? WATCHES_BOUNDED : WATCHES_FULL;
}

/* ---- The peer, in its own process ---- */

static struct {
    struct recorded recorded;
    long long version;
    int watches;
    struct peer_connection *held; /* the watch that goes on until the test has measured */
    uint32_t held_stream;
} server;

static void send_event(const struct peer_request *request, const char *event, size_t size)
{
    char version[24];
    (void)snprintf(version, sizeof(version), "%lld", ++server.version);
    struct wire_text made = wire_event_at(event, size, version);
    const unsigned char length[4] = {0, 0, (unsigned char)(made.size >> 8),
                                     (unsigned char)made.size};
    peer_send_data(request->connection, request->stream, length, sizeof(length), false);
    peer_send_data(request->connection, request->stream, made.bytes, made.size, false);
}

/* Those of a streaming list up to its bookmark, or those behind it. */
static void send_events(const struct peer_request *request, bool is_list)
{
    const char *event = NULL;
    size_t size = 0;
    bool in_list = true;
    for (size_t at = 0; recorded_next_event(&server.recorded, &at, &event, &size);) {
        if (in_list == is_list) {
            send_event(request, event, size);
        }
        in_list = in_list && !memmem(event, size, "initial-events-end", 18);
    }
}

/* "failed" was deleted by the recorded changes: it is there again, as in the list. */
static void send_failed(const struct peer_request *request)
{
    const char *event = NULL;
    size_t size = 0;
    for (size_t at = 0, number = 0; recorded_next_event(&server.recorded, &at, &event, &size);
         number++) {
        if (number == 2) {
            send_event(request, event, size);
        }
    }
}

static void end_watch(const struct peer_request *request, int way)
{
    static const unsigned char half_of_a_frame[] = {0, 0, 5, 0, 'k', '8', 's'};
    struct peer_connection *connection = request->connection;
    switch (way) {
    case 1:
        peer_send_reset(connection, request->stream);
        break;
    case 2:
        peer_send_goaway(connection, request->stream);
        peer_end(connection, request->stream);
        break;
    case 3:
        peer_send_data(connection, request->stream, half_of_a_frame, sizeof(half_of_a_frame),
                       false);
        peer_hang_up(connection);
        break;
    default:
        peer_end(connection, request->stream);
        break;
    }
}

static void answer_watch(const struct peer_request *request)
{
    enum { WAYS = 8, REFUSED = 4, EXPIRED = 5, GONE = 410 };
    bool is_list = strstr(request->head, "sendInitialEvents=true") != NULL;
    int way = server.watches++ % WAYS;
    bool is_held = server.watches % (watches_wanted() / TENTHS) == 0;
    if (!is_list && !is_held && way == REFUSED) {
        peer_refuse(request);
        return;
    }
    if (!is_list && !is_held && way == EXPIRED) {
        peer_send_status(request, GONE, true);
        return;
    }
    peer_begin(request);
    if (is_list) {
        send_events(request, true);
    }
    for (int round = 0; round < ROUNDS; round++) {
        send_events(request, false);
        send_failed(request);
    }
    if (is_held) {
        server.held = request->connection;
        server.held_stream = request->stream;
    } else {
        end_watch(request, way);
    }
}

/* POST /held asks whether the watch is held; POST /go ends it. */
static void answer_post(const struct peer_request *request)
{
    const char *text = server.held ? "yes" : "no";
    peer_begin(request);
    peer_send_data(request->connection, request->stream, text, strlen(text), true);
    if (server.held && strstr(request->head, "/go\r\n")) {
        peer_end(server.held, server.held_stream);
        server.held = NULL;
    }
}

static void answer(void *context, const struct peer_request *request)
{
    (void)context;
    if (!server.recorded.bytes) {
        server.recorded = recorded_read("jobs-watch.pb");
        server.version = FIRST_VERSION;
    }
    if (request->has_body) {
        answer_post(request);
    } else {
        answer_watch(request);
    }
}

/* ---- What is measured ---- */

struct measured {
    size_t live;
    size_t resident;
    size_t cached;
    int files;
};

static size_t live_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes) {
        return __sanitizer_get_current_allocated_bytes();
    }
    struct mallinfo2 information = mallinfo2();
    return information.uordblks + information.hblkhd;
}

static size_t resident_bytes(void)
{
    char text[128] = "";
    size_t pages = 0;
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && read(file, text, sizeof(text) - 1) > 0);
    (void)close(file);
    assert_int_equal(sscanf(text, "%*u %zu", &pages), 1);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int open_files(void)
{
    int count = 0;
    for (int file = 0; file < FILES_MAXIMUM; file++) {
        count += fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

/* ---- The client ---- */

struct life {
    struct real_io *real;
    struct io io;
    struct cache *cache;
    struct reflector *reflector;
    int tenths; /* measured so far */
    struct measured first;
    struct measured last;
    uint64_t posts;
    uint64_t posts_lost;
};

static void ask(void *context);

static void start_post(struct life *life, const char *path,
                       void (*on_done)(void *context, const struct io_response *response))
{
    life->posts++;
    (void)io_start(life->io, &(struct io_request){.method = "POST",
                                                  .path = path,
                                                  .content_type = "application/json",
                                                  .body = "{}",
                                                  .body_size = 2,
                                                  .maximum = POST_MAXIMUM,
                                                  .timeout_ms = LIMIT_MS,
                                                  .on_done = on_done,
                                                  .context = life});
}

static void ask_soon(struct life *life)
{
    (void)io_start_timer(life->io, io_now_ms(life->io) + TICK_MS, ask, life);
}

static void went_on(void *context, const struct io_response *response)
{
    assert_int_equal(response->failure, ERROR_NONE);
    ask_soon(context);
}

static void check_measured(const struct life *life)
{
    const struct measured *first = &life->first;
    const struct measured *last = &life->last;
    assert_in_range(last->live, first->live - SLACK_BYTES, first->live + SLACK_BYTES);
    assert_true(last->resident <= first->resident + SLACK_RESIDENT);
    assert_int_equal(last->cached, first->cached);
    assert_int_equal(last->files, first->files);
    assert_true(reflector_held_bytes(life->reflector) <= 64 * 1024);
}

/* One watch is open, and nothing else is under way. */
static void measure(void *context)
{
    struct life *life = context;
    assert_int_equal(cache_numbers(life->cache, KIND_JOB).objects, 4);
    memory_give_back();
    life->last = (struct measured){.live = live_bytes(),
                                   .resident = resident_bytes(),
                                   .cached = cache_numbers(life->cache, KIND_JOB).bytes,
                                   .files = open_files()};
    if (life->tenths++ == 0) {
        life->first = life->last;
    }
    check_measured(life);
    if (life->tenths == TENTHS) {
        real_io_stop(life->real);
        return;
    }
    start_post(life, "/go", went_on);
}

static void take_held(void *context, const struct io_response *response)
{
    struct life *life = context;
    life->posts_lost += response->failure != ERROR_NONE ? 1 : 0;
    if (response->failure == ERROR_NONE && text_equal(response->body, "yes")) {
        (void)io_start_timer(life->io, io_now_ms(life->io), measure, life);
    } else {
        ask_soon(life);
    }
}

static void ask(void *context)
{
    start_post(context, "/held", take_held);
}

static void end_late(void *context)
{
    (void)context;
    fail_msg("it did not end in time");
}

static void print_figures(const struct life *life)
{
    const struct reflector_numbers *numbers = reflector_numbers(life->reflector);
    uint64_t events = 0;
    for (int type = 0; type < REFLECTOR_EVENT_TYPE_COUNT; type++) {
        events += numbers->events[type];
    }
    print_message(
        "%llu watches and %llu streaming lists on %llu connections, %llu events, %llu "
        "POSTs of which %llu were lost; after a tenth and at the end: %zu and %zu bytes "
        "live, %zu and %zu KiB resident, %d descriptors\n",
        (unsigned long long)numbers->watch_requests, (unsigned long long)numbers->stream_requests,
        (unsigned long long)real_io_counters(life->real).connections, (unsigned long long)events,
        (unsigned long long)life->posts, (unsigned long long)life->posts_lost, life->first.live,
        life->last.live, life->first.resident / 1024, life->last.resident / 1024, life->last.files);
    assert_true(numbers->watch_requests + numbers->stream_requests >=
                (uint64_t)watches_wanted() * 17 / 20);
    assert_true(events >= (uint64_t)watches_wanted() * 9);
    assert_int_equal(numbers->poisons, 0);
}

static void c10_c13_the_real_client_stays_flat_over_watches_that_end_in_every_way(void **state)
{
    (void)state;
    struct peer_identity *identity = peer_identity_new(NULL);
    struct peer_process peer = peer_process_start(&(struct peer_options){.protocol = PEER_HTTP2,
                                                                         .identity = identity,
                                                                         .content_type = JOBS_TYPE,
                                                                         .forgets = true,
                                                                         .on_request = answer});
    const char *pem = peer_identity_certificate(identity);
    char address[64];
    (void)snprintf(address, sizeof(address), "https://127.0.0.1:%u", peer.port);
    const struct access access = {.server = address,
                                  .source = "the test",
                                  .token = "t",
                                  .authority = {.data = pem, .size = strlen(pem)}};
    struct error error = {0};
    struct life life = {.cache = cache_new()};
    if (!result_is_ok(
            real_io_open(&(struct real_io_options){.access = &access}, &life.real, &error))) {
        fail_msg("%s", error.message);
    }
    life.io = real_io_seam(life.real);
    life.reflector = reflector_new(life.io, life.cache, KIND_JOB);
    reflector_start(life.reflector);
    struct io_timer *limit = io_start_timer(life.io, io_now_ms(life.io) + LIMIT_MS, end_late, NULL);
    ask_soon(&life);
    assert_true(result_is_ok(real_io_run(life.real, &error)));
    io_stop_timer(life.io, limit);
    print_figures(&life);
    life.reflector = reflector_free(life.reflector);
    life.real = real_io_close(life.real);
    (void)cache_free(life.cache);
    peer_process_stop(&peer);
    peer_identity_free(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c10_c13_the_real_client_stays_flat_over_watches_that_end_in_every_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
