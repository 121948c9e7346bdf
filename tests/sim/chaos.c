#include "sim/schedule.h"

#include "core/assert.h"
#include "core/text.h"
#include "plan/run_phase.h"
#include "sim/tree.h"

/*
 * What people and nodes do to a namespace while runs go through it: Jobs, pods, Deployments and
 * Services are deleted, pods are evicted, Deployments are scaled, runs are cancelled, suspended and
 * resumed, and Jobs if that is asked for. Nothing here touches what people wrote themselves.
 */

enum { ACTS = 6 };

static struct sim_object *draw_object(struct sim_world *world, enum api_kind kind)
{
    size_t count = 0;
    struct sim_object *drawn = NULL;
    for (size_t at = 0; at < world->store.count; at++) {
        struct sim_object *object = &world->store.objects[at];
        if (object->kind != kind || tree_at(object->tree, "metadata/deletionTimestamp")) {
            continue;
        }
        count++;
        if (prng_between(&world->prng, 1, count) == 1) {
            drawn = object;
        }
    }
    return drawn;
}

static void delete_one(struct sim_world *world, enum api_kind kind)
{
    struct sim_object *object = draw_object(world, kind);
    if (object) {
        sim_world_trace(world, "somebody deletes %s %s", kind_info(kind)->kind,
                        tree_name(object->tree));
        sim_store_delete(&world->store, object);
    }
}

static bool is_waiting_or_running(const struct sim_object *pod)
{
    const char *phase = tree_text(pod->tree, "status/phase");
    return text_equal(phase, "Pending") || text_equal(phase, "Running");
}

static void evict_one(struct sim_world *world)
{
    struct sim_object *pod = draw_object(world, KIND_POD);
    if (pod && is_waiting_or_running(pod)) {
        sim_world_trace(world, "pod %s is evicted", tree_name(pod->tree));
        sim_cluster_evict(&world->cluster, pod);
    }
}

static void change_run(struct sim_world *world)
{
    struct sim_object *run = draw_object(world, KIND_PIPELINE_RUN);
    if (!run || run_phase_is_final(tree_text(run->tree, "status/phase"))) {
        return;
    }
    json_t *tree = sim_store_copy(run);
    bool suspended = json_is_true(tree_at(tree, "spec/suspend"));
    bool cancels = prng_between(&world->prng, 1, ACTS) == 1;
    tree_set(tree, cancels ? "spec/cancel" : "spec/suspend", json_boolean(cancels || !suspended));
    sim_world_trace(world, "somebody %s run %s",
                    cancels     ? "cancels"
                    : suspended ? "resumes"
                                : "suspends",
                    tree_name(tree));
    sim_store_update(&world->store, run, tree);
}

static void scale_one(struct sim_world *world)
{
    struct sim_object *deployment = draw_object(world, KIND_DEPLOYMENT);
    if (deployment) {
        json_t *tree = sim_store_copy(deployment);
        tree_set(tree, "spec/replicas", json_integer((json_int_t)prng_between(&world->prng, 0, 3)));
        sim_world_trace(world, "somebody scales Deployment %s", tree_name(tree));
        sim_store_update(&world->store, deployment, tree);
    }
}

static void set_suspended(struct sim_world *world, struct sim_object *job, bool suspended)
{
    json_t *tree = sim_store_copy(job);
    tree_set(tree, "spec/suspend", json_boolean(suspended));
    sim_world_trace(world, "somebody %s Job %s", suspended ? "suspends" : "resumes",
                    tree_name(tree));
    sim_store_update(&world->store, job, tree);
}

/* As a queue of Jobs does that gives their nodes to others. */
static void turn_job(struct sim_world *world)
{
    struct sim_object *job = draw_object(world, KIND_JOB);
    if (job) {
        set_suspended(world, job, !json_is_true(tree_at(job->tree, "spec/suspend")));
    }
}

void sim_chaos(struct sim_world *world)
{
    world->people_act = true;
    switch (prng_between(&world->prng, 1, ACTS + world->options.suspends_jobs)) {
    case ACTS + 1:
        turn_job(world);
        break;
    case 1:
        delete_one(world, KIND_JOB);
        break;
    case 2:
        delete_one(world, KIND_POD);
        break;
    case 3:
        evict_one(world);
        break;
    case 4:
        change_run(world);
        break;
    case 5:
        scale_one(world);
        break;
    default:
        delete_one(world, prng_between(&world->prng, 0, 1) ? KIND_DEPLOYMENT : KIND_SERVICE);
        break;
    }
    world->people_act = false;
}

/* Whoever was suspended goes on, so that everything can come to rest. */
void sim_calm(struct sim_world *world)
{
    for (size_t at = 0; at < world->store.count; at++) {
        struct sim_object *object = &world->store.objects[at];
        if (object->kind == KIND_JOB && json_is_true(tree_at(object->tree, "spec/suspend"))) {
            set_suspended(world, object, false);
        }
        if (object->kind == KIND_PIPELINE_RUN &&
            json_is_true(tree_at(object->tree, "spec/suspend")) &&
            !run_phase_is_final(tree_text(object->tree, "status/phase"))) {
            json_t *tree = sim_store_copy(object);
            tree_set(tree, "spec/suspend", json_false());
            sim_store_update(&world->store, object, tree);
        }
    }
}
