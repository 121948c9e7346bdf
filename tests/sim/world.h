#ifndef TIDEMILL_SIM_WORLD_H
#define TIDEMILL_SIM_WORLD_H

/*
 * The whole controller above kube/io, one or several of them, over a simulated API server and
 * cluster, with one clock. Everything that happens is one of a few actions: a request reaches the
 * server, an answer or a watch event arrives, something of the cluster moves on, time passes. The
 * order is either eager (each thing as soon as it can happen, always the same) or drawn from a
 * seed. Between two actions the controllers do all that they have to do.
 *
 * Faults: each request may be met by one, writes and reads apart, by its number or at random;
 * watches may lag, by kind, jump, break off or find that they are too old. Invariants are checked
 * at every change of the store; the first violation is kept.
 */

#include "core/prng.h"
#include "kube/controller.h"
#include "sim/cluster.h"
#include "sim/server.h"
#include "support/fake_io.h"

#define SIM_NAMESPACE "team"

enum {
    SIM_PROCESSES = 2,
    SIM_CALLS = 256,
    SIM_AGAIN = 64,
    SIM_SCRIPT = 16,
    SIM_FAILURE_SIZE = 1024
};

/* What becomes of a request. */
enum sim_fault {
    SIM_NO_FAULT,
    SIM_NOT_SENT,      /* the connection broke before */
    SIM_ANSWER_LOST,   /* carried out, and the connection broke */
    SIM_UNAVAILABLE,   /* 503, not carried out */
    SIM_TOO_MANY,      /* 429 with Retry-After: 1, not carried out */
    SIM_FAILED_INSIDE, /* 500, carried out all the same */
    SIM_CRASH_BEFORE,  /* the controller dies; the write is not carried out */
    SIM_CRASH_UNHEARD, /* it is carried out, and the controller dies before it hears of it */
    SIM_CRASH_AFTER,   /* the controller hears the answer and dies */
    SIM_CRASH_LATE,    /* the controller dies; the write is carried out when its successor rests */
    SIM_FAULT_COUNT
};

const char *sim_fault_name(enum sim_fault fault);

/* When a write was planned, and what its controller knew then of who serves. */
struct sim_origin {
    int64_t at_ms;
    size_t seen; /* of the first so many changes it had been told what they did to Services, Models
                    and Deployments */
    size_t seen_runs; /* the same of PipelineRuns */
};

/* A request under way, or a watch. */
struct sim_call {
    uint64_t number; /* of fake_io */
    struct sim_origin origin;
    struct sim_target target;
    bool is_served; /* carried out, the answer is on its way; a watch: open */
    struct sim_answer answer;
    enum error_kind lost;    /* instead of an answer */
    int retry_after_seconds; /* of the answer; 0: none */
    size_t next_change;      /* of a watch */
    size_t seen;             /* events of a watch so far */
    int64_t opened_ms;       /* of a watch */
    int64_t heard_ms;        /* the last thing that a watch said */
};

struct sim_process {
    bool alive;
    bool is_paused;   /* SIGSTOP: its clock goes on, and nothing else */
    bool has_stopped; /* cleanly */
    struct fake_io *fake;
    struct controller *controller;
    size_t steps_running; /* as it told last */
    struct sim_call calls[SIM_CALLS];
    size_t call_count;
    size_t told[KIND_COUNT]; /* changes of the store that its watches have told it of */
    /*
     * One plan looks at a Service, turns it, is asked to do so again later, and then writes the
     * Model's status: all of that has the origin of the first request.
     */
    bool turns;
    struct sim_origin turn;
    /* What was told to come again comes as it was planned. By the hash of method and path; 0: none.
     */
    struct {
        uint64_t request;
        struct sim_origin origin;
    } again[SIM_AGAIN];
};

/* The watch of `kind` says nothing after its `after`-th event until `size` more wait, then 410. */
struct sim_gap {
    bool active;
    enum api_kind kind;
    size_t after;
    size_t size;
};

struct sim_world;

/* What befalls the leader again and again, until `heal_ms`. */
enum sim_blow {
    SIM_BLOW_NONE,
    SIM_BLOW_KILL,  /* as kill -9; back after a while */
    SIM_BLOW_PAUSE, /* SIGSTOP for longer than the lease */
    SIM_BLOW_STOP,  /* SIGTERM; back after a while */
    SIM_BLOW_COUNT
};

const char *sim_blow_name(enum sim_blow blow);

struct sim_step_of_script {
    int64_t at_ms;
    void (*act)(struct sim_world *world);
};

struct sim_options {
    bool random; /* order drawn from `seed`; else eager */
    uint64_t seed;
    size_t processes; /* controllers at once; 0: one */
    bool elects;      /* by a Lease, which of them works */
    enum sim_blow blow;
    /* The write with this number (from 1) meets this fault; 0: none. */
    size_t fault_at;
    enum sim_fault fault;
    int fault_per_mille; /* random faults of writes until `heal_ms` */
    /*
     * The same for all other requests: lists, watches that are opened, events and dry runs. At
     * random, watches break off too, in mid-list or later, and what they want to go on from is
     * compacted.
     */
    size_t read_fault_at;
    int read_fault_per_mille;
    int chaos_per_mille; /* at random: what people and nodes do, until `heal_ms` */
    bool suspends_jobs;  /* of that too: Jobs are suspended, and resumed at the end of it */
    int64_t heal_ms;
    bool without_streaming;     /* an API server that knows no sendInitialEvents */
    int64_t lag_ms[KIND_COUNT]; /* events of this kind arrive so much later */
    struct sim_gap gap;
    FILE *trace; /* one line for each action; NULL: none */
};

/* What Triggers with spec.http poll (source.c), and deliveries to those with spec.webhook. */
struct sim_source {
    const char *revision; /* NULL: it is down */
    const char *told;     /* what it said last */
    int64_t changes;      /* of what it said, or deliveries */
};

struct sim_world {
    struct sim_store store;
    struct sim_source source;
    struct sim_cluster cluster;
    struct sim_options options;
    struct prng prng;
    int64_t now_ms; /* since the beginning */
    struct sim_process processes[SIM_PROCESSES];
    struct sim_step_of_script script[SIM_SCRIPT];
    size_t script_count;
    size_t script_next;
    int64_t *change_ms; /* when each change of the store happened */
    size_t change_capacity;
    struct sim_origin *origins; /* of each change; of what people and the cluster do: itself */
    size_t origin_capacity;
    bool is_controller_writing; /* what changes now is a controller's doing, of this origin */
    struct sim_origin writing;
    size_t writes;     /* requests of controllers that write, events and dry runs not counted */
    size_t sent;       /* requests of controllers that are no reads, events and dry runs included */
    size_t reads;      /* requests of controllers that are not counted as writes */
    size_t busy_reads; /* of them: those up to the last write */
    size_t conflicts;  /* of the writes: locked by a version that was not the newest */
    size_t faults;     /* that happened */
    struct sim_request late; /* texts owned; method NULL: none */
    struct sim_origin late_origin;
    bool gap_is_over;
    bool people_act;      /* what changes now is no controller's doing */
    bool is_calm;         /* chaos is over */
    size_t blown;         /* the process that is down or paused; SIM_PROCESSES: none */
    int64_t next_blow_ms; /* or when it comes back */
    size_t blows;
    char failure[SIM_FAILURE_SIZE]; /* the first violated invariant; "": none */
};

/* `ending` as in cluster.h. */
void sim_world_init(struct sim_world *world, const struct sim_options *options,
                    struct sim_ending (*ending)(void *context, const char *run, const char *step,
                                                int64_t attempt, const char *container),
                    void *context);
void sim_world_free(struct sim_world *world);

/* As a user's kubectl apply does; ' stands for ". Into SIM_NAMESPACE. */
void sim_world_create(struct sim_world *world, enum api_kind kind, const char *json);
/* A merge into the object; no such object: nothing happens. */
void sim_world_merge(struct sim_world *world, enum api_kind kind, const char *name,
                     const char *json);
void sim_world_delete(struct sim_world *world, enum api_kind kind, const char *name);

/* Runs after the clock has reached it. In the order of time. */
void sim_world_at(struct sim_world *world, int64_t at_ms, void (*act)(struct sim_world *world));

/* source.c: from now on it is at this revision; NULL: it is down. */
void sim_source_set(struct sim_world *world, const char *revision);

void sim_world_start(struct sim_world *world, size_t process);
/* As kill -9. What it had sent and nobody served is lost. */
void sim_world_kill(struct sim_world *world, size_t process);

/* blow.c: what is due of options.blow; when the next one is, or INT64_MAX. */
int64_t sim_world_blow(struct sim_world *world);
/* The process that works, or SIM_PROCESSES: none does. With `elects`. */
size_t sim_world_leader(const struct sim_world *world);

/* Until this time has come and nothing more can happen at it; false when an invariant broke. */
bool sim_world_run(struct sim_world *world, int64_t until_ms);

/* printf; the first call counts. */
void sim_world_fail(struct sim_world *world, const char *format, ...) PRINTF_LIKE(2, 3);
void sim_world_trace(struct sim_world *world, const char *format, ...) PRINTF_LIKE(2, 3);

/* check.c: called at each change of the store. */
void sim_check_change(struct sim_world *world, const struct sim_change *change);
/* check_model.c: who serves, who is said to, and for how long those before stay. */
void sim_check_model(struct sim_world *world, const struct sim_change *change);
void sim_check_model_at_rest(struct sim_world *world, const json_t *model);
/* check_trigger.c: each time of a schedule once. */
void sim_check_trigger(struct sim_world *world, const struct sim_change *change);
void sim_check_trigger_at_rest(struct sim_world *world, const json_t *trigger);
/* check_job.c: what the simulated Job controller writes (conformance J2). */
void sim_check_job(struct sim_world *world, const struct sim_change *change);
/* At most one works, and who does not work sends no write (conformance C21). */
void sim_check_election(struct sim_world *world);
/* check_told.c: the part of it that is about what statuses say. */
void sim_check_told(struct sim_world *world, const struct sim_change *change);
/* Was there ever an object of this name? */
bool sim_has_been(const struct sim_store *store, enum api_kind kind, const char *name);
/* A write of a dead controller has arrived after all. */
bool sim_late_is_there(const struct sim_world *world);
/* What must hold once everything has come to rest. */
void sim_check_rest(struct sim_world *world);

#endif
