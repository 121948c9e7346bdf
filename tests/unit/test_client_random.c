#include "support/test.h"

#include "core/memory.h"
#include "core/prng.h"
#include "kube/io.h"
#include "support/http_bench.h"

#include <stdlib.h>
#include <string.h>

/*
 * The real client, whose callers begin and cancel calls from wherever they are called, before a
 * server that answers, breaks off and says nonsense, many frames in one read: all of it drawn from
 * a seed. Each call ends once, or was cancelled and is not heard of any more: what its owner kept
 * is gone then.
 */

enum {
    SEEDS = 20,
    SEEDS_FULL = 1000,
    PLACES = 12,
    PENDING = 256,
    TURNS = 300,
    PIECE_MAXIMUM = 3000
};

/* What one caller keeps. Freed as soon as its call has ended or is cancelled. */
struct caller {
    struct world *world;
    struct io_call *call;
    size_t place;
};

/* A request that the server has not finished with. */
struct pending {
    struct peer_request request; /* head and body are gone */
    bool begun;
};

struct sum {
    size_t ended;
    size_t failed; /* of these */
    size_t cancelled;
    size_t cancelled_inside; /* of these, by a callback of another call or of its own */
};

struct world {
    struct bench bench;
    struct prng prng;
    struct caller *callers[PLACES];
    struct pending pending[PENDING];
    size_t pending_count;
    size_t turns_left; /* then all is brought to its end */
    unsigned inside;   /* callbacks of the client that are on the stack */
    size_t started;
    struct sum sum;
};

static bool is_one_in(struct world *world, uint64_t count)
{
    return prng_between(&world->prng, 1, count) == 1;
}

/* ---- The callers ---- */

static void act(struct world *world);

static struct result on_data(void *context, const char *bytes, size_t size)
{
    struct world *world = ((struct caller *)context)->world;
    assert_true(size > 0 && bytes[0] == 'x' && bytes[size - 1] == 'x');
    world->inside++;
    act(world); /* which may cancel this very call */
    world->inside--;
    return is_one_in(world, 20) ? result_of(ERROR_INVALID) : RESULT_OK;
}

static void on_done(void *context, const struct io_response *response)
{
    struct caller *caller = context;
    struct world *world = caller->world;
    assert_true(response->failure != ERROR_NONE || response->status == 200);
    world->callers[caller->place] = NULL;
    world->sum.ended++;
    world->sum.failed += response->failure != ERROR_NONE;
    memory_free(caller);
    world->inside++;
    act(world);
    world->inside--;
}

static void start_one(struct world *world, size_t place)
{
    struct caller *caller = memory_allocate(1, sizeof(*caller));
    *caller = (struct caller){.world = world, .place = place};
    bool is_watch = is_one_in(world, 3);
    bool has_body = !is_watch && is_one_in(world, 2);
    const struct io_request request = {
        .method = has_body ? "POST" : "GET",
        .path = is_watch ? "/watch?watch=true" : "/x",
        .content_type = has_body ? "application/json" : NULL,
        .body = has_body ? "{}" : NULL,
        .body_size = has_body ? 2 : 0,
        .maximum = ANSWER_LIMIT,
        .timeout_ms = is_watch ? 0 : WAIT_LIMIT_MS,
        .on_data = is_watch ? on_data : NULL,
        .on_done = on_done,
        .context = caller,
    };
    world->callers[place] = caller;
    world->started++;
    caller->call = http_start(world->bench.http, &request);
}

static void cancel_one(struct world *world, size_t place)
{
    struct caller *caller = world->callers[place];
    world->callers[place] = NULL;
    world->sum.cancelled++;
    world->sum.cancelled_inside += world->inside > 0;
    http_cancel(world->bench.http, caller->call);
    memory_free(caller);
}

static void act(struct world *world)
{
    if (world->turns_left == 0) {
        return;
    }
    for (uint64_t count = prng_between(&world->prng, 0, 2); count > 0; count--) {
        size_t place = prng_between(&world->prng, 0, PLACES - 1);
        if (!world->callers[place]) {
            start_one(world, place);
        } else if (is_one_in(world, 3)) {
            cancel_one(world, place);
        }
    }
}

/* ---- The server ---- */

static void forget(struct world *world, const struct pending *pending)
{
    world->pending[pending - world->pending] = world->pending[--world->pending_count];
}

static void forget_connection(struct world *world, const struct peer_connection *connection)
{
    for (size_t at = world->pending_count; at > 0; at--) {
        if (world->pending[at - 1].request.connection == connection) {
            forget(world, &world->pending[at - 1]);
        }
    }
}

static void finish(struct world *world, struct pending *pending)
{
    if (!pending->begun) {
        peer_begin(&pending->request);
    }
    peer_end(pending->request.connection, pending->request.stream);
    forget(world, pending);
}

static void send_piece(struct world *world, struct pending *pending)
{
    char bytes[PIECE_MAXIMUM];
    memset(bytes, 'x', sizeof(bytes));
    if (!pending->begun) {
        peer_begin(&pending->request);
        pending->begun = true;
    }
    peer_send_piece(pending->request.connection, pending->request.stream, bytes,
                    prng_between(&world->prng, 1, sizeof(bytes)));
}

static void break_off(struct world *world, struct pending *pending)
{
    struct peer_connection *connection = pending->request.connection;
    bool is_http2 = pending->request.stream != 0;
    switch (is_http2 ? prng_between(&world->prng, 0, 5) : 0) {
    case 0:
        forget_connection(world, connection);
        peer_hang_up(connection);
        break;
    case 1:
        peer_send_goaway(connection, pending->request.stream);
        break;
    case 2: /* no frame is so long (RFC 9113, 4.2) */
        forget_connection(world, connection);
        peer_send(connection, "\xff\xff\xff\0\0\0\0\0\1", 9);
        break;
    case 3:
        if (!pending->begun) {
            peer_refuse(&pending->request);
            forget(world, pending);
            break;
        }
        /* fall through */
    default:
        peer_send_reset(connection, pending->request.stream);
        forget(world, pending);
    }
}

static void serve_some(struct world *world)
{
    for (uint64_t count = prng_between(&world->prng, 0, 4); count > 0; count--) {
        if (world->pending_count == 0) {
            return;
        }
        struct pending *one =
            &world->pending[prng_between(&world->prng, 0, world->pending_count - 1)];
        if (is_one_in(world, 15)) {
            break_off(world, one);
        } else if (is_one_in(world, 2)) {
            send_piece(world, one);
        } else {
            finish(world, one);
        }
    }
}

static void on_request(void *context, const struct peer_request *request)
{
    struct world *world = ((struct bench *)context)->script;
    assert_true(world->pending_count < PENDING);
    world->pending[world->pending_count++] = (struct pending){.request = *request};
}

/* ---- Turns ---- */

static bool is_over(const struct world *world)
{
    for (size_t place = 0; place < PLACES; place++) {
        if (world->callers[place]) {
            return false;
        }
    }
    return true;
}

static bool is_over_at_last(void *context)
{
    return ((struct world *)context)->turns_left == 0 && is_over(context);
}

static void turn(void *context)
{
    struct world *world = context;
    if (world->turns_left > 0) {
        world->turns_left--;
        act(world);
        serve_some(world);
    }
    while (world->turns_left == 0 && world->pending_count > 0) {
        finish(world, &world->pending[0]);
    }
    if (!is_over_at_last(world)) {
        (void)loop_defer(world->bench.loop, turn, world);
    }
}

static void play(enum peer_protocol protocol, const struct peer_identity *identity, uint64_t seed,
                 struct sum *sum)
{
    struct world world = {.turns_left = TURNS, .bench.script = &world};
    const char *pem = peer_identity_certificate(identity);
    prng_seed(&world.prng, seed);
    if (protocol != PEER_HTTP) {
        world.bench.access.authority = (struct access_material){.data = pem, .size = strlen(pem)};
    }
    bench_open(&world.bench,
               &(struct peer_options){.protocol = protocol,
                                      .identity = identity,
                                      .on_request = on_request,
                                      .streams_maximum = is_one_in(&world, 2) ? 3 : 0});
    (void)loop_defer(world.bench.loop, turn, &world);
    bench_wait_for(&world.bench, is_over_at_last, &world);
    assert_true(is_over(&world));
    assert_int_equal(world.started, world.sum.ended + world.sum.cancelled);
    sum->ended += world.sum.ended;
    sum->failed += world.sum.failed;
    sum->cancelled += world.sum.cancelled;
    sum->cancelled_inside += world.sum.cancelled_inside;
    bench_close(&world.bench);
}

static void play_all(enum peer_protocol protocol)
{
    struct peer_identity *identity = peer_identity_new(NULL);
    struct sum sum = {0};
    for (uint64_t seed = 1; seed <= (getenv("TIDEMILL_FULL") ? SEEDS_FULL : SEEDS); seed++) {
        print_message("seed %d\n", (int)seed); /* shown when it fails */
        play(protocol, identity, seed, &sum);
    }
    print_message(
        "%zu calls were cancelled, %zu of them by a callback; %zu ended badly, %zu well\n",
        sum.cancelled, sum.cancelled_inside, sum.failed, sum.ended - sum.failed);
    assert_true(sum.cancelled_inside > SEEDS && sum.failed > SEEDS && sum.ended > 2 * sum.failed);
    peer_identity_free(identity);
}

static void each_call_ends_once_by_http2(void **state)
{
    (void)state;
    play_all(PEER_HTTP2);
}

static void each_call_ends_once_by_http_1_1_over_tls(void **state)
{
    (void)state;
    play_all(PEER_HTTPS);
}

static void each_call_ends_once_by_http_1_1_in_the_clear(void **state)
{
    (void)state;
    play_all(PEER_HTTP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_ends_once_by_http2),
        cmocka_unit_test(each_call_ends_once_by_http_1_1_over_tls),
        cmocka_unit_test(each_call_ends_once_by_http_1_1_in_the_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
