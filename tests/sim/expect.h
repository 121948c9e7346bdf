#ifndef TIDEMILL_SIM_EXPECT_H
#define TIDEMILL_SIM_EXPECT_H

/* What the tests of the simulation share: playing, comparing, and how to replay what failed. */

#include "sim/scenario.h"

/* SIM_FULL=1 in the environment: everything, not the bounded part that `make test` takes. */
bool sim_is_full(void);

/* Whether the sweep's play of this number is left out: of long scenarios each fourth is played. */
bool sim_is_left_out(const struct sim_scenario *scenario, size_t number);

/*
 * SIM_PART=K/N in the environment: of all plays that this is asked about each N-th, from the K-th
 * on, so that N processes play all of it. Each call asks about one more play.
 */
bool sim_is_of_this_part(void);

/*
 * The faultless play, once for each process; fails the test when an invariant breaks. Borrowed, as
 * the scenario is for as long as the process lives.
 */
const struct sim_result *sim_expect_faultless(const struct sim_scenario *scenario);

/*
 * Plays with these options and fails the test unless every invariant held and the end is that of
 * the faultless play (where it does not depend on time). The failure says the command that replays
 * it. A random play that fails is first shrunk to the shortest time of faults that fails. What is
 * not of this part is left out.
 */
void sim_expect_same_end(const struct sim_scenario *scenario, const struct sim_options *options,
                         const struct sim_result *faultless);

#endif
