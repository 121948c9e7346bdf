#include "plan/trigger_work.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/text.h"
#include "plan/ends.h"
#include "plan/model_events.h"
#include "plan/run_phase.h"

#include <inttypes.h>
#include <string.h>

/*
 * Sources that are objects of the cluster: runs of another pipeline that end, and what becomes of a
 * model. Both are lists of events that get shorter at their old end, so a revision says up to where
 * they were dealt with. Several new ones start one run, which is told how many there were. Events
 * from before the trigger was made are none of its business.
 */

static void keep_values(struct arena *arena, struct sighting *seen, const struct name_value *values,
                        size_t count)
{
    struct name_value *kept = arena_array(arena, struct name_value, count);
    memcpy(kept, values, count * sizeof(*kept));
    seen->values = kept;
    seen->value_count = count;
}

/* ---- Runs of another pipeline ---- */

static bool is_wanted_end(const struct pipeline_source *source, const struct pipeline_run *run)
{
    for (size_t at = 0; at < source->event_count; at++) {
        if (text_equal(source->events[at], run->status.phase) ||
            (text_equal(source->events[at], CONDITION_RETRAIN_NEEDED) &&
             pipeline_run_retrain_message(run))) {
            return true;
        }
    }
    return source->event_count == 0 && text_equal(run->status.phase, RUN_SUCCEEDED);
}

static struct ends find_ends(const struct trigger_view *view)
{
    struct ends ends = {0};
    for (size_t at = 0; at < view->source_run_count; at++) {
        const struct pipeline_run *run = view->source_runs[at];
        if (ends_counts(run) && run->status.completion_time >= view->trigger->meta.creation_time &&
            is_wanted_end(&view->trigger->spec.pipeline, run)) {
            ends_add(&ends, run);
        }
    }
    return ends;
}

static const char *find_retrain(struct arena *arena, const struct pipeline_run *run)
{
    const char *said = pipeline_run_retrain_message(run);
    return said ? arena_copy_bytes(arena, said, text_clip_utf8(said, RETRAIN_KEPT_BYTES)) : NULL;
}

void trigger_observe_runs(const struct trigger_work *work, struct sighting *seen)
{
    struct arena *arena = work->arena;
    const char *pipeline = work->trigger->spec.pipeline.name;
    const char *known = work->after.status.observed_revision;
    const struct pipeline_run *fresh[ENDS_KNOWN];
    struct ends ends = find_ends(work->view);
    size_t count = ends_list_new(arena, &ends, known, fresh);
    if (count == 0) {
        seen->revision = text_or(known, "");
        seen->summary = arena_print(arena, "runs of Pipeline %s that have ended", pipeline);
        return;
    }
    const struct pipeline_run *run = fresh[count - 1];
    const char *retrain = find_retrain(arena, run);
    const struct name_value values[] = {
        {.name = "run", .value = run->meta.name},
        {.name = "pipeline", .value = pipeline},
        {.name = "phase", .value = run->status.phase},
        {.name = "retrain", .value = retrain},
    };
    const char *said = retrain ? arena_print(arena, "%s, and retraining is needed: %s",
                                             run->status.phase, retrain)
                               : run->status.phase;
    seen->revision = ends_print(arena, &ends);
    seen->summary = count == 1 ? arena_print(arena, "run %s of Pipeline %s: %s", run->meta.name,
                                             pipeline, said)
                               : arena_print(arena, "%zu runs of Pipeline %s, the newest %s: %s",
                                             count, pipeline, run->meta.name, said);
    seen->since = run->status.completion_time;
    seen->chain = meta_chain(&run->meta) + 1;
    keep_values(arena, seen, values, COUNT_OF(values) - (retrain ? 0 : 1));
}

/* ---- What becomes of a model ---- */

static bool is_wanted_event(const struct model_source *source, const struct model_event *event)
{
    for (size_t at = 0; at < source->event_count; at++) {
        if (text_equal(source->events[at], event->event)) {
            return true;
        }
    }
    return source->event_count == 0 && text_equal(event->event, MODEL_PROMOTED);
}

/* "0a1b2c3d 7": which Model, and the number of the newest event that was dealt with. */
static const char *print_model(struct arena *arena, const struct model *model)
{
    return arena_print(arena, "%08" PRIx32 " ", (uint32_t)hash_text(HASH_SEED, model->meta.uid));
}

/* 0 when it speaks of another Model, or of a status that somebody removed. */
static int64_t known_number(struct arena *arena, const struct model *model, const char *revision)
{
    const char *head = print_model(arena, model);
    const struct model_status *status = &model->status;
    int64_t newest = status->recent_count > 0 ? status->recent[status->recent_count - 1].number : 0;
    int64_t number = 0;
    bool is_its = text_starts_with(revision, head) &&
                  text_parse_integer(revision + strlen(head), &number);
    return is_its && number <= newest ? number : 0;
}

static const struct model_event *find_new_event(const struct trigger_work *work,
                                                const struct model *model, int64_t known,
                                                size_t *count)
{
    const struct model_event *newest = NULL;
    *count = 0;
    for (size_t at = 0; at < model->status.recent_count; at++) {
        const struct model_event *event = &model->status.recent[at];
        if (event->number > known && event->time >= work->trigger->meta.creation_time &&
            is_wanted_event(&work->trigger->spec.model, event)) {
            newest = event;
            ++*count;
        }
    }
    return newest;
}

static void observe_event(const struct trigger_work *work, const struct model *model,
                          const struct model_event *event, size_t count, struct sighting *seen)
{
    struct arena *arena = work->arena;
    const struct name_value values[] = {
        {.name = "model", .value = model->meta.name},
        {.name = "event", .value = event->event},
        {.name = "version", .value = event->version},
    };
    const char *said = arena_print(arena, "%s: %s", event->event, text_or(event->message, ""));
    seen->revision = arena_print(arena, "%s%lld", print_model(arena, model),
                                 (long long)event->number);
    seen->summary = count == 1 ? arena_print(arena, "Model %s: %s", model->meta.name, said)
                               : arena_print(arena, "%zu changes of Model %s, the newest %s", count,
                                             model->meta.name, said);
    seen->since = event->time;
    seen->chain = event->chain + 1;
    keep_values(arena, seen, values, COUNT_OF(values) - (event->version ? 0 : 1));
}

void trigger_observe_model(const struct trigger_work *work, struct sighting *seen)
{
    struct arena *arena = work->arena;
    const struct model *model = work->view->source_model;
    const char *known = work->after.status.observed_revision;
    if (!model) {
        seen->state = SIGHTING_ABSENT;
        seen->message = arena_print(arena,
                                    "spec.model.name: there is no Model \"%s\" in this namespace",
                                    work->trigger->spec.model.name);
        return;
    }
    size_t count = 0;
    const struct model_event *event = find_new_event(work, model, known_number(arena, model, known),
                                                     &count);
    if (event) {
        observe_event(work, model, event, count, seen);
        return;
    }
    seen->revision = text_or(known, "");
    seen->summary = model->status.champion
                        ? arena_print(arena, "version %s of Model %s serves",
                                      model->status.champion, model->meta.name)
                        : arena_print(arena, "Model %s has no champion yet", model->meta.name);
}
