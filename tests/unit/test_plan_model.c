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

static void check_plan(struct world *world, const char *golden, bool bodies)
{
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    golden_check(golden, golden_describe_plan(&world->arena, &plan, bodies));
}

static void the_plans_of_a_version_s_life_are_as_written_down(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    check_plan(&world, "model/no-version", true);
    model_world_rest(&world);
    (void)model_world_add_version(&world, 0);
    check_plan(&world, "model/first-version", true);
    model_world_rest(&world);
    model_world_bring_up(&world, "churn-0");
    check_plan(&world, "model/first-serves", true);
    model_world_rest(&world);
    (void)model_world_come_up(&world, 1);
    check_plan(&world, "model/take-over", false);
    model_world_rest(&world);
    world.now += DRAIN;
    check_plan(&world, "model/drained", false);
    model_world_rest(&world);
    (void)model_world_publish(&world, 2);
    model_world_fail_copy(&world, "churn-2", "DigestMismatch", "the copy failed");
    check_plan(&world, "model/digest-mismatch", false);
    model_world_rest(&world);
    check_plan(&world, "model/at-rest", false);
    assert_string_equal(model_world_selected(&world), "churn-1");
    world_free(&world);
}

static void a_service_name_that_is_taken_is_told(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    (void)model_world_add_version(&world, 0);
    model_world_rest(&world);
    model_world_bring_up(&world, "churn-0");
    world_add_fact(&world, OPERATION_APPLY, KIND_SERVICE, MODEL_NAME, ERROR_EXISTS,
                   "Service team/churn exists already and is not ours");
    check_plan(&world, "model/name-taken", false);
    world_free(&world);
}

static void a_deleted_service_comes_back_to_the_champion_while_a_candidate_comes_up(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_publish(&world, 1);
    world_remove(&world, KIND_SERVICE, MODEL_NAME);
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    assert_true(model_world_runs(&world, "churn-0"));
    world_free(&world);
}

static void a_selector_that_somebody_changed_is_mended(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    world_merge(&world, KIND_SERVICE, MODEL_NAME,
                "{'spec':{'selector':{'" LABEL_VERSION_UID "':null,'app':'else'}}}");
    assert_string_equal(model_world_selected(&world), "");
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_pin_that_names_nothing_is_not_ready_although_the_champion_serves(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    assert_true(text_starts_with(model_world_ready(&world), "True "));
    model_world_pin(&world, "nobody");
    model_world_rest(&world);
    assert_true(text_starts_with(model_world_ready(&world), "False PinnedVersionNotFound: "));
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_pin_that_names_nothing_says_so_although_no_version_serves(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    model_world_pin(&world, "nobody");
    model_world_rest(&world);
    assert_string_equal(model_world_ready(&world),
                        "False PinnedVersionNotFound: spec.pinnedVersion: there is no ModelVersion "
                        "\"nobody\" of this model in this namespace; no version serves on");
    assert_string_equal(model_world_selected(&world), "");
    world_free(&world);
}

static void a_pinned_version_that_can_t_serve_leaves_the_model_not_ready(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    (void)model_world_publish(&world, 1);
    model_world_fail_copy(&world, "churn-1", "DigestMismatch", "the copy failed");
    model_world_rest(&world);
    assert_true(text_starts_with(model_world_ready(&world), "True "));
    model_world_pin(&world, "churn-1");
    model_world_rest(&world);
    assert_true(text_starts_with(model_world_ready(&world),
                                 "False DigestMismatch: the pinned version 2 (churn-1) can't "
                                 "serve: "));
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void every_champion_gets_its_time_to_drain(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    model_world_serve(&world, 1);
    world.now += DRAIN / 2;
    (void)model_world_come_up(&world, 2);
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_true(model_world_runs(&world, "churn-0"));
    assert_string_equal(model_world_ready(&world),
                        "Unknown RollingOut: version 3 (churn-2) answers and takes over when "
                        "version 1 (churn-0) has drained; until then version 2 (churn-1) serves");
    assert_string_equal(model_world_version_ready(&world, "churn-2"),
                        "Unknown RollingOut: its pods answer; the Model says what keeps it from "
                        "taking over");
    const struct plan plan = world_plan_model(&world, MODEL_NAME);
    assert_true(plan.wake_at == WORLD_NOON + DRAIN);
    world.now += DRAIN;
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-2");
    assert_false(model_world_runs(&world, "churn-0"));
    assert_true(model_world_runs(&world, "churn-1"));
    world_free(&world);
}

static void when_the_champion_is_deleted_the_newest_that_is_left_takes_over(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    model_world_serve(&world, 1);
    world.now += DRAIN;
    model_world_rest(&world);
    world_remove(&world, KIND_MODEL_VERSION, "churn-1");
    assert_false(model_world_runs(&world, "churn-1"));
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-1"); /* nobody answers */
    assert_string_equal(model_world_text(&world, "status/champion"), "");
    model_world_bring_up(&world, "churn-0");
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

static void a_version_that_is_deleted_while_it_drains_is_waited_for_no_longer(void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    model_world_serve(&world, 1);
    assert_string_equal(model_world_text(&world, "status/previous"), "churn-0");
    world_remove(&world, KIND_MODEL_VERSION, "churn-0");
    model_world_rest(&world);
    assert_string_equal(model_world_text(&world, "status/previous"), "");
    model_world_serve(&world, 2);
    world_free(&world);
}

static void what_serves_alone_goes_on_until_a_new_model_s_champion_serves(void **state)
{
    (void)state;
    struct world world;
    world_init(&world, WORLD_NOON);
    (void)model_world_add_serving_version(&world, 0);
    model_world_rest(&world);
    model_world_bring_up(&world, "churn-0");
    check_plan(&world, "model/alone", false);
    model_world_rest(&world);
    assert_non_null(world_find(&world, KIND_SERVICE, "churn-0"));
    model_world_add_model(&world);
    (void)model_world_publish(&world, 1);
    assert_true(model_world_runs(&world, "churn-0"));
    model_world_bring_up(&world, "churn-1");
    model_world_rest(&world);
    assert_string_equal(model_world_selected(&world), "churn-1");
    assert_false(model_world_runs(&world, "churn-0"));
    assert_null(world_find(&world, KIND_SERVICE, "churn-0"));
    world_free(&world);
}

/* Random lives. */

enum { LIVES = 40, STEPS = 60, VERSIONS = 8, BAD_EVERY = 5, NAME_SIZE = 64 };

struct life {
    struct world world;
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
    const json_t *recent = world_get(&life->world, KIND_MODEL, MODEL_NAME, "status/recent");
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
static void live(struct life *life, size_t limit)
{
    const struct plan plan = world_plan_model(&life->world, MODEL_NAME);
    for (size_t at = 0; at < plan.count && at < limit; at++) {
        const struct operation *operation = &plan.operations[at];
        if (operation->type == OPERATION_DELETE) {
            judge_delete(life, operation);
        }
        model_world_carry_out(&life->world, operation);
        judge_service(life);
        judge_events(life);
    }
}

static const char *name_of(struct life *life, int number)
{
    return arena_print(&life->world.arena, "churn-%d", number);
}

static void bring_up(struct life *life, int number)
{
    const char *name = name_of(life, number);
    if (!model_world_runs(&life->world, name)) {
        return;
    }
    if (is_bad(number)) {
        model_world_fail_copy(&life->world, name, "DigestMismatch", "the copy failed");
    } else {
        model_world_bring_up(&life->world, name);
    }
}

static void take_random_step(struct life *life)
{
    if (life->published < VERSIONS && happens(life, 4)) {
        (void)model_world_add_version(&life->world, life->published++);
    }
    if (life->published > 0 && happens(life, 2)) {
        bring_up(life, (int)random_below(life, (uint64_t)life->published));
    }
    if (happens(life, 20) && world_find(&life->world, KIND_SERVICE, MODEL_NAME)) {
        world_remove(&life->world, KIND_SERVICE, MODEL_NAME);
    }
    life->world.now += (int64_t)random_below(life, 20);
    bool crashes = happens(life, 3);
    live(life, crashes ? (size_t)random_below(life, 8) : SIZE_MAX);
    world_sweep(&life->world);
}

static int newest_good(const struct life *life)
{
    int number = life->published - 1;
    while (number >= 0 && is_bad(number)) {
        number--;
    }
    return number;
}

/* Numbers rise, and one that serves is told as often as it was switched to. */
static void judge_versions(struct life *life)
{
    int64_t last = 0; /* a crash may leave a number out, but none is given twice */
    for (int number = 0; number < life->published; number++) {
        const char *name = name_of(life, number);
        int64_t given = world_integer(&life->world, KIND_MODEL_VERSION, name, "status/version");
        assert_true(given > last);
        last = given;
        if (life->told[number] != life->promotions[number] || life->rejected[number] > 1) {
            fail_msg("seed %llu: %s was promoted %d times, told %d times, and rejected %d times",
                     (unsigned long long)life->seed, name, life->promotions[number],
                     life->told[number], life->rejected[number]);
        }
        assert_int_equal(model_world_runs(&life->world, name), number == newest_good(life));
    }
}

/* All comes up, time passes: the newest that can serve does, alone, and nothing is left to do. */
static void judge_rest(struct life *life)
{
    for (int round = 0; round < 2 * VERSIONS; round++) {
        for (int number = 0; number < life->published; number++) {
            bring_up(life, number);
        }
        life->world.now += DRAIN + 1;
        live(life, SIZE_MAX);
    }
    if (newest_good(life) < 0) {
        return;
    }
    const char *name = name_of(life, newest_good(life));
    if (!text_equal(model_world_selected(&life->world), name)) {
        fail_msg("seed %llu: %s should serve, not \"%s\"", (unsigned long long)life->seed, name,
                 model_world_selected(&life->world));
    }
    const struct plan plan = world_plan_model(&life->world, MODEL_NAME);
    if (world_count_writes(&plan) > 0) {
        fail_msg("seed %llu: never at rest:\n%s", (unsigned long long)life->seed,
                 plan_describe(&life->world.arena, &plan));
    }
    judge_versions(life);
}

static void in_any_life_the_service_leads_only_to_pods_that_answer(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= LIVES; seed++) {
        struct life life = {.seed = seed};
        model_world_init(&life.world);
        prng_seed(&life.random, seed);
        for (int step = 0; step < STEPS; step++) {
            take_random_step(&life);
        }
        judge_rest(&life);
        world_free(&life.world);
    }
}

/* Owners can be changed by hand: the apply asks whose the name is, and says so. */
static void what_another_version_owns_is_not_taken_for_its_own_by_its_name(void **state)
{
    (void)state;
    static const enum api_kind kinds[] = {KIND_DEPLOYMENT, KIND_SERVICE};
    for (size_t at = 0; at < COUNT_OF(kinds); at++) {
        struct world world;
        world_init(&world, WORLD_NOON);
        (void)model_world_add_serving_version(&world, 0);
        (void)model_world_add_serving_version(&world, 1);
        model_world_rest(&world);
        assert_string_equal(
            world_text(&world, kinds[at], "churn-0", "metadata/ownerReferences/0/uid"),
            "uid-churn-0");
        world_merge(&world, kinds[at], "churn-0",
                    "{'metadata':{'ownerReferences':[{'apiVersion':'" API_VERSION "','kind':"
                    "'ModelVersion','name':'churn-0','uid':'uid-churn-1','controller':true}]}}");
        const struct plan plan = world_plan_model(&world, MODEL_NAME);
        for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
            const struct operation *apply = plan_find_named(&plan, OPERATION_APPLY, kinds[kind],
                                                            "churn-0");
            assert_int_equal(apply != NULL, kind == at);
            assert_null(plan_find_named(&plan, OPERATION_APPLY, kinds[kind], "churn-1"));
        }
        (void)world_carry_out(&world, &plan, WORLD_NO_FAULT, 0);
        model_world_step_only(&world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION);
        assert_true(
            text_starts_with(model_world_version_ready(&world, "churn-0"), "False NameTaken: "));
        world_free(&world);
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
        cmocka_unit_test(a_pinned_version_that_can_t_serve_leaves_the_model_not_ready),
        cmocka_unit_test(every_champion_gets_its_time_to_drain),
        cmocka_unit_test(when_the_champion_is_deleted_the_newest_that_is_left_takes_over),
        cmocka_unit_test(a_version_that_is_deleted_while_it_drains_is_waited_for_no_longer),
        cmocka_unit_test(what_serves_alone_goes_on_until_a_new_model_s_champion_serves),
        cmocka_unit_test(in_any_life_the_service_leads_only_to_pods_that_answer),
        cmocka_unit_test(what_another_version_owns_is_not_taken_for_its_own_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
