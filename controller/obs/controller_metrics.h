#ifndef TIDEMILL_OBS_CONTROLLER_METRICS_H
#define TIDEMILL_OBS_CONTROLLER_METRICS_H

/*
 * Every metric the controller has, named once, by Prometheus' conventions. Members may be NULL in
 * tests: the metric functions ignore those.
 */

#include "obs/metrics.h"

struct controller_metrics {
    struct metric *requests;              /* method, resource, code */
    struct metric *request_duration;      /* method */
    struct metric *request_bytes;         /* method, resource, direction (sent, received) */
    struct metric *connections;           /* opened to the API server */
    struct metric *reconcile_duration;    /* kind */
    struct metric *reconcile_errors;      /* kind, error */
    struct metric *queue_depth;           /* */
    struct metric *watch_events;          /* kind, type */
    struct metric *watch_bytes;           /* kind */
    struct metric *watch_restarts;        /* kind, reason */
    struct metric *cached_objects;        /* kind */
    struct metric *leader;                /* 1: this replica works; 0: it stands by */
    struct metric *leader_transitions;    /* */
    struct metric *runs;                  /* phase: terminal ones, as they are reached */
    struct metric *steps_running;         /* */
    struct metric *held_back;             /* writes */
    struct metric *unasked;               /* questions */
    struct metric *source_polls;          /* outcome */
    struct metric *source_requests;       /* */
    struct metric *deliveries;            /* outcome */
    struct metric *delivery_writes;       /* */
    struct metric *certificate_left;      /* seconds until it expires */
    struct metric *certificate_loads;     /* outcome */
    struct metric *process_cpu;           /* */
    struct metric *process_resident;      /* bytes */
    struct metric *process_start;         /* unix time */
    struct metric *process_open_files;    /* */
    struct metric *process_maximum_files; /* */
};

/* Also adds tidemill_build_info{version} 1. */
void controller_metrics_register(struct controller_metrics *set, struct metrics *metrics,
                                 const char *version);

#endif
