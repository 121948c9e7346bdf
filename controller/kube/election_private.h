#ifndef TIDEMILL_KUBE_ELECTION_PRIVATE_H
#define TIDEMILL_KUBE_ELECTION_PRIVATE_H

/*
 * What election.c (who leads, and until when) and election_lease.c (the Lease as it was seen, and
 * requests about it) share. Nobody else includes it.
 */

#include "api/lease.h"
#include "core/arena.h"
#include "kube/election.h"

enum state {
    STATE_IDLE, /* before the start */
    STATE_RESTING,
    STATE_LOOKING,
    STATE_TAKING,
    STATE_RENEWING,
    STATE_RELEASING,
    STATE_ENDED
};

/* The Lease as it was last seen, and since when it says so. */
struct observed {
    bool exists;
    bool is_known; /* whether it exists */
    char *resource_version;
    char *uid;
    char *holder;
    int64_t duration_ms;
    int64_t transitions;
    uint64_t fingerprint;
    int64_t since_ms;
};

struct election {
    struct election_options options;
    char *identity;
    char *instance;
    char *namespace;
    char *name;
    enum state state;
    bool leads;
    bool is_withdrawn;
    bool renews_again; /* the look after a failed renewal allows one more at once */
    bool failure_was_logged;
    struct observed observed;
    struct io_call *call;
    struct io_call *event_call;
    struct io_timer *timer;
    struct io_timer *deadline_timer;
    struct io_timer *stop_timer;
    int64_t sent_ms; /* the moment before the request under way was sent */
    uint64_t transitions;
    void (*done)(void *context);
    void *done_context;
};

static inline int64_t election_now_ms(const struct election *election)
{
    return io_now_ms(election->options.io);
}

/* election_lease.c */

/* What the Lease says; since when is kept where nothing changed. */
void election_observe(struct election *election, const struct lease_record *record);
/* There is none. Who held it may still write: what was seen of it counts on. */
void election_observe_missing(struct election *election);
void election_forget_observed(struct election *election);

bool election_is_ours(const struct election *election);
/* When the Lease may be taken, as far as is known; INT64_MIN: now, it is nobody's or ours. */
int64_t election_free_at_ms(const struct election *election);

/* Requests; each ends in election_take_answer(). */
void election_look(struct election *election);
void election_take(struct election *election);
void election_renew(struct election *election);
void election_give_back(struct election *election);

/* An event about the Lease. One try: leadership does not depend on it. */
void election_announce(struct election *election, const char *note);

void election_cancel(struct election *election, struct io_call **call);

/* ERROR_NONE: `record` is what the Lease says now. Logs what is unusual, once. */
enum error_kind election_read_answer(struct election *election, const struct io_response *response,
                                     struct arena *arena, struct lease_record *record);

/* election.c */
void election_take_answer(void *context, const struct io_response *response);

#endif
