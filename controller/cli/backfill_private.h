#ifndef TIDEMILL_CLI_BACKFILL_PRIVATE_H
#define TIDEMILL_CLI_BACKFILL_PRIVATE_H

/*
 * The inside of a session, shared by backfill_session.c (how it begins and ends), backfill_gather.c
 * (what is read before) and backfill_work.c (the runs) alone.
 */

#include "api/pipeline_run.h"
#include "cli/arguments.h"
#include "cli/asker.h"
#include "cli/backfill_report.h"
#include "cli/backfill_session.h"
#include "core/arena.h"
#include "kube/zones.h"

/* Bytes of answers: an object as large as etcd takes it, and a page of them. */
enum { OBJECT_MAXIMUM = 3 * 1024 * 1024, PAGE_MAXIMUM = 32 * 1024 * 1024, PAGE_LIMIT = 500 };

struct backfill_session {
    struct io io;
    struct backfill_options options;
    struct arena arena; /* all that the session keeps */
    struct asker *asker;
    struct zones *zones;
    struct io_timer *timer; /* until the next look */
    const struct trigger *trigger;
    const char *list_path; /* of the list being read, without its page */
    struct backfill backfill;
    struct backfill_report report;
    bool has_report;            /* report and its items are there */
    bool is_refused;            /* the API server takes no more runs */
    bool is_ended;              /* on_end is called or about to be */
    struct backfill_item *item; /* that the open question is about */
    unsigned vanished;          /* times that it was there and was not, in a row */
};

/* A question about the session. */
void backfill_ask(struct backfill_session *session, const char *method, const char *path,
                  const char *body, size_t maximum,
                  void (*on_answer)(void *context, const struct asker_answer *answer));

/* Begins with the Trigger; ends in backfill_work() unless there is nothing to be done. */
void backfill_gather(struct backfill_session *session);

/* Notes what this run says about its time; `item` may have been known before. */
void backfill_take_run(struct backfill_session *session, struct backfill_item *item,
                       const struct pipeline_run *run);

/* What is to be done next: create, look, wait or end. */
void backfill_work(struct backfill_session *session);

/* "tidemill backfill: ..." on err. */
PRINTF_LIKE(2, 3)
void backfill_complain(const struct backfill_session *session, const char *format, ...);

/* The end, with counts when times are known. */
void backfill_end(struct backfill_session *session, int code);

#endif
