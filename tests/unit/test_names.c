#include "support/test.h"

#include "api/names.h"
#include "core/hash.h"
#include "core/prng.h"
#include "core/text.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST_NAME = 253, FUZZ_ROUNDS = 5000 };

/* RFC 1123, and not more than `limit` bytes. */
static void require_label(const char *name, size_t limit)
{
    size_t size = strlen(name);
    if (size == 0 || size > limit || name[0] == '-' || name[size - 1] == '-' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size) {
        fail_msg("no DNS label of at most %zu: \"%s\"", limit, name);
    }
}

/* ...and one '-' alone before the hash. */
static void require_hashed_label(const char *name, size_t limit)
{
    require_label(name, limit);
    size_t size = strlen(name);
    bool hash_alone = size == HASH_NAME_LENGTH;
    if (!hash_alone && (size < HASH_NAME_LENGTH + 2 || name[size - HASH_NAME_LENGTH - 1] != '-' ||
                        name[size - HASH_NAME_LENGTH - 2] == '-')) {
        fail_msg("no PREFIX-HASH: \"%s\"", name);
    }
}

static void require_label_value(const char *value)
{
    size_t size = strlen(value);
    if (size == 0) {
        return;
    }
    if (size > NAME_LIMIT_LABEL || !isalnum((unsigned char)value[0]) ||
        !isalnum((unsigned char)value[size - 1]) ||
        strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") !=
            size) {
        fail_msg("no label value: \"%s\"", value);
    }
}

static void require_all_names(struct arena *arena, const char *text, const char *step)
{
    require_hashed_label(name_step_job(arena, text, "uid", step, 1), NAME_LIMIT_JOB);
    require_hashed_label(name_seal_job(arena, text, "uid", 1), NAME_LIMIT_JOB);
    require_hashed_label(name_revision(arena, text, "uid", "{}"), NAME_LIMIT_LABEL);
    require_hashed_label(name_model_version(arena, text, "uid", step), NAME_LIMIT_SERVICE);
    require_hashed_label(name_with_hash(arena, text, 7, NAME_LIMIT_LABEL), NAME_LIMIT_LABEL);
    require_label_value(name_as_label(arena, text));
    assert_true(strlen(name_scheduled_run(arena, text, INT64_C(1769828400))) <= NAME_LIMIT_LABEL);
    assert_true(strlen(name_backfill_run(arena, text, INT64_C(1769828400))) <= NAME_LIMIT_LABEL);
}

static void names_of_any_length_and_ending_give_labels(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 51, 52, 53, 57, 62, 63, 64, 252, LONGEST_NAME};
    static const char *const endings[] = {"", "-", ".", "-.-", "--------------------", "a"};
    for (size_t length = 0; length < COUNT_OF(lengths); length++) {
        for (size_t ending = 0; ending < COUNT_OF(endings); ending++) {
            for (char filler = '-'; filler <= '.'; filler++) {
                struct arena arena = {0};
                size_t kept = lengths[length] > strlen(endings[ending])
                                  ? lengths[length] - strlen(endings[ending])
                                  : 1;
                char *text = arena_allocate(&arena, 1, LONGEST_NAME + 32);
                memset(text, 'x', kept);
                for (size_t at = 1; at + 1 < kept; at += 2) {
                    text[at] = filler;
                }
                strcat(text, endings[ending]);
                require_all_names(&arena, text, "step");
                require_all_names(&arena, "run", text);
                require_all_names(&arena, text, text);
                arena_free(&arena);
            }
        }
    }
}

static void random_names_give_labels(void **state)
{
    (void)state;
    static const char alphabet[] = "ab0-.";
    struct prng prng;
    prng_seed(&prng, 3);
    for (int round = 0; round < FUZZ_ROUNDS; round++) {
        struct arena arena = {0};
        size_t size = prng_between(&prng, 1, 70);
        char *text = arena_allocate(&arena, 1, size + 1);
        for (size_t at = 0; at < size; at++) {
            text[at] = alphabet[prng_between(&prng, 0, sizeof(alphabet) - 2)];
        }
        require_all_names(&arena, text, text);
        arena_free(&arena);
    }
}

/* These are on disk in clusters: a change here would make every Job a second time. */
static void names_stay_the_same_for_ever(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(name_step_job(&arena, "churn-1", "5f1c", "train", 1),
                        "churn-1-train-j2fts4p2x8");
    assert_string_equal(name_step_job(&arena, "churn-1", "5f1c", "train", 2),
                        "churn-1-train-fhv9dnfzfv");
    assert_string_equal(name_seal_job(&arena, "churn-1", "5f1c", 1), "churn-1-seal-c54kx7f4k5");
    assert_string_equal(name_revision(&arena, "churn", "77", "{}"), "churn-cvmcqmz9mn");
    assert_string_equal(name_model_version(&arena, "churn", "5f1c", "train"), "churn-bj9lcpw8jl");
    assert_string_equal(name_scheduled_run(&arena, "nightly", INT64_C(1769828400)),
                        "nightly-29497140");
    assert_string_equal(name_scheduled_run(&arena, "nightly", -1), "nightly--1");
    assert_string_equal(name_backfill_run(&arena, "nightly", INT64_C(1769828400)),
                        "nightly-29497140-backfill");
    arena_free(&arena);
}

static void what_differs_gets_another_name(void **state)
{
    (void)state;
    struct arena arena = {0};
    const char *const names[] = {
        name_step_job(&arena, "r", "1", "a", 1),   name_step_job(&arena, "r", "1", "a", 2),
        name_step_job(&arena, "r", "1", "a", 11),  name_step_job(&arena, "r", "1", "a1", 1),
        name_step_job(&arena, "r", "2", "a", 1),   name_step_job(&arena, "r", "1", "seal", 1),
        name_seal_job(&arena, "r", "1", 1),        name_seal_job(&arena, "r", "2", 1),
        name_seal_job(&arena, "r", "1", 2),        name_seal_job(&arena, "r", "1", 3),
        name_model_version(&arena, "r", "1", "a"), name_model_version(&arena, "r", "1", "b"),
        name_revision(&arena, "r", "1", "{}"),     name_revision(&arena, "r", "1", "{\"a\":1}"),
        name_revision(&arena, "r", "2", "{}"),
    };
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        for (size_t other = 0; other < at; other++) {
            assert_string_not_equal(names[at], names[other]);
        }
    }
    arena_free(&arena);
}

static void a_long_run_s_name_leaves_its_step_in_sight(void **state)
{
    (void)state;
    struct arena arena = {0};
    char run[LONGEST_NAME + 1];
    memset(run, 'r', LONGEST_NAME);
    run[LONGEST_NAME] = '\0';
    const char *name = name_step_job(&arena, run, "1", "evaluate", 1);
    assert_int_equal(strlen(name), NAME_LIMIT_JOB);
    assert_non_null(strstr(name, "rr-evaluate-"));
    arena_free(&arena);
}

static void a_long_trigger_s_runs_keep_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    char one[60];
    char other[60];
    memset(one, 't', sizeof(one) - 1);
    one[sizeof(one) - 1] = '\0';
    memcpy(other, one, sizeof(one));
    other[sizeof(other) - 2] = 'u';
    assert_string_not_equal(name_scheduled_run(&arena, one, 0),
                            name_scheduled_run(&arena, other, 0));
    assert_string_not_equal(name_backfill_run(&arena, one, 0), name_backfill_run(&arena, other, 0));
    one[52] = '\0'; /* the longest that the CRD allows is left as it is */
    assert_string_equal(name_scheduled_run(&arena, one, 60), arena_print(&arena, "%s-1", one));
    assert_null(strstr(name_backfill_run(&arena, one, 60), one));
    one[43] = '\0'; /* the longest that a backfill leaves as it is */
    assert_string_equal(name_backfill_run(&arena, one, 60),
                        arena_print(&arena, "%s-1-backfill", one));
    arena_free(&arena);
}

static void a_valid_label_value_is_left_alone(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char *const kept[] = {"", "a", "churn-1", "A_b.c", "a.b"};
    for (size_t at = 0; at < COUNT_OF(kept); at++) {
        assert_string_equal(name_as_label(&arena, kept[at]), kept[at]);
    }
    assert_string_equal(name_as_label(&arena, NULL), "");
    static const char *const changed[] = {"a-", "-a", "a/b", ".", "\xC3\xA4"};
    for (size_t at = 0; at < COUNT_OF(changed); at++) {
        assert_string_not_equal(name_as_label(&arena, changed[at]), changed[at]);
        require_label_value(name_as_label(&arena, changed[at]));
    }
    arena_free(&arena);
}

static void upper_case_letters_become_lower_case(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char *const given[] = {"churn-az", "Churn-AZ", "CHURN.az", "-Churn_AZ-",
                                        "churn{az", "churn`az", "churn@az"};
    for (size_t at = 0; at < COUNT_OF(given); at++) {
        assert_string_equal(name_with_hash(&arena, given[at], 7, NAME_LIMIT_LABEL),
                            "churn-az-kbbbbbbbbb");
    }
    assert_string_equal(name_step_job(&arena, "Churn-1", "5f1c", "train", 1),
                        "churn-1-train-j2fts4p2x8");
    assert_string_equal(name_as_label(&arena, "A_b/C"), "a-b-c-nqq5rxjgsq");
    arena_free(&arena);
}

static void environment_names_are_upper_case(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(name_environment(&arena, "PARAM_", "seed"), "PARAM_SEED");
    assert_string_equal(name_environment(&arena, "RESULT_", "a-b.c9"), "RESULT_A_B_C9");
    assert_string_equal(name_environment(&arena, "x-", "A b"), "x-A_B");
    assert_string_equal(name_environment(&arena, "x-", "a`z{Z"), "x-A_Z_Z");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_any_length_and_ending_give_labels),
        cmocka_unit_test(random_names_give_labels),
        cmocka_unit_test(names_stay_the_same_for_ever),
        cmocka_unit_test(what_differs_gets_another_name),
        cmocka_unit_test(a_long_run_s_name_leaves_its_step_in_sight),
        cmocka_unit_test(a_long_trigger_s_runs_keep_apart),
        cmocka_unit_test(a_valid_label_value_is_left_alone),
        cmocka_unit_test(upper_case_letters_become_lower_case),
        cmocka_unit_test(environment_names_are_upper_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
