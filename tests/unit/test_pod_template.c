#include "support/test.h"

#include "api/codec_tree.h"
#include "api/pod_template.h"

#include <string.h>

struct merge_row {
    const char *sentence;
    const char *base; /* NULL: there is none */
    const char *over;
    const char *merged;
};

static const struct merge_row merge_rows[] = {
    {"nothing laid over leaves what is there", "{\"a\":1}", NULL, "{\"a\":1}"},
    {"what is laid over nothing is all", NULL, "{\"a\":1}", "{\"a\":1}"},
    {"objects merge, however deep", "{\"a\":{\"b\":{\"c\":1,\"d\":1}}}",
     "{\"a\":{\"b\":{\"d\":2,\"e\":2}}}", "{\"a\":{\"b\":{\"c\":1,\"d\":2,\"e\":2}}}"},
    {"null removes a member", "{\"a\":1,\"b\":{\"c\":1,\"d\":1}}",
     "{\"a\":null,\"b\":{\"c\":null}}", "{\"b\":{\"d\":1}}"},
    {"null removes a keyed list", "{\"env\":[{\"name\":\"a\"}]}", "{\"env\":null}", "{}"},
    {"null of what is not there is nothing", "{\"a\":1}", "{\"b\":null}", "{\"a\":1}"},
    {"scalars replace", "{\"a\":1}", "{\"a\":\"x\"}", "{\"a\":\"x\"}"},
    {"another type replaces", "{\"a\":{\"b\":1},\"env\":[{\"name\":\"a\"}]}",
     "{\"a\":[],\"env\":{\"name\":\"b\"}}", "{\"a\":[],\"env\":{\"name\":\"b\"}}"},
    {"a list without a key replaces", "{\"args\":[{\"name\":\"a\"}]}",
     "{\"args\":[{\"name\":\"b\"}]}", "{\"args\":[{\"name\":\"b\"}]}"},
    {"an item merges with its namesake",
     "{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"1\"}]}",
     "{\"containers\":[{\"name\":\"b\",\"tty\":true}]}",
     "{\"containers\":[{\"image\":\"1\",\"name\":\"a\"},"
     "{\"image\":\"1\",\"name\":\"b\",\"tty\":true}]}"},
    {"what only the upper list has comes behind the lower's", "{\"volumes\":[{\"name\":\"z\"}]}",
     "{\"volumes\":[{\"name\":\"a\"},{\"name\":\"z\",\"emptyDir\":{}}]}",
     "{\"volumes\":[{\"emptyDir\":{},\"name\":\"z\"},{\"name\":\"a\"}]}"},
    {"of env what only the lower list has comes behind the upper's",
     "{\"env\":[{\"name\":\"user\",\"value\":\"$(ours)\"},{\"name\":\"ours\",\"value\":\"1\"}]}",
     "{\"env\":[{\"name\":\"ours\",\"value\":\"2\"},{\"name\":\"more\",\"value\":\"3\"}]}",
     "{\"env\":[{\"name\":\"ours\",\"value\":\"2\"},{\"name\":\"more\",\"value\":\"3\"},"
     "{\"name\":\"user\",\"value\":\"$(ours)\"}]}"},
    {"so it is of init containers", "{\"initContainers\":[{\"name\":\"a\"}]}",
     "{\"initContainers\":[{\"name\":\"b\"}]}",
     "{\"initContainers\":[{\"name\":\"b\"},{\"name\":\"a\"}]}"},
    {"ports are the same by number", "{\"ports\":[{\"containerPort\":80,\"name\":\"a\"}]}",
     "{\"ports\":[{\"containerPort\":80,\"name\":\"b\"},{\"containerPort\":81,\"name\":\"a\"}]}",
     "{\"ports\":[{\"containerPort\":80,\"name\":\"b\"},{\"containerPort\":81,\"name\":\"a\"}]}"},
    {"mounts are the same by path", "{\"volumeMounts\":[{\"mountPath\":\"/a\",\"name\":\"v\"}]}",
     "{\"volumeMounts\":[{\"mountPath\":\"/b\",\"name\":\"v\"},"
     "{\"mountPath\":\"/a\",\"name\":\"w\"}]}",
     "{\"volumeMounts\":[{\"mountPath\":\"/a\",\"name\":\"w\"},"
     "{\"mountPath\":\"/b\",\"name\":\"v\"}]}"},
    {"items without their key are nobody's namesake", "{\"env\":[{\"value\":\"1\"}]}",
     "{\"env\":[{\"value\":\"2\"}]}", "{\"env\":[{\"value\":\"2\"},{\"value\":\"1\"}]}"},
};

static json_t *parse(const char *json)
{
    json_t *tree = json ? json_loads(json, 0, NULL) : NULL;
    assert_true(!json || tree);
    return tree;
}

static void layers_merge_as_kubectl_patch_merges(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(merge_rows); at++) {
        const struct merge_row *row = &merge_rows[at];
        struct arena arena = {0};
        json_t *base = parse(row->base);
        json_t *over = parse(row->over);
        json_t *base_before = json_deep_copy(base);
        json_t *over_before = json_deep_copy(over);
        const char *merged = json_to_text(&arena, pod_template_merge(base, over));
        if (strcmp(merged, row->merged) != 0) {
            fail_msg("%s: %s", row->sentence, merged);
        }
        assert_true(!base || json_equal(base, base_before));
        assert_true(!over || json_equal(over, over_before));
        json_decref(base_before);
        json_decref(over_before);
        json_decref(base);
        json_decref(over);
        arena_free(&arena);
    }
}

static void nothing_laid_over_nothing_is_nothing(void **state)
{
    (void)state;
    assert_null(pod_template_merge(NULL, NULL));
}

static void a_template_that_is_none_is_an_empty_one(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *parsed;
    } rows[] = {
        {"{\"spec\":{}}", "{\"spec\":{}}"}, {NULL, "{}"}, {"", "{}"}, {"{", "{}"}, {"[1]", "{}"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct raw_json raw = {.text = rows[at].raw};
        assert_string_equal(json_to_text(&arena, pod_template_parse(&raw)), rows[at].parsed);
        arena_free(&arena);
    }
}

static void a_container_is_found_by_its_list_and_name(void **state)
{
    (void)state;
    CLEANUP(tree_release)
    json_t *tree = parse(
        "{\"spec\":{\"containers\":[7,{},{\"name\":\"a\"},{\"name\":\"step\",\"image\":\"i\"}],"
        "\"initContainers\":[{\"name\":\"b\"}]}}");
    const json_t *step = pod_template_container(tree, "containers", "step");
    assert_string_equal(json_string_value(json_object_get(step, "image")), "i");
    assert_non_null(pod_template_container(tree, "initContainers", "b"));
    assert_null(pod_template_container(tree, "containers", "b"));
    assert_null(pod_template_container(tree, "volumes", "a"));
    assert_null(pod_template_container(NULL, "containers", "step"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_merge_as_kubectl_patch_merges),
        cmocka_unit_test(nothing_laid_over_nothing_is_nothing),
        cmocka_unit_test(a_template_that_is_none_is_an_empty_one),
        cmocka_unit_test(a_container_is_found_by_its_list_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
