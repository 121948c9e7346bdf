#ifndef TIDEMILL_API_TRIGGER_H
#define TIDEMILL_API_TRIGGER_H

/* Trigger: when to run. crds/triggers.yaml says the same. */

#include "api/meta.h"

struct catch_up_spec {
    const char *policy; /* None, Latest (default), All */
    int64_t max;        /* of All: keeps the newest; defaulted by the CRD: 10 */
};

struct schedule_spec {
    const char *cron;
    const char *time_zone; /* IANA name; defaulted by the CRD: Etc/UTC */
    struct catch_up_spec catch_up;
    const char *starting_deadline; /* duration; NULL: none */
};

/*
 * Sources that are polled. Hosts in URLs are Services of the Trigger's own namespace (NAME,
 * NAME.NAMESPACE.svc), or match the controller's --allow-egress. `secret_name` is a Secret of the
 * namespace; NULL: none.
 */

/* Exactly one of branch, tag and semver. */
struct git_source {
    const char *url; /* https://host/path.git; NULL: no git source */
    const char *branch;
    const char *tag;         /* an exact name, or a pattern with * */
    const char *semver;      /* a range over tags: ">=1.2 <2"; the highest counts */
    const char *secret_name; /* keys username and password, or token */
};

/* Exactly one of tag and semver. */
struct image_source {
    const char *repository; /* host[:port]/path, or http(s)://...; NULL: no image source */
    const char *tag;
    const char *semver;
    const char *secret_name; /* keys username and password */
};

/* S3. */
struct bucket_source {
    const char *endpoint; /* https://host[:port]; NULL: no bucket source */
    const char *bucket;
    const char *prefix;
    const char *pattern;     /* over keys behind the prefix: * and ?, never over "/" but by ** */
    const char *region;      /* defaulted by the CRD: us-east-1 */
    const char *secret_name; /* keys accessKey and secretKey; NULL: unsigned */
};

/* The revision is ETag, else Last-Modified, else the body's sha256. */
struct http_source {
    const char *url;         /* NULL: no http source */
    const char *secret_name; /* key token (Bearer), or username and password (Basic) */
};

/* Exactly one of above and below: fires when the value has been over (under) it for `for`. */
struct prometheus_source {
    const char *query; /* of one sample, an instant vector or a scalar; NULL: no such source */
    const char *above; /* decimals */
    const char *below;
    const char *hold; /* "for" in the YAML, a duration; NULL: at once */
    const char *url;  /* the server's, without /api/v1/query */
    const char *secret_name;
};

/* Runs of another Pipeline of the namespace that end. */
struct pipeline_source {
    const char *name;    /* NULL: no pipeline source */
    const char **events; /* Succeeded (default), Failed, RetrainNeeded */
    size_t event_count;
};

/* What becomes of a Model of the namespace. */
struct model_source {
    const char *name;    /* NULL: no model source */
    const char **events; /* Promoted (default), RolledBack, Degraded, Rejected */
    size_t event_count;
};

/* A parameter of each run: a value, or what the source says by this name. */
struct trigger_param {
    const char *name;
    const char *value;
    const char *from; /* e.g. "commit", "digest"; NULL: value */
};

/* At most `runs` in a window of `per`, which begins with its first run. */
struct budget_spec {
    int64_t runs;    /* INTEGER_ABSENT: no budget */
    const char *per; /* duration; defaulted by the CRD: 24h */
};

/* After so many failed runs in a row nothing fires for `pause`, or until the spec is changed. */
struct breaker_spec {
    int64_t failures;  /* INTEGER_ABSENT: no breaker */
    const char *pause; /* duration; NULL: until the spec is changed */
};

/* What a payload must say to start a run: exactly one of equals and pattern. */
struct webhook_filter {
    const char *path;    /* "ref", "repository.full_name", "commits[0].id" */
    const char *equals;  /* the text of a string, number or boolean */
    const char *pattern; /* source/glob.h: * and ?, never over "/" but by ** */
};

/* What spec.params' `from` may ask for: a field of the payload. */
struct webhook_param {
    const char *name;
    const char *path;
};

/*
 * Deliveries to the controller's own address. Alone each one that counts is a change; beside a
 * source that is polled it makes that be polled now.
 */
struct webhook_source {
    const char *type;    /* GitHub, GitLab, Gitea, Standard, HMAC; NULL: no webhook */
    const char *header;  /* of HMAC: which one has the signature */
    const char *prefix;  /* of HMAC: what stands before it, such as "sha256="; NULL: nothing */
    const char **events; /* names of events that count; none: all but GitHub's and Gitea's ping */
    size_t event_count;
    struct webhook_filter *filters; /* all must hold */
    size_t filter_count;
    struct webhook_param *params;
    size_t param_count;
    const char *secret_name; /* key secret, and each key that begins with "secret-" */
};

/* Exactly one of the sources. */
struct trigger_spec {
    struct object_reference pipeline_ref;
    struct trigger_param *params;
    size_t param_count;
    struct schedule_spec schedule; /* cron NULL: no schedule */
    struct pipeline_source pipeline;
    struct model_source model;
    struct git_source git;
    struct image_source image;
    struct bucket_source bucket;
    struct http_source http;
    struct prometheus_source prometheus;
    const char *interval; /* of polling, a duration; defaulted by the CRD: 5m */
    const char *cooldown; /* durations; NULL: none */
    const char *debounce;
    struct budget_spec budget;
    struct breaker_spec breaker;
    struct webhook_source webhook;
    const char *concurrency_policy; /* Allow, Forbid, Replace, Queue; defaulted by the CRD: Allow */
    bool suspend;
};

/* A firing that is written down and whose run may not exist yet. */
struct pending_firing {
    int64_t number;
    int64_t scheduled_time; /* of a schedule; TIME_ABSENT of other sources */
    const char *revision;   /* of other sources; NULL of a schedule */
    const char *summary;    /* the revision for people: "commit 3f2a1c9 of main" */
    const char *mark;       /* status.observedMark once its run was made */
    const char *run;        /* NULL: no firing is pending */
    const char *reason;
    int64_t chain;             /* runs that led to it by triggers of pipelines; 0: none */
    struct name_value *params; /* what the source said for spec.params' `from` */
    size_t param_count;
};

/* A delivery that waits for its firing. */
struct pending_delivery {
    const char *id;
    int64_t time; /* when it came */
    struct name_value *values;
    size_t value_count;
};

struct recent_decision {
    int64_t time;           /* when it was decided */
    int64_t scheduled_time; /* what it was about, */
    const char *revision;   /* or this */
    const char *run;        /* NULL: none was started */
    const char *reason;     /* CamelCase */
    const char *message;
};

struct breaker_status {
    int64_t failures; /* in a row */
    int64_t since;    /* the newest of them, or the newest firing after them; TIME_ABSENT: none */
    const char *ends; /* plan/ends.h: the ends that are counted; NULL: none yet */
};

struct trigger_status {
    int64_t observed_generation;
    int64_t last_schedule_time;
    int64_t next_schedule_time;
    const char *observed_revision;       /* the newest that was dealt with; NULL: none yet */
    const char *observed_mark;           /* the source's own words about what it was at when the
                                          * newest run was made; NULL: it needs none */
    struct pending_delivery *deliveries; /* of a webhook, the oldest first */
    size_t delivery_count;
    const char *delivered;    /* the newest 256 deliveries: 16 digits of a hash of each id */
    int64_t poked_time;       /* a webhook asks that the source be polled now */
    int64_t last_firing_time; /* when a firing was last written down */
    int64_t budget_since;     /* the window of spec.budget under way; TIME_ABSENT: none */
    int64_t budget_used;      /* runs of that window */
    struct breaker_status breaker;
    int64_t firings; /* runs started */
    int64_t dropped; /* scheduled times and revisions that started none */
    struct pending_firing pending;
    struct object_reference last_run_ref;
    struct recent_decision *recent; /* newest last, 10 at most */
    size_t recent_count;
    struct condition_list conditions;
};

enum { TRIGGER_DELIVERIES_MAXIMUM = 64 }; /* status.deliveries */

struct trigger {
    struct meta meta;
    struct trigger_spec spec;
    struct trigger_status status;
};

/* It has a source that must be asked: git, image, bucket, http or prometheus. */
static inline bool trigger_is_polled(const struct trigger_spec *spec)
{
    return spec->http.url || spec->git.url || spec->image.repository || spec->bucket.endpoint ||
           spec->prometheus.query;
}

#endif
