/*
 * Each allocation fails once: the program ends at once with a message that says so. It never goes
 * on with half of something, jansson, expat, libcurl and nghttp2 included (core/memory.h). That
 * there is no other way to memory is held by tests/structure/test_purity.py; what libraries do with
 * memory of their own is in test_openssl_faults.c. The Makefile links this test with --wrap for the
 * calls that core/memory.c makes.
 */

#include "support/test.h"

#include "api/codec.h"
#include "api/codec_form.h"
#include "api/lease.h"
#include "api/render.h"
#include "api/secret.h"
#include "cache/cache.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/kubeconfig.h"
#include "kube/watch_stream.h"
#include "plan/cron.h"
#include "plan/pipeline_check.h"
#include "source/webhook.h"
#include "support/client_talk.h"
#include "support/plan_world.h"
#include "support/recorded.h"
#include "support/samples.h"
#include "support/source_talk.h"
#include "unit/cron/zones.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_SIZE = 4096, CHILD_SECONDS = 20, PATIENCE_MS = 120 * 1000 };

static bool each_fails; /* while a scenario runs */
static long allocations;

void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *pointer, size_t count, size_t size);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static const char expected[] = "tidemill: out of memory asking for ";

/* How the child ended, in which this allocation failed, and what it said. */
static void check_end(pid_t child, int output)
{
    char text[OUTPUT_SIZE];
    size_t used = 0;
    ssize_t got;
    while ((got = read(output, text + used, sizeof(text) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    text[used] = '\0';
    (void)close(output);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
        strncmp(text, expected, strlen(expected)) != 0) {
        fail_msg("allocation %ld: status %d, it said: %s", allocations, status, text);
    }
}

/*
 * The process is doubled at each allocation: in the child it fails, and the parent goes on when the
 * child has ended. So all of them fail, and what comes before each is done once.
 */
static bool fails(void)
{
    static bool has_failed; /* in the child */
    if (has_failed) {
        (void)fprintf(stderr, "it went on without memory\n");
        _exit(EXIT_FAILURE);
    }
    if (!each_fails) {
        return false;
    }
    int ends[2];
    each_fails = false;
    allocations++;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit none = {0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)alarm(CHILD_SECONDS);
        has_failed = true;
        return true;
    }
    (void)close(ends[1]);
    check_end(child, ends[0]);
    each_fails = true;
    return false;
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

static void read_protobuf(void)
{
    struct arena arena = {0};
    struct api_status status;
    struct list_page page;
    struct cache *cache = cache_new();
    const struct codec_form *form = codec_form_of("application/vnd.kubernetes.protobuf");
    struct recorded jobs = recorded_read("jobs-page.pb");
    struct recorded expired = recorded_read("watch-expired.pb");
    struct cache_batch *batch = cache_batch_new(cache, KIND_JOB);
    assert_true(result_is_ok(
        form->decode_list(&arena, KIND_JOB, jobs.bytes, jobs.size, take_item, batch, &page, NULL)));
    cache_replace(batch, page.resource_version);
    form->decode_status(&arena, expired.bytes, expired.size, &status);
    recorded_free(&expired);
    recorded_free(&jobs);
    (void)cache_free(cache);
    arena_free(&arena);
}

static void read_a_lease_and_a_secret(void)
{
    struct arena arena = {0};
    struct lease_record lease;
    struct secret secret;
    static const char lease_json[] =
        "{\"metadata\":{\"uid\":\"1\",\"resourceVersion\":\"7\"},"
        "\"spec\":{\"holderIdentity\":\"a\",\"leaseDurationSeconds\":15}}";
    static const char secret_json[] =
        "{\"metadata\":{\"name\":\"s\",\"annotations\":{\"tidemill.dev/allowed-hosts\":\"h\"}},"
        "\"data\":{\"token\":\"c2VjcmV0\"}}";
    assert_true(result_is_ok(lease_decode(&arena, lease_json, strlen(lease_json), &lease, NULL)));
    assert_true(
        result_is_ok(secret_decode(&arena, secret_json, strlen(secret_json), &secret, NULL)));
    assert_int_equal(secret.count, 1);
    arena_free(&arena);
}

static void ask_a_source(void)
{
    static const char listing[] =
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>d/a</Key><LastModified>"
        "2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;1a&quot;</ETag><Size>10</Size>"
        "</Contents></ListBucketResult>";
    const struct trigger trigger = {
        .spec.bucket = {.endpoint = "https://s3.example", .bucket = "b", .region = "r"}};
    const struct talk_answer answer = {
        .status = 200, .body = listing, .body_size = strlen(listing)};
    struct arena arena = {0};
    struct talk_record record = talk_play(&arena, &trigger, NULL, &answer, 1);
    assert_true(text_starts_with(record.outcome, "FOUND "));
    arena_free(&arena);
}

static void judge_a_delivery(void)
{
    static const char body[] = "Hello, World!";
    static const struct name_value key = {"secret", "It's a Secret to Everybody"};
    static const struct name_value headers[] = {
        {"x-hub-signature-256",
         "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}};
    const struct webhook_source source = {.type = "GitHub"};
    const struct source_secret secret = {&key, 1};
    const struct webhook_delivery delivery = {
        .headers = headers, .header_count = 1, .body = body, .body_size = strlen(body)};
    struct webhook_event event;
    struct arena arena = {0};
    assert_true(result_is_ok(webhook_verify(&arena, &source, &secret, &delivery, NULL)));
    assert_non_null(webhook_id(&arena, &source, &delivery));
    assert_true(result_is_ok(webhook_read(&arena, &source, &delivery, &event, NULL)));
    arena_free(&arena);
}

static void read_what_pods_say(void)
{
    struct arena arena = {0};
    struct artifact_report report;
    struct text_map results;
    assert_true(result_is_ok(codec_decode_artifact_report(
        &arena, "{\"inputs\":{\"table\":{\"digest\":\"sha256:1\"}}}", &report, NULL)));
    assert_int_equal(report.digest_count, 1);
    assert_true(result_is_ok(codec_decode_results(&arena, "{\"loss\":0.5}", &results, NULL)));
    arena_free(&arena);
}

static void read_a_zone(void)
{
    struct arena arena = {0};
    assert_non_null(load_zone(&arena, "Europe/Berlin"));
    arena_free(&arena);
}

/* ---- conversations with a peer ---- */

static struct peer_process peer;
static const char *authority; /* PEM; NULL: in the clear */

static void talk(void (*converse)(struct client_talk *talk, struct talk_outcome *outcome))
{
    struct client_talk client;
    struct talk_outcome outcome;
    struct error error = {0};
    if (!result_is_ok(
            client_talk_open(&client, "127.0.0.1", peer.port, authority, PATIENCE_MS, &error))) {
        fail_msg("%s", error.message);
    }
    converse(&client, &outcome);
    client_talk_close(&client);
    if (!outcome.ok) {
        fail_msg("%s", outcome.message);
    }
}

static void talk_by_watch_and_post(void)
{
    talk(client_talk_watch_and_post);
}

static void talk_by_fetch(void)
{
    talk(client_talk_fetch);
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

static void fail_each_allocation(void (*scenario)(void))
{
    allocations = 0;
    each_fails = true;
    scenario();
    each_fails = false;
    assert_true(allocations > 0);
    print_message("%ld allocations, each failed once\n", allocations);
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
SCENARIO(without_memory_it_ends_in_the_middle_of_protobuf, read_protobuf)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_lease_or_a_secret, read_a_lease_and_a_secret)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_source, ask_a_source)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_delivery, judge_a_delivery)
SCENARIO(without_memory_it_ends_in_the_middle_of_what_pods_say, read_what_pods_say)
SCENARIO(without_memory_it_ends_in_the_middle_of_a_time_zone, read_a_zone)

static void fail_each_with_a_peer(enum peer_protocol protocol, void (*scenario)(void))
{
    struct peer_identity *identity = peer_identity_new(NULL);
    peer = client_talk_peer(protocol, identity);
    authority = protocol == PEER_HTTP ? NULL : peer_identity_certificate(identity);
    fail_each_allocation(scenario);
    peer_process_stop(&peer);
    peer_identity_free(identity);
}

static void without_memory_it_ends_in_the_middle_of_http_1(void **state)
{
    (void)state;
    fail_each_with_a_peer(PEER_HTTP, talk_by_watch_and_post);
}

static void without_memory_it_ends_in_the_middle_of_http_2(void **state)
{
    (void)state;
    fail_each_with_a_peer(PEER_HTTP2, talk_by_watch_and_post);
}

static void without_memory_it_ends_in_the_middle_of_a_source_s_request(void **state)
{
    (void)state;
    fail_each_with_a_peer(PEER_HTTP, talk_by_fetch);
}

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
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_protobuf),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_lease_or_a_secret),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_source),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_delivery),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_what_pods_say),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_time_zone),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_http_1),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_http_2),
        cmocka_unit_test(without_memory_it_ends_in_the_middle_of_a_source_s_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
