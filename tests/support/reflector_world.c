#include "support/test.h"

#include "support/reflector_world.h"

#include "core/buffer.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 1024, TEXTS = 8, LIST_SIZE = 64 * 1024, LOG_SIZE = 256 * 1024 };

static char log_text[LOG_SIZE];
static size_t log_size;

static void keep_line(const char *line, size_t size)
{
    if (log_size + size < LOG_SIZE) {
        memcpy(log_text + log_size, line, size);
        log_size += size;
        log_text[log_size] = '\0';
    }
}

/* What a server without streaming lists says (KEP-3157's feature gate is off). */
static const struct fake_answer no_streams = {
    .status = 422,
    .body = "{\"kind\":\"Status\",\"code\":422,\"reason\":\"Invalid\",\"message\":"
            "\"ListOptions.meta.k8s.io \\\"\\\" is invalid: sendInitialEvents: Forbidden\"}"};

static void open_world(struct reflector_world *world)
{
    world->fake = fake_io_new();
    world->cache = cache_new();
    world->reflector = reflector_new(fake_io_seam(world->fake), world->cache, KIND_PIPELINE_RUN);
    fake_io_script_always(world->fake, "GET", "*" INITIAL_EVENTS "*", no_streams);
}

static void close_world(struct reflector_world *world)
{
    world->reflector = reflector_free(world->reflector);
    assert_int_equal(fake_io_open_count(world->fake), 0);
    assert_int_equal(fake_io_timer_count(world->fake), 0);
    assert_int_equal(fake_io_unused_scripts(world->fake), 0);
    world->cache = cache_free(world->cache);
    world->fake = fake_io_free(world->fake);
}

int reflector_world_set_up(void **state)
{
    struct reflector_world *world = memory_allocate(1, sizeof(*world));
    open_world(world);
    log_size = 0;
    log_text[0] = '\0';
    log_configure((struct log_sink){.write = keep_line, .level = LOG_INFO});
    *state = world;
    return 0;
}

int reflector_world_tear_down(void **state)
{
    struct reflector_world *world = *state;
    close_world(world);
    (void)memory_free(world);
    return 0;
}

void reflector_world_restart(struct reflector_world *world)
{
    close_world(world);
    open_world(world);
}

int reflector_world_logged(const char *text)
{
    int count = 0;
    for (const char *at = log_text; *at != '\0';) {
        const char *end = strchr(at, '\n');
        size_t size = end ? (size_t)(end - at) : strlen(at);
        count += memmem(at, size, text, strlen(text)) ? 1 : 0;
        at += size + (end ? 1 : 0);
    }
    return count;
}

static char *next_text(void)
{
    static char texts[TEXTS][TEXT_SIZE];
    static unsigned next;
    return texts[next++ % TEXTS];
}

static void print_run(char *text, size_t size, const char *name, const char *version, bool poison)
{
    (void)snprintf(text, size, RUN_JSON("%s", "%s", "%s"), name, name, version,
                   poison ? "\"no object\"" : "{}");
}

static const char *print_event(const char *type, const char *name, const char *version, bool poison)
{
    char run[TEXT_SIZE / 2];
    print_run(run, sizeof(run), name, version, poison);
    char *text = next_text();
    (void)snprintf(text, TEXT_SIZE, RUN_EVENT("%s", "%s"), type, run);
    return text;
}

const char *run_event(const char *type, const char *name, const char *version)
{
    return print_event(type, name, version, false);
}

const char *poison_event(const char *type, const char *name, const char *version)
{
    return print_event(type, name, version, true);
}

const char *bookmark_event(const char *version)
{
    char *text = next_text();
    (void)snprintf(text, TEXT_SIZE, BOOKMARK_EVENT("%s"), version);
    return text;
}

const char *last_bookmark_event(const char *version)
{
    char *text = next_text();
    (void)snprintf(text, TEXT_SIZE,
                   "{\"type\":\"BOOKMARK\",\"object\":{" RUN_HEAD
                   ",\"metadata\":{\"resourceVersion\":\"%s\",\"creationTimestamp\":null,"
                   "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}},\"spec\":{}}}\n",
                   version);
    return text;
}

const char *list_page(const char *runs, const char *version, const char *token)
{
    static char text[LIST_SIZE];
    size_t used = (size_t)snprintf(text, LIST_SIZE,
                                   "{\"apiVersion\":\"tidemill.dev/v1alpha1\","
                                   "\"kind\":\"PipelineRunList\","
                                   "\"metadata\":{\"resourceVersion\":\"%s\",\"continue\":\"%s\"},"
                                   "\"items\":[",
                                   version, text_or(token, ""));
    char *copy = strdup(runs);
    char *rest = NULL;
    const char *comma = "";
    for (char *run = strtok_r(copy, " ", &rest); run; run = strtok_r(NULL, " ", &rest)) {
        bool poison = run[0] == '!';
        char *at = strchr(run, '@');
        *at = '\0';
        used += (size_t)snprintf(text + used, LIST_SIZE - used, "%s", comma);
        print_run(text + used, LIST_SIZE - used, run + (poison ? 1 : 0), at + 1, poison);
        used += strlen(text + used);
        comma = ",";
    }
    free(copy);
    (void)snprintf(text + used, LIST_SIZE - used, "]}");
    return text;
}

void reflector_world_start(struct reflector_world *world)
{
    reflector_start(world->reflector);
    fake_io_run(world->fake);
}

void reflector_world_stream(struct reflector_world *world)
{
    fake_io_clear_scripts(world->fake);
    reflector_world_start(world);
    assert_non_null(open_stream(world));
}

void reflector_world_sync(struct reflector_world *world, const char *runs, const char *version)
{
    reflector_world_start(world);
    end_list(world, (struct fake_answer){.status = 200, .body = list_page(runs, version, NULL)});
    assert_non_null(open_watch(world));
}

static struct io_call *open_call(struct reflector_world *world)
{
    assert_true(fake_io_open_count(world->fake) <= 1);
    return fake_io_find_open(world->fake, "GET", "*");
}

const char *open_path(struct reflector_world *world)
{
    struct io_call *call = open_call(world);
    return call ? fake_io_request_of(call)->path : "";
}

static bool is_watch(const struct io_call *call)
{
    return strstr(fake_io_request_of(call)->path, "watch=true") != NULL;
}

static bool is_stream(const struct io_call *call)
{
    return strstr(fake_io_request_of(call)->path, INITIAL_EVENTS) != NULL;
}

struct io_call *open_list(struct reflector_world *world)
{
    struct io_call *call = open_call(world);
    return call && !is_watch(call) ? call : NULL;
}

struct io_call *open_watch(struct reflector_world *world)
{
    struct io_call *call = open_call(world);
    return call && is_watch(call) && !is_stream(call) ? call : NULL;
}

struct io_call *open_stream(struct reflector_world *world)
{
    struct io_call *call = open_call(world);
    return call && is_stream(call) ? call : NULL;
}

void feed_watch(struct reflector_world *world, const char *text)
{
    struct io_call *call = open_watch(world);
    assert_non_null(call);
    (void)fake_io_feed_text(world->fake, call, text);
}

void end_watch(struct reflector_world *world, struct fake_answer answer)
{
    struct io_call *call = open_watch(world);
    assert_non_null(call);
    fake_io_finish(world->fake, call, answer);
}

void end_list(struct reflector_world *world, struct fake_answer answer)
{
    struct io_call *call = open_list(world);
    assert_non_null(call);
    fake_io_finish(world->fake, call, answer);
}

static int compare_names(const void *a, const void *b)
{
    const struct object *const *left = a;
    const struct object *const *right = b;
    return strcmp((*left)->meta.name, (*right)->meta.name);
}

const char *cached_runs(struct reflector_world *world)
{
    enum { RUNS = 256 };
    static char text[LIST_SIZE];
    const struct object *runs[RUNS];
    size_t count = 0;
    const struct object *run;
    for (size_t at = 0; (run = cache_next(world->cache, KIND_PIPELINE_RUN, &at)) != NULL;) {
        assert_true(count < RUNS);
        runs[count++] = run;
    }
    if (count > 0) {
        qsort(runs, count, sizeof(runs[0]), compare_names);
    }
    text[0] = '\0';
    size_t used = 0;
    for (size_t at = 0; at < count; at++) {
        used += (size_t)snprintf(text + used, LIST_SIZE - used, "%s@%s ", runs[at]->meta.name,
                                 runs[at]->meta.resource_version);
    }
    return text;
}

bool feed_stream(struct reflector_world *world, const char *text)
{
    struct io_call *call = open_stream(world);
    assert_non_null(call);
    return fake_io_feed_text(world->fake, call, text);
}

void end_stream(struct reflector_world *world, struct fake_answer answer)
{
    struct io_call *call = open_stream(world);
    assert_non_null(call);
    fake_io_finish(world->fake, call, answer);
}

int64_t pause_of(struct reflector_world *world)
{
    if (fake_io_timer_count(world->fake) == 0) {
        return -1;
    }
    assert_int_equal(fake_io_open_count(world->fake), 0);
    return fake_io_next_timer_ms(world->fake) - fake_io_now_ms(world->fake);
}
