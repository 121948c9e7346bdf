#ifndef TIDEMILL_SIM_SCENARIO_PARTS_H
#define TIDEMILL_SIM_SCENARIO_PARTS_H

/* What worlds are made of. For scenario.c and scenario_people.c, and for tests of one more. */

#include "sim/world.h"

enum { SIM_MILLISECONDS = 1000, SIM_MINUTE_MS = 60 * SIM_MILLISECONDS };

/* Pipeline "p"; ' stands for ". */
void sim_put_pipeline(struct sim_world *world, const char *spec);
/* A run of it. */
void sim_put_run(struct sim_world *world, const char *name);
/* Model "m", two replicas. */
void sim_put_model(struct sim_world *world);
/* Pipeline "p" publishes a version of model "m"; run "first" at once, "second" after 2 minutes. */
void sim_put_two_versions(struct sim_world *world);

/* scenario_people.c: people and nodes that meddle. */
void sim_fans_out(struct sim_world *world);
/* More pipelines than a controller has hands (CONTROLLER_KEYS_IN_HAND). */
void sim_puts_crowd(struct sim_world *world);
void sim_user_deletes_job(struct sim_world *world);
void sim_user_deletes_pod(struct sim_world *world);
void sim_user_suspends_job(struct sim_world *world);
void sim_node_evicts_pod(struct sim_world *world);
void sim_service_is_taken(struct sim_world *world);
void sim_firing_is_taken(struct sim_world *world);
void sim_runs_are_suspended(struct sim_world *world);
void sim_catches_up(struct sim_world *world);
void sim_replaces(struct sim_world *world);
void sim_forbids(struct sim_world *world);
void sim_breaks(struct sim_world *world);
void sim_deliveries_come(struct sim_world *world);
void sim_source_changes(struct sim_world *world);
void sim_source_is_down(struct sim_world *world);
void sim_pins(struct sim_world *world);
void sim_pins_quickly(struct sim_world *world);
void sim_model_comes_later(struct sim_world *world);
void sim_version_is_deleted(struct sim_world *world);
void sim_times_out(struct sim_world *world);
void sim_ends_in_time(struct sim_world *world);
void sim_claim_comes_later(struct sim_world *world);

#endif
