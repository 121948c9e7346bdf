#include "sim/world.h"

#include "core/text.h"
#include "kube/executor.h"
#include "sim/tree.h"

/*
 * Who serves: at each write of a stable Service, of a Model's status, and at each deletion of a
 * Deployment. Two things are written when another version takes over: first the Service is turned,
 * then the status says so. Between the two, for however long and across crashes:
 *
 *   - the status still names the version that the Service was turned away from. Nobody writes it
 *     anew with that name: each write of the status tells the version to which the Service leads.
 *   - the Service is turned again only back to the version that the status names, unless that one
 *     has no pods any more: else it would lose its time to drain.
 *
 * Of one controller that holds at the moment of the write. Where a second one works at the same
 * time, or people take the Service away, no write can be locked by the other object's version;
 * then it holds at a moment since the one that the writer had been told of when it planned.
 */

enum { MILLISECONDS = 1000, DRAIN_MS = 30 * MILLISECONDS };

static const char *label(const json_t *tree, const char *key)
{
    return tree_map_text(tree, "metadata/labels", key);
}

static const char *selected_by(const json_t *service)
{
    return tree_map_text(service, "spec/selector", LABEL_VERSION_UID);
}

static size_t count_answering(const struct sim_store *store, const char *version_uid)
{
    size_t count = 0;
    for (size_t at = 0; at < store->count; at++) {
        const json_t *tree = store->objects[at].tree;
        count += store->objects[at].kind == KIND_POD &&
                 text_equal(label(tree, LABEL_VERSION_UID), version_uid) &&
                 !tree_at(tree, "metadata/deletionTimestamp") &&
                 text_equal(tree_condition(tree, "Ready"), "True");
    }
    return count;
}

/* ---- history ---- */

/* The object after the first `count` changes; as it was at last if it is gone, NULL: never there.
 */
static const json_t *last_state(const struct sim_store *store, enum api_kind kind, const char *name,
                                size_t count)
{
    for (size_t at = count; at > 0; at--) {
        const struct sim_change *change = &store->changes[at - 1];
        const json_t *tree = change->after ? change->after : change->before;
        if (change->kind == kind && text_equal(tree_name(tree), name)) {
            return tree;
        }
    }
    return NULL;
}

/* Uid of the version to which the Service leads, or led when somebody took it away; "": none. */
static const char *leads_to(const struct sim_store *store, const char *model, size_t count)
{
    const json_t *service = last_state(store, KIND_SERVICE, model, count);
    return service ? selected_by(service) : "";
}

/* Uid of the version that the status names; "": none. */
static const char *told_at(const struct sim_store *store, const char *model, size_t count)
{
    const json_t *tree = last_state(store, KIND_MODEL, model, count);
    const char *champion = tree ? tree_text(tree, "status/champion") : "";
    const json_t *version = champion[0] ? last_state(store, KIND_MODEL_VERSION, champion, count)
                                        : NULL;
    return version ? tree_uid(version) : "";
}

static bool is_there(const struct sim_store *store, const char *uid)
{
    return uid[0] && sim_store_find_uid(store, uid);
}

/* The first moment at which the writer's claim may have been true. `count`: now. */
static size_t since(const struct sim_world *world, size_t count)
{
    bool alone = world->options.processes <= 1 && world->options.chaos_per_mille == 0;
    size_t seen = world->origins[count - 1].seen;
    return alone || seen > count ? count : seen;
}

/* ---- the status ---- */

/* Somebody took away a Service that no status has told of: nobody was known to serve. */
static bool is_taken_untold(const struct sim_store *store, const char *model, size_t count)
{
    for (size_t at = count; at > 0; at--) {
        const struct sim_change *change = &store->changes[at - 1];
        const json_t *tree = change->after ? change->after : change->before;
        if (change->kind == KIND_SERVICE && text_equal(tree_name(tree), model)) {
            return !change->after && !told_at(store, model, at)[0];
        }
    }
    return false;
}

/* A Model without a champion is one whose Service leads to nothing that is still there. */
static bool tells_truth(const struct sim_store *store, const json_t *model, size_t count)
{
    const char *led = leads_to(store, tree_name(model), count);
    const char *champion = tree_text(model, "status/champion");
    if (!champion[0]) {
        return !is_there(store, led) || is_taken_untold(store, tree_name(model), count);
    }
    const json_t *version = last_state(store, KIND_MODEL_VERSION, champion, count);
    return version && text_equal(tree_uid(version), led);
}

static void check_champion(struct sim_world *world, const json_t *model)
{
    size_t now = world->store.change_count;
    for (size_t count = since(world, now); count <= now; count++) {
        if (tells_truth(&world->store, model, count)) {
            return;
        }
    }
    const char *champion = tree_text(model, "status/champion");
    sim_world_fail(world, "Model %s says that %s serves, and its Service leads to %s",
                   tree_name(model), champion[0] ? champion : "nobody",
                   leads_to(&world->store, tree_name(model), now));
}

/* ---- the Service ---- */

static bool has_deployment(const struct sim_store *store, const char *version_uid)
{
    for (size_t at = 0; at < store->count; at++) {
        if (store->objects[at].kind == KIND_DEPLOYMENT &&
            text_equal(store->objects[at].controller_uid, version_uid)) {
            return true;
        }
    }
    return false;
}

static bool may_turn(const struct sim_store *store, const char *model, size_t count,
                     const char *target)
{
    const char *told = told_at(store, model, count);
    return !told[0] || text_equal(told, leads_to(store, model, count)) ||
           text_equal(told, target) || !has_deployment(store, told);
}

static void check_told_first(struct sim_world *world, const struct sim_change *change)
{
    const char *name = tree_name(change->after);
    size_t before = world->store.change_count - 1;
    size_t first = since(world, before + 1);
    for (size_t count = first < before ? first : before; count <= before; count++) {
        if (may_turn(&world->store, name, count, selected_by(change->after))) {
            return;
        }
    }
    sim_world_fail(world, "Service %s was turned twice and the first time was not written down",
                   name);
}

/* A pod of this version answered until one of the changes that the writer may not know yet. */
static bool answered_since(const struct sim_store *store, const char *version_uid, size_t seen)
{
    for (size_t at = seen; at < store->change_count; at++) {
        const json_t *pod = store->changes[at].before;
        if (store->changes[at].kind == KIND_POD && pod &&
            text_equal(label(pod, LABEL_VERSION_UID), version_uid) &&
            text_equal(tree_condition(pod, "Ready"), "True")) {
            return true;
        }
    }
    return false;
}

/*
 * A stable Service is never turned to a version of which no pod answers; where people, nodes or a
 * second controller take Deployments and pods away, of which none answered when the writer was
 * told.
 */
static void check_switch(struct sim_world *world, const struct sim_change *change)
{
    if (!change->before || !change->after ||
        text_equal(selected_by(change->before), selected_by(change->after))) {
        return;
    }
    const char *target = selected_by(change->after);
    bool is_excused = (world->options.chaos_per_mille > 0 || world->options.processes > 1) &&
                      answered_since(&world->store, target,
                                     world->origins[world->store.change_count - 1].seen);
    if (count_answering(&world->store, selected_by(change->before)) > 0 &&
        count_answering(&world->store, target) == 0 && !is_excused) {
        sim_world_fail(world, "Service %s was turned to a version that does not answer",
                       tree_name(change->after));
    }
    check_told_first(world, change);
}

/* ---- Deployments ---- */

/* A second controller turned the Service to this version after the writer had been told of it. */
static bool is_turned_since(const struct sim_world *world, const json_t *service)
{
    const struct sim_store *store = &world->store;
    size_t seen = world->origins[store->change_count - 1].seen;
    for (size_t at = seen; world->options.processes > 1 && at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind == KIND_SERVICE && change->after &&
            text_equal(tree_uid(change->after), tree_uid(service)) &&
            !(change->before &&
              text_equal(selected_by(change->before), selected_by(change->after)))) {
            return true;
        }
    }
    return false;
}

/* The Deployment that a stable Service leads to is never deleted, as far as its writer can know. */
static void check_served(struct sim_world *world, const json_t *deployment)
{
    const char *version = label(deployment, LABEL_VERSION_UID);
    for (size_t at = 0; at < world->store.count; at++) {
        const struct sim_object *service = &world->store.objects[at];
        if (service->kind == KIND_SERVICE && text_equal(selected_by(service->tree), version) &&
            sim_store_find_uid(&world->store, version) && !is_turned_since(world, service->tree)) {
            sim_world_fail(world, "Deployment %s is deleted while Service %s leads to it",
                           tree_name(deployment), tree_name(service->tree));
        }
    }
}

/* The change that turned the last Service away from this version, counted from 1; 0: none did. */
static size_t find_leaving(const struct sim_store *store, const char *version_uid)
{
    for (size_t at = store->change_count; at > 0; at--) {
        const struct sim_change *change = &store->changes[at - 1];
        if (change->kind == KIND_SERVICE && change->before && change->after &&
            text_equal(selected_by(change->before), version_uid) &&
            !text_equal(selected_by(change->after), version_uid)) {
            return at;
        }
    }
    return 0;
}

/*
 * When the switch was planned. Two controllers that nobody elects may both plan it: the Service is
 * turned by one and the status, with the time until which the old version stays, told by the other,
 * who may have planned it before.
 */
static int64_t planned_ms(const struct sim_world *world, size_t leaving)
{
    int64_t planned = world->origins[leaving - 1].at_ms;
    for (size_t at = leaving; world->options.processes > 1 && at < world->store.change_count;
         at++) {
        const struct sim_change *change = &world->store.changes[at];
        if (change->kind == KIND_MODEL && change->after &&
            tree_at(change->after, "status/drainUntil")) {
            return world->origins[at].at_ms < planned ? world->origins[at].at_ms : planned;
        }
    }
    return planned;
}

/* People deleted it before, and an apply of a controller that is dead came late: nobody is served.
 */
static bool is_made_since(const struct sim_store *store, const json_t *deployment, size_t leaving)
{
    for (size_t at = leaving; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->kind == KIND_DEPLOYMENT && !change->before && change->after &&
            text_equal(tree_uid(change->after), tree_uid(deployment))) {
            return true;
        }
    }
    return false;
}

/*
 * Requests under way when the Service is turned end at the old version: it stays for 30 s. They
 * count from the planning of the switch; what its write takes until it is carried out comes off the
 * time, but never more than a plan may be old.
 */
static void check_drain(struct sim_world *world, const json_t *deployment)
{
    const char *uid = label(deployment, LABEL_VERSION_UID);
    size_t leaving = find_leaving(&world->store, uid);
    if (leaving == 0 || !sim_store_find_uid(&world->store, uid) ||
        is_made_since(&world->store, deployment, leaving)) {
        return;
    }
    int64_t served = world->now_ms - world->change_ms[leaving - 1];
    if (world->options.processes <= 1 && served < DRAIN_MS - EXECUTOR_PLAN_AGE_MS) {
        sim_world_fail(world, "Deployment %s is deleted %lld ms after its Service was turned",
                       tree_name(deployment), (long long)served);
    }
    int64_t stayed = world->now_ms - planned_ms(world, leaving);
    if (stayed < DRAIN_MS) {
        sim_world_fail(world,
                       "Deployment %s is deleted %lld ms after it was planned to turn its "
                       "Service",
                       tree_name(deployment), (long long)stayed);
    }
}

void sim_check_model(struct sim_world *world, const struct sim_change *change)
{
    if (change->kind == KIND_DEPLOYMENT && !change->after && !world->people_act) {
        check_served(world, change->before);
        check_drain(world, change->before);
    } else if (change->kind == KIND_SERVICE) {
        check_switch(world, change);
    } else if (change->kind == KIND_MODEL && change->before && change->after &&
               world->is_controller_writing) {
        check_champion(world, change->after);
    }
}

/*
 * The stable Service is there, whoever serves. It leads to the champion, and as many pods of it
 * answer as are asked for.
 */
void sim_check_model_at_rest(struct sim_world *world, const json_t *model)
{
    const char *champion = tree_text(model, "status/champion");
    const struct sim_object *service = sim_store_find(&world->store, KIND_SERVICE, SIM_NAMESPACE,
                                                      tree_name(model));
    if (!champion[0]) {
        if (!service) {
            sim_world_fail(world, "model %s has no Service by its name", tree_name(model));
        }
        return;
    }
    const struct sim_object *version = sim_store_find(&world->store, KIND_MODEL_VERSION,
                                                      SIM_NAMESPACE, champion);
    if (!version || !service || !text_equal(selected_by(service->tree), tree_uid(version->tree))) {
        sim_world_fail(world, "the Service of model %s does not lead to its champion %s",
                       tree_name(model), champion);
        return;
    }
    size_t answering = count_answering(&world->store, tree_uid(version->tree));
    if (answering != (size_t)tree_integer(model, "spec/serving/replicas")) {
        sim_world_fail(world, "%zu pods of champion %s answer, %lld are asked for", answering,
                       champion, (long long)tree_integer(model, "spec/serving/replicas"));
    }
}
