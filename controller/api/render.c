#include "api/codec.h"
#include "api/render_parts.h"

#include "core/assert.h"
#include "core/civil.h"
#include "core/text.h"

#include <string.h>

/* events.k8s.io/v1 validation: reason, action and reportingInstance <= 128 bytes, note <= 1 kB. */
enum { EVENT_NOTE_LIMIT = 1024, EVENT_WORD_LIMIT = 128 };

#define REPORTING_CONTROLLER "tidemill.dev/controller"

const char *render_controller_revision(struct arena *arena, const char *namespace, const char *name,
                                       const struct render_owner *owner,
                                       const struct pipeline_spec *spec, int64_t revision)
{
    json_t *tree = json_loads(codec_encode_pipeline_spec(arena, spec), 0, NULL);
    REQUIRE(tree != NULL);
    json_t *labels = render_labels();
    render_set_label(labels, LABEL_PIPELINE, owner->name);
    json_t *object = render_object("apps/v1", "ControllerRevision", namespace, name, labels, owner);
    json_object_set_new(object, "data", json_pack("{s:o}", "spec", tree));
    json_object_set_new(object, "revision", json_integer(revision));
    return json_to_text(arena, object);
}

static json_t *clipped(struct arena *arena, const char *text, size_t limit)
{
    return json_text(arena_copy_bytes(arena, text, text_clip_utf8(text, limit)));
}

static json_t *micro_time(int64_t unix_micros)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format_micro(unix_micros, text);
    return json_string(text);
}

const char *render_event(struct arena *arena, const struct render_event *event)
{
    const struct kind_info *info = kind_info(event->kind);
    json_t *object = render_object("events.k8s.io/v1", "Event", event->namespace, event->name,
                                   render_labels(), NULL);
    json_t *regarding = json_pack("{s:s, s:s, s:s, s:s, s:s}", "apiVersion",
                                  text_or(event->other_api_version, info->api_version), "kind",
                                  text_or(event->other_kind, info->kind), "namespace",
                                  event->namespace, "name", event->object_name, "uid",
                                  event->object_uid);
    if (event->object_resource_version) {
        json_object_set_new(regarding, "resourceVersion",
                            json_text(event->object_resource_version));
    }
    json_object_set_new(object, "eventTime", micro_time(event->time_micros));
    json_object_set_new(object, "regarding", regarding);
    json_object_set_new(object, "type", json_string(event->warning ? "Warning" : "Normal"));
    json_object_set_new(object, "reason", clipped(arena, event->reason, EVENT_WORD_LIMIT));
    json_object_set_new(object, "action", clipped(arena, event->action, EVENT_WORD_LIMIT));
    json_object_set_new(object, "note", clipped(arena, event->note, EVENT_NOTE_LIMIT));
    json_object_set_new(object, "reportingController", json_string(REPORTING_CONTROLLER));
    json_object_set_new(object, "reportingInstance",
                        clipped(arena, event->instance, EVENT_WORD_LIMIT));
    if (event->series_count > 0) {
        json_object_set_new(object, "series",
                            json_pack("{s:I, s:o}", "count", (json_int_t)event->series_count,
                                      "lastObservedTime", micro_time(event->series_time_micros)));
    }
    return json_to_text(arena, object);
}

const char *render_event_series(struct arena *arena, int64_t count, int64_t time_micros)
{
    return json_to_text(arena, json_pack("{s:{s:I, s:o}}", "series", "count", (json_int_t)count,
                                         "lastObservedTime", micro_time(time_micros)));
}

const char *render_delete_options(struct arena *arena, const char *uid,
                                  const char *resource_version)
{
    json_t *preconditions = json_object();
    if (uid) {
        json_object_set_new(preconditions, "uid", json_text(uid));
    }
    if (resource_version) {
        json_object_set_new(preconditions, "resourceVersion", json_text(resource_version));
    }
    return json_to_text(arena, json_pack("{s:s, s:s, s:s, s:o}", "apiVersion", "v1", "kind",
                                         "DeleteOptions", "propagationPolicy", "Background",
                                         "preconditions", preconditions));
}

static const char *named_fault(struct arena *arena, const json_t *spec, const char *list)
{
    size_t at;
    json_t *item;
    const json_t *items = json_object_get(spec, list);
    if (items && !json_is_array(items)) {
        return arena_print(arena, ".spec.%s: must be a list", list);
    }
    json_array_foreach(items, at, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        if (!name) {
            return arena_print(arena, ".spec.%s[%zu]: must be an object with a name", list, at);
        }
        if (text_starts_with(name, "tidemill-")) {
            return arena_print(arena,
                               ".spec.%s[%zu].name: \"%s\": names that begin with tidemill- are "
                               "Tidemill's own; choose another",
                               list, at, name);
        }
    }
    return NULL;
}

/* What no template of a user may say. */
static const char *shape_fault(struct arena *arena, const json_t *tree)
{
    const json_t *spec = json_object_get(tree, "spec");
    if (!json_is_object(tree) || (spec && !json_is_object(spec))) {
        return ": must be an object with metadata and spec";
    }
    static const char *const lists[] = {"containers", "initContainers", "volumes"};
    const char *fault = NULL;
    for (size_t at = 0; at < COUNT_OF(lists) && !fault; at++) {
        fault = named_fault(arena, spec, lists[at]);
    }
    return fault;
}

static const char *restart_policy(const json_t *tree)
{
    return json_string_value(json_object_get(json_object_get(tree, "spec"), "restartPolicy"));
}

const char *render_template_fault(struct arena *arena, const struct raw_json *pod_template)
{
    if (!pod_template->text) {
        return NULL;
    }
    json_t *tree = json_loads(pod_template->text, 0, NULL);
    const char *fault = shape_fault(arena, tree);
    const char *restart = restart_policy(tree);
    if (!fault && restart && !text_equal(restart, "Never")) {
        fault = ".spec.restartPolicy: must be Never: a failed attempt is retried as spec.steps[]."
                "retry says, in a new pod";
    }
    json_decref(tree);
    return fault;
}

const char *render_serving_fault(struct arena *arena, const struct raw_json *pod_template)
{
    json_t *tree = json_loads(text_or(pod_template->text, ""), 0, NULL);
    const char *fault = shape_fault(arena, tree);
    const json_t *server = pod_template_container(tree, "containers", CONTAINER_SERVER);
    const char *restart = restart_policy(tree);
    if (!fault && !json_string_value(json_object_get(server, "image"))) {
        fault = ".spec.containers: a container named server with an image must be among them: it "
                "answers the requests";
    }
    if (!fault && restart && !text_equal(restart, "Always")) {
        fault = ".spec.restartPolicy: must be Always, or be left out: a server runs for ever";
    }
    json_decref(tree);
    return fault;
}
