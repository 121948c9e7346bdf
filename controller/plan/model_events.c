#include "plan/model_events.h"

#include "core/text.h"
#include "plan/model_work.h"

#include <string.h>

enum { RECENT_MAXIMUM = 10, MESSAGE_BYTES = 512 };

/*
 * A loop (a version is promoted, a Trigger starts the pipeline that made it, which publishes the
 * next one) turns in minutes. What happens to a version that is older than this is news from
 * outside, and begins a new chain.
 */
enum { CHAIN_SECONDS = 24 * 60 * 60 };

static int64_t chain_of(const struct model_work *work, const struct version_work *version)
{
    const struct meta *meta = version ? &version->version->meta : NULL;
    bool is_young = meta && work->view->now - meta->creation_time < CHAIN_SECONDS;
    return is_young ? meta_chain(meta) : 0;
}

static void add(struct model_work *work, const char *event, const struct version_work *version,
                const char *message)
{
    struct model_status *status = &work->after.status;
    size_t kept = status->recent_count < RECENT_MAXIMUM ? status->recent_count : RECENT_MAXIMUM - 1;
    int64_t last = status->recent_count > 0 ? status->recent[status->recent_count - 1].number : 0;
    struct model_event *recent = arena_array(work->arena, struct model_event, kept + 1);
    if (kept > 0) {
        memcpy(recent, status->recent + (status->recent_count - kept), kept * sizeof(*recent));
    }
    recent[kept] = (struct model_event){
        .number = last + 1,
        .time = work->view->now,
        .event = event,
        .version = version ? version->version->meta.name : NULL,
        .chain = chain_of(work, version),
        .message = arena_copy_bytes(work->arena, message, text_clip_utf8(message, MESSAGE_BYTES))};
    status->recent = recent;
    status->recent_count = kept + 1;
}

/*
 * Its own status says Failed only after the Model's was written: until then the list says whether
 * this was recorded.
 */
static bool is_recorded(const struct model_work *work, const struct version_work *version)
{
    const struct model_status *status = &work->after.status;
    for (size_t at = status->recent_count; at > 0; at--) {
        if (text_equal(status->recent[at - 1].version, version->version->meta.name)) {
            return text_equal(status->recent[at - 1].event, MODEL_REJECTED);
        }
    }
    return false;
}

static void record_rejected(struct model_work *work)
{
    for (size_t at = 0; at < work->count; at++) {
        const struct version_work *version = &work->versions[at];
        if (version->failure.reason &&
            !text_equal(version->version->status.phase, VERSION_FAILED) &&
            !is_recorded(work, version)) {
            add(work, MODEL_REJECTED, version,
                arena_print(work->arena, "%s can't serve: %s", version_label(work, version),
                            version->failure.message));
        }
    }
}

/* About the version that should serve, or that was to. */
static void record_degraded(struct model_work *work)
{
    const struct condition *after = condition_find(&work->after.status.conditions,
                                                   CONDITION_DEGRADED);
    bool was = condition_is(&work->model->status.conditions, CONDITION_DEGRADED, STATUS_TRUE);
    if (!was && text_equal(after->status, STATUS_TRUE)) {
        add(work, MODEL_DEGRADED, work->champion ? work->champion : work->target, after->message);
    }
}

bool model_is_promoted(const struct model_work *work)
{
    return work->champion &&
           !text_equal(work->model->status.champion, work->champion->version->meta.name);
}

bool model_is_rolled_back(const struct model_work *work)
{
    const struct model_status *before = &work->model->status;
    /* No number is below one that is absent. */
    return before->champion && work->champion->after.status.version < before->champion_version;
}

static void record_champion(struct model_work *work)
{
    const struct model_status *before = &work->model->status;
    const struct version_work *champion = work->champion;
    if (!model_is_promoted(work)) {
        return;
    }
    bool back = model_is_rolled_back(work);
    const char *from = back ? arena_print(work->arena, " in place of version %lld (%s)",
                                          (long long)before->champion_version, before->champion)
                            : "";
    add(work, back ? MODEL_ROLLED_BACK : MODEL_PROMOTED, champion,
        arena_print(work->arena, "%s serves%s", version_label(work, champion), from));
}

void model_record_events(struct model_work *work)
{
    record_rejected(work);
    record_degraded(work);
    record_champion(work);
}
