/* Which runs make up for which times of a schedule (plan/backfill). */

#include "support/test.h"

#include "core/civil.h"
#include "core/text.h"
#include "plan/backfill.h"
#include "support/plan_world.h"
#include "unit/cron/zones.h"

#include <string.h>

#define NOW "2026-11-01T12:00:00Z"

static int64_t instant(const char *text)
{
    int64_t seconds = 0;
    if (!civil_parse(text, &seconds)) {
        fail_msg("%s", text);
    }
    return seconds;
}

static const char *print(struct world *world, int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    return arena_copy_text(&world->arena, text);
}

/* Trigger "nightly" with this spec, of a Pipeline "churn" with that one. ' stands for ". */
static struct backfill_request request_of(struct world *world, const char *trigger,
                                          const char *pipeline)
{
    world_init(world, instant(NOW));
    return (struct backfill_request){
        .trigger = (const struct trigger *)world_make(
            world, KIND_TRIGGER,
            "{'metadata':{'name':'nightly','namespace':'team','uid':'t1'},"
            "'spec':{'pipelineRef':{'name':'churn'}%s}}",
            trigger),
        .pipeline = (const struct pipeline *)world_make(
            world, KIND_PIPELINE,
            "{'metadata':{'name':'churn','namespace':'team','uid':'p1'},'spec':{%s}}", pipeline),
        .zone = zone_utc(),
        .from = "2026-10-01",
        .to = "2026-10-04",
        .now = instant(NOW)};
}

#define DAILY ",'schedule':{'cron':'0 3 * * *'}"
#define TOLD  ",'params':[{'name':'day','from':'scheduledTime'},{'name':'seed','value':'7'}]"
#define TAKES "'params':[{'name':'day','type':'string'},{'name':'seed','type':'integer'}]"

static void plan(struct world *world, const struct backfill_request *request,
                 struct backfill *backfill)
{
    struct error error = {0};
    if (!result_is_ok(backfill_plan(&world->arena, request, backfill, &error))) {
        fail_msg("%s", error.message);
    }
}

static void the_times_of_a_range_are_those_of_the_schedule_s_clock(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *cron;
        const char *zone;
        const char *from;
        const char *to;
        const char *times; /* all of them */
    } rows[] = {
        {"dates are days of the zone", "0 0 * * *", "Europe/Berlin", "2026-01-01", "2026-01-03",
         "2025-12-31T23:00:00Z 2026-01-01T23:00:00Z"},
        {"from is in the range, to is not", "0 * * * *", "UTC", "2026-01-01T01:00:00Z",
         "2026-01-01T03:00:00Z", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z"},
        {"a second later is behind it", "0 * * * *", "UTC", "2026-01-01T01:00:01Z",
         "2026-01-01T02:00:01Z", "2026-01-01T02:00:00Z"},
        {"offsets are offsets, whatever the zone", "0 * * * *", "Europe/Berlin",
         "2026-01-01T01:00:00+01:00", "2026-01-01T02:00:00+01:00", "2026-01-01T00:00:00Z"},
        {"a skipped time is made at the jump", "30 2 * * *", "Europe/Berlin", "2026-03-28",
         "2026-03-31", "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"},
        {"a repeated time is made once", "30 2 * * *", "Europe/Berlin", "2026-10-24", "2026-10-27",
         "2026-10-24T00:30:00Z 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z"},
        {"each hour of a day with 25 of them", "0 */6 * * *", "Europe/Berlin", "2026-10-25",
         "2026-10-26",
         "2026-10-24T22:00:00Z 2026-10-25T05:00:00Z 2026-10-25T11:00:00Z 2026-10-25T17:00:00Z"},
        {"a day whose midnight is skipped", "0 0 * * *", "America/Sao_Paulo", "2018-11-04",
         "2018-11-05", "2018-11-04T03:00:00Z"},
        {"the day before it has no time of it", "0 0 * * *", "America/Sao_Paulo", "2018-11-03",
         "2018-11-04", "2018-11-03T03:00:00Z"},
        {"the time of a skipped day is made at the jump", "0 12 * * *", "Pacific/Apia",
         "2011-12-29", "2012-01-01",
         "2011-12-29T22:00:00Z 2011-12-30T10:00:00Z 2011-12-30T22:00:00Z"},
        {"no time", "0 0 29 2 *", "UTC", "2026-01-01", "2026-10-01", ""},
        {"nothing from now on", "0 * * * *", "UTC", "2026-11-01T10:30:00Z", "2027-01-01",
         "2026-11-01T11:00:00Z"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        static struct world world;
        struct backfill backfill;
        struct backfill_request request = request_of(&world, "", "");
        request.trigger = (const struct trigger *)world_make(
            &world, KIND_TRIGGER,
            "{'metadata':{'name':'nightly'},'spec':{'pipelineRef':{'name':'churn'},"
            "'schedule':{'cron':'%s','timeZone':'%s'}}}",
            rows[at].cron, rows[at].zone);
        request.zone = load_zone(&world.arena, rows[at].zone);
        request.from = rows[at].from;
        request.to = rows[at].to;
        plan(&world, &request, &backfill);
        const char *times = "";
        for (size_t time = 0; time < backfill.count; time++) {
            times = arena_print(&world.arena, "%s%s%s", times, time > 0 ? " " : "",
                                print(&world, backfill.times[time].time));
        }
        if (strcmp(times, rows[at].times) != 0) {
            fail_msg("%s: %s", rows[at].sentence, times);
        }
        world_free(&world);
    }
}

static void a_time_is_rfc_3339_or_a_date(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *time; /* NULL: refused */
    } rows[] = {
        {"2026-01-31", "2026-01-31T00:00:00Z"},
        {"2024-02-29", "2024-02-29T00:00:00Z"},
        {"2026-01-31T03:00:00Z", "2026-01-31T03:00:00Z"},
        {"2026-01-31T03:00:00+02:00", "2026-01-31T01:00:00Z"},
        {"2026-02-29", NULL},
        {"2026-13-01", NULL},
        {"2026-1-1", NULL},
        {"26-01-31", NULL},
        {"2026-01-31 ", NULL},
        {"2026-01-31T03:00", NULL},
        {"2026-01-31T03:00:00", NULL},
        {"2026-01-31T00:00:00Zx", NULL},
        {"yesterday", NULL},
        {"1769828400", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        int64_t time = 0;
        bool read = backfill_read_time(zone_utc(), rows[at].text, &time);
        if (read != (rows[at].time != NULL) || (read && time != instant(rows[at].time))) {
            fail_msg("%s: %d, %lld", text_or(rows[at].text, "NULL"), read, (long long)time);
        }
    }
}

static void what_can_not_be_made_is_refused_with_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *trigger;
        const char *pipeline;
        const char *from;
        const char *to;
        const char *says;
    } rows[] = {
        {"no schedule", ",'http':{'url':'http://data/x'}", "", "2026-01-01", "2026-01-02",
         "Trigger \"nightly\" has no spec.schedule"},
        {"a bad expression", ",'schedule':{'cron':'0 25 * * *'}", "", "2026-01-01", "2026-01-02",
         "Trigger \"nightly\": spec.schedule.cron: hour, column 3: 25"},
        {"from is to", DAILY, "", "2026-01-01", "2026-01-01",
         "--from 2026-01-01 is not before --to 2026-01-01"},
        {"from is behind to", DAILY, "", "2026-01-02", "2026-01-01T23:59:59Z", "is not before"},
        {"no such day", DAILY, "", "2026-02-30", "2026-03-01", "--from \"2026-02-30\": expected"},
        {"no time of day", DAILY, "", "2026-02-01", "2026-03-01T03:00",
         "--to \"2026-03-01T03:00\""},
        {"only times to come", DAILY, "", NOW, "2027-01-01", "lies in the future"},
        {"a parameter that the pipeline does not have", DAILY TOLD, "'params':[{'name':'day'}]",
         "2026-10-01", "2026-10-02",
         "run nightly-29847060-backfill would fail at once: parameter \"seed\": the pipeline "
         "declares none"},
        {"a parameter without a value", DAILY, TAKES, "2026-10-01", "2026-10-02",
         "parameter \"day\": it has no default"},
        {"a time that does not fit", DAILY ",'params':[{'name':'day','from':'scheduledTime'}]",
         "'params':[{'name':'day','pattern':'2026-10-0[12].*'}]", "2026-10-01", "2026-10-04",
         "run nightly-29849940-backfill would fail"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        static struct world world;
        struct backfill backfill;
        struct error error = {0};
        struct backfill_request request = request_of(&world, rows[at].trigger, rows[at].pipeline);
        request.from = rows[at].from;
        request.to = rows[at].to;
        struct result result = backfill_plan(&world.arena, &request, &backfill, &error);
        if (result.kind != ERROR_INVALID || !strstr(error.message, rows[at].says)) {
            fail_msg("%s: %s", rows[at].sentence, error.message);
        }
        world_free(&world);
    }
}

static void a_trigger_or_pipeline_that_is_not_there_is_refused(void **state)
{
    (void)state;
    static struct world world;
    struct backfill backfill;
    struct error error = {0};
    const struct backfill_request whole = request_of(&world, DAILY, "");
    struct backfill_request request = whole;
    request.pipeline = NULL;
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "there is no Pipeline \"churn\" in this namespace;"));

    struct pipeline pipeline = *whole.pipeline;
    pipeline.meta.deletion_time = instant(NOW);
    request.pipeline = &pipeline;
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "that is not being deleted"));

    pipeline = *whole.pipeline;
    pipeline.meta.unreadable = "spec.podDefaults: too deep";
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "Pipeline \"churn\": spec.podDefaults: too deep"));

    request = whole;
    struct trigger trigger = *whole.trigger;
    request.trigger = &trigger;
    trigger.meta.deletion_time = instant(NOW);
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "is being deleted"));

    trigger = *whole.trigger;
    trigger.spec.pipeline_ref.name = NULL;
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "spec.pipelineRef.name: there is no Pipeline \"\""));

    trigger.meta.unreadable = "spec.params: not a list";
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "spec.params: not a list"));

    request = whole;
    request.zone = NULL;
    request.zone_error = "there is no time zone \"Mars/Olympus\"";
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_string_equal(error.message, "Trigger \"nightly\": spec.schedule.timeZone: there is no "
                                       "time zone \"Mars/Olympus\"");
    world_free(&world);
}

static void a_thousand_times_are_made_and_one_more_is_split(void **state)
{
    (void)state;
    static struct world world;
    struct backfill backfill;
    struct error error = {0};
    struct backfill_request request = request_of(&world, ",'schedule':{'cron':'* * * * *'}", "");
    request.from = "2026-10-01T00:00:00Z";
    request.to = "2026-10-01T16:40:00Z"; /* 1,000 minutes */
    plan(&world, &request, &backfill);
    assert_int_equal(backfill.count, BACKFILL_TIMES_MAXIMUM);
    request.to = "2026-10-01T16:41:00Z";
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_string_equal(
        error.message,
        "the schedule has 1001 times from 2026-10-01T00:00:00Z to 2026-10-01T16:41:00Z, and one "
        "backfill makes 1000 at most; split it: first --from 2026-10-01T00:00:00Z --to "
        "2026-10-01T16:40:00Z, then --from 2026-10-01T16:40:00Z --to 2026-10-01T16:41:00Z");
    request.from = "2026-10-01T16:40:00Z";
    plan(&world, &request, &backfill);
    assert_int_equal(backfill.count, 1);
    request.from = "0001-01-01"; /* counted, never walked */
    assert_int_equal(backfill_plan(&world.arena, &request, &backfill, &error).kind, ERROR_INVALID);
    assert_non_null(strstr(error.message, "the schedule has 1065"));
    world_free(&world);
}

static void a_run_has_the_parameters_of_its_time_and_nothing_of_the_trigger_s_own(void **state)
{
    (void)state;
    static struct world world;
    struct backfill backfill;
    struct backfill_request request = request_of(&world, DAILY TOLD, TAKES);
    request.zone = load_zone(&world.arena, "Europe/Berlin");
    plan(&world, &request, &backfill);
    assert_int_equal(backfill.count, 3);
    assert_string_equal(backfill.times[0].live_run, "nightly-29846940");
    assert_string_equal(
        backfill_render(&world.arena, &backfill, &backfill.times[0]),
        "{\"apiVersion\":\"tidemill.dev/v1alpha1\",\"kind\":\"PipelineRun\",\"metadata\":{"
        "\"labels\":{\"tidemill.dev/backfill\":\"nightly\",\"tidemill.dev/pipeline\":\"churn\"},"
        "\"name\":\"nightly-29846940-backfill\",\"namespace\":\"team\"},\"spec\":{\"cause\":{"
        "\"kind\":\"Backfill\",\"message\":\"backfill of schedule \\\"0 3 * * *\\\" in Etc/UTC\","
        "\"name\":\"nightly\",\"revision\":\"2026-10-01T01:00:00Z\"},\"params\":[{\"name\":"
        "\"day\",\"value\":\"2026-10-01T01:00:00Z\"},{\"name\":\"seed\",\"value\":\"7\"}],"
        "\"pipelineRef\":{\"name\":\"churn\"}}}");
    world_free(&world);
}

static void what_one_should_know_before_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *trigger;
        const char *pipeline;
        const char *to;
        const char *says; /* the only warning; NULL: none */
    } rows[] = {
        {"nothing", DAILY TOLD, TAKES, "2026-10-04", NULL},
        {"all runs alike", DAILY, "", "2026-10-04", "all runs get the same input"},
        {"alike, but none", ",'schedule':{'cron':'0 0 29 2 *'}", "", "2026-10-04", NULL},
        {"suspended", DAILY TOLD ",'suspend':true", TAKES, "2026-10-04", "Trigger is suspended"},
        {"cut", DAILY TOLD, TAKES, "2026-12-01",
         "--to 2026-12-01 lies in the future: only times before now (2026-11-01T12:00:00Z)"},
        {"published", DAILY TOLD, TAKES ",'publish':{'model':'churn','artifact':'a.b'}",
         "2026-10-04", "each run publishes a version of Model \"churn\""},
        {"published, but none", ",'schedule':{'cron':'0 0 29 2 *'}",
         "'publish':{'model':'churn','artifact':'a.b'}", "2026-10-04", NULL},
        {"Ready", DAILY TOLD, TAKES "},'status':{'conditions':[{'type':'Ready','status':'True'}]",
         "2026-10-04", NULL},
        {"not Ready", DAILY TOLD,
         TAKES "},'status':{'conditions':[{'type':'Ready','status':'False','reason':"
               "'GraphCycle','message':'a waits for a'}]",
         "2026-10-04", "is not Ready, so its runs wait: GraphCycle: a waits for a"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        static struct world world;
        struct backfill backfill;
        struct backfill_request request = request_of(&world, rows[at].trigger, rows[at].pipeline);
        request.to = rows[at].to;
        plan(&world, &request, &backfill);
        bool as_expected = rows[at].says ? backfill.warning_count == 1 &&
                                               strstr(backfill.warnings[0], rows[at].says)
                                         : backfill.warning_count == 0;
        if (!as_expected) {
            fail_msg("%s: %zu, %s", rows[at].sentence, backfill.warning_count,
                     text_or(backfill.warnings[0], ""));
        }
        world_free(&world);
    }
}

static void a_run_of_this_name_is_ours_when_it_is_for_this_time(void **state)
{
    (void)state;
    static const struct {
        const char *sentence;
        const char *spec;
        const char *says; /* NULL: it is ours */
    } rows[] = {
        {"ours", "'cause':{'kind':'Backfill','name':'nightly','revision':'2026-10-01T03:00:00Z'}",
         NULL},
        {"another time's",
         "'cause':{'kind':'Backfill','name':'nightly','revision':'2026-10-02T03:00:00Z'}",
         "was started by Backfill nightly for 2026-10-02T03:00:00Z"},
        {"another trigger's",
         "'cause':{'kind':'Backfill','name':'weekly','revision':'2026-10-01T03:00:00Z'}",
         "was started by Backfill weekly for"},
        {"somebody's", "'cause':{'kind':'Manual','name':'ada'}",
         "was started by Manual ada for no time"},
        {"nobody's", "'suspend':false", "was started by somebody of no name for no time"},
        {"another pipeline's",
         "'pipelineRef':{'name':'old'},"
         "'cause':{'kind':'Backfill','name':'nightly','revision':'2026-10-01T03:00:00Z'}",
         "is of Pipeline old, and the Trigger starts churn now"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        static struct world world;
        struct backfill backfill;
        struct backfill_request request = request_of(&world, DAILY, "");
        plan(&world, &request, &backfill);
        bool has_pipeline = strstr(rows[at].spec, "pipelineRef") != NULL;
        const struct pipeline_run *run = (const struct pipeline_run *)world_make(
            &world, KIND_PIPELINE_RUN,
            "{'metadata':{'name':'nightly-29847060-backfill'},'spec':{%s%s}}",
            has_pipeline ? "" : "'pipelineRef':{'name':'churn'},", rows[at].spec);
        const char *stranger = backfill_find_stranger(&world.arena, &backfill, &backfill.times[0],
                                                      run);
        if ((stranger != NULL) != (rows[at].says != NULL) ||
            (stranger && !strstr(stranger, rows[at].says))) {
            fail_msg("%s: %s", rows[at].sentence, text_or(stranger, "ours"));
        }
        world_free(&world);
    }
}

static void a_run_with_other_parameters_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *params;
        bool is_current;
    } rows[] = {
        {"{'name':'day','value':'2026-10-01T03:00:00Z'},{'name':'seed','value':'7'}", true},
        {"{'name':'day','value':'2026-10-01T03:00:00Z'},{'name':'seed','value':'8'}", false},
        {"{'name':'day','value':'2026-10-01T03:00:00Z'},{'name':'sead','value':'7'}", false},
        {"{'name':'day','value':'2026-10-01T03:00:00Z'}", false},
        {"", false},
    };
    static struct world world;
    struct backfill backfill;
    struct backfill_request request = request_of(&world, DAILY TOLD, TAKES);
    plan(&world, &request, &backfill);
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct pipeline_run *run = (const struct pipeline_run *)world_make(
            &world, KIND_PIPELINE_RUN,
            "{'metadata':{'name':'x'},'spec':{'pipelineRef':{'name':'churn'},'params':[%s]}}",
            rows[at].params);
        assert_int_equal(backfill_is_current(&backfill.times[0], run), rows[at].is_current);
    }
    world_free(&world);
}

/* What the controller makes of a backfill's run that has not ended, and of those that have. */
static void a_backfill_is_none_of_the_live_schedule_s_business(void **state)
{
    (void)state;
    static struct world world;
    world_init(&world, instant("2026-10-31T00:00:00Z"));
    (void)world_put(&world, KIND_PIPELINE,
                    "{'metadata':{'name':'churn'},'spec':{'history':{'succeeded':0,'failed':0},"
                    "'steps':[{'name':'a','image':'b'}]}}");
    (void)world_put(&world, KIND_TRIGGER,
                    "{'metadata':{'name':'nightly'},'spec':{'pipelineRef':{'name':'churn'},"
                    "'concurrencyPolicy':'Forbid','budget':{'runs':1,'per':'48h'}%s}}",
                    DAILY);
    static struct world elsewhere;
    struct backfill_request request = request_of(&elsewhere, DAILY, "");
    struct backfill backfill;
    plan(&world, &request, &backfill);
    for (size_t at = 0; at < backfill.count; at++) {
        (void)world_put(&world, KIND_PIPELINE_RUN, "%s",
                        backfill_render(&world.arena, &backfill, &backfill.times[at]));
        world_merge(&world, KIND_PIPELINE_RUN, backfill.times[at].run,
                    "{'status':{'phase':'%s','completionTime':'2026-10-30T00:00:00Z'}}",
                    at == 0 ? "Running" : "Succeeded");
    }
    (void)world_settle_pipeline(&world, "churn");
    assert_int_equal(world_count(&world, KIND_PIPELINE_RUN), backfill.count);
    world.now = instant("2026-10-31T03:00:01Z");
    struct plan fires = world_plan_trigger(&world, "nightly");
    const struct operation *created = plan_find(&fires, OPERATION_CREATE, KIND_PIPELINE_RUN, 0);
    assert_non_null(created);
    assert_string_equal(created->name, "nightly-29890260");
    assert_null(plan_find(&fires, OPERATION_PATCH, KIND_PIPELINE_RUN, 0));
    world_free(&world);
    world_free(&elsewhere);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_times_of_a_range_are_those_of_the_schedule_s_clock),
        cmocka_unit_test(a_time_is_rfc_3339_or_a_date),
        cmocka_unit_test(what_can_not_be_made_is_refused_with_what_to_do),
        cmocka_unit_test(a_trigger_or_pipeline_that_is_not_there_is_refused),
        cmocka_unit_test(a_thousand_times_are_made_and_one_more_is_split),
        cmocka_unit_test(a_run_has_the_parameters_of_its_time_and_nothing_of_the_trigger_s_own),
        cmocka_unit_test(what_one_should_know_before_is_said),
        cmocka_unit_test(a_run_of_this_name_is_ours_when_it_is_for_this_time),
        cmocka_unit_test(a_run_with_other_parameters_is_told_apart),
        cmocka_unit_test(a_backfill_is_none_of_the_live_schedule_s_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
