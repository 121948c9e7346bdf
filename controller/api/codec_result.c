/* What containers say in their termination messages: users' results and our helpers' reports. */

#include "api/codec_private.h"
#include "api/codec_read.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
    const struct name_value *left = a;
    const struct name_value *right = b;
    return strcmp(left->name, right->name);
}

static struct result parse_object(const char *json, size_t flags, json_t **tree,
                                  struct error *error)
{
    TRY(tree_parse((struct span){json, strlen(json)}, flags, tree, error));
    if (!json_is_object(*tree)) {
        return error_set(error, ERROR_INVALID, "expected one JSON object, got %s",
                         tree_describe_type(*tree));
    }
    return RESULT_OK;
}

/* One member's value as text: a number as it was written, which a parsed one no longer knows. */
static struct result result_text(struct arena *arena, const char *name, struct span written,
                                 const json_t *value, const char **text, struct error *error)
{
    if (json_is_number(value)) {
        *text = arena_copy_bytes(arena, written.bytes, written.size);
        return RESULT_OK;
    }
    if (json_is_boolean(value)) {
        *text = json_is_true(value) ? "true" : "false";
        return RESULT_OK;
    }
    if (!json_is_string(value)) {
        return error_set(error, ERROR_INVALID,
                         "result \"%s\" is %s: write a string, a number or a boolean", name,
                         tree_describe_type(value));
    }
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return error_set(error, ERROR_INVALID, "result \"%s\" holds a NUL character", name);
    }
    *text = tree_copy_text(arena, value);
    return RESULT_OK;
}

/* A member's name without its escapes. */
static char *member_name(struct arena *arena, struct span key)
{
    return read_span_text(arena, (struct span){key.bytes - 1, key.size + 2});
}

struct result codec_decode_results(struct arena *arena, const char *json, struct text_map *results,
                                   struct error *error)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    struct scan scan;
    struct span key;
    struct span value;
    /* Numbers as reals: one of 30 digits is as good as any, since its text is what is kept. */
    TRY(parse_object(json, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &tree, error));
    struct text_map found = {
        .items = arena_array(arena, struct name_value, json_object_size(tree))};
    (void)scan_open((struct span){json, strlen(json)}, '{', &scan);
    while (scan_next_member(&scan, &key, &value) == SCAN_FOUND) {
        struct name_value *item = &found.items[found.count++];
        item->name = member_name(arena, key);
        TRY(result_text(arena, item->name, value, json_object_get(tree, item->name), &item->value,
                        error));
    }
    qsort(found.items, found.count, sizeof(found.items[0]), compare_names);
    *results = found;
    return RESULT_OK;
}

/* Member `name` of a report; ERROR_INVALID when it is there and no string. */
static struct result report_text(struct arena *arena, const json_t *object, const char *name,
                                 const char **text, struct error *error)
{
    const json_t *value = json_object_get(object, name);
    if (value && !json_is_string(value)) {
        return error_set(error, ERROR_INVALID, "%s: expected a string, got %s", name,
                         tree_describe_type(value));
    }
    *text = tree_copy_text(arena, value);
    return RESULT_OK;
}

static struct result report_inputs(struct arena *arena, json_t *inputs,
                                   struct artifact_report *report, struct error *error)
{
    report->digests = arena_array(arena, struct name_value, json_object_size(inputs));
    for (void *at = json_object_iter(inputs); at; at = json_object_iter_next(inputs, at)) {
        struct name_value *item = &report->digests[report->digest_count++];
        item->name = arena_copy_text(arena, json_object_iter_key(at));
        TRY(report_text(arena, json_object_iter_value(at), "digest", &item->value, error));
        if (!item->value) {
            return error_set(error, ERROR_INVALID, "inputs.%s.digest: required, but absent",
                             item->name);
        }
    }
    qsort(report->digests, report->digest_count, sizeof(report->digests[0]), compare_names);
    return RESULT_OK;
}

struct result codec_decode_artifact_report(struct arena *arena, const char *json,
                                           struct artifact_report *report, struct error *error)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    struct artifact_report found = {0};
    TRY(parse_object(json, JSON_REJECT_DUPLICATES, &tree, error));
    json_t *inputs = json_object_get(tree, "inputs");
    if (inputs && !json_is_object(inputs)) {
        return error_set(error, ERROR_INVALID, "inputs: expected an object, got %s",
                         tree_describe_type(inputs));
    }
    TRY(report_inputs(arena, inputs, &found, error));
    TRY(report_text(arena, tree, "digest", &found.digest, error));
    TRY(report_text(arena, tree, "reason", &found.reason, error));
    TRY(report_text(arena, tree, "message", &found.message, error));
    *report = found;
    return RESULT_OK;
}
