#include "support/test.h"

#include "support/golden.h"

#include "core/buffer.h"
#include "core/civil.h"
#include "core/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    GOLDEN_MAXIMUM = 4 * 1024 * 1024,
    PATH_MAXIMUM = 512,
    FOLDER_MODE = 0755,
    JSON_STYLE = JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY
};

static void path_of(const char *name, char path[PATH_MAXIMUM])
{
    int size = snprintf(path, PATH_MAXIMUM, "tests/golden/%s.txt", name);
    assert_in_range(size, 1, PATH_MAXIMUM - 1);
}

static void write_file(const char *path, const char *text)
{
    char folder[PATH_MAXIMUM];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(folder, FOLDER_MODE);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file) {
        fail_msg("%s can't be written", path);
    }
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* False when the file is not there. */
static bool read_file(const char *path, struct buffer *content)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        return false;
    }
    char chunk[BUFSIZ];
    for (size_t size; (size = fread(chunk, 1, sizeof(chunk), file)) > 0;) {
        assert_true(result_is_ok(buffer_append(content, chunk, size)));
    }
    (void)fclose(file);
    return true;
}

static void fail_at_difference(const char *path, const char *expected, const char *text)
{
    size_t line = 1;
    size_t start = 0;
    for (size_t at = 0; expected[at] == text[at]; at++) {
        if (text[at] == '\n') {
            line++;
            start = at + 1;
        }
    }
    fail_msg("%s:%zu: expected\n  %.*s\nbut it is\n  %.*s\nUPDATE_GOLDEN=1 rewrites the file; the "
             "whole text is\n%s",
             path, line, (int)strcspn(expected + start, "\n"), expected + start,
             (int)strcspn(text + start, "\n"), text + start, text);
}

void golden_check(const char *name, const char *text)
{
    char path[PATH_MAXIMUM];
    path_of(name, path);
    const char *update = getenv("UPDATE_GOLDEN");
    struct buffer expected = BUFFER_INIT(GOLDEN_MAXIMUM);
    bool there = read_file(path, &expected);
    bool same = there && strcmp(buffer_text(&expected), text) == 0;
    if (!same && text_equal(update, "1")) {
        write_file(path, text);
    } else if (!there) {
        fail_msg("%s is not there; UPDATE_GOLDEN=1 writes it. Its text would be\n%s", path, text);
    } else if (!same) {
        fail_at_difference(path, buffer_text(&expected), text);
    }
    buffer_free(&expected);
}

static void add_body(struct buffer *text, const char *body)
{
    json_t *tree = json_loads(body, JSON_DECODE_ANY, NULL);
    assert_non_null(tree);
    char *pretty = json_dumps(tree, JSON_STYLE);
    assert_non_null(pretty);
    for (const char *line = pretty; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        assert_true(result_is_ok(buffer_print(text, "    %.*s\n", (int)size, line)));
        line += size + (line[size] == '\n');
    }
    free(pretty);
    json_decref(tree);
}

static bool is_shown(const struct operation *operation, bool bodies)
{
    bool whole = operation->type == OPERATION_CREATE || operation->type == OPERATION_APPLY;
    return operation->body && (bodies || !whole);
}

const char *golden_describe_plan(struct arena *arena, const struct plan *plan, bool bodies)
{
    struct buffer text = BUFFER_INIT(GOLDEN_MAXIMUM);
    for (size_t at = 0; at < plan->count; at++) {
        const struct plan single = {.operations = &plan->operations[at], .count = 1};
        assert_true(result_is_ok(buffer_append_text(&text, plan_describe(arena, &single))));
        if (is_shown(&plan->operations[at], bodies)) {
            add_body(&text, plan->operations[at].body);
        }
    }
    if (plan->wake_at != TIME_ABSENT) {
        char time[CIVIL_TEXT_SIZE];
        civil_format(plan->wake_at, time);
        assert_true(result_is_ok(buffer_print(&text, "plan again at %s\n", time)));
    }
    if (plan->count == 0 && plan->wake_at == TIME_ABSENT) {
        assert_true(result_is_ok(buffer_append_text(&text, "nothing to do\n")));
    }
    const char *copy = arena_copy_text(arena, buffer_text(&text));
    buffer_free(&text);
    return copy;
}
