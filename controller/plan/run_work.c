#include "plan/run_work.h"

#include "api/quantity.h"
#include "core/assert.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

enum { MILLISECONDS = 1000 };

static int compare_jobs(const void *a, const void *b)
{
    const struct job *const *left = a;
    const struct job *const *right = b;
    return strcmp((*left)->meta.name, (*right)->meta.name);
}

static const char *controller_uid(const struct pod *pod)
{
    const struct owner_reference *owner = meta_controller(&pod->meta);
    REQUIRE(owner && owner->uid); /* pods of a view are found by it */
    return owner->uid;
}

static int compare_pods(const void *a, const void *b)
{
    const struct pod *const *left = a;
    const struct pod *const *right = b;
    int order = strcmp(controller_uid(*left), controller_uid(*right));
    return order ? order : strcmp((*left)->meta.name, (*right)->meta.name);
}

void run_work_init(struct run_work *work, const struct run_view *view, struct plan *plan)
{
    *work = (struct run_work){
        .view = view, .run = view->run, .plan = plan, .arena = plan->arena, .after = *view->run};
    work->jobs = arena_allocate(work->arena, view->job_count, sizeof(*work->jobs));
    work->pods = arena_allocate(work->arena, view->pod_count, sizeof(*work->pods));
    for (size_t at = 0; at < view->job_count; at++) {
        work->jobs[at] = view->jobs[at];
    }
    for (size_t at = 0; at < view->pod_count; at++) {
        work->pods[at] = view->pods[at];
    }
    qsort(work->jobs, view->job_count, sizeof(*work->jobs), compare_jobs);
    qsort(work->pods, view->pod_count, sizeof(*work->pods), compare_pods);
}

const struct job *run_find_job(const struct run_work *work, const char *name)
{
    struct job wanted = {.meta = {.name = name}};
    const struct job *key = &wanted;
    const struct job **found = bsearch(&key, work->jobs, work->view->job_count, sizeof(*work->jobs),
                                       compare_jobs);
    return found ? *found : NULL;
}

const struct pod *const *run_find_pods(const struct run_work *work, const struct job *job,
                                       size_t *count)
{
    size_t low = 0;
    size_t high = work->view->pod_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(controller_uid(work->pods[middle]), job->meta.uid) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < work->view->pod_count &&
           strcmp(controller_uid(work->pods[end]), job->meta.uid) == 0) {
        end++;
    }
    *count = end - low;
    return work->pods + low;
}

void run_note_obstacle(struct run_work *work, const char *reason, const char *message)
{
    if (!work->obstacle.reason) {
        work->obstacle = (struct obstacle){.reason = reason, .message = message};
    }
}

void run_note_retrain(struct run_work *work, const char *message)
{
    work->retrain = work->retrain ? arena_print(work->arena, "%s; %s", work->retrain, message)
                                  : message;
}

void run_end(struct run_work *work, const char *phase, const char *reason, const char *message)
{
    work->ending = (struct ending){.phase = phase, .reason = reason, .message = message};
}

const char *run_out_path(struct run_work *work, size_t step)
{
    return arena_print(work->arena, "%s/%s", work->run->meta.name,
                       work->graph.steps[step].spec->name);
}

const char *artifact_path(const char *uri)
{
    static const char scheme[] = "pvc://";
    if (!uri || !text_starts_with(uri, scheme)) {
        return NULL;
    }
    const char *slash = strchr(uri + sizeof(scheme) - 1, '/');
    return slash ? slash + 1 : NULL;
}

struct artifact_status *run_find_artifact(const struct run_work *work,
                                          const struct artifact_source *source)
{
    const char *name =
        work->graph.steps[source->step].spec->outputs.artifacts[source->artifact].name;
    struct step_status *step = &work->steps[source->step];
    for (size_t at = 0; at < step->artifact_count; at++) {
        if (text_equal(step->artifacts[at].name, name)) {
            return &step->artifacts[at];
        }
    }
    return NULL;
}

int64_t run_deadline(const struct run_work *work)
{
    int64_t milliseconds = 0;
    REQUIRE(work->spec && work->after.status.start_time != TIME_ABSENT);
    if (!duration_parse(work->spec->timeout, &milliseconds)) {
        return TIME_ABSENT;
    }
    return work->after.status.start_time + (milliseconds + MILLISECONDS - 1) / MILLISECONDS;
}
