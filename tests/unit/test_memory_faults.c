/*
 * Allocations fail, one in each attempt: the program ends at once with a message that says so. It
 * never goes on with half of something, jansson included (core/memory.h). That there is no other
 * way to memory is held by tests/structure/test_purity.py. The Makefile links this test with --wrap
 * for the calls that core/memory.c makes.
 */

#include "support/test.h"

#include "api/codec.h"
#include "api/render.h"
#include "cache/cache.h"
#include "core/memory.h"
#include "io/kubeconfig.h"
#include "kube/watch_stream.h"
#include "plan/cron.h"
#include "plan/pipeline_check.h"
#include "support/plan_world.h"
#include "support/samples.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUTPUT_SIZE = 4096,
    CHILD_SECONDS = 20,
    ATTEMPTS = 250 /* of each scenario, spread over its allocations: each costs a process */
};

static long allocations;     /* since the scenario began */
static long failing_at = -1; /* < 0: none fails */

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static bool fails(void)
{
    return allocations++ == failing_at;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(pointer, count, size);
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    return fails() ? -1 : __real_vasprintf(text, format, arguments);
}

/* ---- what is done ---- */

static struct object *decode(struct arena *arena, enum api_kind kind)
{
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, kind, samples[kind], strlen(samples[kind]), &object,
                                        &error);
    if (!result_is_ok(result)) {
        fail_msg("%s", error.message);
    }
    return object;
}

static void decode_and_encode(void)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        struct arena arena = {0};
        (void)codec_encode_stored(&arena, kind, decode(&arena, kind));
        arena_free(&arena);
    }
}

static void make_a_patch(void)
{
    struct arena arena = {0};
    struct object *before = decode(&arena, KIND_PIPELINE_RUN);
    struct object *after = decode(&arena, KIND_PIPELINE_RUN);
    struct pipeline_run *run = (struct pipeline_run *)after;
    run->status.phase = "Failed";
    run->status.step_count = 1;
    assert_non_null(codec_status_patch(&arena, KIND_PIPELINE_RUN, before, after));
    arena_free(&arena);
}

static void take_item(void *context, struct arena *arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    (void)namespace;
    (void)name;
    assert_null(poison);
    cache_batch_put(context, arena, object);
    (void)memory_free(arena);
}

static void take_a_list_into_the_cache(void)
{
    struct arena arena = {0};
    struct list_page page;
    const char *json = arena_print(
        &arena, "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[%s]}", samples[KIND_POD]);
    struct cache *cache = cache_new();
    struct cache_batch *batch = cache_batch_new(cache, KIND_POD);
    assert_true(result_is_ok(
        codec_decode_list(&arena, KIND_POD, json, strlen(json), take_item, batch, &page, NULL)));
    cache_replace(batch, page.resource_version);
    (void)cache_free(cache);
    arena_free(&arena);
}

static struct result take_line(void *context, const char *line, size_t size)
{
    struct watch_event event;
    return codec_decode_event(context, KIND_JOB, line, size, &event, NULL);
}

static void read_a_watch(void)
{
    struct arena arena = {0};
    struct watch_stream stream;
    const char *line = arena_print(&arena, "{\"type\":\"ADDED\",\"object\":%s}\n",
                                   samples[KIND_JOB]);
    size_t half = strlen(line) / 2;
    watch_stream_init(&stream, take_line, &arena);
    assert_true(result_is_ok(watch_stream_feed(&stream, line, half)));
    assert_true(result_is_ok(watch_stream_feed(&stream, line + half, strlen(line) - half)));
    watch_stream_free(&stream);
    arena_free(&arena);
}

static void plan_a_run(void)
{
    struct world *world = memory_allocate(1, sizeof(*world));
    world_init(world, 1795435200);
    (void)world_put(world, KIND_PIPELINE,
                    "{'metadata':{'name':'p'},'spec':{'steps':[{'name':'a','image':'i:1',"
                    "'podTemplate':{'spec':{'nodeSelector':{'disk':'fast'}}}}]}}");
    (void)world_put(world, KIND_PIPELINE_RUN,
                    "{'metadata':{'name':'r'},'spec':{'pipelineRef':{'name':'p'}}}");
    for (int round = 0; round < 2; round++) {
        struct plan plan = world_plan_pipeline(world, "p");
        (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
        plan = world_plan_run(world, "r");
        (void)world_carry_out(world, &plan, WORLD_NO_FAULT, 0);
    }
    assert_int_equal(world_count(world, KIND_JOB), 1);
    world_free(world);
    (void)memory_free(world);
}

/* A tree is made with our memory, also when no JSON was read before. */
static void render_before_anything_was_decoded(void)
{
    struct arena arena = {0};
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    assert_true(allocate != malloc);
    assert_non_null(render_delete_options(&arena, "5f1c", "12"));
    arena_free(&arena);
}

static void read_what_users_write(void)
{
    struct arena arena = {0};
    const struct cron *cron = NULL;
    struct text_map results;
    struct kubeconfig config = {0};
    const struct access *access = NULL;
    static const char file[] =
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: \"https://h\"}}]\n"
        "users: [{name: u, user: {token: t}}]\n";
    assert_true(result_is_ok(cron_parse(&arena, "0 3 * * *", &cron, NULL)));
    assert_true(result_is_ok(codec_decode_results(&arena, "{\"a\":1}", &results, NULL)));
    assert_true(result_is_ok(kubeconfig_add(&arena, &config, "f", file, strlen(file), NULL)));
    assert_true(result_is_ok(kubeconfig_resolve(&arena, &config, NULL, &access, NULL)));
    arena_free(&arena);
}

/* ---- one after the other ---- */

/* Runs it in a child whose errors come back in `output`. Returns the status of waitpid(). */
static int run_child(void (*scenario)(void), long failing, char output[OUTPUT_SIZE])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)alarm(CHILD_SECONDS);
        allocations = 0;
        failing_at = failing;
        scenario();
        _exit(EXIT_SUCCESS);
    }
    (void)close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], output + used, OUTPUT_SIZE - 1 - used)) > 0) {
        used += (size_t)got;
    }
    output[used] = '\0';
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void fail_each_allocation(void (*scenario)(void))
{
    static const char expected[] = "tidemill: out of memory asking for ";
    char output[OUTPUT_SIZE];
    allocations = 0;
    failing_at = -1;
    scenario();
    long count = allocations;
    assert_true(count > 0);
    long step = count / ATTEMPTS + 1;
    for (long at = 0; at < count; at += step) {
        int status = run_child(scenario, at, output);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
            strncmp(output, expected, strlen(expected)) != 0) {
            fail_msg("allocation %ld of %ld: status %d, it said: %s", at, count, status, output);
        }
    }
    print_message("%ld allocations, every %ld. failed\n", count, step);
}

#define SCENARIO(sentence, scenario)    \
    static void sentence(void **state)  \
    {                                   \
        (void)state;                    \
        fail_each_allocation(scenario); \
    }

SCENARIO(without_memory_it_ends_before_anything_was_decoded, render_before_anything_was_decoded)
SCENARIO(without_memory_it_ends_in_the_middle_of_an_object, decode_and_encode)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_patch, make_a_patch)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_list, take_a_list_into_the_cache)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_watch, read_a_watch)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_plan, plan_a_run)
SCENARIO(without_memory_it_ends_in_the_middle_of_what_users_write, read_what_users_write)

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: see there */
        cmocka_unit_test(without_memory_it_ends_before_anything_was_decoded),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_an_object),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_patch),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_list),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_watch),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_plan),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_what_users_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
