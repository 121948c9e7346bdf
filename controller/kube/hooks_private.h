#ifndef TIDEMILL_KUBE_HOOKS_PRIVATE_H
#define TIDEMILL_KUBE_HOOKS_PRIVATE_H

/*
 * What hooks.c (receiving, judging, the Secret) and hooks_write.c (what was delivered before, the
 * patch of the status) share. Nobody else includes it.
 */

#include "api/secret.h"
#include "api/trigger.h"
#include "core/arena.h"
#include "core/map.h"
#include "kube/hook_limits.h"
#include "kube/hooks.h"
#include "source/webhook.h"

/* One delivery that is not answered yet. */
struct waiting {
    struct waiting *next;
    struct arena arena;
    struct webhook_delivery delivery; /* while its Secret is awaited; in the arena */
    struct hook_ticket ticket;
    size_t bytes;   /* of its body, while it is kept */
    bool is_judged; /* from here on: what is to be written, and nothing else is kept */
    const char *id;
    struct name_value *values;
    size_t value_count;
    int64_t came_ms;
    void (*done)(void *context, const struct hook_answer *answer);
    void *context;
};

/* What is going on about one Trigger's webhook. */
struct hook {
    struct hooks *hooks;
    char *namespace;
    char *name;
    struct waiting *waiting; /* the oldest first */
    struct waiting **last;   /* where the next one goes */
    size_t waiting_count;
    size_t in_patch;           /* of these, the first so many are being written */
    struct arena secret_arena; /* wiped */
    struct secret secret;
    bool has_secret;
    bool has_failed;         /* the Secret could not be read */
    int64_t secret_read_ms;  /* or could not be */
    char *written_version;   /* of the last patch, until the cache has reached it; else NULL */
    char *written_delivered; /* status.delivered as that patch left it */
    char *sent_delivered;    /* the same of the patch under way: it may still be refused */
    int64_t written_ms;
    char *lost_version; /* on which a patch came too late, until the cache has another; else NULL */
    int64_t lost_ms;
    bool is_refused;      /* it was a 422, which may mean the same */
    struct io_call *call; /* of the Secret, or of the patch */
    struct io_timer *timer;
};

/* One that is not accepted, until it is told. */
struct refusal {
    struct refusal *next;
    int64_t due_ms;
    void (*done)(void *context, const struct hook_answer *answer);
    void *context;
};

struct hooks {
    struct io io;
    const struct cache *cache;
    struct map hooks; /* "namespace/name" -> struct hook */
    struct hook_limits *limits;
    struct refusal *refusals; /* the first due first */
    struct refusal **last_refusal;
    struct io_timer *refusal_timer;
    size_t bytes;
    struct hooks_numbers numbers;
};

/* Those of struct hook_answer whose address counts. */
extern const struct hook_answer hook_taken;
extern const struct hook_answer hook_repeated;
extern const struct hook_answer hook_later;

int64_t hooks_unix_now(const struct hooks *hooks);

/* The first that waits leaves with this. */
void hook_answer_first(struct hook *hook, const struct hook_answer *answer);
void hook_answer_all(struct hook *hook, const struct hook_answer *answer);

/* Does what is next about a Trigger's deliveries. The hook may be gone afterwards. */
void hook_look(struct hook *hook);
/* The same, then. */
void hook_look_at(struct hook *hook, int64_t at_ms);

/* Whether it was delivered before, as the cache's status tells or as we wrote last. */
bool hook_is_known(const struct hook *hook, const struct trigger *trigger, const char *id);

/*
 * False while a patch would be in vain: the cache has not seen our last one, or the one that
 * somebody else's write made too late. Not for ever: after a while it is tried anyway, or given up.
 */
bool hook_may_write(struct hook *hook, const struct trigger *trigger);
void hook_forget_writes(struct hook *hook);

/* Those that were judged, as many as have room, in one patch; who has no room is answered. */
void hook_write_down(struct hook *hook, const struct trigger *trigger);

#endif
