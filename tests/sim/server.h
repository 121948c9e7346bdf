#ifndef TIDEMILL_SIM_SERVER_H
#define TIDEMILL_SIM_SERVER_H

/*
 * The API server over a sim_store: what a request of the controller does to it and what it answers.
 * Only what the controller uses, but that as the real one. Watches are read by the world (world.h),
 * which decides when their events arrive; here is what they say. tests/conformance compares it with
 * a real API server; docs/testing.md says what it leaves out.
 */

#include "sim/store.h"

struct sim_request {
    const char *method;
    const char *path; /* with its query */
    const char *content_type;
    const char *accept; /* NULL: JSON */
    const char *body;   /* NULL: none */
};

struct sim_answer {
    int status;
    char *body; /* freed with free(); NULL: a watch, see sim_server_watch() */
};

/*
 * `dryRun=All` changes nothing. The body of a watch's answer, if there is one, is all that it says:
 * an ERROR.
 */
struct sim_answer sim_server_serve(struct sim_store *store, const struct sim_request *request);

/* What a request is about. */
struct sim_target {
    bool known; /* a path of a kind in api/kind.h */
    enum api_kind kind;
    /* As messages name it: "jobs", "Job", "batch"; the group of what is in core is "". */
    const char *plural;
    const char *kind_name;
    char group[64];
    char namespace[64];
    char name[256]; /* "": the collection */
    bool is_status;
    bool is_event;      /* of events.k8s.io */
    bool is_lease;      /* of leader election */
    char regarding[64]; /* fieldSelector of events: the uid of the object that they are about */
    char job_name[64];  /* labelSelector of a Job's pods */
    bool managed_only;  /* labelSelector of what tidemill manages */
    bool is_watch;
    bool is_dry_run;
    bool wants_bookmark_of_list; /* sendInitialEvents=true */
    int64_t resource_version;    /* of a watch */
    int64_t timeout_seconds;     /* of a watch */
    char continue_token[320];
    int64_t limit; /* 0: none */
};

struct sim_target sim_server_target(const struct sim_request *request);

/* Whether a watch says anything of this change. */
bool sim_server_sees(const struct sim_target *watch, const struct sim_change *change);

/*
 * The line of a watch for this change, with its newline, or NULL when the watch does not see it.
 * Freed with free().
 */
char *sim_server_watch_line(const struct sim_target *watch, const struct sim_change *change);
/* A bookmark at this version; `ends_list`: annotated as the end of the initial events. */
char *sim_server_bookmark(const struct sim_target *watch, int64_t version, bool ends_list);
/* The initial events of a streaming list (KEP-3157), as lines. */
char *sim_server_initial(const struct sim_store *store, const struct sim_target *watch);

/* A Status object, and the answer with it. */
struct sim_answer sim_server_refuse(int code, const char *reason, const char *message);

/* The line of a watch that begins at what has been forgotten. Freed with free(). */
char *sim_server_expired(const struct sim_store *store, const struct sim_target *watch);

#endif
