#ifndef TIDEMILL_PLAN_TRIGGER_WORK_H
#define TIDEMILL_PLAN_TRIGGER_WORK_H

/*
 * The desk of one planning of a Trigger, shared by plan/trigger*.c and nobody else. Lives for one
 * call of plan_trigger().
 *
 *   trigger_pending.c  what became of the firing that is written down?
 *   trigger_schedule.c which time is due?         } one of the two, by the source
 *   trigger_change.c   is it at something new?    }
 *   trigger_source.c   what are a pipeline's runs, or a model, at?
 *   trigger_breaker.c  did too many runs in a row fail?
 *   trigger_gate.c     may it fire now?
 *   trigger.c          the firing is written down; status, conditions, events
 *   trigger_run.c      the run
 */

#include "plan/conditions.h"
#include "plan/cron.h"
#include "plan/reasons.h"
#include "plan/trigger_params.h"
#include "plan/view.h"

enum { TRIGGER_NEWS_MAXIMUM = 8 };

/* Told by an event once the status that it is about was written. */
struct trigger_news {
    bool warning;
    const char *reason;
    const char *message;
};

struct trigger_work {
    const struct trigger_view *view;
    const struct trigger *trigger;
    struct plan *plan;
    struct arena *arena;
    const struct pipeline *pipeline; /* NULL: not there, or on its way out */
    const struct cron *cron;         /* NULL: the schedule can't be read */
    int64_t deadline_seconds;        /* INTEGER_ABSENT: none */
    int64_t cooldown_seconds;        /* 0: none */
    int64_t debounce_seconds;
    int64_t budget_seconds;  /* spec.budget.per */
    int64_t breaker_seconds; /* spec.breaker.pause */
    struct trigger after;    /* the trigger with the status being written */
    struct condition_writer conditions;
    const char *reason; /* of Ready, when something is in the way; the first one found */
    const char *message;
    const char *ready_reason; /* of Ready otherwise */
    const char *ready_message;
    bool stalled; /* only a change of the spec helps */
    struct trigger_news news[TRIGGER_NEWS_MAXIMUM];
    size_t news_count;
    bool starts_run;     /* the pending firing's run is to be created by this plan */
    bool pending_is_new; /* and is written down by this plan, not before */
};

/* Keeps the first obstacle. */
void trigger_note_obstacle(struct trigger_work *work, const char *reason, const char *message);

/* Adds to status.recent, which keeps the newest 10, and an event that says the same. */
void trigger_record(struct trigger_work *work, bool warning, const struct recent_decision *entry);

/*
 * The same for a change that may start nothing yet: once for each reason, until something else is
 * recorded. What it is at goes on changing; the Ready condition has the newest.
 */
void trigger_record_wait(struct trigger_work *work, const struct recent_decision *entry);

/* "spec.FIELD: ...": nothing fires until it is corrected. */
void trigger_refuse_field(struct trigger_work *work, const char *reason, const char *field,
                          const char *message);

/* A field's duration in whole seconds, rounded up; refused when it can't be read. */
int64_t trigger_read_duration(struct trigger_work *work, const char *reason, const char *field,
                              const char *text);

/* Reads spec.cooldown, .debounce and .budget. */
void trigger_read_gate(struct trigger_work *work);

/* What keeps the next firing away, until `until` (unix seconds); reason NULL: nothing does. */
struct trigger_gate {
    const char *reason;
    const char *message; /* "spec.cooldown (1h) after the firing before is not over" */
    int64_t until;
};
struct trigger_gate trigger_find_gate(const struct trigger_work *work);

/* Counts the ends of this trigger's runs for spec.breaker. */
void trigger_count_failures(struct trigger_work *work);
/* True while the breaker lets nothing through; says until when, TIME_ABSENT: until an edit. */
bool trigger_breaker_holds(const struct trigger_work *work, struct trigger_gate *gate);
/* A firing is written down: after failures it is the one that is tried. */
void trigger_note_try(struct trigger_work *work);
/* Ready says that it is open. */
void trigger_note_breaker(struct trigger_work *work);

/*
 * Writes the firing down: `firing` has its time or revision, its run's name and its reason. Its run
 * is created by this plan, unless it is queued.
 */
void trigger_write_down(struct trigger_work *work, const struct pending_firing *firing,
                        const struct trigger_values *values);

/* "2026-01-31T03:00:00Z", or the revision in words: what a firing is for. */
const char *trigger_print_firing(const struct trigger_work *work,
                                 const struct pending_firing *firing);

/* What spec.pipeline or spec.model is at now. */
void trigger_observe_runs(const struct trigger_work *work, struct sighting *seen);
void trigger_observe_model(const struct trigger_work *work, struct sighting *seen);

/* Whether a change of the source starts a run now; says what it is at and what comes next. */
void trigger_decide_change(struct trigger_work *work);

/*
 * The revision of a firing that was given up is looked at anew; a delivery waits again, as the
 * first. Returns what becomes of it, for people.
 */
const char *trigger_give_back(struct trigger_work *work, const struct pending_firing *pending);

/* A time is not to start anything any more: startingDeadline. */
bool trigger_is_late(const struct trigger_work *work, int64_t scheduled_time);

/* What Ready says unless there is an obstacle. */
void trigger_set_ready(struct trigger_work *work, const char *reason, const char *message);

/* work->cron and the deadline, or the obstacle that keeps them from being read. */
void trigger_read_schedule(struct trigger_work *work);

/* Writes down what is due, drops what is not to run, and says what comes next. */
void trigger_decide_schedule(struct trigger_work *work);

/* Queued or Replaced when spec.concurrencyPolicy makes it so, else NULL. */
const char *trigger_concurrency_reason(const struct trigger_work *work, bool busy);

/* Unfinished runs of this trigger other than `except`; *example is one of them, or NULL. */
size_t trigger_count_unfinished(const struct trigger_work *work, const char *except,
                                const char **example);

/* "2026-01-31T03:00:00Z", and the local time when the zone is not UTC. */
const char *trigger_print_time(const struct trigger_work *work, int64_t time);

/* Ends the firing that is written down, or decides whether its run is created now. */
void trigger_settle_pending(struct trigger_work *work);

/* An obstacle when a run that Replace asks to cancel can't be. */
void trigger_note_refused_cancel(struct trigger_work *work);

/* Cancels what concurrencyPolicy Replace asks to, then creates the pending firing's run. */
void trigger_plan_run(struct trigger_work *work);

#endif
