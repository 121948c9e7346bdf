#include "support/test.h"

#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "kube/reflector.h"
#include "kube/watch_stream.h"
#include "support/http_bench.h"
#include "support/reflector_world.h"

#include <stdio.h>
#include <string.h>

/*
 * The client as a whole: reflectors over the real HTTP client, and a scripted peer on loopback in
 * the API server's place (conformance C4, C6, C10, C13).
 */

enum { REFLECTORS_MAXIMUM = 10, TEXT_MAXIMUM = 8192, WATCHES_MAXIMUM = 4096 };

/* What the peer does with the requests of one test. */
struct client {
    struct bench bench;
    struct reflector *reflectors[REFLECTORS_MAXIMUM];
    struct cache *caches[REFLECTORS_MAXIMUM];
    size_t count;
    const char *awaited; /* resourceVersion that every cache shall reach */
    void *script;
    struct peer_request ended; /* by the peer, as soon as the cache has reached `ends_at` */
    const char *ends_at;

    size_t gets;
    char heads[4][512]; /* of the first GETs; HTTP/1.1 */
};

/* One certificate for all: making keys takes time. */
static struct peer_identity *identity;

static int make_identity(void **state)
{
    (void)state;
    identity = peer_identity_new(NULL);
    return 0;
}

static int free_identity(void **state)
{
    (void)state;
    peer_identity_free(identity);
    return 0;
}

static const struct {
    const char *name;
    enum peer_protocol protocol;
} protocols[] = {
    {"HTTP/1.1", PEER_HTTP}, {"HTTP/1.1 over TLS", PEER_HTTPS}, {"HTTP/2", PEER_HTTP2}};

/* bench_open() makes the bench the peer's context; it is the first thing in a client. */
static struct client *client_of(void *context)
{
    return (struct client *)context;
}

static void open_client(struct client *client, enum peer_protocol protocol, size_t count,
                        uint32_t streams_maximum,
                        void (*on_request)(void *context, const struct peer_request *request))
{
    if (protocol != PEER_HTTP) {
        const char *pem = peer_identity_certificate(identity);
        client->bench.access.authority = (struct access_material){.data = pem, .size = strlen(pem)};
    }
    bench_open(&client->bench, &(struct peer_options){.protocol = protocol,
                                                      .identity = identity,
                                                      .streams_maximum = streams_maximum,
                                                      .on_request = on_request});
    client->count = count;
    for (size_t at = 0; at < count; at++) {
        client->caches[at] = cache_new();
        client->reflectors[at] = reflector_new(bench_io(&client->bench), client->caches[at],
                                               KIND_PIPELINE_RUN);
        reflector_start(client->reflectors[at]);
    }
}

static void close_client(struct client *client)
{
    for (size_t at = 0; at < client->count; at++) {
        client->reflectors[at] = reflector_free(client->reflectors[at]);
        client->caches[at] = cache_free(client->caches[at]);
    }
    bench_close(&client->bench);
}

static bool all_have_reached(const struct client *client, const char *version)
{
    for (size_t at = 0; at < client->count; at++) {
        if (!cache_has_reached(client->caches[at], KIND_PIPELINE_RUN, version)) {
            return false;
        }
    }
    return true;
}

static bool has_arrived(void *context)
{
    const struct client *client = context;
    return all_have_reached(client, client->awaited);
}

static void await_version(struct client *client, const char *version)
{
    client->awaited = version;
    bench_wait_for(&client->bench, has_arrived, client);
}

static const char *runs_of(struct client *client, size_t at)
{
    return cached_runs(&(struct reflector_world){.cache = client->caches[at]});
}

static const struct reflector_numbers *numbers_of(const struct client *client, size_t at)
{
    return reflector_numbers(client->reflectors[at]);
}

static void send_text(const struct peer_request *request, const char *text)
{
    peer_send_piece(request->connection, request->stream, text, strlen(text));
}

/* ---- Bytes ---- */

/* A text that is sent in pieces, each of which is a chunk or frame of its own. */
struct pieces {
    char text[TEXT_MAXIMUM];
    size_t size; /* 0: of random sizes */
    struct prng prng;
};

static void answer_in_pieces(void *context, const struct peer_request *request)
{
    struct pieces *pieces = client_of(context)->script;
    peer_begin(request);
    size_t size = strlen(pieces->text);
    for (size_t at = 0; at < size;) {
        size_t piece = pieces->size > 0 ? pieces->size : 1 + prng_next(&pieces->prng) % 97;
        piece = piece < size - at ? piece : size - at;
        peer_send_piece(request->connection, request->stream, pieces->text + at, piece);
        at += piece;
    }
}

/* A streaming list and what happens after it. */
static void write_story(char *text)
{
    text[0] = '\0';
    strcat(text, run_event("ADDED", "a", "1"));
    strcat(text, run_event("ADDED", "b", "2"));
    strcat(text, last_bookmark_event("10"));
    strcat(text, run_event("MODIFIED", "a", "11"));
    strcat(text, poison_event("MODIFIED", "b", "12"));
    strcat(text, "\n");
    strcat(text, run_event("ADDED", "c", "13"));
    strcat(text, run_event("DELETED", "c", "14"));
    strcat(text, bookmark_event("20"));
}

static void c10_a_watch_says_the_same_in_chunks_and_frames_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 7, 1000, TEXT_MAXIMUM, 0, 0, 0, 0, 0, 0};
    for (size_t at = 0; at < COUNT_OF(protocols); at++) {
        for (size_t row = 0; row < COUNT_OF(sizes); row++) {
            struct pieces pieces = {.size = sizes[row]};
            prng_seed(&pieces.prng, row);
            write_story(pieces.text);
            struct client client = {.script = &pieces};
            open_client(&client, protocols[at].protocol, 1, 0, answer_in_pieces);
            await_version(&client, "20");
            if (!text_equal(runs_of(&client, 0), "a@11 ") ||
                numbers_of(&client, 0)->stream_requests != 1 ||
                numbers_of(&client, 0)->watch_requests != 0) {
                fail_msg("%s in pieces of %zu: %s", protocols[at].name, sizes[row],
                         runs_of(&client, 0));
            }
            close_client(&client);
        }
    }
}

enum { LARGE_OBJECT = 3 * 1024 * 1024, LARGE_PIECE = 10000, LARGE_COUNT = 3 };

static void answer_large(void *context, const struct peer_request *request)
{
    (void)context;
    peer_begin(request);
    send_text(request, last_bookmark_event("10"));
    char *junk = memory_allocate(1, LARGE_OBJECT);
    memset(junk, 'x', LARGE_OBJECT);
    for (int each = 0; each < LARGE_COUNT; each++) {
        char head[256];
        (void)snprintf(
            head, sizeof(head),
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"big-%d\","
            "\"namespace\":\"ns\",\"uid\":\"u-%d\",\"resourceVersion\":\"%d\"},\"junk\":\"",
            each, each, 30 + each);
        send_text(request, head);
        for (size_t at = 0; at < LARGE_OBJECT; at += LARGE_PIECE) {
            size_t left = LARGE_OBJECT - at;
            peer_send_piece(request->connection, request->stream, junk + at,
                            left < LARGE_PIECE ? left : LARGE_PIECE);
        }
        send_text(request, "\"}}\n");
    }
    memory_free(junk);
}

static void c10_objects_of_3_mib_arrive_in_a_watch_and_leave_no_large_buffer(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(protocols); at++) {
        struct client client = {0};
        open_client(&client, protocols[at].protocol, 1, 0, answer_large);
        await_version(&client, "32");
        assert_string_equal(runs_of(&client, 0), "big-0@30 big-1@31 big-2@32 ");
        assert_true(reflector_held_bytes(client.reflectors[0]) <= WATCH_STREAM_KEPT);
        assert_int_equal(numbers_of(&client, 0)->stream_requests, 1);
        close_client(&client);
    }
}

/* ---- Ends in mid-watch ---- */

struct ending {
    const char *sentence;
    enum peer_protocol protocol;
    void (*end)(const struct peer_request *request);
    size_t connections; /* in the end */
};

static void end_cleanly(const struct peer_request *request)
{
    peer_end(request->connection, request->stream);
}

static void break_connection(const struct peer_request *request)
{
    send_text(request, "{\"type\":\"MODIFIED\",\"obj");
    peer_hang_up(request->connection);
}

static void reset_stream(const struct peer_request *request)
{
    send_text(request, "{\"type\":\"MODIFIED\",\"obj");
    peer_send_reset(request->connection, request->stream);
}

static void go_away_and_end(const struct peer_request *request)
{
    peer_send_goaway(request->connection, request->stream);
    peer_end(request->connection, request->stream);
}

static void go_away_and_break(const struct peer_request *request)
{
    peer_send_goaway(request->connection, request->stream);
    peer_hang_up(request->connection);
}

static void go_away_from_all(const struct peer_request *request)
{
    peer_send_goaway(request->connection, 0); /* not even this one, though it was answered */
    peer_hang_up(request->connection);
}

static void look_and_end(void *context)
{
    struct client *client = context;
    if (all_have_reached(client, client->ends_at)) {
        ((const struct ending *)client->script)->end(&client->ended);
    } else {
        (void)loop_start_timer(client->bench.loop, loop_now_ms() + 1, look_and_end, client);
    }
}

/* What a stream brought before its RST_STREAM may be dropped by the client: it has arrived first.
 */
static void end_once_at(struct client *client, const struct peer_request *request,
                        const char *version)
{
    client->ended = *request;
    client->ends_at = version;
    look_and_end(client);
}

static void answer_and_end(void *context, const struct peer_request *request)
{
    struct client *client = client_of(context);
    if (client->gets < COUNT_OF(client->heads)) {
        (void)snprintf(client->heads[client->gets], sizeof(client->heads[0]), "%s", request->head);
    }
    peer_begin(request);
    switch (++client->gets) {
    case 1:
        send_text(request, run_event("ADDED", "a", "1"));
        send_text(request, last_bookmark_event("10"));
        send_text(request, run_event("ADDED", "b", "11"));
        end_once_at(client, request, "11");
        break;
    case 2:
        send_text(request, run_event("ADDED", "c", "12"));
        send_text(request, bookmark_event("20"));
        end_once_at(client, request, "20");
        break;
    default:
        send_text(request, run_event("DELETED", "a", "30"));
        break;
    }
}

static void c13_a_watch_goes_on_from_where_it_was_however_it_ended(void **state)
{
    (void)state;
    static const struct ending rows[] = {
        {"an end in chunks", PEER_HTTP, end_cleanly, 1},
        /* Over TLS a first connection finds out that the server speaks no HTTP/2. */
        {"an end in chunks over TLS", PEER_HTTPS, end_cleanly, 1 + 1},
        {"a connection that breaks", PEER_HTTP, break_connection, 3},
        {"a connection over TLS that breaks", PEER_HTTPS, break_connection, 1 + 3},
        {"a stream that ends", PEER_HTTP2, end_cleanly, 1},
        {"RST_STREAM", PEER_HTTP2, reset_stream, 1},
        {"GOAWAY, and the watch may end", PEER_HTTP2, go_away_and_end, 3},
        {"GOAWAY and the end of the connection", PEER_HTTP2, go_away_and_break, 3},
        {"GOAWAY that names no stream", PEER_HTTP2, go_away_from_all, 3},
        {"a connection of HTTP/2 that breaks", PEER_HTTP2, break_connection, 3},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct ending row = rows[at];
        struct client client = {.script = &row};
        open_client(&client, row.protocol, 1, 0, answer_and_end);
        await_version(&client, "30");
        const struct reflector_numbers *numbers = numbers_of(&client, 0);
        if (!text_equal(runs_of(&client, 0), "b@11 c@12 ") || numbers->list_requests != 0 ||
            numbers->stream_requests != 1 || numbers->watch_requests != 2 || client.gets != 3 ||
            peer_connections(client.bench.peer) != row.connections) {
            fail_msg("%s: %s after %d streams, %d watches, %zu requests, %zu connections",
                     row.sentence, runs_of(&client, 0), (int)numbers->stream_requests,
                     (int)numbers->watch_requests, client.gets,
                     peer_connections(client.bench.peer));
        }
        if (row.protocol != PEER_HTTP2) {
            assert_non_null(strstr(client.heads[0], "&sendInitialEvents=true&"));
            assert_non_null(strstr(client.heads[1], "&resourceVersion=11&"));
            assert_non_null(strstr(client.heads[2], "&resourceVersion=20&"));
        }
        close_client(&client);
    }
}

/* ---- Many ---- */

static void answer_for_ever(void *context, const struct peer_request *request)
{
    (void)context;
    peer_begin(request);
    send_text(request, run_event("ADDED", "a", "1"));
    send_text(request, last_bookmark_event("10"));
}

static void c13_ten_watches_live_where_a_connection_carries_one_stream(void **state)
{
    (void)state;
    struct client client = {0};
    open_client(&client, PEER_HTTP2, REFLECTORS_MAXIMUM, 1, answer_for_ever);
    await_version(&client, "10");
    assert_int_equal(peer_requests(client.bench.peer), REFLECTORS_MAXIMUM);
    assert_true(peer_connections(client.bench.peer) >= REFLECTORS_MAXIMUM);
    close_client(&client);
}

enum { STORM_WATCHES = 600, STORM_POSTS = 2000, POSTS_AT_ONCE = 40, LAST_VERSION = 1000000 };

/* Watches in the order of their requests; the peer ends a dozen of them each time. */
struct storm {
    struct peer_request open[WATCHES_MAXIMUM];
    size_t open_count;
    size_t watches;
    int version;
    struct outcome *posts;
    size_t post_count;
    struct prng prng;
    struct client *client;
};

static const char *next_version(struct storm *storm)
{
    static char text[16];
    (void)snprintf(text, sizeof(text), "%d", ++storm->version);
    return text;
}

/* What a stream brought before its RST_STREAM may be dropped: it has arrived first. */
static bool have_seen_the_newest(const struct storm *storm)
{
    char oldest[16];
    (void)snprintf(oldest, sizeof(oldest), "%d", storm->version - REFLECTORS_MAXIMUM + 1);
    return all_have_reached(storm->client, oldest);
}

static void end_a_dozen(void *context)
{
    struct storm *storm = context;
    if (!have_seen_the_newest(storm)) {
        (void)loop_start_timer(storm->client->bench.loop, loop_now_ms() + 1, end_a_dozen, storm);
        return;
    }
    for (size_t at = 0; at < storm->open_count; at++) {
        struct peer_request *watch = &storm->open[at];
        if (prng_next(&storm->prng) % 3 == 0) {
            peer_send_reset(watch->connection, watch->stream);
        } else {
            peer_end(watch->connection, watch->stream);
        }
    }
    storm->open_count = 0;
}

static void answer_in_the_storm(void *context, const struct peer_request *request)
{
    struct storm *storm = client_of(context)->script;
    if (request->has_body) {
        peer_send_status(request, 201, false);
        peer_send_data(request->connection, request->stream, "{}", 2, true);
        return;
    }
    peer_begin(request);
    bool is_list = ++storm->watches <= REFLECTORS_MAXIMUM;
    if (is_list) {
        send_text(request, run_event("ADDED", "a", "1"));
        send_text(request, last_bookmark_event("10"));
    }
    if (storm->watches > STORM_WATCHES) {
        char last[16];
        (void)snprintf(last, sizeof(last), "%d", LAST_VERSION);
        send_text(request, bookmark_event(last));
        return;
    }
    send_text(request, bookmark_event(next_version(storm)));
    storm->open[storm->open_count++] = *request;
    if (storm->open_count == REFLECTORS_MAXIMUM) {
        end_a_dozen(storm);
    }
}

static void post_more(void *context)
{
    struct storm *storm = context;
    size_t before = storm->post_count;
    while (storm->post_count < STORM_POSTS && storm->post_count < before + POSTS_AT_ONCE) {
        bench_post(&storm->client->bench, &storm->posts[storm->post_count++], "{}");
    }
    if (storm->post_count < STORM_POSTS) {
        (void)loop_start_timer(storm->client->bench.loop, loop_now_ms() + 1, post_more, storm);
    }
}

static void c4_watches_that_are_ended_by_the_dozen_under_load_go_on_and_fail_no_request(
    void **state)
{
    (void)state;
    struct storm *storm = memory_allocate(1, sizeof(*storm));
    struct client client = {.script = storm};
    storm->version = 100;
    storm->client = &client;
    storm->posts = memory_allocate(STORM_POSTS, sizeof(*storm->posts));
    prng_seed(&storm->prng, 1);
    open_client(&client, PEER_HTTP2, REFLECTORS_MAXIMUM, 100, answer_in_the_storm);
    post_more(storm);
    bench_wait(&client.bench);
    await_version(&client, "1000000");
    uint64_t watches = 0;
    for (size_t at = 0; at < client.count; at++) {
        const struct reflector_numbers *numbers = numbers_of(&client, at);
        assert_string_equal(runs_of(&client, at), "a@1 ");
        assert_int_equal(numbers->list_requests, 0);
        assert_int_equal(numbers->stream_requests, 1);
        assert_int_equal(numbers->relists, 0);
        assert_null(reflector_health(client.reflectors[at]).error);
        watches += numbers->watch_requests;
    }
    assert_true(watches >= STORM_WATCHES);
    while (storm->post_count < STORM_POSTS) {
        bench_wait(&client.bench);
    }
    bench_wait(&client.bench);
    for (size_t at = 0; at < STORM_POSTS; at++) {
        assert_int_equal(storm->posts[at].failure, ERROR_NONE);
        assert_int_equal(storm->posts[at].status, 201);
        outcome_free(&storm->posts[at]);
    }
    assert_int_equal(peer_connections(client.bench.peer), 1);
    close_client(&client);
    (void)memory_free(storm->posts);
    (void)memory_free(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c10_a_watch_says_the_same_in_chunks_and_frames_of_any_size),
        cmocka_unit_test(c10_objects_of_3_mib_arrive_in_a_watch_and_leave_no_large_buffer),
        cmocka_unit_test(c13_a_watch_goes_on_from_where_it_was_however_it_ended),
        cmocka_unit_test(c13_ten_watches_live_where_a_connection_carries_one_stream),
        cmocka_unit_test(
            c4_watches_that_are_ended_by_the_dozen_under_load_go_on_and_fail_no_request),
    };
    return cmocka_run_group_tests(tests, make_identity, free_identity);
}
