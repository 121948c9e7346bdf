#ifndef TIDEMILL_SIM_SCHEDULE_H
#define TIDEMILL_SIM_SCHEDULE_H

/* What can happen next in a sim_world, and doing it. For world.c and schedule*.c alone. */

#include "sim/world.h"

enum sim_action_type {
    SIM_ACT_SERVE,   /* a request reaches the API server */
    SIM_ACT_ANSWER,  /* its answer arrives */
    SIM_ACT_WATCH,   /* the next event of a watch arrives */
    SIM_ACT_SOURCE,  /* the source of a Trigger answers a poll */
    SIM_ACT_CLUSTER, /* something of the cluster moves on */
    SIM_ACT_SCRIPT   /* a person does something */
};

struct sim_action {
    enum sim_action_type type;
    size_t process;
    size_t call; /* index */
    struct sim_transition transition;
};

enum { SIM_ACTIONS_MAXIMUM = 2048 };

/* Learns of new requests and of those that are gone. */
void sim_calls_refresh(struct sim_world *world, struct sim_process *process);

/* schedule_calls.c */
/* NULL: nobody waits for it any more. */
struct io_call *sim_open_call(const struct sim_process *process, uint64_t number);
/* What this watch has told its process of counts for what is planned. */
void sim_note_told(struct sim_process *process, const struct sim_call *watch);
/* Whether it happens, until faults stop. */
bool sim_draw(struct sim_world *world, int per_mille);
void sim_call_serve(struct sim_world *world, size_t process, size_t call);
void sim_call_answer(struct sim_world *world, size_t process, size_t call);
/* A write whose sender died arrives after all; false when there is none. */
bool sim_late_arrives(struct sim_world *world);

/* schedule_watch.c */
bool sim_draw_watch_trouble(struct sim_world *world);
void sim_open_watch(struct sim_world *world, struct sim_process *reader, struct sim_call *call,
                    struct io_call *open);
void sim_call_watch(struct sim_world *world, size_t process, size_t call);
/* The next event that this watch will see may arrive now. *due_ms: when, if only time is missing.
 */
bool sim_watch_is_due(const struct sim_world *world, struct sim_call *call, int64_t *due_ms);
/* Bookmarks, and the ends of watches that are old enough. Returns when the next one is due. */
int64_t sim_watches_tick(struct sim_world *world);

/* source.c */
bool sim_source_is_asked(const struct sim_world *world, size_t process);
void sim_source_answer(struct sim_world *world, size_t process);

/* chaos.c: something that people or nodes do; and the end of that. */
void sim_chaos(struct sim_world *world);
void sim_calm(struct sim_world *world);

#endif
