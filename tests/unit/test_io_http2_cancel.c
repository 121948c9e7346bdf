#include "support/test.h"

#include "core/memory.h"
#include "io/http_private.h"
#include "support/http_bench.h"

#include <string.h>

/*
 * What one read brings may be about a call that was cancelled a frame before, by what the frame
 * said: a Trigger is deleted while its Secret is asked for.
 */

enum next { NEXT_ANSWER, NEXT_BEGINNING, NEXT_RESET, NEXT_GOAWAY, NEXT_END, NEXT_NONSENSE };

static const struct next_row {
    const char *sentence;
    enum next next;
    size_t connections; /* with the request after all this */
} rows[] = {
    {"its answer", NEXT_ANSWER, 1},
    {"the beginning of its answer", NEXT_BEGINNING, 1},
    {"its reset", NEXT_RESET, 1},
    {"GOAWAY without it", NEXT_GOAWAY, 2},
    {"the end of the connection", NEXT_END, 2},
    {"what is no frame", NEXT_NONSENSE, 2},
};

struct script {
    const struct next_row *row;
    uint32_t watch; /* its stream */
};

/* The first is a watch, which is told something once the second is there; others are answered. */
static void play(void *context, const struct peer_request *request)
{
    struct script *script = ((struct bench *)context)->script;
    struct peer_connection *connection = request->connection;
    peer_send_status(request, 200, request->number > 2);
    if (request->number == 1) {
        script->watch = request->stream;
    }
    if (request->number != 2) {
        return;
    }
    peer_send_data(connection, script->watch, "go", 2, false);
    switch (script->row->next) {
    case NEXT_ANSWER:
        peer_send_data(connection, request->stream, "late", 4, true);
        break;
    case NEXT_BEGINNING:
        peer_send_data(connection, request->stream, "late", 4, false);
        break;
    case NEXT_RESET:
        peer_send_reset(connection, request->stream);
        break;
    case NEXT_GOAWAY:
        peer_send_goaway(connection, script->watch);
        break;
    case NEXT_END:
        peer_hang_up(connection);
        break;
    case NEXT_NONSENSE: /* longer than any may be (RFC 9113, 4.2): the client ends the connection */
        peer_send(connection, "\xff\xff\xff\0\0\0\0\0\1", 9);
        break;
    }
}

static bool has_a_piece(void *context)
{
    return ((struct outcome *)context)->pieces > 0;
}

static bool has_ended(void *context)
{
    return ((struct outcome *)context)->done > 0;
}

static void check(const struct next_row *row)
{
    const char *pem = peer_identity_certificate(bench_identity);
    struct script script = {.row = row};
    struct bench bench = {.script = &script,
                          .access.authority = {.data = pem, .size = strlen(pem)}};
    bench_open(&bench, &(struct peer_options){
                           .protocol = PEER_HTTP2, .identity = bench_identity, .on_request = play});
    struct outcome watch = {0};
    struct outcome *asked = memory_allocate(1, sizeof(*asked));
    bench_watch(&bench, &watch, 0);
    bench_get(&bench, asked);
    watch.cancels = asked;
    bench_wait_for(&bench, has_a_piece, &watch);
    assert_null(watch.cancels);
    assert_int_equal(asked->done, 0);
    outcome_free(asked);
    memory_free(asked); /* as its owner does: nobody may come back to it */
    struct outcome next = {0};
    bench_get(&bench, &next);
    bench_wait_for(&bench, has_ended, &next);
    if (next.status != 200 || peer_connections(bench.peer) != row->connections ||
        http_counters(bench.http).connections != row->connections) {
        fail_msg("%s: status %d, %zu connections", row->sentence, next.status,
                 peer_connections(bench.peer));
    }
    bench_close(&bench);
    outcome_free(&watch);
    outcome_free(&next);
}

static void nothing_comes_of_a_call_that_was_cancelled_in_the_same_read(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        check(&rows[at]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_comes_of_a_call_that_was_cancelled_in_the_same_read),
    };
    return cmocka_run_group_tests(tests, bench_make_identity, bench_free_identity);
}
