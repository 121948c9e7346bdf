#include "plan/run_work.h"

#include "core/text.h"

#include <stdlib.h>
#include <string.h>

/*
 * How large a run's status gets. It is one object, read and written as a whole: etcd takes 1.5 MiB
 * of it, and each change of it goes to all who watch. What later steps need of it (results, and
 * where artifacts are) has a limit that a step fails at; what only people read gives way.
 */

enum {
    STATUS_SPARE_BYTES = 4096,  /* the run's own fields and conditions */
    STEP_FIXED_BYTES = 120,     /* JSON of a step with empty texts and both times */
    REASON_FIXED_BYTES = 25,    /* "reason":"","message":"", */
    IMAGE_FIXED_BYTES = 13,     /* "imageID":"", */
    RESULT_FIXED_BYTES = 23,    /* {"name":"","value":""}, */
    ARTIFACT_FIXED_BYTES = 104, /* {"name":"","uri":"","digest":"sha256:..."}, */
    MESSAGE_LIMIT = 256         /* of a step's message in a status that is too large */
};

static size_t size_of(const char *text)
{
    return text ? strlen(text) : 0;
}

size_t run_output_bytes(const struct step_status *step)
{
    size_t bytes = 0;
    for (size_t at = 0; at < step->result_count; at++) {
        bytes += RESULT_FIXED_BYTES + size_of(step->results[at].name) +
                 size_of(step->results[at].value);
    }
    for (size_t at = 0; at < step->artifact_count; at++) {
        bytes += ARTIFACT_FIXED_BYTES + size_of(step->artifacts[at].name) +
                 size_of(step->artifacts[at].uri);
    }
    return bytes;
}

static size_t step_bytes(const struct step_status *step)
{
    size_t bytes = STEP_FIXED_BYTES + size_of(step->name) + size_of(step->phase) +
                   size_of(step->job) + run_output_bytes(step);
    if (step->reason || step->message) {
        bytes += REASON_FIXED_BYTES + size_of(step->reason) + size_of(step->message);
    }
    return bytes + (step->image_id ? IMAGE_FIXED_BYTES + strlen(step->image_id) : 0);
}

static bool is_too_large(const struct run_work *work)
{
    size_t bytes = STATUS_SPARE_BYTES;
    for (size_t at = 0; at < work->graph.count; at++) {
        bytes += step_bytes(&work->steps[at]);
    }
    return bytes > RUN_STATUS_BYTES;
}

/* By image, and those of one image in the spec's order (they are of one array). */
static int compare_images(const void *a, const void *b)
{
    const struct step_status *const *left = a;
    const struct step_status *const *right = b;
    int order = text_compare((*left)->image_id, (*right)->image_id);
    return order ? order : (*left > *right) - (*left < *right);
}

/* The first step that ran an image names it, the others do not. */
static void name_images_once(struct run_work *work)
{
    struct step_status **sorted = arena_array(work->arena, struct step_status *, work->graph.count);
    for (size_t at = 0; at < work->graph.count; at++) {
        sorted[at] = &work->steps[at];
    }
    qsort(sorted, work->graph.count, sizeof(*sorted), compare_images);
    const char *named = NULL;
    for (size_t at = 0; at < work->graph.count; at++) {
        if (named && text_equal(sorted[at]->image_id, named)) {
            sorted[at]->image_id = NULL;
        } else {
            named = sorted[at]->image_id;
        }
    }
}

/* What ends the run is said whole in its condition; of the others the beginning will do. */
static void shorten_messages(struct run_work *work)
{
    for (size_t at = 0; at < work->graph.count; at++) {
        const char *message = work->steps[at].message;
        if (size_of(message) > MESSAGE_LIMIT) {
            work->steps[at].message = arena_print(
                work->arena, "%.*s...", (int)text_clip_utf8(message, MESSAGE_LIMIT - strlen("...")),
                message);
        }
    }
}

void run_limit_status(struct run_work *work)
{
    if (!work->steps || !is_too_large(work)) {
        return;
    }
    name_images_once(work);
    if (is_too_large(work)) {
        shorten_messages(work);
    }
}
