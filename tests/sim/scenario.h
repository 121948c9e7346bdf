#ifndef TIDEMILL_SIM_SCENARIO_H
#define TIDEMILL_SIM_SCENARIO_H

/*
 * Small worlds with what people do in them, and how they come out. The same scenario is played
 * without any fault, then with each fault at each write, with each kind of object late, and at
 * random; the end must always be the faultless one.
 */

#include "sim/world.h"

/* How a container ends; fields that are NULL or 0 fit every pod. */
struct sim_rule {
    const char *run;
    const char *step;
    int64_t attempt;
    const char *container;
    int exit_code;
    const char *message;
};

enum { SIM_RULES = 8 };

struct sim_scenario {
    const char *name; /* of the golden file, too */
    void (*set_up)(struct sim_world *world);
    struct sim_rule rules[SIM_RULES]; /* the first that fits; else all succeed */
    int64_t busy_ms;                  /* by then all is done, also after faults */
    bool is_large;                    /* played at random alone */
    bool lateness_counts;             /* whether a time of the schedule fires or is dropped
                                         depends on how late a kind is: then only the invariants
                                         hold, which count each time once (check_trigger.c) */
    bool times_count;                 /* what ends how depends on when: only the invariants hold
                                         under faults, the end may differ */
    bool gaps_count;                  /* a leader that dies between two Jobs of one plan leaves the
                                         second to the next one, some 15 s later (or as late as its
                                         lists are, when they fail): how far the first has come by
                                         then says whether it starts at all */
    bool is_polled;                   /* not with two controllers at once without an election: each
                                         takes what the other heard of the source for a way back.
                                         That is why only who leads asks (kube/poller.h) */
    bool is_long;                     /* a quarter of the sweeps, unless SIM_FULL is set */
};

extern const struct sim_scenario sim_scenarios[];
extern const size_t sim_scenario_count;
const struct sim_scenario *sim_scenario_find(const char *name);

enum { SIM_QUIET_MS = 20 * 60 * 1000 };

/* How a scenario went. */
struct sim_result {
    char *end;     /* sim_store_describe(); freed with free() */
    size_t writes; /* of the controllers */
    size_t reads;  /* their other requests up to the last write */
    size_t faults;
    size_t conflicts;
    size_t events[KIND_COUNT];  /* changes of each kind */
    size_t creates[KIND_COUNT]; /* by whomever */
    size_t deletes[KIND_COUNT];
    char failure[SIM_FAILURE_SIZE]; /* "": every invariant held */
};

/*
 * Plays it: to busy_ms, then twenty minutes in which nothing may be written, then a new controller
 * looks at all and must write nothing (S5, S6).
 */
struct sim_result sim_scenario_play(const struct sim_scenario *scenario,
                                    const struct sim_options *options);
void sim_result_free(struct sim_result *result);

/* The end and the counts of creates and deletes, pods left out; freed with free(). */
char *sim_result_describe(const struct sim_result *result);

#endif
