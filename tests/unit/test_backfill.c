/* tidemill backfill: what it makes, says and refuses, whatever happens to its requests. */

#include "support/test.h"

#include "cli/asker.h"
#include "cli/cli.h"
#include "core/text.h"
#include "support/backfill_world.h"
#include "support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static void assert_says(const char *output, const char *text)
{
    if (!strstr(output, text)) {
        fail_msg("\"%s\" is not in:\n%s", text, output);
    }
}

/* Each day's run is there once, in order. */
static void assert_made(const struct backfill_world *world, size_t count)
{
    assert_int_equal(world->run_count, count);
    for (size_t at = 0; at < count; at++) {
        char name[BACKFILL_NAME_SIZE];
        (void)snprintf(name, sizeof(name), "nightly-%d-backfill", 29409300 + 1440 * (int)at);
        assert_string_equal(world->runs[at].name, name);
    }
}

static void each_time_is_made_once_the_oldest_first_and_one_after_the_other(void **state)
{
    struct backfill_world *world = *state;
    assert_int_equal(backfill_world_play(world), 0);
    assert_made(world, 3);
    assert_int_equal(world->most_unfinished, 1);
    assert_string_equal(world->err, "");
    assert_string_equal(
        world->out,
        "Backfill of Trigger team/nightly (Pipeline churn): 3 times of \"0 3 * * *\" in UTC, from "
        "2025-12-01T00:00:00Z to before 2025-12-04T00:00:00Z\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  created  [0 of 3 have ended]\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  Succeeded  [1 of 3 have ended]\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  created  [1 of 3 have ended]\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  Succeeded  [2 of 3 have ended]\n"
        "2025-12-03T03:00:00Z  nightly-29412180-backfill  created  [2 of 3 have ended]\n"
        "2025-12-03T03:00:00Z  nightly-29412180-backfill  Succeeded  [3 of 3 have ended]\n"
        "3 times: 3 succeeded\n");
}

static void no_more_runs_than_asked_for_go_on_at_once(void **state)
{
    struct backfill_world *world = *state;
    world->options.to = "2025-12-11";
    for (int parallel = 1; parallel <= 12; parallel += 3) {
        world->run_count = 0;
        world->most_unfinished = 0;
        world->options.max_parallel = parallel;
        assert_int_equal(backfill_world_play(world), 0);
        assert_made(world, 10);
        assert_int_equal(world->most_unfinished, parallel < 10 ? parallel : 10);
    }
}

static void a_dry_run_prints_the_table_and_creates_nothing(void **state)
{
    struct backfill_world *world = *state;
    world->live = "{\"metadata\":{\"name\":\"nightly-29410740\"}}";
    world->fails = "29409300";
    world->options.to = "2025-12-02";
    assert_int_equal(backfill_world_play(world), 1);
    world->trigger = "'schedule':{'cron':'0 3 * * *'},'params':[{'name':'day','value':'x\\u001b[1m'"
                     "}]";
    world->options.to = "2025-12-03";
    world->options.dry_run = true;
    fake_io_forget(world->fake);
    assert_int_equal(backfill_world_play(world), 0);
    assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 0);
    assert_string_equal(
        world->out,
        "Backfill of Trigger team/nightly (Pipeline churn): 2 times of \"0 3 * * *\" in UTC, from "
        "2025-12-01T00:00:00Z to before 2025-12-03T00:00:00Z\n"
        "TIME                  RUN                        STATE                                  "
        "LIVE RUN          PARAMETERS\n"
        "2025-12-01T03:00:00Z  nightly-29409300-backfill  exists: Failed, with other parameters  "
        "-                 day=x?[1m\n"
        "2025-12-02T03:00:00Z  nightly-29410740-backfill  would be created                       "
        "nightly-29410740  day=x?[1m\n");
    assert_says(world->err, "warning: no parameter of the Trigger is told the time");
}

static void killed_at_any_request_the_same_command_goes_on(void **state)
{
    struct backfill_world *world = *state;
    world->options.to = "2025-12-06";
    world->options.max_parallel = 2;
    bool ended = false;
    for (size_t requests = 0; !ended; requests++) {
        for (int is_heard = 0; is_heard < 2; is_heard++) {
            world->run_count = 0;
            world->most_unfinished = 0;
            backfill_world_open(world);
            ended = backfill_world_play_until(world, requests);
            if (!ended && is_heard) { /* the API server gets the request all the same */
                char *text = calloc(BACKFILL_WORLD_RUNS, BACKFILL_TEXT_SIZE);
                (void)backfill_world_answer(
                    world, fake_io_request_of(fake_io_find_open(world->fake, NULL, "*")), text);
                free(text);
            }
            backfill_world_close(world);
            assert_int_equal(fake_io_open_count(world->fake), 0);
            assert_int_equal(fake_io_timer_count(world->fake), 0);
            assert_int_equal(backfill_world_play(world), 0);
            assert_made(world, 5);
            assert_true(world->most_unfinished <= 2);
            assert_says(world->out, "5 times: 5 succeeded\n");
        }
    }
    assert_says(world->out, "from earlier calls: 5 succeeded\n");
}

static void a_fault_of_any_request_makes_no_time_twice(void **state)
{
    struct backfill_world *world = *state;
    size_t whole = 0;
    assert_int_equal(backfill_world_play(world), 0);
    whole = world->requests;
    for (int fault = FAULT_NOT_SENT; fault < FAULT_COUNT; fault++) {
        for (size_t at = 1; at < whole; at++) {
            world->run_count = 0;
            world->most_unfinished = 0;
            world->fault = fault;
            world->fault_at = (int)at;
            assert_int_equal(backfill_world_play(world), 0);
            assert_made(world, 3);
            assert_int_equal(world->most_unfinished, 1);
            assert_says(world->err, "no answer from the API server (");
            assert_says(world->err, "the API server answers again\n");
        }
    }
}

static void a_failed_run_stops_the_others_only_when_that_is_asked_for(void **state)
{
    struct backfill_world *world = *state;
    world->fails = "29409300";
    assert_int_equal(backfill_world_play(world), 1);
    assert_made(world, 3);
    assert_says(world->out, "nightly-29409300-backfill  Failed: StepFailed: step a  [1 of 3");
    assert_says(world->out, "3 times: 2 succeeded, 1 failed\n"
                            "to make those that failed anew, delete them and give the same command "
                            "again:\n"
                            "  kubectl -n team delete pipelineruns nightly-29409300-backfill\n");
    world->run_count = 0;
    world->options.stop_on_failure = true;
    assert_int_equal(backfill_world_play(world), 1);
    assert_made(world, 1);
    assert_says(world->out, "3 times: 0 succeeded, 1 failed, 2 not made\n");
    assert_says(world->err, "--stop-on-failure: no run is made after one that failed");
    assert_int_equal(backfill_world_play(world), 1); /* again: it is still there */
    assert_made(world, 1);
    world->run_count = 0; /* deleted and mended */
    world->fails = NULL;
    assert_int_equal(backfill_world_play(world), 0);
    assert_made(world, 3);
}

static void a_name_that_is_another_run_s_is_said_and_the_others_go_on(void **state)
{
    struct backfill_world *world = *state;
    struct stored_run *taken = backfill_world_store(
        world, "{\"metadata\":{\"name\":\"nightly-29410740-backfill\"},\"spec\":{\"pipelineRef\":{"
               "\"name\":\"churn\"},\"cause\":{\"kind\":\"Manual\",\"name\":\"ada\"}}}");
    assert_int_equal(backfill_world_play(world), 1);
    assert_int_equal(world->run_count, 3);
    assert_int_equal(taken->looks, 1);
    assert_says(world->err, "run nightly-29410740-backfill exists and was started by Manual ada "
                            "for no time; delete it to have this time made\n");
    assert_says(world->out, "3 times: 2 succeeded, 1 whose name is taken\n");
}

static void runs_of_the_pipeline_that_it_had_before_are_in_the_way(void **state)
{
    struct backfill_world *world = *state;
    world->options.to = "2025-12-09";
    assert_int_equal(backfill_world_play(world), 0);
    for (size_t at = 0; at < world->run_count; at++) {
        char *name = strstr(world->runs[at].body, "\"pipelineRef\":{\"name\":\"churn\"");
        memcpy(name, "\"pipelineRef\":{\"name\":\"older\"",
               strlen("\"pipelineRef\":{\"name\":\"older\""));
    }
    assert_int_equal(backfill_world_play(world), 1);
    assert_made(world, 8);
    assert_says(world->err,
                "run nightly-29409300-backfill exists and is of Pipeline older, and the "
                "Trigger starts churn now; delete it to have this time made\n");
    assert_says(world->err, "and so it is with 3 more; --dry-run names all\n");
    assert_says(world->out, "8 times: 0 succeeded, 8 whose name is taken\n");
    world->options.dry_run = true;
    assert_int_equal(backfill_world_play(world), 0);
    assert_says(world->out, "name is taken: run nightly-29419380-backfill exists and is of");
}

static void a_run_that_lost_its_label_is_found_by_its_name(void **state)
{
    struct backfill_world *world = *state;
    assert_int_equal(backfill_world_play(world), 0);
    char *label = strstr(world->runs[1].body, "tidemill.dev/backfill");
    memcpy(label, "example", strlen("example"));
    assert_int_equal(backfill_world_play(world), 0);
    assert_made(world, 3);
    assert_says(world->out, "from earlier calls: 2 succeeded\n");
    assert_says(world->out, "nightly-29410740-backfill  exists: Succeeded  [3 of 3 have ended]\n");
}

static void what_the_api_server_refuses_is_said_in_its_words_and_ends_it(void **state)
{
    struct backfill_world *world = *state;
    static const int codes[] = {403, 422, 404, 400};
    for (size_t at = 0; at < COUNT_OF(codes); at++) {
        world->run_count = 0;
        world->refusal = "exceeded quota: runs";
        world->refusal_code = codes[at];
        fake_io_forget(world->fake);
        assert_int_equal(backfill_world_play(world), 1);
        assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 1);
        char text[128];
        (void)snprintf(text, sizeof(text),
                       "no other is tried: the API server answers %d: exceeded quota: runs\n",
                       codes[at]);
        assert_says(world->err, text);
        assert_says(world->out, "3 times: 0 succeeded, 3 not made\n");
        assert_says(world->out, "the same command again goes on from here\n");
    }
    world->refusal = NULL;
    world->options.max_parallel = 2;
    backfill_world_open(world);
    assert_false(backfill_world_play_until(world, 6)); /* two are made */
    world->refusal = "no more";
    assert_true(backfill_world_play_until(world, SIZE_MAX));
    assert_says(world->out, "3 times: 2 succeeded, 1 not made\n"); /* they were waited for */
}

static void a_run_that_is_deleted_is_not_made_again_by_the_same_call(void **state)
{
    struct backfill_world *world = *state;
    world->vanishes = "29410740";
    assert_int_equal(backfill_world_play(world), 1);
    assert_says(world->out, "nightly-29410740-backfill  was deleted before it had ended  [2 of 3");
    assert_says(world->out, "3 times: 2 succeeded, 1 deleted\n");
    world->vanishes = NULL;
    assert_int_equal(backfill_world_play(world), 0);
    assert_says(world->out, "nightly-29410740-backfill  created");
}

static void a_silent_api_server_ends_it_after_a_while_with_how_to_go_on(void **state)
{
    struct backfill_world *world = *state;
    backfill_world_open(world);
    assert_false(backfill_world_play_until(world, 5)); /* the first is made */
    world->is_silent = true;
    int64_t since = fake_io_now_ms(world->fake);
    assert_true(backfill_world_play_until(world, SIZE_MAX));
    int64_t waited = fake_io_now_ms(world->fake) - since;
    assert_int_equal(world->code, 1);
    assert_true(waited >= ASKER_PATIENCE_MS && waited < ASKER_PATIENCE_MS + 60 * SECOND);
    assert_true(world->requests < 50); /* later and later */
    assert_says(world->err, "no answer from the API server (timed out); trying for 5 minutes\n");
    assert_says(world->err, "run nightly-29409300-backfill can't be read: no answer from the API "
                            "server: timed out\n");
    assert_says(world->out, "3 times: 0 succeeded, 1 not ended yet, 2 not made\n"
                            "runs that are there go on by themselves; the same command again goes "
                            "on from here\n");
}

static void an_api_server_that_was_never_reached_is_said_at_once(void **state)
{
    struct backfill_world *world = *state;
    world->is_silent = true;
    assert_int_equal(backfill_world_play(world), 1);
    assert_int_equal(world->requests, 1);
    assert_string_equal(world->err, "tidemill backfill: the Trigger can't be read: the API server "
                                    "can't be asked: timed out\n");
    assert_string_equal(world->out, "");
}

static void an_interrupt_says_where_it_stands(void **state)
{
    struct backfill_world *world = *state;
    backfill_world_open(world);
    assert_false(backfill_world_play_until(world, 9));
    backfill_session_interrupt(world->session);
    backfill_session_interrupt(world->session); /* once is enough */
    assert_int_equal(world->code, 1);
    (void)fflush(world->options.out);
    (void)fflush(world->options.err);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    assert_int_equal(fake_io_timer_count(world->fake), 0);
    assert_string_equal(world->err, "tidemill backfill: interrupted\n");
    assert_says(world->out, "3 times: 1 succeeded, 1 not ended yet, 1 not made\n");
}

static void lists_are_read_once_page_by_page(void **state)
{
    struct backfill_world *world = *state;
    world->options.to = "2025-12-11";
    world->options.max_parallel = 10;
    assert_int_equal(backfill_world_play(world), 0);
    assert_int_equal(world->lists, 2);
    world->page_size = 3;
    fake_io_forget(world->fake);
    assert_int_equal(backfill_world_play(world), 0);
    assert_int_equal(world->lists, 5);
    assert_int_equal(fake_io_count_sent(world->fake, "POST", "*"), 0);
    assert_says(world->out, "from earlier calls: 10 succeeded\n10 times: 10 succeeded\n");
}

static void a_long_run_is_looked_at_less_and_less(void **state)
{
    struct backfill_world *world = *state;
    world->options.to = "2025-12-02";
    world->looks_to_end = 250;
    int64_t since = fake_io_now_ms(world->fake);
    assert_int_equal(backfill_world_play(world), 0);
    int64_t lasted = fake_io_now_ms(world->fake) - since;
    assert_true(lasted > HOUR * 9 / 10 && lasted < HOUR * 11 / 10);
    assert_int_equal(world->lists, 2);
}

static void a_run_that_does_not_begin_says_once_what_it_waits_for(void **state)
{
    struct backfill_world *world = *state;
    static const char line[] = "nightly-29409300-backfill  waits: WaitingForTurn: step a  [0 of 1";
    world->options.to = "2025-12-02";
    world->looks_to_start = 30;
    world->looks_to_end = 40;
    assert_int_equal(backfill_world_play(world), 0);
    assert_says(world->out, line);
    assert_null(strstr(strstr(world->out, line) + 1, line));
}

static void the_live_run_of_a_time_is_named(void **state)
{
    struct backfill_world *world = *state;
    world->live = "{\"metadata\":{\"name\":\"nightly-29410740\"}}";
    assert_int_equal(backfill_world_play(world), 0);
    assert_made(world, 3);
    assert_says(world->out, "nightly-29410740-backfill  created: the live schedule has started "
                            "nightly-29410740 for this time too  [1 of 3");
}

static void runs_with_other_parameters_are_said(void **state)
{
    struct backfill_world *world = *state;
    assert_int_equal(backfill_world_play(world), 0);
    world->trigger = "'schedule':{'cron':'0 3 * * *'},'params':[{'name':'day','value':'x'}]";
    assert_int_equal(backfill_world_play(world), 0);
    assert_says(world->out, "3 had been made with other parameters than the Trigger gives now");
    assert_says(world->out, "delete pipelineruns nightly-29409300-backfill "
                            "nightly-29410740-backfill nightly-29412180-backfill\n");
}

static void what_can_not_be_made_is_refused_before_anything_is(void **state)
{
    static const struct {
        const char *sentence;
        const char *trigger;
        const char *pipeline;
        const char *to;
        int code;
        const char *says;
    } rows[] = {
        {"no such Trigger", NULL, "", "2025-12-04", 1,
         "there is no Trigger \"nightly\" in namespace \"team\"; kubectl get triggers -A"},
        {"no schedule", "'http':{'url':'http://x/y'}", "", "2025-12-04", 2, "has no spec.schedule"},
        {"a bad expression", "'schedule':{'cron':'0 25 * * *'}", "", "2025-12-04", 2,
         "spec.schedule.cron: hour"},
        {"a zone that is not there", "'schedule':{'cron':'0 3 * * *','timeZone':'Mars/Olympus'}",
         "", "2025-12-04", 2, "spec.schedule.timeZone: "},
        {"no Pipeline", "'schedule':{'cron':'0 3 * * *'}", NULL, "2025-12-04", 2,
         "there is no Pipeline \"churn\""},
        {"too many", "'schedule':{'cron':'* * * * *'}", "", "2025-12-04", 2, "split it: first"},
        {"from is to", "'schedule':{'cron':'0 3 * * *'}", "", "2025-12-01", 2, "is not before"},
        {"no time", "'schedule':{'cron':'0 3 29 2 *'}", "", "2025-12-04", 0,
         "the schedule has no time in this range"},
        {"no JSON", "'schedule':7", "", "2025-12-04", 1, "the Trigger can't be read"},
    };
    struct backfill_world *world = *state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        world->trigger = rows[at].trigger;
        world->pipeline = rows[at].pipeline;
        world->options.to = rows[at].to;
        fake_io_forget(world->fake);
        int code = backfill_world_play(world);
        if (code != rows[at].code || !strstr(world->err, rows[at].says) ||
            fake_io_count_sent(world->fake, "POST", "*") > 0) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, world->err);
        }
    }
}

static void arguments_that_can_not_be_meant_are_refused(void **state)
{
    (void)state;
#define RANGE "--from", "2026-01-01", "--to", "2026-02-01"
    static const struct {
        const char *sentence;
        const char *arguments[COMMAND_ARGUMENTS];
        int code;
        const char *says;
    } rows[] = {
        {"no name", {"backfill", RANGE}, 2, "expected the name of one Trigger"},
        {"two names", {"backfill", "a", "b", RANGE}, 2, "expected the name of one Trigger"},
        {"no --from", {"backfill", "a", "--to", "2026-01-01"}, 2, "--from is missing"},
        {"no --to", {"backfill", "a", "--from", "2026-01-01"}, 2, "--to is missing"},
        {"no time",
         {"backfill", "a", "--from", "yesterday", "--to", "2026-01-01"},
         2,
         "--from \"yesterday\": expected a date such as 2026-01-31"},
        {"none at once", {"backfill", "a", RANGE, "--max-parallel", "0"}, 2, "from 1 to 100"},
        {"too many", {"backfill", "a", RANGE, "--max-parallel", "101"}, 2, "from 1 to 100"},
        {"no number", {"backfill", "a", RANGE, "--max-parallel", "2x"}, 2, "from 1 to 100"},
        {"no such option", {"backfill", "a", RANGE, "--force"}, 2, "usage: tidemill backfill"},
        {"no kubeconfig", {"backfill", "a", RANGE, "--kubeconfig", "/nowhere/x"}, 1, "/nowhere/x"},
        {"help", {"backfill", "--help"}, 0, "goes on where it stopped"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        char output[COMMAND_OUTPUT_SIZE];
        int code = command_run(cli_backfill, rows[at].arguments, output);
        if (code != rows[at].code || !strstr(output, rows[at].says)) {
            fail_msg("%s: %d: %s", rows[at].sentence, code, output);
        }
    }
}

#define IN_A_WORLD(name) \
    cmocka_unit_test_setup_teardown(name, backfill_world_set_up, backfill_world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(each_time_is_made_once_the_oldest_first_and_one_after_the_other),
        IN_A_WORLD(no_more_runs_than_asked_for_go_on_at_once),
        IN_A_WORLD(a_dry_run_prints_the_table_and_creates_nothing),
        IN_A_WORLD(killed_at_any_request_the_same_command_goes_on),
        IN_A_WORLD(a_fault_of_any_request_makes_no_time_twice),
        IN_A_WORLD(a_failed_run_stops_the_others_only_when_that_is_asked_for),
        IN_A_WORLD(a_name_that_is_another_run_s_is_said_and_the_others_go_on),
        IN_A_WORLD(runs_of_the_pipeline_that_it_had_before_are_in_the_way),
        IN_A_WORLD(a_run_that_lost_its_label_is_found_by_its_name),
        IN_A_WORLD(what_the_api_server_refuses_is_said_in_its_words_and_ends_it),
        IN_A_WORLD(a_run_that_is_deleted_is_not_made_again_by_the_same_call),
        IN_A_WORLD(a_silent_api_server_ends_it_after_a_while_with_how_to_go_on),
        IN_A_WORLD(an_api_server_that_was_never_reached_is_said_at_once),
        IN_A_WORLD(an_interrupt_says_where_it_stands),
        IN_A_WORLD(lists_are_read_once_page_by_page),
        IN_A_WORLD(a_long_run_is_looked_at_less_and_less),
        IN_A_WORLD(a_run_that_does_not_begin_says_once_what_it_waits_for),
        IN_A_WORLD(the_live_run_of_a_time_is_named),
        IN_A_WORLD(runs_with_other_parameters_are_said),
        IN_A_WORLD(what_can_not_be_made_is_refused_before_anything_is),
        cmocka_unit_test(arguments_that_can_not_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
