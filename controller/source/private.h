#ifndef TIDEMILL_SOURCE_PRIVATE_H
#define TIDEMILL_SOURCE_PRIVATE_H

/* What the files of source/ share. */

#include "source/source.h"

/* A protocol of source/source.h: how its conversation goes. */
struct source_protocol {
    /* The protocol's own state, in the arena; NULL with an error. */
    void *(*begin)(struct source_talk *talk, struct error *error);
    enum source_step (*next)(struct source_talk *talk, void *state,
                             const struct source_answer *answer, struct source_request *request,
                             struct source_finding *finding, struct error *error);
};

extern const struct source_protocol source_git;
extern const struct source_protocol source_image;
extern const struct source_protocol source_bucket;
extern const struct source_protocol source_http;
extern const struct source_protocol source_prometheus;
extern const struct source_protocol source_webhook;

struct source_talk {
    struct arena *arena;
    const struct trigger *trigger;
    const struct source_secret *secret; /* NULL: none */
    int64_t now;                        /* unix seconds at its begin */
    const struct source_protocol *protocol;
    void *state;
    size_t requests;
};

#endif
