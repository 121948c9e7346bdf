#include "support/test.h"

#include "api/trigger.h"
#include "core/civil.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/prng.h"
#include "core/text.h"
#include "plan/cron.h"
#include "support/plan_world.h"

#include <string.h>

/*
 * Lives of a Trigger (conformance K1, K3, K5): time passes, clocks step, the controller is away,
 * crashes at any write, loses answers and is refused; runs end and are deleted. Whatever happens, a
 * scheduled minute starts at most one run, and each one up to lastScheduleTime is accounted for.
 */

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, LIVES = 150, ROUNDS = 60, SWEEP_EVERY = 16 };

static const int64_t born = 1795430000; /* 2026-11-23T12:33:20Z */

static const char *const crons[] = {"* * * * *", "*/5 * * * *", "0 * * * *", "30 3 * * *",
                                    "0 0 1 * *"};
static const char *const policies[] = {"Allow", "Forbid", "Replace", "Queue"};
static const char *const catch_ups[] = {"None", "Latest", "All"};
static const char *const deadlines[] = {"", "'startingDeadline':'30s',",
                                        "'startingDeadline':'10m',", "'startingDeadline':'26h',"};

struct life {
    uint64_t seed;
    struct prng prng;
    struct world world;
    struct map uids; /* name of a run -> uid of the one that was made; texts owned */
    const char *cron;
    size_t made;
};

static size_t pick(struct life *life, size_t count)
{
    return (size_t)prng_between(&life->prng, 0, count - 1);
}

static void begin(struct life *life, uint64_t seed)
{
    *life = (struct life){.seed = seed};
    prng_seed(&life->prng, seed);
    world_init(&life->world, born);
    life->cron = crons[pick(life, COUNT_OF(crons))];
    (void)world_put(&life->world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
    (void)world_put(&life->world, KIND_TRIGGER,
                    "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'churn'},"
                    "'concurrencyPolicy':'%s','schedule':{%s'cron':'%s',"
                    "'catchUp':{'policy':'%s','max':%d}}}}",
                    policies[pick(life, COUNT_OF(policies))],
                    deadlines[pick(life, COUNT_OF(deadlines))], life->cron,
                    catch_ups[pick(life, COUNT_OF(catch_ups))], (int)pick(life, 6) + 1);
}

static void end(struct life *life)
{
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&life->uids, &at)) != NULL;) {
        (void)memory_free(entry->value);
    }
    map_free(&life->uids);
    world_free(&life->world);
}

static int64_t status_time(const struct life *life, const char *path)
{
    int64_t time = TIME_ABSENT;
    (void)civil_parse(world_text(&life->world, KIND_TRIGGER, "t", path), &time);
    return time;
}

/* ---- what must hold ---- */

static void check_run(struct life *life, json_t *tree, int64_t last_before, int64_t pending_before)
{
    const json_t *meta = json_object_get(tree, "metadata");
    const char *name = json_string_value(json_object_get(meta, "name"));
    const char *uid = json_string_value(json_object_get(meta, "uid"));
    const char *known = map_get(&life->uids, name);
    if (known) {
        if (strcmp(known, uid) != 0) {
            fail_msg("seed %llu: %s was started twice", (unsigned long long)life->seed, name);
        }
        return;
    }
    int64_t time = TIME_ABSENT;
    assert_true(
        civil_parse(json_string_value(json_object_get(
                        json_object_get(json_object_get(tree, "spec"), "cause"), "revision")),
                    &time));
    bool fresh = last_before == TIME_ABSENT || time > last_before;
    if (time <= born || (!fresh && time != pending_before)) {
        fail_msg("seed %llu: %s was not to fire any more", (unsigned long long)life->seed, name);
    }
    (void)map_put(&life->uids, name, memory_copy_text(uid));
    life->made++;
}

/* firings + dropped + pending = all times of the schedule up to lastScheduleTime. */
static void check_account(struct life *life)
{
    struct world *world = &life->world;
    struct error error;
    const struct cron *cron = NULL;
    struct cron_window window;
    int64_t last = status_time(life, "status/lastScheduleTime");
    assert_true(result_is_ok(cron_parse(&world->arena, life->cron, &cron, &error)));
    cron_count_between(cron, zone_utc(), born, last == TIME_ABSENT ? born : last, &window);
    int64_t pending = world_get(world, KIND_TRIGGER, "t", "status/pending") ? 1 : 0;
    int64_t firings = world_integer(world, KIND_TRIGGER, "t", "status/firings");
    int64_t dropped = world_integer(world, KIND_TRIGGER, "t", "status/dropped");
    if (firings + dropped + pending != window.count || firings > (int64_t)life->made) {
        fail_msg("seed %llu: %lld fired (%zu made), %lld dropped, %lld pending of %lld",
                 (unsigned long long)life->seed, (long long)firings, life->made, (long long)dropped,
                 (long long)pending, (long long)window.count);
    }
}

/* ---- what happens ---- */

/* Plans once and carries it out; the outline tells whether anything was written. */
static size_t reconcile(struct life *life, enum world_fault fault)
{
    struct world *world = &life->world;
    int64_t last = status_time(life, "status/lastScheduleTime");
    int64_t pending = status_time(life, "status/pending/scheduledTime");
    struct plan plan = world_plan_trigger(world, "t");
    size_t writes = world_count_writes(&plan);
    (void)world_carry_out(world, &plan, fault, writes > 0 ? pick(life, writes) : 0);
    for (size_t at = 0; at < world->count; at++) {
        if (world->objects[at].kind == KIND_PIPELINE_RUN) {
            check_run(life, world->objects[at].tree, last, pending);
        }
    }
    int64_t now_last = status_time(life, "status/lastScheduleTime");
    assert_true(now_last >= last);
    check_account(life);
    return writes;
}

static void rest(struct life *life)
{
    enum { ROUNDS_TO_REST = 40 };
    for (int round = 0; round < ROUNDS_TO_REST; round++) {
        if (reconcile(life, WORLD_NO_FAULT) == 0) {
            return;
        }
    }
    fail_msg("seed %llu: it never comes to rest", (unsigned long long)life->seed);
}

static void pass_time(struct life *life)
{
    static const int64_t steps[] = {0,      1,      20,         MINUTE, MINUTE,     10 * MINUTE,
                                    HOUR,   HOUR,   DAY,        -HOUR,  -365 * DAY, 365 * DAY,
                                    MINUTE, MINUTE, 5 * MINUTE, 30};
    int64_t step = steps[pick(life, COUNT_OF(steps))];
    bool away = pick(life, 10) == 0;
    int64_t most = step > 0 ? step * 2 : 1;
    life->world.now += away && step > 0 ? (int64_t)prng_between(&life->prng, 0, (uint64_t)most)
                                        : step;
}

/* Runs end; some that ended are deleted, but never one that is pending or the newest (as
 * plan/pipeline.c holds). */
static void change_runs(struct life *life)
{
    struct world *world = &life->world;
    const char *pending = world_text(world, KIND_TRIGGER, "t", "status/pending/run");
    const char *newest = world_text(world, KIND_TRIGGER, "t", "status/lastRunRef/name");
    for (size_t at = 0; at < world->count; at++) {
        json_t *tree = world->objects[at].tree;
        if (world->objects[at].kind != KIND_PIPELINE_RUN) {
            continue;
        }
        const char *name = json_string_value(
            json_object_get(json_object_get(tree, "metadata"), "name"));
        bool ended = json_object_get(json_object_get(tree, "status"), "phase") != NULL;
        if (!ended && pick(life, 3) == 0) {
            world_merge(world, KIND_PIPELINE_RUN, name, "{'status':{'phase':'Failed'}}");
        } else if (ended && strcmp(name, pending) != 0 && strcmp(name, newest) != 0) {
            world_remove(world, KIND_PIPELINE_RUN, name);
            return;
        }
    }
}

static void change_rest_of_world(struct life *life)
{
    struct world *world = &life->world;
    size_t chance = pick(life, 40);
    if (chance == 0) {
        bool suspended = json_is_true(world_get(world, KIND_TRIGGER, "t", "spec/suspend"));
        world_merge(world, KIND_TRIGGER, "t", "{'spec':{'suspend':%s}}",
                    suspended ? "false" : "true");
        /* So that the edit finds the trigger up to date, as an edit at leisure does. */
        rest(life);
    } else if (chance == 1) {
        world_forget_facts(world);
    }
}

static void no_minute_fires_twice_whatever_happens(void **state)
{
    (void)state;
    static const enum world_fault faults[] = {WORLD_NO_FAULT,     WORLD_NO_FAULT,    WORLD_NO_FAULT,
                                              WORLD_CRASH_BEFORE, WORLD_CRASH_AFTER, WORLD_LOST,
                                              WORLD_REFUSED};
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct life life;
        begin(&life, seed);
        for (int round = 0; round < ROUNDS; round++) {
            pass_time(&life);
            (void)reconcile(&life, faults[pick(&life, COUNT_OF(faults))]);
            change_runs(&life);
            change_rest_of_world(&life);
            if (round % SWEEP_EVERY == 0) {
                world_sweep(&life.world);
            }
        }
        world_merge(&life.world, KIND_TRIGGER, "t", "{'spec':{'suspend':false}}");
        rest(&life);
        end(&life);
    }
}

/* Catch-up over any downtime. */

static void all_starts_exactly_the_newest_max_after_any_downtime(void **state)
{
    (void)state;
    enum { DOWNTIMES = 150, MOST = 12 };
    for (uint64_t seed = 1; seed <= DOWNTIMES; seed++) {
        struct life life = {.seed = seed};
        struct world *world = &life.world;
        prng_seed(&life.prng, seed);
        world_init(world, born);
        life.cron = crons[pick(&life, COUNT_OF(crons))];
        size_t max = pick(&life, MOST) + 1;
        (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'churn'}}");
        (void)world_put(world, KIND_TRIGGER,
                        "{'metadata':{'name':'t'},'spec':{'pipelineRef':{'name':'churn'},"
                        "'schedule':{'cron':'%s','catchUp':{'policy':'All','max':%zu}}}}",
                        life.cron, max);
        static const uint64_t longest[] = {10, HOUR, 10 * DAY, 365 * DAY};
        world->now += (int64_t)prng_between(&life.prng, 0, longest[pick(&life, 4)]);
        rest(&life);
        struct error error;
        const struct cron *cron = NULL;
        int64_t times[MOST];
        assert_true(result_is_ok(cron_parse(&world->arena, life.cron, &cron, &error)));
        size_t count = cron_newest(cron, zone_utc(), born, world->now, times, max);
        assert_int_equal(world_count(world, KIND_PIPELINE_RUN), count);
        for (size_t at = 0; at < count; at++) {
            assert_non_null(
                world_find(world, KIND_PIPELINE_RUN,
                           arena_print(&world->arena, "t-%lld", (long long)times[at] / MINUTE)));
        }
        end(&life);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_minute_fires_twice_whatever_happens),
        cmocka_unit_test(all_starts_exactly_the_newest_max_after_any_downtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
