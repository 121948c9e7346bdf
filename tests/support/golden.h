#ifndef TIDEMILL_SUPPORT_GOLDEN_H
#define TIDEMILL_SUPPORT_GOLDEN_H

/*
 * Golden files: what a planner gives, kept as text in tests/golden/NAME.txt, so that a change of
 * behaviour shows in the diff of a commit. UPDATE_GOLDEN=1 in the environment rewrites them. Tests
 * run in the project's root folder.
 */

#include "plan/plan.h"

/*
 * Fails the test, naming the first line that differs, unless `text` is the file's content.
 * `name`: "model/first-version" stands for tests/golden/model/first-version.txt.
 */
void golden_check(const char *name, const char *text);

/*
 * A plan as a golden shows it: a line for each operation, below it what it would send as JSON with
 * sorted keys and an indent, and at the end when to plan again. `bodies`: false leaves the bodies
 * of CREATE and APPLY out, for rows that are about something else. In `arena`.
 */
const char *golden_describe_plan(struct arena *arena, const struct plan *plan, bool bodies);

#endif
