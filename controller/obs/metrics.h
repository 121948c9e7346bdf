#ifndef TIDEMILL_OBS_METRICS_H
#define TIDEMILL_OBS_METRICS_H

/*
 * Counters, gauges and histograms in the Prometheus text format 0.0.4. Uses core only.
 * Values are integers; durations are microseconds inside and seconds in the text, so nothing is
 * rounded. Invariant: a metric holds at most METRIC_SERIES_MAXIMUM sets of label values, whatever
 * users name their objects; further ones are counted together under the value "_other".
 */

#include "core/buffer.h"
#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

struct metrics; /* the registry */
struct metric;  /* owned by the registry */

enum { METRIC_LABELS_MAXIMUM = 4, METRIC_SERIES_MAXIMUM = 1000, METRIC_BUCKETS_MAXIMUM = 24 };

enum metric_unit {
    METRIC_COUNT,        /* printed as it is */
    METRIC_MICROSECONDS, /* printed as seconds */
};

/* Label values, in the order of the labels' names: LABELS("GET", "pods", "200"). */
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_LABELS   NULL

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *metrics);

/*
 * Names and labels are ours: a wrong or repeated one is a broken invariant. `labels` is LABELS(...)
 * or NO_LABELS. A metric without labels is there from the start, with the value 0.
 */
struct metric *metrics_add_counter(struct metrics *metrics, const char *name, const char *help,
                                   enum metric_unit unit, const char *const *labels);
struct metric *metrics_add_gauge(struct metrics *metrics, const char *name, const char *help,
                                 enum metric_unit unit, const char *const *labels);
/* `bounds`: upper bounds, ascending, in the unit; +Inf is added. */
struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     enum metric_unit unit, const char *const *labels,
                                     const int64_t *bounds, size_t bound_count);

/* Counters only go up: `amount` >= 0. NULL metrics are ignored by all of these. */
void metric_add(struct metric *metric, const char *const *labels, int64_t amount);
/* Gauges; and counters whose total is kept elsewhere (process_cpu_seconds_total). */
void metric_set(struct metric *metric, const char *const *labels, int64_t value);
void metric_observe(struct metric *metric, const char *const *labels, int64_t value);

/* Removes the series: an object that is gone. */
void metric_remove(struct metric *metric, const char *const *labels);

/* Called before each rendering, to set what is only known when asked. */
void metrics_add_collector(struct metrics *metrics, void (*collect)(void *context), void *context);

/* The whole text, metrics and series sorted. ERROR_LIMIT when it is over the buffer's maximum. */
MUST_CHECK struct result metrics_render(struct metrics *metrics, struct buffer *text);

#endif
