#ifndef TIDEMILL_SUPPORT_BACKFILL_WORLD_H
#define TIDEMILL_SUPPORT_BACKFILL_WORLD_H

/*
 * tidemill backfill against an API server in memory that keeps runs, ends them after some looks,
 * and can lose, refuse or delay any request. Trigger nightly of namespace team fires at 3 each day.
 */

#include "cli/backfill_session.h"
#include "support/fake_io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKFILL_WORLD_RUNS = 64, BACKFILL_NAME_SIZE = 96, BACKFILL_TEXT_SIZE = 4096 };
enum { NEVER = -1 };

/* What becomes of the request with this number. */
enum backfill_fault {
    NO_FAULT,
    FAULT_NOT_SENT,    /* no connection */
    FAULT_LOST,        /* carried out, the answer lost */
    FAULT_UNAVAILABLE, /* 503 */
    FAULT_TOO_MANY,    /* 429 */
    FAULT_ERROR,       /* 500 */
    FAULT_COUNT
};

struct stored_run {
    char name[BACKFILL_NAME_SIZE];
    char body[BACKFILL_TEXT_SIZE]; /* as it was created */
    int looks;                     /* so far */
    bool is_deleted;
};

struct backfill_world {
    struct fake_io *fake;
    struct backfill_session *session;
    struct backfill_options options;
    char *out; /* by open_memstream */
    char *err;
    size_t out_size;
    size_t err_size;
    int code; /* -1: it goes on */

    const char *trigger; /* what stands in spec beside pipelineRef; NULL: there is none */
    const char *pipeline;
    struct stored_run runs[BACKFILL_WORLD_RUNS];
    size_t run_count;
    int looks_to_end;     /* a run ends when it is looked at for so many times */
    int looks_to_start;   /* and is Pending until then */
    const char *fails;    /* part of the name of runs that fail */
    const char *vanishes; /* and of those that somebody deletes when they are looked at */
    const char *refusal;  /* of each POST; NULL: none is refused */
    int refusal_code;
    const char *live; /* items of the list of live runs */
    size_t page_size; /* of lists; 0: all at once */
    size_t requests;  /* served so far */
    size_t lists;
    size_t most_unfinished; /* at once */
    enum backfill_fault fault;
    int fault_at;   /* number of the request, or NEVER */
    bool is_silent; /* nothing is answered any more */
};

/* For cmocka: *state is a struct backfill_world, whose options are for three days. */
int backfill_world_set_up(void **state);
int backfill_world_tear_down(void **state);

/* The command begins, and ends without a word as when its process is killed. */
void backfill_world_open(struct backfill_world *world);
void backfill_world_close(struct backfill_world *world);

/* Until it ends, or `requests` were served. False: it has not ended. */
bool backfill_world_play_until(struct backfill_world *world, size_t requests);
/* From its beginning to its end; the exit code. */
int backfill_world_play(struct backfill_world *world);

/* A run is there, made with this body. */
struct stored_run *backfill_world_store(struct backfill_world *world, const char *body);

/* Carries a request out; `text` has room for a list of BACKFILL_WORLD_RUNS runs. */
struct fake_answer backfill_world_answer(struct backfill_world *world,
                                         const struct fake_request *request, char *text);

#endif
