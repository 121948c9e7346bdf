#include "support/test.h"

#include "api/model.h"
#include "api/pipeline.h"
#include "api/pipeline_run.h"
#include "api/trigger.h"
#include "api/workload.h"
#include "cache/cache.h"
#include "cache/resource_version.h"
#include "core/log.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the listener heard, as text: "+a@1 ~a@1>2 -a@2 ". */
struct world {
    struct cache *cache;
    char heard[4096];
    unsigned advances;
    size_t runs_seen_inside; /* objects in the store whenever the listener looked */
};

static int log_lines;

static void count_line(const char *line, size_t size)
{
    (void)line;
    (void)size;
    log_lines++;
}

static void hear_change(void *context, enum api_kind kind, enum cache_event event,
                        const struct object *before, const struct object *after)
{
    struct world *world = context;
    size_t used = strlen(world->heard);
    const struct object *shown = after ? after : before;
    static const char signs[] = {[CACHE_ADDED] = '+', [CACHE_UPDATED] = '~', [CACHE_DELETED] = '-'};
    if (event == CACHE_UPDATED) {
        (void)snprintf(world->heard + used, sizeof(world->heard) - used, "~%s@%s>%s ",
                       shown->meta.name, before->meta.resource_version,
                       after->meta.resource_version);
    } else {
        (void)snprintf(world->heard + used, sizeof(world->heard) - used, "%c%s@%s ", signs[event],
                       shown->meta.name, shown->meta.resource_version);
    }
    world->runs_seen_inside = cache_numbers(world->cache, kind).objects;
    const struct object *cached = cache_get(world->cache, kind, shown->meta.namespace,
                                            shown->meta.name);
    assert_true(event == CACHE_DELETED ? cached != before : cached == after);
}

static void hear_advance(void *context, enum api_kind kind)
{
    (void)kind;
    struct world *world = context;
    world->advances++;
}

static int set_up(void **state)
{
    struct world *world = test_calloc(1, sizeof(*world));
    world->cache = cache_new();
    cache_set_listener(world->cache, &(struct cache_listener){.on_change = hear_change,
                                                              .on_advance = hear_advance,
                                                              .context = world});
    log_lines = 0;
    log_configure((struct log_sink){.write = count_line, .level = LOG_WARNING});
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    (void)cache_free(world->cache);
    test_free(world);
    return 0;
}

static void *make_object(struct arena *arena, size_t size, const char *name, const char *version)
{
    struct object *object = arena_allocate(arena, 1, size);
    object->meta.namespace = arena_copy_text(arena, "ns");
    object->meta.name = arena_copy_text(arena, name);
    object->meta.uid = arena_print(arena, "uid-%s", name);
    object->meta.resource_version = arena_copy_text(arena, version);
    object->meta.generation = strtoll(version, NULL, 10); /* each version says something else */
    return object;
}

static struct pipeline_run *make_run(struct arena *arena, const char *name, const char *version,
                                     const char *pipeline, const char *phase)
{
    struct pipeline_run *run = make_object(arena, sizeof(*run), name, version);
    run->spec.pipeline_ref.name = arena_copy_text(arena, pipeline);
    run->status.phase = arena_copy_text(arena, phase);
    return run;
}

static void put_run(struct world *world, const char *name, const char *version,
                    const char *pipeline, const char *phase)
{
    struct arena arena = {.first_block_size = 256};
    struct pipeline_run *run = make_run(&arena, name, version, pipeline, phase);
    cache_put(world->cache, KIND_PIPELINE_RUN, &arena, (struct object *)run);
    assert_null(arena.blocks);
}

static void batch_run(struct cache_batch *batch, const char *name, const char *version)
{
    struct arena arena = {0};
    struct pipeline_run *run = make_run(&arena, name, version, "p", "Running");
    cache_batch_put(batch, &arena, (struct object *)run);
}

static void hear(struct world *world, const char *expected)
{
    assert_string_equal(world->heard, expected);
    world->heard[0] = '\0';
}

/* Names of a list, each followed by a blank. */
static const char *names_of(struct cache_list list)
{
    static char text[1024];
    text[0] = '\0';
    const struct object *const *items = list.items;
    for (size_t at = 0; at < list.count; at++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s ", items[at]->meta.name);
    }
    return text;
}

static void resource_versions_compare_as_in_kep_5504(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *a;
        const char *b;
        bool known;
        int sign;
    } rows[] = {
        {"a longer number is larger", "9", "10", true, -1},
        {"equal lengths compare bytewise", "1999", "2000", true, -1},
        {"more digits than any integer has", "99999999999999999999999", "100000000000000000000000",
         true, -1},
        {"the same", "7", "7", true, 0},
        {"equal texts are equal, numbers or not", "abc", "abc", true, 0},
        {"a leading zero is no number", "07", "8", false, 0},
        {"zero is no number", "0", "1", false, 0},
        {"a sign is no number", "-1", "1", false, 0},
        {"letters are no number", "1a", "2", false, 0},
        {"empty is no number", "", "1", false, 0},
        {"absent is no number", NULL, "1", false, 0},
        {"both absent are equal", NULL, NULL, true, 0},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        int order = 77;
        int reverse = 77;
        bool known = resource_version_compare(rows[at].a, rows[at].b, &order);
        bool known_back = resource_version_compare(rows[at].b, rows[at].a, &reverse);
        if (known != rows[at].known || known_back != known ||
            (known && ((order > 0) - (order < 0) != rows[at].sign ||
                       (reverse > 0) - (reverse < 0) != -rows[at].sign)) ||
            (!known && (order != 77 || reverse != 77))) {
            fail_msg("%s", rows[at].name);
        }
    }
}

static void objects_come_change_and_go_and_each_is_told_once(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "5", "p", NULL);
    hear(world, "+a@5 ");
    put_run(world, "a", "6", "p", "Running");
    hear(world, "~a@5>6 ");
    put_run(world, "a", "6", "p", "Running");
    hear(world, "");
    cache_remove(world->cache, KIND_PIPELINE_RUN, "ns", "a", "9");
    hear(world, "-a@6 ");
    cache_remove(world->cache, KIND_PIPELINE_RUN, "ns", "a", "9");
    hear(world, "");
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "9");
    assert_null(cache_get(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
    assert_int_equal(world->advances, 3);
}

static void put_same(struct world *world, const char *version)
{
    struct arena arena = {0};
    struct pipeline_run *run = make_run(&arena, "a", version, "p", "Running");
    run->meta.generation = 1;
    cache_put(world->cache, KIND_PIPELINE_RUN, &arena, (struct object *)run);
}

/* Also where the version gets longer. What was borrowed with the same version stays. */
static void a_version_alone_is_known_and_not_told(void **state)
{
    static const char *const versions[] = {"98", "99", "100", "101"};
    struct world *world = *state;
    put_same(world, "97");
    hear(world, "+a@97 ");
    for (size_t at = 0; at < COUNT_OF(versions); at++) {
        unsigned advances = world->advances;
        put_same(world, versions[at]);
        hear(world, "");
        assert_int_equal(world->advances, advances + 1);
        const struct object *run = cache_get(world->cache, KIND_PIPELINE_RUN, "ns", "a");
        assert_string_equal(run->meta.resource_version, versions[at]);
        assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), versions[at]);
        assert_string_equal(
            names_of(cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "ns", "p")), "a ");
    }
    put_run(world, "a", "102", "p", "Running"); /* another generation */
    hear(world, "~a@101>102 ");
}

static void an_older_state_of_the_same_object_is_ignored_but_not_of_another(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "12", "p", NULL);
    put_run(world, "a", "9", "p", "Running");
    hear(world, "+a@12 ");
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).stale, 1);
    struct arena arena = {0};
    struct pipeline_run *reborn = make_run(&arena, "a", "13", "p", NULL);
    reborn->meta.uid = "another";
    cache_put(world->cache, KIND_PIPELINE_RUN, &arena, (struct object *)reborn);
    hear(world, "-a@12 +a@13 ");
}

static void objects_of_one_name_in_two_namespaces_or_kinds_are_two(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "1", "p", NULL);
    struct arena arena = {0};
    struct pipeline_run *other = make_run(&arena, "a", "2", "p", NULL);
    other->meta.namespace = "other";
    cache_put(world->cache, KIND_PIPELINE_RUN, &arena, (struct object *)other);
    assert_null(cache_get(world->cache, KIND_PIPELINE, "ns", "a"));
    assert_string_equal(
        cache_get(world->cache, KIND_PIPELINE_RUN, "ns", "a")->meta.resource_version, "1");
    assert_string_equal(
        cache_get(world->cache, KIND_PIPELINE_RUN, "other", "a")->meta.resource_version, "2");
    assert_int_equal(cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "other", "p").count, 1);
    size_t seen = 0;
    for (size_t at = 0; cache_next(world->cache, KIND_PIPELINE_RUN, &at);) {
        seen++;
    }
    assert_int_equal(seen, 2);
}

static void a_bookmark_advances_and_never_goes_back(void **state)
{
    struct world *world = *state;
    assert_false(cache_has_reached(world->cache, KIND_POD, "1"));
    cache_advance(world->cache, KIND_POD, "10");
    cache_advance(world->cache, KIND_POD, "9");
    cache_advance(world->cache, KIND_POD, NULL);
    cache_advance(world->cache, KIND_POD, "10");
    assert_string_equal(cache_resource_version(world->cache, KIND_POD), "10");
    assert_int_equal(world->advances, 1);
    assert_true(cache_has_reached(world->cache, KIND_POD, "9"));
    assert_true(cache_has_reached(world->cache, KIND_POD, "10"));
    assert_false(cache_has_reached(world->cache, KIND_POD, "11"));
    assert_false(cache_has_reached(world->cache, KIND_POD, "opaque"));
    assert_false(cache_has_reached(world->cache, KIND_POD, NULL));
    assert_false(cache_is_synced(world->cache, KIND_POD));
    hear(world, "");
}

static void a_whole_list_is_told_as_differences_after_all_of_them_were_made(void **state)
{
    struct world *world = *state;
    put_run(world, "gone", "1", "p", NULL);
    put_run(world, "same", "2", "p", NULL);
    put_run(world, "newer", "3", "p", NULL);
    const struct object *same = cache_get(world->cache, KIND_PIPELINE_RUN, "ns", "same");
    world->heard[0] = '\0';
    world->advances = 0;
    struct cache_batch *batch = cache_batch_new(world->cache, KIND_PIPELINE_RUN);
    batch_run(batch, "same", "2");
    batch_run(batch, "newer", "8");
    batch_run(batch, "newer", "9");
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).objects, 3);
    cache_replace(batch, "20");
    hear(world, "-gone@1 ~newer@3>9 ");
    assert_int_equal(world->runs_seen_inside, 2);
    assert_int_equal(world->advances, 1);
    assert_ptr_equal(cache_get(world->cache, KIND_PIPELINE_RUN, "ns", "same"), same);
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "20");
    assert_true(cache_is_synced(world->cache, KIND_PIPELINE_RUN));
    assert_string_equal(names_of(cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "ns", "p")),
                        "newer same ");
}

static void an_empty_list_empties_the_store_and_is_in_sync(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "1", "p", NULL);
    cache_replace(cache_batch_new(world->cache, KIND_PIPELINE_RUN), "5");
    hear(world, "+a@1 -a@1 ");
    assert_true(cache_is_synced(world->cache, KIND_PIPELINE_RUN));
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).bytes, 0);
    assert_int_equal(cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "ns", "p").count, 0);
}

static void a_restored_etcd_takes_the_cache_back_by_a_list(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "900", "p", NULL);
    struct cache_batch *batch = cache_batch_new(world->cache, KIND_PIPELINE_RUN);
    batch_run(batch, "a", "300");
    cache_replace(batch, "400");
    hear(world, "+a@900 ~a@900>300 ");
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "400");
}

static void a_batch_that_is_dropped_changes_nothing(void **state)
{
    struct world *world = *state;
    struct cache_batch *batch = cache_batch_new(world->cache, KIND_PIPELINE_RUN);
    batch_run(batch, "a", "1");
    cache_batch_put_unreadable(batch, "ns", "b", "bad");
    assert_null(cache_batch_free(batch));
    hear(world, "");
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "b"));
}

static void an_unreadable_object_leaves_the_store_and_is_remembered(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "1", "p", NULL);
    put_run(world, "b", "2", "p", NULL);
    cache_put_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a", "3", "spec.x: bad");
    hear(world, "+a@1 +b@2 -a@1 ");
    assert_string_equal(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"),
                        "spec.x: bad");
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "b"));
    assert_string_equal(cache_resource_version(world->cache, KIND_PIPELINE_RUN), "3");
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).unreadable, 1);
    put_run(world, "a", "4", "p", NULL);
    hear(world, "+a@4 ");
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
}

static void an_unreadable_object_is_logged_once_for_each_version(void **state)
{
    struct world *world = *state;
    cache_put_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a", "3", "bad");
    cache_put_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a", "3", "bad");
    assert_int_equal(log_lines, 1);
    struct cache_batch *batch = cache_batch_new(world->cache, KIND_PIPELINE_RUN);
    cache_batch_put_unreadable(batch, "ns", "a", "bad");
    cache_replace(batch, "5");
    assert_int_equal(log_lines, 1);
    cache_put_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a", "6", "bad");
    assert_int_equal(log_lines, 2);
    batch = cache_batch_new(world->cache, KIND_PIPELINE_RUN);
    cache_batch_put_unreadable(batch, "ns", "a", "worse");
    cache_replace(batch, "7");
    assert_int_equal(log_lines, 3);
    cache_replace(cache_batch_new(world->cache, KIND_PIPELINE_RUN), "8");
    assert_null(cache_find_unreadable(world->cache, KIND_PIPELINE_RUN, "ns", "a"));
    cache_put_unreadable(world->cache, KIND_PIPELINE_RUN, NULL, NULL, NULL, NULL);
    assert_int_equal(log_lines, 4);
    cache_remove(world->cache, KIND_PIPELINE_RUN, NULL, NULL, NULL);
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).unreadable, 0);
}

static void runs_are_found_by_pipeline_sorted_by_name_finished_ones_apart(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"m", "c", "z", "a", "k", "b", "y", "d", "x", "l"};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        put_run(world, names[at], "1", "p", NULL);
    }
    put_run(world, "other", "1", "q", NULL);
    struct cache_list all = cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "ns", "p");
    assert_string_equal(names_of(all), "a b c d k l m x y z ");
    put_run(world, "c", "2", "p", "Succeeded");
    put_run(world, "m", "2", "p", "Failed");
    put_run(world, "z", "2", "p", "Cancelled");
    put_run(world, "a", "2", "p", "Suspended");
    assert_string_equal(
        names_of(cache_find(world->cache, INDEX_UNFINISHED_RUN_BY_PIPELINE, "ns/p")),
        "a b d k l x y ");
    assert_int_equal(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/p").count, 10);
    const struct pipeline_run *const *runs =
        cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/p").items;
    assert_string_equal(runs[2]->status.phase, "Succeeded");
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        cache_remove(world->cache, KIND_PIPELINE_RUN, "ns", names[at], NULL);
    }
    assert_null(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/p").items);
    assert_int_equal(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/q").count, 1);
}

static void an_object_moves_between_keys_of_an_index(void **state)
{
    struct world *world = *state;
    put_run(world, "a", "1", "p", NULL);
    put_run(world, "b", "2", "p", NULL);
    put_run(world, "a", "3", "q", NULL);
    assert_string_equal(names_of(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/p")), "b ");
    assert_string_equal(names_of(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, "ns/q")), "a ");
    assert_int_equal(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, NULL).count, 0);
    assert_int_equal(cache_find_named(world->cache, INDEX_RUN_BY_PIPELINE, "ns", NULL).count, 0);
}

/* One object of every indexed kind, and the text it must be found under. */
static void every_index_finds_its_objects(void **state)
{
    struct world *world = *state;
    static const struct {
        enum cache_index index;
        enum api_kind kind;
        const char *key;
    } rows[] = {
        {INDEX_RUN_BY_TRIGGER_UID, KIND_PIPELINE_RUN, "trigger-uid"},
        {INDEX_JOB_BY_OWNER_UID, KIND_JOB, "owner-uid"},
        {INDEX_POD_BY_OWNER_UID, KIND_POD, "owner-uid"},
        {INDEX_POD_BY_VERSION_UID, KIND_POD, "version-uid"},
        {INDEX_DEPLOYMENT_BY_OWNER_UID, KIND_DEPLOYMENT, "owner-uid"},
        {INDEX_SERVICE_BY_OWNER_UID, KIND_SERVICE, "owner-uid"},
        {INDEX_REVISION_BY_OWNER_UID, KIND_CONTROLLER_REVISION, "owner-uid"},
    };
    static struct owner_reference owners[] = {
        {.kind = "X", .name = "not the controller", .uid = "wrong-uid"},
        {.kind = "X", .name = "owner", .uid = "owner-uid", .controller = true}};
    static struct name_value label = {LABEL_VERSION_UID, "version-uid"};
    static struct name_value annotation = {ANNOTATION_TRIGGER_UID, "trigger-uid"};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        /* More bytes than any kind's struct has. */
        struct arena arena = {0};
        struct object *object = make_object(&arena, 4096, "o", "1");
        object->meta.owners = owners;
        object->meta.owner_count = COUNT_OF(owners);
        object->meta.labels = (struct text_map){&label, 1};
        object->meta.annotations = (struct text_map){&annotation, 1};
        cache_put(world->cache, rows[at].kind, &arena, object);
        assert_string_equal(names_of(cache_find(world->cache, rows[at].index, rows[at].key)), "o ");
        assert_int_equal(cache_find(world->cache, rows[at].index, "wrong-uid").count, 0);
    }
    struct arena arena = {0};
    struct trigger *trigger = make_object(&arena, sizeof(*trigger), "t", "1");
    trigger->spec.pipeline_ref.name = "p";
    cache_put(world->cache, KIND_TRIGGER, &arena, (struct object *)trigger);
    arena = (struct arena){0};
    struct pipeline *pipeline = make_object(&arena, sizeof(*pipeline), "p", "1");
    pipeline->spec.artifacts.volume_claim.claim_name = "claim";
    cache_put(world->cache, KIND_PIPELINE, &arena, (struct object *)pipeline);
    arena = (struct arena){0};
    struct model_version *version = make_object(&arena, sizeof(*version), "v", "1");
    version->spec.model = "m";
    cache_put(world->cache, KIND_MODEL_VERSION, &arena, (struct object *)version);
    assert_string_equal(names_of(cache_find(world->cache, INDEX_TRIGGER_BY_PIPELINE, "ns/p")),
                        "t ");
    assert_string_equal(names_of(cache_find(world->cache, INDEX_PIPELINE_BY_CLAIM, "ns/claim")),
                        "p ");
    assert_string_equal(names_of(cache_find(world->cache, INDEX_VERSION_BY_MODEL, "ns/m")), "v ");
}

static void one_name_in_two_namespaces_under_one_label_is_two_objects(void **state)
{
    struct world *world = *state;
    static struct name_value label = {LABEL_VERSION_UID, "version-uid"};
    static const char *const namespaces[] = {"ns", "foreign"};
    for (size_t at = 0; at < COUNT_OF(namespaces); at++) {
        struct arena arena = {0};
        struct object *pod = make_object(&arena, sizeof(struct pod), "same", "1");
        pod->meta.namespace = namespaces[at];
        pod->meta.labels = (struct text_map){&label, 1};
        cache_put(world->cache, KIND_POD, &arena, pod);
    }
    assert_int_equal(cache_find(world->cache, INDEX_POD_BY_VERSION_UID, "version-uid").count, 2);
    cache_remove(world->cache, KIND_POD, "foreign", "same", NULL);
    const struct pod *const *pods =
        cache_find(world->cache, INDEX_POD_BY_VERSION_UID, "version-uid").items;
    assert_string_equal(pods[0]->meta.namespace, "ns");
}

/* The cache against a plain table, over a long random course. */
static void a_random_course_leaves_store_and_indexes_in_agreement(void **state)
{
    enum { NAMES = 40, PIPELINES = 3, STEPS = 4000 };
    struct world *world = *state;
    cache_set_listener(world->cache, &(struct cache_listener){0});
    int pipeline_of[NAMES]; /* -1: not there */
    memset(pipeline_of, -1, sizeof(pipeline_of));
    unsigned long long random = 88172645463325252ULL;
    for (int step = 0; step < STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int which = (int)(random % NAMES);
        int pipeline = (int)(random / NAMES % (PIPELINES + 1)) - 1;
        char name[16];
        char version[16];
        char owner[16];
        (void)snprintf(name, sizeof(name), "n%02d", which);
        (void)snprintf(version, sizeof(version), "%d", step + 1);
        (void)snprintf(owner, sizeof(owner), "p%d", pipeline);
        if (pipeline < 0) {
            cache_remove(world->cache, KIND_PIPELINE_RUN, "ns", name, version);
        } else {
            put_run(world, name, version, owner, step % 2 ? "Failed" : NULL);
        }
        pipeline_of[which] = pipeline;
    }
    for (int pipeline = 0; pipeline < PIPELINES; pipeline++) {
        char owner[16];
        char expected[1024] = "";
        (void)snprintf(owner, sizeof(owner), "ns/p%d", pipeline);
        for (int which = 0; which < NAMES; which++) {
            size_t used = strlen(expected);
            if (pipeline_of[which] == pipeline) {
                (void)snprintf(expected + used, sizeof(expected) - used, "n%02d ", which);
            }
        }
        assert_string_equal(names_of(cache_find(world->cache, INDEX_RUN_BY_PIPELINE, owner)),
                            expected);
    }
}

static void bytes_are_counted_and_all_come_back(void **state)
{
    struct world *world = *state;
    cache_set_listener(world->cache, &(struct cache_listener){0});
    for (int round = 0; round < 3; round++) {
        for (int at = 0; at < 100; at++) {
            char name[16];
            char version[16];
            (void)snprintf(name, sizeof(name), "r%d", at);
            (void)snprintf(version, sizeof(version), "%d", round * 100 + at + 1);
            put_run(world, name, version, "p", "Succeeded");
        }
        size_t bytes = cache_numbers(world->cache, KIND_PIPELINE_RUN).bytes;
        assert_in_range(bytes, 100 * sizeof(struct pipeline_run), 100 * 2048);
    }
    for (int at = 0; at < 100; at++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "r%d", at);
        cache_remove(world->cache, KIND_PIPELINE_RUN, "ns", name, NULL);
    }
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).bytes, 0);
    assert_int_equal(cache_numbers(world->cache, KIND_PIPELINE_RUN).objects, 0);
}

#define ROW(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(resource_versions_compare_as_in_kep_5504),
        ROW(objects_come_change_and_go_and_each_is_told_once),
        ROW(a_version_alone_is_known_and_not_told),
        ROW(an_older_state_of_the_same_object_is_ignored_but_not_of_another),
        ROW(objects_of_one_name_in_two_namespaces_or_kinds_are_two),
        ROW(a_bookmark_advances_and_never_goes_back),
        ROW(a_whole_list_is_told_as_differences_after_all_of_them_were_made),
        ROW(an_empty_list_empties_the_store_and_is_in_sync),
        ROW(a_restored_etcd_takes_the_cache_back_by_a_list),
        ROW(a_batch_that_is_dropped_changes_nothing),
        ROW(an_unreadable_object_leaves_the_store_and_is_remembered),
        ROW(an_unreadable_object_is_logged_once_for_each_version),
        ROW(runs_are_found_by_pipeline_sorted_by_name_finished_ones_apart),
        ROW(an_object_moves_between_keys_of_an_index),
        ROW(every_index_finds_its_objects),
        ROW(one_name_in_two_namespaces_under_one_label_is_two_objects),
        ROW(a_random_course_leaves_store_and_indexes_in_agreement),
        ROW(bytes_are_counted_and_all_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
