/*
 * How large a run's status gets: what later steps need has a limit, what people read gives way. And
 * how much is told of a plan.
 */

#include "support/test.h"

#include "core/buffer.h"
#include "core/text.h"
#include "support/kubelet.h"

#include <stdlib.h>
#include <string.h>

enum { NOON = 1795435200, RECORDED = 130, RESULT_BYTES = 4000, JSON_MAXIMUM = 4 * 1024 * 1024 };

#define PUT(...) assert_true(result_is_ok(buffer_print(&json, __VA_ARGS__)))

static char long_text[RESULT_BYTES + 1];

/* A pipeline of RECORDED steps s0, s1, ... and "last", each with one result; run r of it. */
static void set_up(struct world *world)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    world_init(world, NOON);
    memset(long_text, 'x', RESULT_BYTES);
    for (int at = 0; at <= RECORDED; at++) {
        PUT("%s{'name':'%s%d','image':'i','outputs':{'results':[{'name':'r'}]}}", at ? "," : "",
            at < RECORDED ? "s" : "last", at);
    }
    (void)world_put(world, KIND_PIPELINE, "{'metadata':{'name':'p'},'spec':{'steps':[%s]}}",
                    buffer_text(&json));
    (void)world_settle_pipeline(world, "p");
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r'},'spec':{'pipelineRef':{'name':'p'}}}");
    buffer_free(&json);
}

/* All steps but the last have ended: one entry for each, `more` in it. */
static void record_steps(struct world *world, const char *more)
{
    struct buffer json = BUFFER_INIT(JSON_MAXIMUM);
    for (int at = 0; at < RECORDED; at++) {
        PUT("{'name':'s%d','phase':'Succeeded','attempts':1,'job':'s%d'%s},", at, at, more);
    }
    world_merge(world, KIND_PIPELINE_RUN, "r",
                "{'status':{'phase':'Running','startTime':'2026-11-23T12:00:00Z','revision':'%s',"
                "'steps':[%s{'name':'last%d','phase':'Pending'}]}}",
                world_text(world, KIND_PIPELINE, "p", "status/revision"), buffer_text(&json),
                RECORDED);
    buffer_free(&json);
}

static void step(struct world *world)
{
    struct plan plan = world_plan_run(world, "r");
    (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
}

/* The last step starts, and ends with this result. */
static void end_last(struct world *world, const char *result)
{
    step(world);
    kubelet_end_pod(world, kubelet_find_job(world, "r", "last130", 1), 0,
                    arena_print(&world->arena, "{'r':'%s'}", result), NULL);
    step(world);
}

static const char *last(struct world *world, const char *field)
{
    return world_text(world, KIND_PIPELINE_RUN, "r",
                      arena_print(&world->arena, "status/steps/%d/%s", RECORDED, field));
}

static size_t status_bytes(struct world *world)
{
    char *text = json_dumps(world_get(world, KIND_PIPELINE_RUN, "r", "status"), JSON_COMPACT);
    size_t bytes = strlen(text);
    free(text);
    return bytes;
}

static void the_results_of_all_steps_together_have_a_limit(void **state)
{
    (void)state;
    static const struct {
        const char *result;
        const char *phase;
    } rows[] = {{long_text, "Failed"}, {"short", "Succeeded"}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world);
        record_steps(
            &world, arena_print(&world.arena, ",'results':[{'name':'r','value':'%s'}]", long_text));
        end_last(&world, rows[at].result);
        assert_string_equal(last(&world, "phase"), rows[at].phase);
        assert_string_equal(last(&world, "reason"), at == 0 ? "ResultTooLarge" : "");
        assert_string_equal(last(&world, "results/0/value"), at == 0 ? "" : "short");
        assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "r", "status/phase"),
                            rows[at].phase);
        if (at == 0) {
            assert_non_null(strstr(last(&world, "message"), "more than 512 KiB"));
        }
        world_free(&world);
    }
}

static void a_small_status_names_each_step_s_image_and_a_large_one_each_image(void **state)
{
    (void)state;
    const char *const images[] = {"a", long_text};
    for (size_t at = 0; at < COUNT_OF(images); at++) {
        struct world world;
        set_up(&world);
        const char *image = images[at];
        record_steps(&world, arena_print(&world.arena, ",'imageID':'%s'", image));
        end_last(&world, "short");
        const char *first = world_text(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/imageID");
        const char *second = world_text(&world, KIND_PIPELINE_RUN, "r", "status/steps/1/imageID");
        assert_string_equal(first, image);
        assert_string_equal(second, at == 0 ? image : "");
        struct plan plan = world_plan_run(&world, "r");
        assert_int_equal(plan.count, 0); /* it comes to rest */
        world_free(&world);
    }
}

static void a_status_that_is_still_too_large_cuts_messages(void **state)
{
    (void)state;
    static const char *const reasons[] = {"'reason':'CheckWarned',", ""}; /* somebody took it out */
    for (size_t at = 0; at < COUNT_OF(reasons); at++) {
        struct world world;
        set_up(&world);
        record_steps(&world,
                     arena_print(&world.arena, ",%s'message':'%s'", reasons[at], long_text));
        assert_true(status_bytes(&world) > 512 * 1024);
        end_last(&world, "short");
        assert_true(status_bytes(&world) < 64 * 1024);
        const char *message = world_text(&world, KIND_PIPELINE_RUN, "r", "status/steps/0/message");
        assert_int_equal(strlen(message), 256);
        assert_true(text_ends_with(message, "x..."));
        assert_string_equal(world_text(&world, KIND_PIPELINE_RUN, "r", "status/phase"),
                            "Succeeded");
        world_free(&world);
    }
}

/* Each image of many steps is named by the first of them, in the order of the spec. */
static void a_large_status_names_each_of_several_images_once(void **state)
{
    (void)state;
    enum { EVERY = 2 };
    struct world world;
    set_up(&world);
    record_steps(&world, arena_print(&world.arena, ",'imageID':'%s'", long_text));
    json_t *steps = world_get(&world, KIND_PIPELINE_RUN, "r", "status/steps");
    const char *other = arena_print(&world.arena, "other-%s", long_text);
    for (size_t at = 1; at < RECORDED; at += EVERY) {
        json_object_set_new(json_array_get(steps, at), "imageID", json_string(other));
    }
    end_last(&world, "short");
    static const char *const names[] = {"0", "1", "2", "3"};
    const char *const expected[] = {long_text, other, "", ""};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        assert_string_equal(
            world_text(&world, KIND_PIPELINE_RUN, "r",
                       arena_print(&world.arena, "status/steps/%s/imageID", names[at])),
            expected[at]);
    }
    assert_string_equal(last(&world, "imageID"), "example/churn@sha256:1111");
    world_free(&world);
}

/* All steps of a new run start; nobody makes their pods. */
static size_t count_questions(struct world *world)
{
    struct plan plan = world_plan_run(world, "r");
    size_t count = 0;
    for (size_t at = 0; at < plan.count; at++) {
        const struct operation *operation = &plan.operations[at];
        if (operation->type == OPERATION_EXPLAIN) {
            count++;
            world_add_fact(world, OPERATION_EXPLAIN, KIND_JOB, operation->name, ERROR_NONE, NULL);
        }
    }
    return count;
}

static void of_many_jobs_without_a_pod_ten_are_asked_about(void **state)
{
    (void)state;
    enum { AT_ONCE = 10, PATIENCE = 10, AGAIN = 30 };
    struct world world;
    set_up(&world);
    step(&world);
    world_forget_facts(&world);
    assert_int_equal(world_count(&world, KIND_JOB), RECORDED + 1);
    assert_int_equal(count_questions(&world), 0);
    world.now += PATIENCE;
    assert_int_equal(count_questions(&world), AT_ONCE);
    assert_int_equal(count_questions(&world), 0);
    world.now += AGAIN;
    assert_int_equal(count_questions(&world), AT_ONCE);
    world_free(&world);
}

static void a_plan_that_is_too_long_is_told_up_to_the_first_line_that_does_not_fit(void **state)
{
    (void)state;
    enum { PROBES = 5, FIT = 3, MESSAGE_BYTES = 1024 * 1024 };
    struct arena arena = {0};
    struct plan plan;
    char *message = arena_allocate(&arena, 1, MESSAGE_BYTES + 1);
    memset(message, 'x', MESSAGE_BYTES);
    plan_init(&plan, &arena);
    for (int at = 0; at < PROBES; at++) {
        plan_probe(&plan, KIND_JOB, "team", "a", "Probed", at < FIT + 1 ? message : "short");
    }
    const char *text = plan_describe(&arena, &plan);
    assert_true(text_starts_with(text, "0.0 probe Job team/a: Probed: x"));
    assert_int_equal(strlen(text),
                     FIT * (strlen("0.0 probe Job team/a: Probed: \n") + (size_t)MESSAGE_BYTES));
    assert_true(text_ends_with(text, "x\n"));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_results_of_all_steps_together_have_a_limit),
        cmocka_unit_test(a_small_status_names_each_step_s_image_and_a_large_one_each_image),
        cmocka_unit_test(a_status_that_is_still_too_large_cuts_messages),
        cmocka_unit_test(a_large_status_names_each_of_several_images_once),
        cmocka_unit_test(of_many_jobs_without_a_pod_ten_are_asked_about),
        cmocka_unit_test(a_plan_that_is_too_long_is_told_up_to_the_first_line_that_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
