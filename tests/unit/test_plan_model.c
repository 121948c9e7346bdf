#include "support/test.h"

#include "core/prng.h"
#include "core/text.h"
#include "support/golden.h"
#include "support/model_world.h"

#include <stdio.h>
#include <string.h>

/*
 * Whole plans of a model name as goldens, what a Service's users must not notice, and random lives:
 * versions are published at any moment, Deployments come up late or never, Services are deleted,
 * the controller is killed between any two writes.
 */

/* DRAIN: the second that has begun, and 30 more. */
enum { ALL = 1000, DRAIN = 31, NAME_SIZE = 64 };

static void set_up(struct model_world *world)
{
    *world = (struct model_world){.now = MODEL_WORLD_START};
}

/* Until nothing is left to write; a planner that never comes to rest fails. */
static void come_to_rest(struct model_world *world)
{
    for (int plans = 0; model_world_step(world, ALL) > 0; plans++) {
        assert_true(plans < 10);
    }
}

/* Version 0 serves. */
static void serve_first(struct model_world *world)
{
    set_up(world);
    model_world_add_model(world);
    model_world_add_version(world, 0, false);
    come_to_rest(world);
    model_world_bring_up(world, "churn-0");
    come_to_rest(world);
    assert_string_equal(model_world_selected(world), "churn-0");
}

static void publish(struct model_world *world, int number)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "churn-%d", number);
    model_world_add_version(world, number, false);
    come_to_rest(world);
    assert_non_null(model_world_find(world, KIND_DEPLOYMENT, name));
}

/* Version churn-NUMBER is published, and comes up. */
static void serve_next(struct model_world *world, int number)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "churn-%d", number);
    publish(world, number);
    model_world_bring_up(world, name);
    come_to_rest(world);
}

static void check_plan(struct model_world *world, const char *golden, bool bodies)
{
    (void)model_world_plan(world);
    golden_check(golden, golden_describe_plan(&world->arena, &world->plan, bodies));
}

static void the_plans_of_a_version_s_life_are_as_written_down(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    model_world_add_model(&world);
    check_plan(&world, "model/no-version", false);
    come_to_rest(&world);
    model_world_add_version(&world, 0, false);
    check_plan(&world, "model/first-version", true);
    come_to_rest(&world);
    model_world_bring_up(&world, "churn-0");
    check_plan(&world, "model/first-serves", true);
    come_to_rest(&world);
    publish(&world, 1);
    model_world_bring_up(&world, "churn-1");
    check_plan(&world, "model/take-over", false);
    come_to_rest(&world);
    world.now += DRAIN;
    check_plan(&world, "model/drained", false);
    come_to_rest(&world);
    publish(&world, 2);
    model_world_fail_copy(&world, "churn-2", "DigestMismatch");
    check_plan(&world, "model/digest-mismatch", false);
    come_to_rest(&world);
    check_plan(&world, "model/at-rest", false);
    assert_string_equal(model_world_selected(&world), "churn-1");
    model_world_free(&world);
}

static void a_service_name_that_is_taken_is_told(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    model_world_add_model(&world);
    model_world_add_version(&world, 0, false);
    come_to_rest(&world);
    model_world_bring_up(&world, "churn-0");
    world.fact = (struct fact){.type = OPERATION_APPLY,
                               .kind = KIND_SERVICE,
                               .name = MODEL_NAME,
                               .error = ERROR_EXISTS,
                               .message = "Service team/churn exists already and is not ours"};
    check_plan(&world, "model/name-taken", false);
    model_world_free(&world);
}

static void a_deleted_service_comes_back_to_the_champion_while_a_candidate_comes_up(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    publish(&world, 1);
    model_world_remove(&world, KIND_SERVICE, MODEL_NAME);
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_non_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-0"));
    model_world_free(&world);
}

static void a_selector_that_somebody_changed_is_mended(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    json_t *spec = json_object_get(model_world_find(&world, KIND_SERVICE, MODEL_NAME), "spec");
    json_object_set_new(spec, "selector", json_pack("{s:s}", "app", "else"));
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    model_world_free(&world);
}

static void a_pin_that_names_nothing_is_not_ready_although_the_champion_serves(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    assert_string_equal(
        model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/conditions/2/type"), "Ready");
    assert_string_equal(
        model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/conditions/2/status"), "True");
    json_t *spec = json_object_get(model_world_find(&world, KIND_MODEL, MODEL_NAME), "spec");
    json_object_set_new(spec, "pinnedVersion", json_string("nobody"));
    come_to_rest(&world);
    assert_string_equal(
        model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/conditions/2/status"), "False");
    assert_string_equal(
        model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/conditions/2/reason"),
        "PinnedVersionNotFound");
    assert_string_equal(model_world_selected(&world), "churn-0");
    model_world_free(&world);
}

static void a_pin_that_names_nothing_says_so_although_no_version_serves(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    model_world_add_model(&world);
    json_t *spec = json_object_get(model_world_find(&world, KIND_MODEL, MODEL_NAME), "spec");
    json_object_set_new(spec, "pinnedVersion", json_string("nobody"));
    come_to_rest(&world);
    const json_t *conditions = json_object_get(
        json_object_get(model_world_find(&world, KIND_MODEL, MODEL_NAME), "status"), "conditions");
    size_t at;
    json_t *condition;
    const json_t *ready = NULL;
    json_array_foreach(conditions, at, condition)
    {
        bool is_ready = text_equal(json_string_value(json_object_get(condition, "type")), "Ready");
        ready = is_ready ? condition : ready;
    }
    assert_string_equal(json_string_value(json_object_get(ready, "status")), "False");
    assert_string_equal(json_string_value(json_object_get(ready, "reason")),
                        "PinnedVersionNotFound");
    assert_string_equal(json_string_value(json_object_get(ready, "message")),
                        "spec.pinnedVersion: there is no ModelVersion \"nobody\" of this model in "
                        "this namespace; no version serves on");
    assert_string_equal(model_world_selected(&world), "");
    model_world_free(&world);
}

static void every_champion_gets_its_time_to_drain(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    serve_next(&world, 1);
    world.now += DRAIN / 2;
    serve_next(&world, 2);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_non_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-0"));
    (void)model_world_plan(&world);
    assert_true(world.plan.wake_at == MODEL_WORLD_START + DRAIN);
    world.now += DRAIN;
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-2");
    assert_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-0"));
    assert_non_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-1"));
    model_world_free(&world);
}

/* As people delete it: its Deployment and pods go with it. */
static void delete_version(struct model_world *world, const char *name)
{
    char pod[NAME_SIZE];
    (void)snprintf(pod, sizeof(pod), "%s-pod", name);
    model_world_remove(world, KIND_MODEL_VERSION, name);
    model_world_remove(world, KIND_DEPLOYMENT, name);
    model_world_remove(world, KIND_POD, pod);
}

static void when_the_champion_is_deleted_the_newest_that_is_left_takes_over(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    serve_next(&world, 1);
    world.now += DRAIN;
    come_to_rest(&world);
    delete_version(&world, "churn-1");
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-1"); /* nobody answers */
    assert_string_equal(model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/champion"), "");
    model_world_bring_up(&world, "churn-0");
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    model_world_free(&world);
}

static void a_version_that_is_deleted_while_it_drains_is_waited_for_no_longer(void **state)
{
    (void)state;
    struct model_world world;
    serve_first(&world);
    serve_next(&world, 1);
    assert_string_equal(model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/previous"),
                        "churn-0");
    delete_version(&world, "churn-0");
    come_to_rest(&world);
    assert_string_equal(model_world_text(&world, KIND_MODEL, MODEL_NAME, "status/previous"), "");
    serve_next(&world, 2);
    assert_string_equal(model_world_selected(&world), "churn-2");
    model_world_free(&world);
}

static void what_serves_alone_goes_on_until_a_new_model_s_champion_serves(void **state)
{
    (void)state;
    struct model_world world;
    set_up(&world);
    model_world_add_version(&world, 0, true);
    come_to_rest(&world);
    model_world_bring_up(&world, "churn-0");
    check_plan(&world, "model/alone", false);
    come_to_rest(&world);
    assert_non_null(model_world_find(&world, KIND_SERVICE, "churn-0"));
    model_world_add_model(&world);
    model_world_add_version(&world, 1, false);
    come_to_rest(&world);
    assert_non_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-0"));
    model_world_bring_up(&world, "churn-1");
    come_to_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_null(model_world_find(&world, KIND_DEPLOYMENT, "churn-0"));
    assert_null(model_world_find(&world, KIND_SERVICE, "churn-0"));
    model_world_free(&world);
}

/* Random lives. */

enum { LIVES = 40, STEPS = 60, VERSIONS = 8, BAD_EVERY = 5 };

struct life {
    struct model_world world;
    struct prng random;
    uint64_t seed;
    int published;
    int64_t let_go[VERSIONS]; /* when the Service last led away from it; 0: never */
    int promotions[VERSIONS];
    int told[VERSIONS];     /* as Promoted or RolledBack in status.recent */
    int rejected[VERSIONS]; /* there too */
    json_int_t last_event;
    char selected[NAME_SIZE]; /* that the Service led to last, also while it is deleted */
};

static uint64_t random_below(struct life *life, uint64_t limit)
{
    return prng_between(&life->random, 0, limit - 1);
}

static bool happens(struct life *life, uint64_t one_in)
{
    return random_below(life, one_in) == 0;
}

static int number_of(const char *name)
{
    int number = -1;
    assert_int_equal(sscanf(name, "churn-%d", &number), 1);
    return number;
}

/* Their files are not what was published. */
static bool is_bad(int number)
{
    return number % BAD_EVERY == 2;
}

static void judge_delete(const struct life *life, const struct operation *operation)
{
    if (operation->kind != KIND_DEPLOYMENT) {
        return;
    }
    int number = number_of(operation->name);
    if (text_equal(model_world_selected(&life->world), operation->name)) {
        fail_msg("seed %llu: %s is deleted while the Service leads to it",
                 (unsigned long long)life->seed, operation->name);
    }
    if (life->let_go[number] && life->world.now < life->let_go[number] + DRAIN) {
        fail_msg("seed %llu: %s is deleted before requests have ended",
                 (unsigned long long)life->seed, operation->name);
    }
}

static void judge_service(struct life *life)
{
    const char *selected = model_world_selected(&life->world);
    if (selected[0] == '\0' || text_equal(selected, life->selected)) {
        return;
    }
    if (!model_world_is_up(&life->world, selected)) {
        fail_msg("seed %llu: the Service leads to %s, which does not answer",
                 (unsigned long long)life->seed, selected);
    }
    if (life->selected[0] != '\0') {
        life->let_go[number_of(life->selected)] = life->world.now;
    }
    (void)snprintf(life->selected, sizeof(life->selected), "%s", selected);
    assert_int_equal(++life->promotions[number_of(selected)], 1);
}

/* What became of the model is in its list once, in order, whatever is killed when. */
static void judge_events(struct life *life)
{
    const json_t *model = model_world_find(&life->world, KIND_MODEL, MODEL_NAME);
    const json_t *recent = json_object_get(json_object_get(model, "status"), "recent");
    for (size_t at = 0; at < json_array_size(recent); at++) {
        const json_t *event = json_array_get(recent, at);
        json_int_t number = json_integer_value(json_object_get(event, "number"));
        const char *name = json_string_value(json_object_get(event, "event"));
        const char *version = json_string_value(json_object_get(event, "version"));
        if (number <= life->last_event) {
            continue;
        }
        assert_int_equal(number, life->last_event + 1);
        life->last_event = number;
        if (text_equal(name, "Promoted") || text_equal(name, "RolledBack")) {
            life->told[number_of(version)]++;
        } else if (text_equal(name, "Rejected")) {
            life->rejected[number_of(version)]++;
        }
    }
}

/* Carries out the first `limit` operations of a plan, judging each. */
static size_t live(struct life *life, size_t limit)
{
    size_t writes = model_world_plan(&life->world);
    for (size_t at = 0; at < life->world.plan.count && at < limit; at++) {
        const struct operation *operation = &life->world.plan.operations[at];
        if (operation->type == OPERATION_DELETE) {
            judge_delete(life, operation);
        }
        model_world_carry_out(&life->world, operation);
        judge_service(life);
        judge_events(life);
    }
    return writes;
}

static void bring_up(struct life *life, int number)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "churn-%d", number);
    if (!model_world_find(&life->world, KIND_DEPLOYMENT, name)) {
        return;
    }
    if (is_bad(number)) {
        model_world_fail_copy(&life->world, name, "DigestMismatch");
    } else {
        model_world_bring_up(&life->world, name);
    }
}

static void take_random_step(struct life *life)
{
    if (life->published < VERSIONS && happens(life, 4)) {
        model_world_add_version(&life->world, life->published++, false);
    }
    if (life->published > 0 && happens(life, 2)) {
        bring_up(life, (int)random_below(life, (uint64_t)life->published));
    }
    if (happens(life, 20) && model_world_find(&life->world, KIND_SERVICE, MODEL_NAME)) {
        model_world_remove(&life->world, KIND_SERVICE, MODEL_NAME);
    }
    life->world.now += (int64_t)random_below(life, 20);
    bool crashes = happens(life, 3);
    (void)live(life, crashes ? (size_t)random_below(life, 8) : ALL);
}

static int newest_good(const struct life *life)
{
    int number = life->published - 1;
    while (number >= 0 && is_bad(number)) {
        number--;
    }
    return number;
}

/* All comes up, time passes: the newest that can serve does, alone, and nothing is left to do. */
static void judge_rest(struct life *life)
{
    char name[NAME_SIZE];
    for (int round = 0; round < 2 * VERSIONS; round++) {
        for (int number = 0; number < life->published; number++) {
            bring_up(life, number);
        }
        life->world.now += DRAIN + 1;
        (void)live(life, ALL);
    }
    if (newest_good(life) < 0) {
        return;
    }
    (void)snprintf(name, sizeof(name), "churn-%d", newest_good(life));
    if (!text_equal(model_world_selected(&life->world), name)) {
        fail_msg("seed %llu: %s should serve, not \"%s\"", (unsigned long long)life->seed, name,
                 model_world_selected(&life->world));
    }
    if (model_world_plan(&life->world) > 0) {
        fail_msg("seed %llu: never at rest:\n%s", (unsigned long long)life->seed,
                 plan_describe(&life->world.arena, &life->world.plan));
    }
    json_int_t last = 0; /* a crash may leave a number out, but none is given twice */
    for (int number = 0; number < life->published; number++) {
        (void)snprintf(name, sizeof(name), "churn-%d", number);
        json_t *version = model_world_find(&life->world, KIND_MODEL_VERSION, name);
        json_t *given = json_object_get(json_object_get(version, "status"), "version");
        assert_true(json_integer_value(given) > last);
        last = json_integer_value(given);
        if (life->told[number] != life->promotions[number] || life->rejected[number] > 1) {
            fail_msg("seed %llu: %s was promoted %d times, told %d times, and rejected %d times",
                     (unsigned long long)life->seed, name, life->promotions[number],
                     life->told[number], life->rejected[number]);
        }
        assert_true((model_world_find(&life->world, KIND_DEPLOYMENT, name) != NULL) ==
                    (number == newest_good(life)));
    }
}

static void in_any_life_the_service_leads_only_to_pods_that_answer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct life life = {.seed = seed};
        set_up(&life.world);
        prng_seed(&life.random, seed);
        model_world_add_model(&life.world);
        for (int step = 0; step < STEPS; step++) {
            take_random_step(&life);
        }
        judge_rest(&life);
        model_world_free(&life.world);
    }
}

static bool wants_apply(const struct model_world *world, enum api_kind kind, const char *name)
{
    for (size_t at = 0; at < world->plan.count; at++) {
        const struct operation *operation = &world->plan.operations[at];
        if (operation->type == OPERATION_APPLY && operation->kind == kind &&
            text_equal(operation->name, name)) {
            return true;
        }
    }
    return false;
}

/* Owners can be changed by hand: the apply asks whose the name is, and says so. */
static void what_another_version_owns_is_not_taken_for_its_own_by_its_name(void **state)
{
    (void)state;
    static const enum api_kind kinds[] = {KIND_DEPLOYMENT, KIND_SERVICE};
    for (size_t at = 0; at < COUNT_OF(kinds); at++) {
        struct model_world world;
        set_up(&world);
        model_world_add_version(&world, 0, true);
        model_world_add_version(&world, 1, true);
        come_to_rest(&world);
        json_t *meta = json_object_get(model_world_find(&world, kinds[at], "churn-0"), "metadata");
        json_t *owner = json_array_get(json_object_get(meta, "ownerReferences"), 0);
        assert_string_equal(json_string_value(json_object_get(owner, "uid")), "uid-churn-0");
        json_object_set_new(owner, "uid", json_string("uid-churn-1"));
        (void)model_world_plan(&world);
        for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
            assert_int_equal(wants_apply(&world, kinds[kind], "churn-0"), kind == at);
            assert_false(wants_apply(&world, kinds[kind], "churn-1"));
        }
        model_world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plans_of_a_version_s_life_are_as_written_down),
        cmocka_unit_test(a_service_name_that_is_taken_is_told),
        cmocka_unit_test(a_deleted_service_comes_back_to_the_champion_while_a_candidate_comes_up),
        cmocka_unit_test(a_selector_that_somebody_changed_is_mended),
        cmocka_unit_test(a_pin_that_names_nothing_is_not_ready_although_the_champion_serves),
        cmocka_unit_test(a_pin_that_names_nothing_says_so_although_no_version_serves),
        cmocka_unit_test(every_champion_gets_its_time_to_drain),
        cmocka_unit_test(when_the_champion_is_deleted_the_newest_that_is_left_takes_over),
        cmocka_unit_test(a_version_that_is_deleted_while_it_drains_is_waited_for_no_longer),
        cmocka_unit_test(what_serves_alone_goes_on_until_a_new_model_s_champion_serves),
        cmocka_unit_test(in_any_life_the_service_leads_only_to_pods_that_answer),
        cmocka_unit_test(what_another_version_owns_is_not_taken_for_its_own_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
