#include "plan/model_work.h"

#include "core/text.h"

/* Who should serve, who does, and when the one takes over from the other. */

/* The old version's pods stay so long after the switch: requests under way end there. */
enum { DRAIN_SECONDS = 30 };

/* From the end of the second that has begun: `now` is cut to whole ones. */
static int64_t drain_end(const struct model_work *work)
{
    return work->view->now + 1 + DRAIN_SECONDS;
}

static bool can_serve(const struct version_work *version)
{
    return !version->failure.reason;
}

/*
 * Who serves is what the stable Service selects, whatever was or was not written down. Where the
 * Service was deleted, or made to select nothing of ours, it is who was written down: it gets its
 * Service back.
 */
static struct version_work *find_champion(const struct model_work *work)
{
    const char *selected = work->service
                               ? text_map_get(&work->service->spec.selector, LABEL_VERSION_UID)
                               : NULL;
    for (size_t at = 0; selected && at < work->count; at++) {
        if (text_equal(work->versions[at].version->meta.uid, selected)) {
            return &work->versions[at];
        }
    }
    return version_find(work, work->model->status.champion);
}

static struct version_work *newest(const struct model_work *work)
{
    for (size_t at = work->count; at > 0; at--) {
        if (can_serve(&work->versions[at - 1])) {
            return &work->versions[at - 1];
        }
    }
    return NULL;
}

/*
 * The pinned version, else the newest that can serve. One that turned out to be unusable never
 * brings an older one than the champion back: that is for people to decide.
 */
static struct version_work *find_target(struct model_work *work)
{
    const char *pinned = work->model->spec.pinned_version;
    if (pinned) {
        struct version_work *version = version_find(work, pinned);
        work->pin_missing = version == NULL;
        if (!version || !can_serve(version)) {
            return work->champion;
        }
        return version;
    }
    struct version_work *version = newest(work);
    bool older = version && work->champion &&
                 version->after.status.version < work->champion->after.status.version;
    return older ? work->champion : version;
}

/* Whether the version before has time left to drain, as this status says. */
static bool drains(const struct model_work *work, const struct model_status *status)
{
    return status->drain_until != TIME_ABSENT && work->view->now < status->drain_until;
}

static void give_roles(struct model_work *work)
{
    if (work->target && work->target != work->champion) {
        work->target->role = ROLE_CANDIDATE;
    }
    if (work->champion) {
        work->champion->role = ROLE_CHAMPION;
    }
    struct version_work *previous = version_find(work, work->model->status.previous);
    if (drains(work, &work->model->status) && previous && previous->role == ROLE_STANDBY) {
        previous->role = ROLE_PREVIOUS;
        work->previous = previous;
        plan_wake_at(work->plan, work->model->status.drain_until);
    }
}

void model_choose(struct model_work *work)
{
    if (!work->model) {
        for (size_t at = 0; at < work->count; at++) {
            struct version_work *version = &work->versions[at];
            if (version->version->spec.serving.pod_template.text && can_serve(version)) {
                version->role = ROLE_ALONE;
            }
        }
        return;
    }
    work->champion = find_champion(work);
    work->target = find_target(work);
    give_roles(work);
}

/* What is wanted back stays the candidate: only its time to drain is written down. */
static void let_drain(struct model_work *work, struct version_work *version)
{
    struct model_status *status = &work->after.status;
    if (version != work->target) {
        version->role = ROLE_PREVIOUS;
        work->previous = version;
    }
    status->previous = version->version->meta.name;
    status->drain_until = drain_end(work);
    plan_wake_at(work->plan, status->drain_until);
}

/*
 * The Service was turned away from this version and the controller ended before it wrote that down.
 * NULL: that is not so, or nothing of it is left to drain.
 */
static struct version_work *find_untold(const struct model_work *work)
{
    struct version_work *told = version_find(work, work->model->status.champion);
    bool is_left = work->champion && told && told != work->champion;
    return is_left && told->deployment ? told : NULL;
}

/*
 * What drains is wanted again and not ready to take over: its time stays written down, in case
 * somebody changes their mind once more.
 */
static bool comes_back(const struct model_work *work)
{
    const struct model_status *status = &work->after.status;
    const struct version_work *previous = version_find(work, status->previous);
    return previous && previous->role == ROLE_CANDIDATE && drains(work, status);
}

void model_take_over(struct model_work *work)
{
    struct version_work *target = work->target;
    struct version_work *untold = find_untold(work);
    struct model_status *status = &work->after.status;
    bool ready = target && target != work->champion && target->available && !target->trouble.reason;
    /*
     * One drains at a time: what another switch let go now would lose its own time to drain. So
     * one that was not written down is told first, unless the Service turns back.
     */
    bool waits = work->champion && (work->previous || (untold && untold != target));
    if (ready && !waits && !work->wanted_service.refusal) {
        if (work->champion) {
            let_drain(work, work->champion);
        }
        target->role = ROLE_CHAMPION;
        work->champion = target;
        work->switches = true;
    } else if (untold) {
        let_drain(work, untold);
    }
    if (!work->previous && !comes_back(work)) {
        status->previous = NULL;
        status->drain_until = TIME_ABSENT;
    }
    bool refused = ready && !waits && work->wanted_service.refusal;
    if (work->switches || refused) {
        return; /* the Service is rendered as it leads to the target */
    }
    if (work->champion) {
        model_render_service(work, work->champion);
    } else {
        model_render_name(work);
    }
}
