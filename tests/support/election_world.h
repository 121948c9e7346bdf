#ifndef TIDEMILL_SUPPORT_ELECTION_WORLD_H
#define TIDEMILL_SUPPORT_ELECTION_WORLD_H

/*
 * Two candidates for one Lease, each a process with clocks of its own, in front of one API server
 * that keeps the Lease as the real one does (resourceVersion, merge patch, 409, 404). Time goes on
 * in steps for both; a stopped process does nothing meanwhile and finds its timers late. At each
 * step it is checked that not both may write.
 */

#include "kube/election.h"
#include "support/fake_io.h"

#include <jansson.h>
#include <stdbool.h>

enum { ELECTION_CANDIDATES = 2 };

/* What becomes of a candidate's requests. */
enum weather {
    WEATHER_FINE,
    WEATHER_SILENT,      /* never carried out, no answer */
    WEATHER_LOST_BEFORE, /* the connection breaks, not carried out */
    WEATHER_LOST_AFTER,  /* carried out, the connection breaks */
    WEATHER_UNREACHABLE, /* no connection */
    WEATHER_GARBAGE,     /* carried out; 200 with something that is no Lease */
    WEATHER_CODE,        /* this status code (candidate.code), not carried out */
    WEATHER_COUNT
};

struct candidate {
    struct fake_io *fake;
    struct lease lease;
    struct election *election; /* NULL: the process is gone */
    enum weather weather;
    int code;
    bool is_stopped; /* SIGSTOP */
    bool leads;      /* as it was told */
    bool is_done;    /* of its stop */
};

struct election_world {
    struct candidate candidates[ELECTION_CANDIDATES];
    int64_t now_ms;  /* since the beginning */
    json_t *lease;   /* NULL: there is none */
    int64_t version; /* the newest resourceVersion */
    size_t takes;    /* times that the Lease changed hands */
    size_t events;   /* posted */
    char event[512]; /* the newest, as "REASON REGARDING-KIND/NAME: NOTE" */
};

#define ELECTION_IDENTITY_0 "tidemill-0_uid-0"
#define ELECTION_IDENTITY_1 "tidemill-1_uid-1"

/* `spec` as JSON with ' for ", or NULL: there is no Lease. No process runs yet. */
void election_world_open(struct election_world *world, const char *spec);
void election_world_close(struct election_world *world);

/* The same, and candidate 0 leads. */
void election_world_lead(struct election_world *world);
/* The same, and 1 follows. */
void election_world_lead_before_another(struct election_world *world);

void election_world_start(struct election_world *world, size_t candidate);
/* As kill -9. What it sent and nobody served is lost. */
void election_world_kill(struct election_world *world, size_t candidate);
/* A clean stop of a process that has nothing under way. */
void election_world_stop(struct election_world *world, size_t candidate);

void election_world_advance(struct election_world *world, int64_t milliseconds);
/* Until the candidate leads: how long it took, or -1 after `limit_ms`. */
int64_t election_world_wait_leader(struct election_world *world, size_t candidate,
                                   int64_t limit_ms);

/* May it write now? Also when it is stopped: what it would find on waking. */
bool election_world_allows(const struct election_world *world, size_t candidate);

/* Somebody else changes the Lease: a merge patch, ' for ". NULL: deletes it. */
void election_world_edit(struct election_world *world, const char *patch);

/* spec.NAME as text, "-" when it is not there. Static. */
const char *election_world_spec(const struct election_world *world, const char *name);

#endif
