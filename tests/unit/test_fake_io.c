#include "support/test.h"

#include "support/fake_io.h"

#include <stdio.h>
#include <string.h>

/* The fake world keeps the promises of kube/io.h: other tests stand on it. */

struct notes {
    struct fake_io *fake;
    struct io io;
    char text[512];
    struct result answer_to_data;
    struct io_call *cancels; /* in on_data */
};

static void note(struct notes *notes, const char *text)
{
    size_t used = strlen(notes->text);
    (void)snprintf(notes->text + used, sizeof(notes->text) - used, "%s ", text);
}

static void note_done(void *context, const struct io_response *response)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%s:%d:%s", error_kind_name(response->failure),
                   response->status, response->body ? response->body : "-");
    note(context, text);
}

static struct result note_data(void *context, const char *bytes, size_t size)
{
    struct notes *notes = context;
    char text[128];
    (void)snprintf(text, sizeof(text), "[%.*s]", (int)size, bytes);
    note(notes, text);
    if (notes->cancels) {
        io_cancel(notes->io, notes->cancels);
    }
    return notes->answer_to_data;
}

static void note_timer(void *context)
{
    note(context, "timer");
}

static struct io_call *get(struct notes *notes, const char *path, bool streams)
{
    return io_start(notes->io, &(struct io_request){.method = "GET",
                                                    .path = path,
                                                    .maximum = 8,
                                                    .timeout_ms = 5000,
                                                    .idle_ms = streams ? 1000 : 0,
                                                    .on_data = streams ? note_data : NULL,
                                                    .on_done = note_done,
                                                    .context = notes});
}

static int set_up(void **state)
{
    static struct notes notes;
    notes = (struct notes){.fake = fake_io_new()};
    notes.io = fake_io_seam(notes.fake);
    *state = &notes;
    return 0;
}

static int tear_down(void **state)
{
    struct notes *notes = *state;
    notes->fake = fake_io_free(notes->fake);
    return 0;
}

static void an_answer_comes_after_the_start_and_once(void **state)
{
    struct notes *notes = *state;
    fake_io_script(notes->fake, "GET", "/a*c", (struct fake_answer){.status = 200, .body = "yes"});
    (void)get(notes, "/abbc", false);
    assert_string_equal(notes->text, "");
    fake_io_run(notes->fake);
    fake_io_run(notes->fake);
    assert_string_equal(notes->text, "none:200:yes ");
    assert_int_equal(fake_io_unused_scripts(notes->fake), 0);
    assert_int_equal(fake_io_count_sent(notes->fake, "GET", "/abbc"), 1);
}

static void an_answer_over_the_maximum_is_a_limit_error(void **state)
{
    struct notes *notes = *state;
    fake_io_script(notes->fake, "GET", "*",
                   (struct fake_answer){.status = 200, .body = "123456789"});
    (void)get(notes, "/", false);
    fake_io_run(notes->fake);
    assert_string_equal(notes->text, "limit:200:- ");
}

static void what_nobody_scripted_stays_open_until_the_test_or_time_ends_it(void **state)
{
    struct notes *notes = *state;
    (void)get(notes, "/one", false);
    (void)get(notes, "/two", false);
    fake_io_finish(notes->fake, fake_io_find_open(notes->fake, NULL, "/two"),
                   (struct fake_answer){.failure = ERROR_UNAVAILABLE});
    fake_io_advance(notes->fake, 4999);
    assert_string_equal(notes->text, "unavailable:0:- ");
    fake_io_advance(notes->fake, 1);
    assert_string_equal(notes->text, "unavailable:0:- answer-lost:0:- ");
}

static void what_is_too_late_is_not_sent(void **state)
{
    struct notes *notes = *state;
    struct io_request request = {.method = "GET",
                                 .path = "/",
                                 .maximum = 8,
                                 .send_before_ms = fake_io_now_ms(notes->fake),
                                 .on_done = note_done,
                                 .context = notes};
    (void)io_start(notes->io, &request);
    fake_io_run(notes->fake);
    assert_string_equal(notes->text, "closed:0:- ");
    assert_int_equal(fake_io_sent_count(notes->fake), 0);
}

static void a_jump_makes_late_what_was_due_in_it(void **state)
{
    struct notes *notes = *state;
    int64_t began_ms = fake_io_now_ms(notes->fake);
    (void)io_start_timer(notes->io, began_ms + 10, note_timer, notes);
    fake_io_jump(notes->fake, 1000);
    assert_string_equal(notes->text, "");
    fake_io_run(notes->fake);
    assert_string_equal(notes->text, "timer ");
    assert_int_equal(fake_io_now_ms(notes->fake), began_ms + 1000);
}

static void a_stream_gives_its_bytes_and_no_body_and_idles_out(void **state)
{
    struct notes *notes = *state;
    struct io_call *call = get(notes, "/s", true);
    assert_true(fake_io_feed_text(notes->fake, call, "x"));
    fake_io_finish(notes->fake, call, (struct fake_answer){.status = 200, .body = "y"});
    (void)get(notes, "/s", true);
    fake_io_finish(notes->fake, fake_io_find_open(notes->fake, NULL, "/s"),
                   (struct fake_answer){.status = 500, .body = "why"});
    (void)get(notes, "/s", true);
    fake_io_advance(notes->fake, 1000);
    assert_string_equal(notes->text, "[x] [y] none:200:- none:500:why answer-lost:0:- ");
}

static void a_reader_that_says_stop_is_told_closed(void **state)
{
    struct notes *notes = *state;
    notes->answer_to_data = result_of(ERROR_INVALID);
    struct io_call *call = get(notes, "/s", true);
    assert_false(fake_io_feed_text(notes->fake, call, "x"));
    assert_string_equal(notes->text, "[x] closed:200:- ");
    assert_int_equal(fake_io_open_count(notes->fake), 0);
}

static void a_reader_may_cancel_its_own_call(void **state)
{
    struct notes *notes = *state;
    notes->cancels = get(notes, "/s", true);
    assert_false(fake_io_feed_text(notes->fake, notes->cancels, "x"));
    assert_string_equal(notes->text, "[x] ");
    assert_int_equal(fake_io_cancelled_count(notes->fake), 1);
}

static void timers_fire_in_order_and_the_clocks_go_with_them(void **state)
{
    struct notes *notes = *state;
    int64_t now = io_now_ms(notes->io);
    int64_t wall = io_unix_micros(notes->io);
    (void)io_start_timer(notes->io, now + 20, note_timer, notes);
    struct io_timer *stopped = io_start_timer(notes->io, now + 10, note_timer, notes);
    assert_int_equal(fake_io_next_timer_ms(notes->fake), now + 10);
    io_stop_timer(notes->io, stopped);
    io_stop_timer(notes->io, NULL);
    fake_io_advance(notes->fake, 19);
    assert_string_equal(notes->text, "");
    fake_io_advance(notes->fake, 1);
    assert_string_equal(notes->text, "timer ");
    assert_int_equal(io_now_ms(notes->io), now + 20);
    assert_int_equal(io_unix_micros(notes->io), wall + 20000);
}

static void zones_and_randomness_are_what_the_test_says(void **state)
{
    struct notes *notes = *state;
    struct buffer bytes = BUFFER_INIT(64);
    struct error error = {0};
    fake_io_add_zone(notes->fake, "Etc/UTC", "TZif", 4);
    assert_true(result_is_ok(io_read_zone(notes->io, "Etc/UTC", &bytes, &error)));
    assert_string_equal(buffer_text(&bytes), "TZif");
    assert_int_equal(io_read_zone(notes->io, "Moon", &bytes, &error).kind, ERROR_NOT_FOUND);
    buffer_free(&bytes);
    assert_true(io_random(notes->io) != io_random(notes->io));
    fake_io_fix_random(notes->fake, 7);
    assert_int_equal(io_random(notes->io), 7);
}

#define ROW(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(an_answer_comes_after_the_start_and_once),
        ROW(an_answer_over_the_maximum_is_a_limit_error),
        ROW(what_nobody_scripted_stays_open_until_the_test_or_time_ends_it),
        ROW(what_is_too_late_is_not_sent),
        ROW(a_jump_makes_late_what_was_due_in_it),
        ROW(a_stream_gives_its_bytes_and_no_body_and_idles_out),
        ROW(a_reader_that_says_stop_is_told_closed),
        ROW(a_reader_may_cancel_its_own_call),
        ROW(timers_fire_in_order_and_the_clocks_go_with_them),
        ROW(zones_and_randomness_are_what_the_test_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
