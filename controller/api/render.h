#ifndef TIDEMILL_API_RENDER_H
#define TIDEMILL_API_RENDER_H

/*
 * Bodies of the objects that Tidemill creates, as JSON text in `arena`. Pure: all that differs
 * between two runs is in the arguments, equal arguments give equal bytes. The user's pod template
 * is laid under: podDefaults < podTemplate < the step's own fields; containers, initContainers,
 * volumes, env, volumeMounts and imagePullSecrets merge by name (ports by containerPort,
 * volumeMounts by mountPath), maps merge, other lists and scalars replace.
 *
 * Every body carries LABEL_MANAGED_BY and a controller ownerReference (blockOwnerDeletion) where
 * `owner` is given. Pods get automountServiceAccountToken: false unless the template says
 * otherwise.
 */

#include "api/kind.h"
#include "api/model.h"
#include "api/pipeline.h"
#include "core/arena.h"

#include <stdint.h>

/* The container of the user's step, and ours. Names that begin with "tidemill-" are ours. */
#define CONTAINER_STEP    "step"
#define CONTAINER_SERVER  "server"
#define CONTAINER_PREPARE "tidemill-prepare"
#define CONTAINER_SEAL    "tidemill-seal"
#define CONTAINER_COPY    "tidemill-copy"

struct render_owner {
    enum api_kind kind;
    const char *name;
    const char *uid;
};

struct render_input {
    const char *name;   /* /tidemill/in/NAME */
    const char *path;   /* below the claim's root */
    const char *digest; /* "sha256:..." or NULL when not known yet */
};

/*
 * A step's Job: backoffLimit 0, podReplacementPolicy Failed, podFailurePolicy Ignore on
 * DisruptionTarget, restartPolicy Never, no ttl. Container `step` gets env (`$` in values is
 * doubled here), TIDEMILL_RUN, TIDEMILL_PIPELINE, TIDEMILL_STEP, TIDEMILL_ATTEMPT,
 * TIDEMILL_RESULTS, TIDEMILL_RESULTS_MAX, terminationMessagePolicy FallbackToLogsOnError.
 * TIDEMILL_RESULTS is terminationMessagePath; the maximum is min(4096, 12288 / containers of the
 * pod, init included). With inputs or outputs: volume `tidemill-artifacts`, init container
 * tidemill-prepare
 * (`tidemill artifact prepare --root /tidemill/claim --out OUT/$(TIDEMILL_POD_UID) --input ...`,
 * with the securityContext of `step`), /tidemill/out by subPathExpr OUT/$(TIDEMILL_POD_UID),
 * /tidemill/in/NAME read-only by subPath.
 */
struct render_step_job {
    const char *namespace;
    const char *name;
    struct render_owner owner; /* the run */
    const char *pipeline;
    const char *revision;
    int64_t attempt; /* from 1 */
    const struct pipeline_spec *spec;
    const struct step_spec *step;
    const struct name_value *env; /* PARAM_*, RESULT_*: raw values */
    size_t env_count;
    const struct render_input *inputs;
    size_t input_count;
    const char *out_path;            /* "RUN/STEP" below the claim's root */
    int64_t active_deadline_seconds; /* of the pod; INTEGER_ABSENT: none */
    const char *helper_image;        /* image of the tidemill program */
};

const char *render_step_job(struct arena *arena, const struct render_step_job *job);

/* `tidemill artifact seal` over one artifact; pod defaults apply to its pod. */
struct render_seal_job {
    int64_t attempt; /* from 1 */
    const char *namespace;
    const char *name;
    struct render_owner owner; /* the run */
    const char *pipeline;
    const char *revision;
    const struct pipeline_spec *spec;
    struct render_input input;
    const char *helper_image;
};

const char *render_seal_job(struct arena *arena, const struct render_seal_job *job);

/*
 * The Deployment of one version, for server-side apply. Container `server`: env
 * TIDEMILL_MODEL_NAME, TIDEMILL_MODEL_VERSION (the number); files at /mnt/models (emptyDir filled
 * by init container tidemill-copy, which verifies the digest, with the securityContext of `server`;
 * the claim is mounted read-only at /tidemill/claim in that container only); containerPort; a
 * readinessProbe on the OIP v2 path /v2/models/NAME/ready unless the template has one; preStop
 * sleep of 10 s unless it has one; terminationGracePeriodSeconds 60 unless it has one; the log's
 * last lines as termination message unless it says otherwise; maxUnavailable 0,
 * progressDeadlineSeconds 600. The port of `server` is named PORT_SERVER.
 */
#define PORT_SERVER "tidemill-http"

struct render_serving {
    const char *namespace;
    const char *name;          /* = the version's name */
    struct render_owner owner; /* the version */
    const char *model;
    int64_t version;
    const struct serving_spec *serving;
    const char *claim; /* of the artifact's uri */
    const char *path;  /* below the claim's root */
    const char *digest;
    const char *helper_image;
};

/* *spec_hash (if asked) is the hash of the body that stands in its ANNOTATION_SPEC_HASH. */
const char *render_serving_deployment(struct arena *arena, const struct render_serving *serving,
                                      const char **spec_hash);

/*
 * Port 80, named http, to the pods' port PORT_SERVER, for server-side apply. By name, not by
 * number: while spec.serving.port changes, each pod is reached on the port that it has.
 */
struct render_service {
    const char *namespace;
    const char *name;
    struct render_owner owner;
    const char *model;
    const char *version_uid; /* selects pods with LABEL_VERSION_UID of this value; NULL: none */
};

/* *spec_hash: as above. */
const char *render_service(struct arena *arena, const struct render_service *service,
                           const char **spec_hash);

/* data: {"spec": SPEC}; revision: the pipeline's generation; owner: the Pipeline. */
const char *render_controller_revision(struct arena *arena, const char *namespace, const char *name,
                                       const struct render_owner *owner,
                                       const struct pipeline_spec *spec, int64_t revision);

/*
 * NULL, or what a user's pod template may not say: a container, init container or volume whose name
 * begins with "tidemill-", a restartPolicy other than Never (OnFailure would lose attempts), or
 * something that is no {metadata, spec} of the right JSON types. Begins with the path below the
 * template, e.g. ".spec.containers[1].name: ...".
 */
const char *render_template_fault(struct arena *arena, const struct raw_json *pod_template);

/* The same for the template of serving pods: it needs a container `server` with an image, and a
 * restartPolicy other than Always is wrong there. */
const char *render_serving_fault(struct arena *arena, const struct raw_json *pod_template);

/* events.k8s.io/v1; see conformance A5. `note` is cut to 1 kB, times are unix microseconds. */
struct render_event {
    const char *namespace;
    const char *name;
    enum api_kind kind; /* of the object that it is about */
    /* Of an object that is none of enum api_kind, in place of `kind`; else both NULL. */
    const char *other_api_version;
    const char *other_kind;
    const char *object_name;
    const char *object_uid;
    const char *object_resource_version;
    bool warning;
    const char *reason;
    const char *action;
    const char *note;
    const char *instance; /* reportingInstance: the pod's name */
    int64_t time_micros;
    int64_t series_count; /* 0: no series */
    int64_t series_time_micros;
};

const char *render_event(struct arena *arena, const struct render_event *event);

/* The merge patch that turns an event into (or goes on with) a series. */
const char *render_event_series(struct arena *arena, int64_t count, int64_t time_micros);

/* DeleteOptions: Background propagation (conformance J4), preconditions uid and resourceVersion. */
const char *render_delete_options(struct arena *arena, const char *uid,
                                  const char *resource_version);

#endif
