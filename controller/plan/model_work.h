#ifndef TIDEMILL_PLAN_MODEL_WORK_H
#define TIDEMILL_PLAN_MODEL_WORK_H

/*
 * The desk of one planning of a model name: its Model, if there is one, and all its versions.
 * Shared by plan/model*.c and plan/version*.c and nobody else. Lives for one call of plan_model().
 *
 *   version.c ── numbers, what can't serve ──> model_rollout.c ── who should serve, who does, what
 * drains ──> model_serve.c ── what Deployments and Services it takes ──> version_health.c ── are
 * they well? ──> model_rollout.c ── take over? ──> version_status.c, model_status.c ──> model.c
 *
 * Life of a version under a Model:
 *
 *   STANDBY ──> CANDIDATE ──(its Deployment is available; the Service switches)──> CHAMPION
 *      ^            │ overtaken by a newer one                                        │ a newer one
 *      ├────────────┘                                                                 v took over
 *      └──────────────────────────(requests under way have ended)────────────────── PREVIOUS
 *
 * Without a Model a version that says how to serve is ALONE: Deployment and Service by its name.
 * Invariant: the Deployment that the stable Service selects is never deleted here.
 */

#include "plan/conditions.h"
#include "plan/reasons.h"
#include "plan/view.h"

#define VERSION_PENDING   "Pending"
#define VERSION_VERIFYING "Verifying"
#define VERSION_READY     "Ready"
#define VERSION_SERVING   "Serving"
#define VERSION_DRAINING  "Draining"
#define VERSION_FAILED    "Failed"

enum version_role { ROLE_STANDBY, ROLE_ALONE, ROLE_CANDIDATE, ROLE_CHAMPION, ROLE_PREVIOUS };

/* What is not well. */
struct trouble {
    const char *reason; /* NULL: nothing */
    const char *message;
    bool stalled; /* it does not mend itself */
};

/* An object that is applied by the version's or the model's name. */
struct wanted {
    const char *body;           /* NULL: not wanted, or it can't be rendered */
    const char *hash;           /* of the body */
    bool apply;                 /* there is none, or it differs */
    bool create;                /* there is none, and if there is, it stays as it is */
    const struct fact *refusal; /* of this apply or creation; NULL: not refused */
};

struct version_work {
    const struct model_version *version;
    struct model_version after; /* the version with its new status */
    enum version_role role;
    struct trouble failure;      /* why it can never serve as it is; reason NULL: it can */
    struct serving_spec serving; /* how it is served now; podTemplate absent: nobody says */
    const char *claim;           /* of spec.artifact.uri */
    const char *path;
    const struct deployment *deployment; /* NULL: there is none */
    const struct service *service;       /* its own one, by its name; NULL: there is none */
    struct wanted wanted_deployment;
    struct wanted wanted_service;
    bool deletes_deployment;
    bool available;         /* its pods are as wanted and all answer */
    struct trouble trouble; /* of what should serve */
};

struct model_work {
    const struct model_view *view;
    struct plan *plan;
    struct arena *arena;
    const struct model *model;     /* NULL: versions serve on their own */
    struct model after;            /* the model with its new status */
    struct version_work *versions; /* that are not being deleted, by number */
    size_t count;
    const struct service *service; /* the stable one; NULL: there is none */
    struct wanted wanted_service;
    struct version_work *target;   /* which version should serve; NULL: none can */
    struct version_work *champion; /* which one the stable Service leads to; NULL: none */
    struct version_work *previous; /* the champion before, while it drains */
    struct trouble fault;          /* of the Model's spec */
    bool pin_missing;
    bool switches; /* the stable Service is turned to the target in this plan */
    bool numbers;  /* versions get their numbers in this plan */
};

/* version.c */
void version_work_init(struct model_work *work);
/* Numbers those that have none: never one that the Model knows was given. */
void version_number(struct model_work *work);
/* Reads from pods and spec what is known of the files; sets the Verified condition, failure. */
void version_judge(struct model_work *work, struct version_work *version);
struct version_work *version_find(const struct model_work *work, const char *name);
/* "version 3 (churn-x7k2p)" */
const char *version_label(const struct model_work *work, const struct version_work *version);

/* version_health.c: sets available and trouble of one that should serve. */
void version_check_health(struct model_work *work, struct version_work *version);
/* The copying container's report of a pod that failed in it: a reason and message, or false. */
bool pod_explain_copy(struct arena *arena, const struct pod *pod, const char **reason,
                      const char **message);
bool version_owns_pod(const struct version_work *version, const struct pod *pod);
/* True while pods of an older template are being replaced, or replicas are being added. */
bool deployment_is_rolling(const struct version_work *version);
/* True when at least one pod of it answers, or none is asked for. */
bool deployment_answers(const struct version_work *version);

/* version_status.c */
void version_write_status(struct model_work *work, struct version_work *version);

/* model_rollout.c */
/* Target, champion and roles. */
void model_choose(struct model_work *work);
/* Turns the Service to the target if it is time to; writes down who drains. */
void model_take_over(struct model_work *work);

/* model_serve.c */
void model_render(struct model_work *work);
/* The stable Service, as it leads to this version. */
void model_render_service(struct model_work *work, const struct version_work *version);
/*
 * Where there is none, and no version serves: one that leads nowhere. Its name must be there before
 * somebody asks for it: resolvers keep an absence for as long as the zone says (CoreDNS: 5 to 30
 * s), and clients that came too early would still be told it when the Model is Ready. It is created
 * and never applied, since what this plan does not know of must not be turned away from its
 * version.
 */
void model_render_name(struct model_work *work);
/* The applies that can be refused without keeping a status from being written. */
void model_apply(struct model_work *work);
void model_delete(struct model_work *work);
/* Decides what is deleted; before the statuses are written. */
void model_mark_deletes(struct model_work *work);
/* What an API server's no to an apply means; reason NULL: it did not say no. */
struct trouble model_explain_refusal(const struct model_work *work, const char *what,
                                     const struct wanted *wanted);

/* model_status.c */
void model_set_status(struct model_work *work);
/* Both: the operations of a status and the events that go with it. */
void model_write_status(struct model_work *work);

#endif
