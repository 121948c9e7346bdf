#include "support/test.h"

#include "api/kind.h"
#include "api/meta.h"
#include "core/text.h"

static void every_kind_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        assert_int_equal(kind_by_name(kind_info((enum api_kind)kind)->kind), kind);
    }
    assert_int_equal(kind_by_name("Secret"), KIND_COUNT);
    assert_int_equal(kind_by_name("pipeline"), KIND_COUNT);
    assert_int_equal(kind_by_name(NULL), KIND_COUNT);
}

static void only_the_five_kinds_are_ours_and_unselected(void **state)
{
    (void)state;
    for (unsigned at = 0; at < KIND_COUNT; at++) {
        const struct kind_info *info = kind_info((enum api_kind)at);
        assert_int_equal(info->ours, at <= KIND_TRIGGER);
        assert_int_equal(info->ours, text_equal(info->api_version, API_VERSION));
        if (info->ours || at == KIND_CLAIM) {
            assert_null(info->list_selector);
        } else {
            assert_string_equal(info->list_selector, "app.kubernetes.io%2Fmanaged-by%3Dtidemill");
        }
    }
}

struct path_row {
    const char *sentence;
    enum api_kind kind;
    const char *namespace;
    const char *name;
    const char *subresource;
    const char *path;
};

static const struct path_row path_rows[] = {
    {"all namespaces", KIND_PIPELINE_RUN, NULL, NULL, NULL,
     "/apis/tidemill.dev/v1alpha1/pipelineruns"},
    {"one namespace", KIND_POD, "team", NULL, NULL, "/api/v1/namespaces/team/pods"},
    {"one object", KIND_JOB, "team", "a", NULL, "/apis/batch/v1/namespaces/team/jobs/a"},
    {"a subresource", KIND_TRIGGER, "team", "nightly", "status",
     "/apis/tidemill.dev/v1alpha1/namespaces/team/triggers/nightly/status"},
    {"a name that would lead elsewhere", KIND_CLAIM, "team", "../secrets/x?y#z", NULL,
     "/api/v1/namespaces/team/persistentvolumeclaims/..%2Fsecrets%2Fx%3Fy%23z"},
    {"two dots", KIND_SERVICE, "..", ".", NULL, "/api/v1/namespaces/%2E%2E/services/%2E"},
    {"bytes beyond ASCII", KIND_DEPLOYMENT, "t", "\xC3\xA4 %", NULL,
     "/apis/apps/v1/namespaces/t/deployments/%C3%A4%20%25"},
    {"the bytes beside those that stay", KIND_CLAIM, "t", "AZaz09-._~@[`{/:", NULL,
     "/api/v1/namespaces/t/persistentvolumeclaims/AZaz09-._~%40%5B%60%7B%2F%3A"},
    {"revisions", KIND_CONTROLLER_REVISION, "t", NULL, NULL,
     "/apis/apps/v1/namespaces/t/controllerrevisions"},
    {"a subresource of nothing is left out", KIND_MODEL, "t", NULL, "status",
     "/apis/tidemill.dev/v1alpha1/namespaces/t/models"},
    {"model versions", KIND_MODEL_VERSION, "t", "m", NULL,
     "/apis/tidemill.dev/v1alpha1/namespaces/t/modelversions/m"},
    {"pipelines", KIND_PIPELINE, NULL, NULL, NULL, "/apis/tidemill.dev/v1alpha1/pipelines"},
};

static void a_path_leads_to_the_object_and_nowhere_else(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(path_rows); at++) {
        const struct path_row *row = &path_rows[at];
        struct arena arena = {0};
        const char *path = kind_path(&arena, row->kind, row->namespace, row->name,
                                     row->subresource);
        if (!text_equal(path, row->path)) {
            fail_msg("%s: %s", row->sentence, path);
        }
        arena_free(&arena);
    }
}

static void a_map_is_looked_up_by_name(void **state)
{
    (void)state;
    struct name_value items[] = {{"a", "1"}, {"b", ""}};
    const struct text_map map = {.items = items, .count = COUNT_OF(items)};
    assert_string_equal(text_map_get(&map, "a"), "1");
    assert_string_equal(text_map_get(&map, "b"), "");
    assert_null(text_map_get(&map, "c"));
    assert_null(text_map_get(&(const struct text_map){0}, "a"));
}

static void the_controller_is_the_owner_that_says_so(void **state)
{
    (void)state;
    struct owner_reference owners[] = {{.uid = "1"}, {.uid = "2", .controller = true}};
    const struct meta meta = {.owners = owners, .owner_count = COUNT_OF(owners)};
    assert_string_equal(meta_controller(&meta)->uid, "2");
    assert_true(meta_is_controlled_by(&meta, "2"));
    assert_false(meta_is_controlled_by(&meta, "1"));
    assert_false(meta_is_controlled_by(&meta, NULL));
    const struct meta alone = {0};
    assert_null(meta_controller(&alone));
    assert_false(meta_is_controlled_by(&alone, NULL));
    struct owner_reference nameless = {.controller = true};
    const struct meta broken = {.owners = &nameless, .owner_count = 1};
    assert_false(meta_is_controlled_by(&broken, NULL));
}

/* Whoever may write a run's metadata may write anything there. */
static void a_chain_s_length_is_a_number_above_zero_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t length;
    } rows[] = {{NULL, 0}, {"", 0}, {"4", 4}, {"0", 0}, {"-3", 0}, {"4x", 0}};
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct name_value item = {ANNOTATION_CHAIN, rows[at].text};
        const struct meta meta = {.annotations = {&item, rows[at].text ? 1 : 0}};
        assert_int_equal(meta_chain(&meta), rows[at].length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_by_its_name),
        cmocka_unit_test(only_the_five_kinds_are_ours_and_unselected),
        cmocka_unit_test(a_path_leads_to_the_object_and_nowhere_else),
        cmocka_unit_test(a_map_is_looked_up_by_name),
        cmocka_unit_test(the_controller_is_the_owner_that_says_so),
        cmocka_unit_test(a_chain_s_length_is_a_number_above_zero_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
