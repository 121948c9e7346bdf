#ifndef TIDEMILL_IO_PROCESS_H
#define TIDEMILL_IO_PROCESS_H

/* What the kernel says of this process, for the process_* metrics. Used by main. */

struct controller_metrics;
struct metrics;

/* Sets them whenever the metrics are rendered. Both are borrowed. */
void process_register(struct metrics *metrics, struct controller_metrics *set);

#endif
