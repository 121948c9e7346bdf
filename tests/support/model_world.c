#include "support/test.h"

#include "support/model_world.h"

#include "core/text.h"

#include <string.h>

#define SERVING "'serving':{'podTemplate':" MODEL_TEMPLATE ",'port':8080,'replicas':1}"

enum { REST_PLANS = 10 };

void model_world_add_model(struct world *world)
{
    (void)world_put(world, KIND_MODEL,
                    "{'metadata':{'name':'" MODEL_NAME "'},'spec':{" SERVING "}}");
}

void model_world_init(struct world *world)
{
    world_init(world, WORLD_NOON);
    model_world_add_model(world);
}

void model_world_init_serving(struct world *world)
{
    model_world_init(world);
    model_world_serve(world, 0);
}

/* ---- versions ---- */

static const char *put_version(struct world *world, int number, const char *more)
{
    const char *name = arena_print(&world->arena, MODEL_NAME "-%d", number);
    (void)world_put(world, KIND_MODEL_VERSION,
                    "{'metadata':{'name':'%s'},'spec':{'model':'" MODEL_NAME "','artifact':{"
                    "'uri':'pvc://claim/run-%d/train/model','digest':'sha256:%064d'}%s}}",
                    name, number, number, more);
    return name;
}

const char *model_world_add_version(struct world *world, int number)
{
    return put_version(world, number, "");
}

const char *model_world_add_serving_version(struct world *world, int number)
{
    return put_version(world, number, "," SERVING);
}

const char *model_world_publish(struct world *world, int number)
{
    const char *name = model_world_add_version(world, number);
    model_world_rest(world);
    assert_true(model_world_runs(world, name));
    return name;
}

const char *model_world_come_up(struct world *world, int number)
{
    const char *name = model_world_publish(world, number);
    model_world_bring_up(world, name);
    return name;
}

void model_world_serve(struct world *world, int number)
{
    const char *name = model_world_come_up(world, number);
    model_world_rest(world);
    assert_string_equal(model_world_selected(world), name);
}

void model_world_serve_unverified(struct world *world, int number)
{
    const char *name = model_world_publish(world, number);
    model_world_make_available(world, name);
    model_world_rest(world);
    assert_string_equal(model_world_selected(world), name);
}

void model_world_pin(struct world *world, const char *version)
{
    const char *value = version ? arena_print(&world->arena, "'%s'", version) : "null";
    world_merge(world, KIND_MODEL, MODEL_NAME, "{'spec':{'pinnedVersion':%s}}", value);
}

/* ---- planning ---- */

static void carry_out(struct world *world, const struct plan *plan)
{
    size_t writes = world->writes;
    assert_true(world_carry_out(world, plan, WORLD_NO_FAULT, 0));
    assert_int_equal(world->writes - writes, world_count_writes(plan));
}

void model_world_carry_out(struct world *world, const struct operation *operation)
{
    struct operation copy = *operation;
    const struct plan one = {.operations = &copy, .count = 1};
    carry_out(world, &one);
}

void model_world_step(struct world *world)
{
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    carry_out(world, &plan);
}

void model_world_step_only(struct world *world, enum operation_type type, enum api_kind kind)
{
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    const struct operation *operation;
    for (size_t at = 0; (operation = plan_find(&plan, type, kind, at)) != NULL; at++) {
        model_world_carry_out(world, operation);
    }
}

void model_world_crash(struct world *world, size_t writes)
{
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    (void)world_carry_out(world, &plan, WORLD_CRASH_BEFORE, writes);
}

void model_world_rest(struct world *world)
{
    for (int plans = 0; plans < REST_PLANS; plans++) {
        const struct plan plan = world_plan_model(world, MODEL_NAME);
        if (world_count_writes(&plan) == 0) {
            return;
        }
        carry_out(world, &plan);
    }
    fail_msg("it never comes to rest");
}

/* ---- the cluster ---- */

void model_world_make_available(struct world *world, const char *version)
{
    long long replicas = world_integer(world, KIND_DEPLOYMENT, version, "spec/replicas");
    world_merge(world, KIND_DEPLOYMENT, version,
                "{'status':{'observedGeneration':%lld,'replicas':%lld,'updatedReplicas':%lld,"
                "'readyReplicas':%lld,'availableReplicas':%lld,'conditions':["
                "{'type':'Available','status':'True'},"
                "{'type':'Progressing','status':'True','reason':'NewReplicaSetAvailable'}]}}",
                (long long)world_integer(world, KIND_DEPLOYMENT, version, "metadata/generation"),
                replicas, replicas, replicas, replicas);
}

/* No ReplicaSet stands between the pod and its Deployment here. */
void model_world_set_pod(struct world *world, const char *version, const char *status)
{
    const char *pod = arena_print(&world->arena, "%s-pod", version);
    if (world_find(world, KIND_POD, pod)) {
        world_remove(world, KIND_POD, pod);
    }
    assert_true(model_world_runs(world, version));
    (void)world_put(world, KIND_POD,
                    "{'metadata':{'name':'%s','labels':{'" LABEL_VERSION_UID "':'%s'},"
                    "'ownerReferences':[{'apiVersion':'apps/v1','kind':'Deployment','name':'%s',"
                    "'uid':'%s','controller':true}]},'status':%s}",
                    pod, world_text(world, KIND_MODEL_VERSION, version, "metadata/uid"), version,
                    world_text(world, KIND_DEPLOYMENT, version, "metadata/uid"), status);
}

#define COPY_ENDED "'initContainerStatuses':[{'name':'tidemill-copy','state':{'terminated':"

void model_world_bring_up(struct world *world, const char *version)
{
    model_world_make_available(world, version);
    model_world_set_pod(
        world, version,
        "{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]," COPY_ENDED
        "{'exitCode':0,'message':'{\\\"digest\\\":\\\"sha256:00\\\"}'}}}]}");
}

void model_world_fail_copy(struct world *world, const char *version, const char *reason,
                           const char *message)
{
    model_world_set_pod(
        world, version,
        arena_print(
            &world->arena,
            "{'phase':'Pending','conditions':[{'type':'Ready','status':'False'}]," COPY_ENDED
            "{'exitCode':1,'message':'{\\\"reason\\\":\\\"%s\\\",\\\"message\\\":\\\"%s\\\"}'"
            "}}}]}",
            reason, message));
}

/* ---- looking ---- */

const char *model_world_text(const struct world *world, const char *path)
{
    return world_text(world, KIND_MODEL, MODEL_NAME, path);
}

const char *model_world_ready(struct world *world)
{
    return world_condition(world, KIND_MODEL, MODEL_NAME, "Ready");
}

const char *model_world_version_ready(struct world *world, const char *version)
{
    return world_condition(world, KIND_MODEL_VERSION, version, "Ready");
}

const char *model_world_selected(const struct world *world)
{
    const char *uid = world_text(world, KIND_SERVICE, MODEL_NAME,
                                 "spec/selector/tidemill.dev~1version-uid");
    return text_starts_with(uid, "uid-") ? uid + strlen("uid-") : "";
}

bool model_world_runs(const struct world *world, const char *version)
{
    return world_find(world, KIND_DEPLOYMENT, version) != NULL;
}

bool model_world_is_up(const struct world *world, const char *version)
{
    return model_world_runs(world, version) &&
           json_equal(world_get(world, KIND_DEPLOYMENT, version, "status/observedGeneration"),
                      world_get(world, KIND_DEPLOYMENT, version, "metadata/generation"));
}
