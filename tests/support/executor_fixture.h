#ifndef TIDEMILL_SUPPORT_EXECUTOR_FIXTURE_H
#define TIDEMILL_SUPPORT_EXECUTOR_FIXTURE_H

/*
 * An executor in front of a scripted API server, for tests of what it does with plans. One plan at
 * a time: fill fixture.plan, then run_plan(), then look at fixture.summary.
 */

#include "kube/executor.h"
#include "support/fake_io.h"

#include <stdbool.h>

struct executor_fixture {
    struct fake_io *fake;
    struct io io;
    struct lease lease;
    struct expectations *expectations;
    struct facts *facts;
    struct events *events;
    struct executor *executor;

    struct arena arena; /* of the plan; emptied by run_plan() */
    struct plan plan;

    unsigned done_calls;
    struct execution_summary summary;
    char message[1024]; /* summary.message */
    char finished[256]; /* names of keys, in order of their ends */

    /* What the cache knows: everything or nothing of resourceVersions, and one object. */
    bool cache_has_reached;
    const struct meta *cached;
};

void executor_fixture_open(struct executor_fixture *fixture);
void executor_fixture_close(struct executor_fixture *fixture);
/* The same for cmocka: *state is a fixture. */
int executor_fixture_set_up(void **state);
int executor_fixture_tear_down(void **state);

/* Hands the plan over for PipelineRun team/NAME (or team/a), and empties it. */
void run_plan_for(struct executor_fixture *fixture, const char *name);
/* The same for team/a, then runs until nothing is due at this moment. */
void run_plan(struct executor_fixture *fixture);

/* Adds an operation with body {"metadata":{"name":NAME}} and owner uid "owner" to the plan. */
struct operation *add_create(struct executor_fixture *fixture, const char *name);
struct operation *add_apply(struct executor_fixture *fixture, const char *name);
struct operation *add_patch_status(struct executor_fixture *fixture, const char *name);
struct operation *add_delete(struct executor_fixture *fixture, const char *name);
struct operation *add_probe(struct executor_fixture *fixture, const char *name);
struct operation *add_probe_pods(struct executor_fixture *fixture, const char *job);
struct operation *add_explain(struct executor_fixture *fixture, const char *name);
struct operation *add_dry_run(struct executor_fixture *fixture, const char *name);
struct operation *add_event(struct executor_fixture *fixture, const char *message);

/* Answers the oldest open request that matches; fails the test when there is none. */
void answer(struct executor_fixture *fixture, const char *method, const char *path,
            struct fake_answer answer);

/* {.status = 200} with an object of this uid and resourceVersion; owner NULL: none. */
struct fake_answer object_answer(const char *name, const char *uid, const char *resource_version,
                                 const char *owner);
/* A metav1.Status. */
struct fake_answer status_answer(int code, const char *reason, const char *message);
struct fake_answer taken_answer(void);
struct fake_answer not_found_answer(void);
extern const struct fake_answer lost_answer;

/* "METHOD PATH\n" of all that was sent since the start or the last fake_io_forget(). */
const char *sent_text(struct executor_fixture *fixture);

const struct fact *find_fact(struct executor_fixture *fixture, enum operation_type type,
                             enum api_kind kind, const char *name);

/* The plan has ended, without a failure or with one of this kind. */
void expect_done(const struct executor_fixture *fixture);
void expect_failure(const struct executor_fixture *fixture, enum error_kind error);

/* May team/a be planned? */
bool is_satisfied(struct executor_fixture *fixture);

#endif
