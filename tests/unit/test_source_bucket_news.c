/* Which objects of a bucket are new since the firing before (source/bucket_mark.c). */

#include "support/test.h"

#include "core/text.h"
#include "support/source_talk.h"
#include "unit/test_source_bucket_fixture.h"

#include <stdio.h>
#include <string.h>

static struct talk_record list(struct arena *arena, const char *pattern, const char *mark,
                               const char *body)
{
    const struct trigger trigger = {
        .spec.bucket = {.endpoint = PLACE, .bucket = "data", .prefix = "data/", .pattern = pattern},
        .status.observed_mark = mark};
    const struct talk_answer answer = {.status = 200, .body = body, .body_size = strlen(body)};
    return talk_play(arena, &trigger, NULL, &answer, 1);
}

#define B2       OBJECT("data/b.csv", "2026-01-05T00:00:00Z", "&quot;2c&quot;", "21")
#define D        OBJECT("data/d.csv", "2026-01-05T00:00:00Z", "&quot;5e&quot;", "50")
#define E        OBJECT("data/e.csv", "2026-01-06T00:00:00Z", "&quot;6f&quot;", "60")
#define LATE     OBJECT("data/late.csv", "2025-01-01T00:00:00Z", "&quot;7a&quot;", "70")
#define HIDDEN   OBJECT("data/x&#10;y", "2026-01-05T00:00:00Z", "&quot;8b&quot;", "80")
#define TIMELESS OBJECT("data/t.csv", "", "&quot;9c&quot;", "90")

struct news_row {
    const char *sentence;
    const char *before; /* objects of the firing before; NULL: there was none */
    const char *now;
    const char *news;
    const char *count;
    const char *objects;
};

static const struct news_row news_rows[] = {
    {"at first all is new", NULL, A B, "2 new objects below data/data/: data/b.csv, data/a.csv",
     "2", "data/b.csv\ndata/a.csv"},
    {"one more", A B, A B D, "1 new object below data/data/: data/d.csv; 3 in all", "1",
     "data/d.csv"},
    {"three at most are named", A, A B B2 C D E,
     "5 new objects below data/data/: data/e.csv, data/b.csv, data/d.csv and 2 more; 6 in all", "5",
     "data/e.csv\ndata/b.csv\ndata/d.csv\ndata/b.csv\ndata/deep/c.csv"},
    {"one that was written over", A B, A B2,
     "1 new or changed object below data/data/: data/b.csv; 2 in all", "1", "data/b.csv"},
    {"one came and one was written over", A B, A B2 D,
     "2 new or changed objects below data/data/: data/b.csv, data/d.csv; 3 in all", "2",
     "data/b.csv\ndata/d.csv"},
    {"one came and one went", A B, A D,
     "1 new or changed object below data/data/: data/d.csv; 2 in all", "1", "data/d.csv"},
    {"one went", A B C, A C, "1 object below data/data/ gone, 2 left", "0", ""},
    {"one whose time is long ago, as of an upload that took long", A B, A B LATE,
     "1 new object below data/data/: data/late.csv; 3 in all", "1", "data/late.csv"},
    {"one without a time", A B, A B TIMELESS, "1 new object below data/data/: data/t.csv; 3 in all",
     "1", "data/t.csv"},
    {"one that can't be named", A B, A B HIDDEN, "1 new object below data/data/; 3 in all", "1",
     ""},
    {"one of two can't be named", A B, A B HIDDEN D,
     "2 new objects below data/data/: data/d.csv and 1 more; 4 in all", "2", "data/d.csv"},
    {"as it was", A B, A B, "2 objects below data/data/, not the same as before", "0", ""},
};

static const char *value_of(const struct talk_record *record, const char *name)
{
    for (size_t at = 0; at < record->finding.value_count; at++) {
        if (text_equal(record->finding.values[at].name, name)) {
            return record->finding.values[at].value;
        }
    }
    return "(none)";
}

static void the_objects_that_are_new_are_named(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(news_rows); at++) {
        const struct news_row *row = &news_rows[at];
        struct arena arena = {0};
        const char *mark = NULL;
        if (row->before) {
            const char *body = arena_print(&arena, HEAD "%s" TAIL, row->before);
            mark = list(&arena, NULL, NULL, body).finding.mark;
        }
        const char *body = arena_print(&arena, HEAD "%s" TAIL, row->now);
        struct talk_record record = list(&arena, NULL, mark, body);
        if (!text_equal(record.finding.news, row->news) ||
            !text_equal(value_of(&record, "new-count"), row->count) ||
            !text_equal(value_of(&record, "new-objects"), row->objects) ||
            !text_equal(value_of(&record, "revision"), record.finding.revision)) {
            fail_msg("%s:\n  got      %s\n  expected %s\n  %s", row->sentence, record.finding.news,
                     row->news, record.outcome);
        }
        arena_free(&arena);
    }
}

static void a_mark_that_can_t_be_used_is_none(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const char *const all = "1 new object below data/data/: data/a.csv";
    const char *mark = list(&arena, NULL, NULL, HEAD A TAIL).finding.mark;
    const char *const others[] = {
        "",
        "x",
        arena_copy_bytes(&arena, mark, 8),
        arena_copy_bytes(&arena, mark, 9),
        arena_copy_bytes(&arena, mark, 10),
        arena_copy_bytes(&arena, mark, strlen(mark) - 1),
        arena_print(&arena, "%sF", mark),
        arena_print(&arena, "%.8s 1234567890123 - ", mark),
        arena_print(&arena, "%.8s 1 never ", mark),
        arena_print(&arena, "%.8s 1 2026-01-01T00:00:00.00000000000000000000Z ", mark)};
    assert_string_not_equal(list(&arena, NULL, mark, HEAD A TAIL).finding.news, all);
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        assert_string_equal(list(&arena, NULL, others[at], HEAD A TAIL).finding.news, all);
    }
    /* Of another pattern: other objects counted then. */
    assert_string_equal(list(&arena, "*.csv", mark, HEAD A TAIL).finding.news, all);
    arena_free(&arena);
}

/* Objects 0 to count - 1, a second apart; the one before the first is `extra`. */
static const char *make_objects(struct arena *arena, size_t count, const char *extra)
{
    char *body = arena_allocate(arena, count + 4, 256);
    size_t used = (size_t)sprintf(body, HEAD "%s", extra);
    for (size_t at = 0; at < count; at++) {
        used += (size_t)sprintf(body + used,
                                OBJECT("data/%03zu", "2026-01-01T00:%02zu:%02zuZ", "e", "1"), at,
                                at / 60, at % 60);
    }
    (void)sprintf(body + used, "%s", TAIL);
    return body;
}

/* Of more than a mark has room for, the oldest are known by their time. */
static void in_a_large_bucket_what_is_younger_than_the_newest_is_new(void **state)
{
    (void)state;
    enum { MANY = 200 };
    struct arena arena = {0};
    const char *mark = list(&arena, NULL, NULL, make_objects(&arena, MANY, "")).finding.mark;
    assert_true(strlen(mark) <= SOURCE_MARK_LIMIT);
    /* The order of the listing does not matter. */
    struct talk_record record = list(&arena, NULL, mark, make_objects(&arena, MANY + 2, ""));
    assert_string_equal(record.finding.news,
                        "2 new objects below data/data/: data/201, data/200; 202 in all");
    const char *among = OBJECT("data/late", "2026-01-01T00:03:00Z", "e", "1");
    record = list(&arena, NULL, mark, make_objects(&arena, MANY, among));
    assert_string_equal(record.finding.news,
                        "1 new object below data/data/: data/late; 201 in all");
    const char *old = OBJECT("data/old", "2025-01-01T00:00:00Z", "e", "1");
    record = list(&arena, NULL, mark, make_objects(&arena, MANY, old));
    assert_string_equal(record.finding.news,
                        "201 objects below data/data/, not the same as before");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_objects_that_are_new_are_named),
        cmocka_unit_test(a_mark_that_can_t_be_used_is_none),
        cmocka_unit_test(in_a_large_bucket_what_is_younger_than_the_newest_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
