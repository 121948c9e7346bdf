#include "support/test.h"

#include "core/prng.h"
#include "io/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { NOTES_MAXIMUM = 2048 };

/* What happened, in order. */
struct notes {
    struct loop *loop;
    int seen[NOTES_MAXIMUM];
    size_t count;
    size_t stop_at; /* the loop ends after so many */
};

struct note {
    struct notes *notes;
    int number;
};

static struct loop *open_loop(void)
{
    struct loop *loop = NULL;
    assert_true(result_is_ok(loop_open(&loop, NULL)));
    return loop;
}

static void run_loop(struct loop *loop)
{
    struct error error = {0};
    if (!result_is_ok(loop_run(loop, &error))) {
        fail_msg("%s", error.message);
    }
}

static void add_note(struct notes *notes, int number)
{
    REQUIRE(notes->count < NOTES_MAXIMUM);
    notes->seen[notes->count++] = number;
    if (notes->count == notes->stop_at) {
        loop_stop(notes->loop);
    }
}

static void take_note(void *context)
{
    const struct note *note = context;
    add_note(note->notes, note->number);
}

/* ---- Timers ---- */

static void timers_fire_earliest_first_and_equal_ones_in_order(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = 5};
    static const int64_t offsets_ms[] = {20, 5, 20, 0, 10};
    static const int expected[] = {3, 1, 4, 0, 2};
    struct note numbered[COUNT_OF(offsets_ms)];
    int64_t base_ms = loop_now_ms();
    for (size_t at = 0; at < COUNT_OF(offsets_ms); at++) {
        numbered[at] = (struct note){&notes, (int)at};
        (void)loop_start_timer(notes.loop, base_ms + offsets_ms[at], take_note, &numbered[at]);
    }
    assert_int_equal(notes.count, 0);
    run_loop(notes.loop);
    assert_memory_equal(notes.seen, expected, sizeof(expected));
    assert_true(loop_now_ms() - base_ms >= 20);
    (void)loop_close(notes.loop);
}

enum { TIMERS = 1000 };

static void many_timers_some_stopped_fire_in_order(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop()};
    struct note numbered[TIMERS];
    struct loop_timer *timers[TIMERS];
    struct prng prng;
    prng_seed(&prng, 7);
    int64_t base_ms = loop_now_ms() - 1000; /* all are due: the order alone counts */
    for (size_t at = 0; at < TIMERS; at++) {
        int64_t offset_ms = (int64_t)prng_between(&prng, 0, 500);
        numbered[at] = (struct note){&notes, (int)offset_ms};
        timers[at] = loop_start_timer(notes.loop, base_ms + offset_ms, take_note, &numbered[at]);
    }
    notes.stop_at = TIMERS;
    for (size_t at = 0; at < TIMERS; at += 3) {
        loop_stop_timer(notes.loop, timers[at]);
        notes.stop_at--;
    }
    run_loop(notes.loop);
    for (size_t at = 1; at < notes.count; at++) {
        assert_true(notes.seen[at - 1] <= notes.seen[at]);
    }
    (void)loop_close(notes.loop);
}

struct pair {
    struct notes *notes;
    struct loop_timer *other;
};

static void stop_the_other(void *context)
{
    struct pair *pair = context;
    loop_stop_timer(pair->notes->loop, pair->other);
    add_note(pair->notes, 1);
}

static void a_timer_stopped_by_one_due_with_it_does_not_fire(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = 2};
    struct pair pair = {.notes = &notes};
    struct note wrong = {&notes, 99};
    struct note last = {&notes, 2};
    int64_t now_ms = loop_now_ms();
    (void)loop_start_timer(notes.loop, now_ms, stop_the_other, &pair);
    pair.other = loop_start_timer(notes.loop, now_ms, take_note, &wrong);
    (void)loop_start_timer(notes.loop, now_ms + 1, take_note, &last);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0], 1);
    assert_int_equal(notes.seen[1], 2);
    (void)loop_close(notes.loop);
}

static void defer_again(void *context)
{
    struct notes *notes = context;
    add_note(notes, 0);
    (void)loop_defer(notes->loop, defer_again, notes);
}

static void what_defers_itself_for_ever_starves_nobody(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = NOTES_MAXIMUM};
    struct note timer = {&notes, 1};
    (void)loop_defer(notes.loop, defer_again, &notes);
    assert_int_equal(notes.count, 0); /* never from inside the call */
    (void)loop_start_timer(notes.loop, loop_now_ms(), take_note, &timer);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0], 0);
    assert_int_equal(notes.seen[1], 1);
    (void)loop_close(notes.loop);
}

static void a_deferred_call_may_be_stopped(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = 1};
    struct note wrong = {&notes, 99};
    struct note right = {&notes, 1};
    struct loop_timer *timer = loop_defer(notes.loop, take_note, &wrong);
    (void)loop_defer(notes.loop, take_note, &right);
    loop_stop_timer(notes.loop, timer);
    loop_stop_timer(notes.loop, NULL);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0], 1);
    (void)loop_close(notes.loop);
}

/* ---- Descriptors ---- */

struct reader {
    struct notes *notes;
    struct loop_watch *watch;
    struct loop_watch *other; /* stopped at the first event */
    int fd;
    unsigned events;
};

static void read_one(void *context, unsigned events)
{
    struct reader *reader = context;
    char byte;
    reader->events |= events;
    ssize_t size = read(reader->fd, &byte, 1);
    if (reader->other) {
        loop_stop_watch(reader->notes->loop, reader->other);
        reader->other = NULL;
    }
    add_note(reader->notes, size == 1 ? byte : 0);
}

static void a_byte_and_the_end_of_a_pipe_are_seen(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct notes notes = {.loop = open_loop(), .stop_at = 1};
    struct reader reader = {.notes = &notes, .fd = ends[0]};
    assert_true(result_is_ok(
        loop_watch_fd(notes.loop, ends[0], LOOP_READ, read_one, &reader, &reader.watch, NULL)));
    assert_int_equal(write(ends[1], "x", 1), 1);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0], 'x');
    notes.stop_at = 2;
    (void)close(ends[1]);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[1], 0);
    loop_stop_watch(notes.loop, reader.watch);
    (void)close(ends[0]);
    (void)loop_close(notes.loop);
}

static void a_watch_stopped_in_the_same_turn_is_not_called(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = 2};
    struct reader readers[2];
    int ends[2][2];
    for (size_t at = 0; at < 2; at++) {
        assert_int_equal(pipe2(ends[at], O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(write(ends[at][1], "x", 1), 1);
        readers[at] = (struct reader){.notes = &notes, .fd = ends[at][0]};
        assert_true(result_is_ok(loop_watch_fd(notes.loop, ends[at][0], LOOP_READ, read_one,
                                               &readers[at], &readers[at].watch, NULL)));
    }
    readers[0].other = readers[1].watch; /* both are ready: whichever comes first */
    readers[1].other = readers[0].watch; /* stops the other */
    struct note last = {&notes, 'l'};
    (void)loop_start_timer(notes.loop, loop_now_ms() + 5, take_note, &last);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0], 'x');
    assert_int_equal(notes.seen[1], 'l');
    loop_stop_watch(notes.loop, readers[0].events ? readers[0].watch : readers[1].watch);
    for (size_t at = 0; at < 2; at++) {
        (void)close(ends[at][0]);
        (void)close(ends[at][1]);
    }
    (void)loop_close(notes.loop);
}

static void other_events_may_be_asked_for(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    struct notes notes = {.loop = open_loop(), .stop_at = 1};
    struct reader writer = {.notes = &notes, .fd = ends[1]};
    assert_true(result_is_ok(
        loop_watch_fd(notes.loop, ends[1], 0, read_one, &writer, &writer.watch, NULL)));
    assert_true(result_is_ok(loop_change_watch(notes.loop, writer.watch, LOOP_WRITE, NULL)));
    run_loop(notes.loop);
    assert_int_equal(writer.events, LOOP_WRITE);
    loop_stop_watch(notes.loop, writer.watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)loop_close(notes.loop);
}

static void a_descriptor_that_is_not_open_is_an_error(void **state)
{
    (void)state;
    struct loop *loop = open_loop();
    struct loop_watch *watch = NULL;
    struct error error = {0};
    struct result result = loop_watch_fd(loop, 1000000, LOOP_READ, read_one, NULL, &watch, &error);
    assert_int_equal(result.kind, ERROR_IO);
    assert_null(watch);
    assert_string_equal(error.message, "cannot watch file descriptor 1000000: Bad file descriptor");
    (void)loop_close(loop);
}

/* ---- Pace ---- */

enum { PACE_MS = 30 };

struct paced {
    struct notes *notes;
    int64_t first_ms;
};

/* The pipe keeps a byte to be read. */
static void look_at_pipe(void *context, unsigned events)
{
    struct paced *paced = context;
    (void)events;
    paced->first_ms = paced->notes->count == 0 ? loop_now_ms() : paced->first_ms;
    add_note(paced->notes, 'd');
}

static void look_and_hurry(void *context, unsigned events)
{
    struct notes *notes = context;
    (void)events;
    loop_hurry(notes->loop);
    add_note(notes, 'd');
}

/* In this pace it would not end. */
static void a_hurry_is_a_look_at_once(void **state)
{
    (void)state;
    enum { LOOKS = 100, HOUR_MS = 3600 * 1000 };
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct notes notes = {.loop = open_loop(), .stop_at = LOOKS};
    struct loop_watch *watch = NULL;
    loop_set_pace(notes.loop, HOUR_MS);
    assert_true(result_is_ok(
        loop_watch_fd(notes.loop, ends[0], LOOP_READ, look_and_hurry, &notes, &watch, NULL)));
    run_loop(notes.loop);
    assert_int_equal(notes.count, LOOKS);
    loop_stop_watch(notes.loop, watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)loop_close(notes.loop);
}

static void note_and_defer(void *context)
{
    const struct note *note = context;
    (void)loop_defer(note->notes->loop, take_note, context);
}

/* What came alone was not held up, what is there still waits, and no timer waits for it. */
static void descriptors_are_looked_at_in_their_pace(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct notes notes = {.loop = open_loop(), .stop_at = 1};
    struct paced paced = {.notes = &notes};
    struct loop_watch *watch = NULL;
    loop_set_pace(notes.loop, PACE_MS);
    assert_true(result_is_ok(
        loop_watch_fd(notes.loop, ends[0], LOOP_READ, look_at_pipe, &paced, &watch, NULL)));
    run_loop(notes.loop); /* looks at once: nothing came before */
    assert_int_equal(notes.seen[0], 'd');

    struct note timer = {&notes, 't'};
    struct note deferred = {&notes, 'f'};
    (void)loop_start_timer(notes.loop, loop_now_ms(), take_note, &timer);
    (void)loop_start_timer(notes.loop, loop_now_ms(), note_and_defer, &deferred);
    notes.stop_at = 4;
    run_loop(notes.loop);
    int64_t pause_ms = loop_now_ms() - paced.first_ms;
    assert_int_equal(notes.seen[1], 't');
    assert_int_equal(notes.seen[2], 'f');
    assert_int_equal(notes.seen[3], 'd');
    assert_true(pause_ms >= PACE_MS - 1); /* both times are cut to a millisecond */
    loop_stop_watch(notes.loop, watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)loop_close(notes.loop);
}

/* ---- Signals ---- */

static void note_signal(void *context, int number)
{
    add_note(context, number);
}

static void signals_come_from_the_loop(void **state)
{
    (void)state;
    struct notes notes = {.loop = open_loop(), .stop_at = 2};
    struct error error;
    assert_true(result_is_ok(loop_catch_signals(notes.loop, note_signal, &notes, &error)));
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(kill(getpid(), SIGINT), 0);
    assert_int_equal(notes.count, 0);
    run_loop(notes.loop);
    assert_int_equal(notes.seen[0] + notes.seen[1], SIGTERM + SIGINT);
    (void)loop_close(notes.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_earliest_first_and_equal_ones_in_order),
        cmocka_unit_test(many_timers_some_stopped_fire_in_order),
        cmocka_unit_test(a_timer_stopped_by_one_due_with_it_does_not_fire),
        cmocka_unit_test(what_defers_itself_for_ever_starves_nobody),
        cmocka_unit_test(a_deferred_call_may_be_stopped),
        cmocka_unit_test(a_byte_and_the_end_of_a_pipe_are_seen),
        cmocka_unit_test(a_watch_stopped_in_the_same_turn_is_not_called),
        cmocka_unit_test(other_events_may_be_asked_for),
        cmocka_unit_test(a_descriptor_that_is_not_open_is_an_error),
        cmocka_unit_test(descriptors_are_looked_at_in_their_pace),
        cmocka_unit_test(a_hurry_is_a_look_at_once),
        cmocka_unit_test(signals_come_from_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
