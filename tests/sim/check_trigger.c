#include "sim/world.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/cron.h"
#include "plan/run_phase.h"
#include "sim/tree.h"

#include <string.h>

/*
 * Triggers, whatever is late and whoever else writes. At each write of a status:
 *
 *   firings + dropped + (1 if one is pending) = times of the schedule in (creation,
 *   lastScheduleTime], and firings (+ 1 while the pending one's run is there) = runs that were made
 *
 * Of other sources the second half holds alone, and: no end of a run of spec.pipeline starts two,
 * no champion of spec.model starts two one after the other, and at rest the newest one is dealt
 * with.
 *
 * With a breaker that has no pause there are never more failed runs in a row than it allows, where
 * one run goes on at a time.
 *
 * lastScheduleTime never goes back, so each time of the schedule is one of these for ever: fired,
 * dropped or pending; or still due, when it is later than lastScheduleTime. What depends on how
 * late a kind is, is only which of them a time becomes.
 */

static bool is_firing_of(const json_t *run, const char *trigger)
{
    return text_equal(tree_text(run, "spec/cause/kind"), "Trigger") &&
           text_equal(tree_text(run, "spec/cause/name"), trigger);
}

/* How many runs this Trigger's firings made so far, and how many of this name. */
static int64_t count_made(const struct sim_store *store, const char *trigger, const char *name)
{
    int64_t count = 0;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        count += change->kind == KIND_PIPELINE_RUN && !change->before &&
                 is_firing_of(change->after, trigger) &&
                 (!name || text_equal(tree_name(change->after), name));
    }
    return count;
}

/* Times of its schedule in (after, until]. */
static int64_t count_times(const json_t *trigger, int64_t after, int64_t until)
{
    struct arena arena = {0};
    const struct cron *cron = NULL;
    struct cron_window window = {0};
    struct error error;
    struct result result = cron_parse(&arena, tree_text(trigger, "spec/schedule/cron"), &cron,
                                      &error);
    REQUIRE(result_is_ok(result));
    cron_count_between(cron, zone_utc(), after, until, &window);
    arena_free(&arena);
    return window.count;
}

static int64_t dealt_with(const json_t *trigger)
{
    return tree_at(trigger, "status/lastScheduleTime")
               ? tree_read_time(trigger, "status/lastScheduleTime")
               : tree_read_time(trigger, "metadata/creationTimestamp");
}

static bool has_schedule(const json_t *trigger)
{
    return tree_at(trigger, "spec/schedule") != NULL;
}

/*
 * Runs of a pipeline that have succeeded so far, changes of a model's champion, of what a source
 * said, and deliveries.
 */
static int64_t count_changes(const struct sim_world *world, const json_t *trigger)
{
    const struct sim_store *store = &world->store;
    if (tree_at(trigger, "spec/http") || tree_at(trigger, "spec/webhook")) {
        return world->source.changes;
    }
    const char *pipeline = tree_text(trigger, "spec/pipeline/name");
    const char *model = tree_text(trigger, "spec/model/name");
    int64_t count = 0;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (!change->after) {
            continue;
        }
        const char *phase = tree_text(change->after, "status/phase");
        const char *champion = tree_text(change->after, "status/champion");
        count += change->kind == KIND_PIPELINE_RUN && change->before &&
                 text_equal(tree_text(change->after, "spec/pipelineRef/name"), pipeline) &&
                 text_equal(phase, "Succeeded") &&
                 !text_equal(tree_text(change->before, "status/phase"), phase);
        count += change->kind == KIND_MODEL && text_equal(tree_name(change->after), model) &&
                 change->before && champion[0] &&
                 !text_equal(tree_text(change->before, "status/champion"), champion);
    }
    return count;
}

/*
 * Of two controllers at once, without an election, one may have been told of the Trigger's newest
 * status and not yet of the Model that it is about: the champion before looks like a way back.
 */
static bool may_look_back(const struct sim_world *world, const json_t *trigger)
{
    return world->options.processes > 1 && !world->options.elects && tree_at(trigger, "spec/model");
}

static void check_sum(struct sim_world *world, const json_t *trigger)
{
    const char *run = tree_text(trigger, "status/pending/run");
    int64_t pending = run[0] != '\0';
    int64_t firings = tree_integer(trigger, "status/firings");
    int64_t dropped = tree_integer(trigger, "status/dropped");
    int64_t times = has_schedule(trigger)
                        ? count_times(trigger,
                                      tree_read_time(trigger, "metadata/creationTimestamp"),
                                      dealt_with(trigger))
                        : firings + dropped + pending;
    int64_t changes = has_schedule(trigger) ? times : count_changes(world, trigger);
    if (firings + pending > changes && !may_look_back(world, trigger)) {
        sim_world_fail(world,
                       "Trigger %s: %lld fired or pending, and its source changed %lld times",
                       tree_name(trigger), (long long)(firings + pending), (long long)changes);
    }
    if (firings + dropped + pending != times) {
        sim_world_fail(world,
                       "Trigger %s: %lld fired, %lld dropped, %lld pending of %lld times of its "
                       "schedule",
                       tree_name(trigger), (long long)firings, (long long)dropped,
                       (long long)pending, (long long)times);
    }
    int64_t made = count_made(&world->store, tree_name(trigger), NULL);
    int64_t made_early = pending ? count_made(&world->store, tree_name(trigger), run) : 0;
    if (firings != made - made_early) {
        sim_world_fail(world, "Trigger %s: %lld fired, and %lld runs were made", tree_name(trigger),
                       (long long)firings, (long long)(made - made_early));
    }
}

static void check_status(struct sim_world *world, const struct sim_change *change)
{
    int64_t before = tree_read_time(change->before, "status/lastScheduleTime");
    int64_t after = tree_read_time(change->after, "status/lastScheduleTime");
    const char *run = tree_text(change->after, "status/pending/run");
    if (after < before) {
        sim_world_fail(world, "lastScheduleTime of Trigger %s went back", tree_name(change->after));
    }
    if (run[0] && !text_equal(run, tree_text(change->before, "status/pending/run")) &&
        has_schedule(change->after) && after <= before) {
        sim_world_fail(world, "Trigger %s fires %s, and lastScheduleTime stays",
                       tree_name(change->after), run);
    }
    check_sum(world, change->after);
}

/*
 * Of two controllers at once, without an election: the one that wrote the firing down, or that made
 * the run of one that was queued, had been told that the firing before is settled, and by another
 * watch not yet of that one's run.
 */
static bool is_unseen(const struct sim_world *world, const json_t *run, const json_t *other)
{
    if (world->options.processes <= 1 || world->options.elects) {
        return false;
    }
    size_t seen = world->store.change_count;
    for (size_t at = 0; at < world->store.change_count; at++) {
        const struct sim_change *change = &world->store.changes[at];
        bool is_written_down = change->kind == KIND_TRIGGER && change->after &&
                               text_equal(tree_text(change->after, "status/pending/run"),
                                          tree_name(run));
        bool is_made = change->kind == KIND_PIPELINE_RUN && !change->before &&
                       text_equal(tree_name(change->after), tree_name(run));
        if ((is_written_down || is_made) && world->origins[at].seen_runs < seen) {
            seen = world->origins[at].seen_runs;
        }
    }
    for (size_t at = seen; at < world->store.change_count; at++) {
        const struct sim_change *change = &world->store.changes[at];
        if (change->kind == KIND_PIPELINE_RUN && !change->before &&
            text_equal(tree_name(change->after), tree_name(other))) {
            return true;
        }
    }
    return false;
}

/*
 * What goes on beside a new run: of the runs that this Trigger's firings made, none that has not
 * ended, with Forbid and Queue; with Replace none that has not ended and is not cancelled. That is
 * the state of the API server at the creation, not only what a cache says: a controller sees its
 * own runs before it plans the Trigger again (conformance C9), and an end seen late is only late.
 */
static void check_beside(struct sim_world *world, const json_t *run, const json_t *trigger)
{
    const char *policy = tree_text(trigger, "spec/concurrencyPolicy");
    bool may_be_cancelled = text_equal(policy, "Replace");
    for (size_t at = 0; at < world->store.count && !text_equal(policy, "Allow"); at++) {
        const json_t *other = world->store.objects[at].tree;
        if (world->store.objects[at].kind == KIND_PIPELINE_RUN && other != run &&
            is_firing_of(other, tree_name(trigger)) &&
            !run_phase_is_final(tree_text(other, "status/phase")) &&
            !(may_be_cancelled && json_is_true(tree_at(other, "spec/cancel"))) &&
            !is_unseen(world, run, other)) {
            sim_world_fail(world, "run %s was created beside %s; concurrencyPolicy is %s",
                           tree_name(run), tree_name(other), policy);
        }
    }
}

/* Ends of this Trigger's runs so far: how many failed since the last success. */
static int64_t count_failed_in_row(const struct sim_store *store, const char *trigger)
{
    int64_t failed = 0;
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind != KIND_PIPELINE_RUN || !change->before || !change->after ||
            !is_firing_of(change->after, trigger) ||
            run_phase_is_final(tree_text(change->before, "status/phase"))) {
            continue;
        }
        const char *phase = tree_text(change->after, "status/phase");
        failed = text_equal(phase, "Failed")      ? failed + 1
                 : text_equal(phase, "Succeeded") ? 0
                                                  : failed;
    }
    return failed;
}

static void check_breaker(struct sim_world *world, const json_t *trigger)
{
    int64_t limit = tree_integer(trigger, "spec/breaker/failures");
    int64_t failed = count_failed_in_row(&world->store, tree_name(trigger));
    if (limit > 0 && !tree_at(trigger, "spec/breaker/pause") && failed >= limit &&
        !text_equal(tree_text(trigger, "spec/concurrencyPolicy"), "Allow")) {
        sim_world_fail(world, "Trigger %s started a run after %lld failures in a row; %lld allowed",
                       tree_name(trigger), (long long)failed, (long long)limit);
    }
}

/* A firing is written down before its run is there, and makes it once. */
static void check_firing(struct sim_world *world, const json_t *run)
{
    const char *name = tree_text(run, "spec/cause/name");
    if (!is_firing_of(run, name)) {
        return;
    }
    if (count_made(&world->store, name, tree_name(run)) > 1) {
        sim_world_fail(world, "run %s was made twice", tree_name(run));
    }
    const struct sim_object *trigger = sim_store_find(&world->store, KIND_TRIGGER, SIM_NAMESPACE,
                                                      name);
    if (!trigger) {
        return;
    }
    if (!text_equal(tree_text(trigger->tree, "status/pending/run"), tree_name(run))) {
        sim_world_fail(world, "run %s was created, and Trigger %s has no such firing pending",
                       tree_name(run), name);
    }
    check_beside(world, run, trigger->tree);
    check_breaker(world, trigger->tree);
}

void sim_check_trigger(struct sim_world *world, const struct sim_change *change)
{
    if (!change->after) {
        return;
    }
    if (change->kind == KIND_PIPELINE_RUN && !change->before) {
        check_firing(world, change->after);
    } else if (change->kind == KIND_TRIGGER && change->before) {
        check_status(world, change);
    }
}

static bool is_held(const json_t *trigger)
{
    int64_t limit = tree_integer(trigger, "spec/breaker/failures");
    return json_is_true(tree_at(trigger, "spec/suspend")) ||
           (limit > 0 && tree_integer(trigger, "status/breaker/failures") >= limit);
}

/*
 * Nothing is pending, and unless it is suspended or its breaker is open nothing is due: no time was
 * forgotten.
 */
void sim_check_trigger_at_rest(struct sim_world *world, const json_t *trigger)
{
    int64_t due = has_schedule(trigger)
                      ? count_times(trigger, dealt_with(trigger), world->store.unix_seconds)
                      : 0;
    if (tree_text(trigger, "status/pending/run")[0]) {
        sim_world_fail(world, "Trigger %s: the firing of %s was never settled", tree_name(trigger),
                       tree_text(trigger, "status/pending/run"));
    }
    if (due > 0 && !is_held(trigger)) {
        sim_world_fail(world, "Trigger %s: %lld times of its schedule were forgotten",
                       tree_name(trigger), (long long)due);
    }
    if (tree_at(trigger, "spec/http") && !json_is_true(tree_at(trigger, "spec/suspend")) &&
        !strstr(tree_text(trigger, "status/observedRevision"), world->source.revision)) {
        sim_world_fail(world, "Trigger %s: its source is at %s, and it dealt with %s last",
                       tree_name(trigger), world->source.revision,
                       tree_text(trigger, "status/observedRevision"));
    }
    if (tree_at(trigger, "spec/webhook") &&
        tree_integer(trigger, "status/firings") != world->source.changes) {
        sim_world_fail(world, "Trigger %s: %lld deliveries came, and %lld fired",
                       tree_name(trigger), (long long)world->source.changes,
                       (long long)tree_integer(trigger, "status/firings"));
    }
    if (!has_schedule(trigger) && count_changes(world, trigger) > 0 &&
        tree_integer(trigger, "status/firings") == 0) {
        sim_world_fail(world, "Trigger %s: its source changed, and it never fired",
                       tree_name(trigger));
    }
    check_sum(world, trigger);
}
