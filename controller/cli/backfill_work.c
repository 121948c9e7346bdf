/* The runs of a backfill: created in the order of their times, a few at once, watched to their end.
 */

#include "api/codec.h"
#include "cli/backfill_private.h"
#include "core/text.h"
#include "plan/conditions.h"

/* It was there when it was to be created and gone when it was looked at, so many times in a row. */
enum { VANISHED_MAXIMUM = 3 };

/* A run that has not started for so long says what it waits for. */
enum { WAITS_MS = 30 * 1000 };

/* ---- What a run says ---- */

static void take_condition(struct backfill_session *session, struct backfill_item *item,
                           const struct pipeline_run *run)
{
    const struct condition *ready = condition_find(&run->status.conditions, CONDITION_READY);
    if (!ready || (text_equal(item->reason, ready->reason) && item->note)) {
        return; /* texts that stay the same are kept once, however often they are read */
    }
    item->reason = arena_copy_text(&session->arena, text_or(ready->reason, "-"));
    item->note = arena_print(&session->arena, "%s: %s", item->reason, text_or(ready->message, "-"));
}

void backfill_take_run(struct backfill_session *session, struct backfill_item *item,
                       const struct pipeline_run *run)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const char *stranger = backfill_find_stranger(&arena, &session->backfill, item->time, run);
    if (stranger) {
        item->state = BACKFILL_TAKEN;
        item->note = arena_print(&session->arena,
                                 "run %s exists and %s; delete it to have this time made",
                                 item->time->run, stranger);
        return;
    }
    int64_t now = io_now_ms(session->io);
    const char *phase = text_or(run->status.phase, "Pending");
    item->is_outdated = !backfill_is_current(item->time, run);
    take_condition(session, item, run);
    if (!text_equal(item->phase, phase)) {
        item->phase = arena_copy_text(&session->arena, phase);
    }
    if (pipeline_run_is_finished(run)) {
        item->state = text_equal(phase, "Succeeded") ? BACKFILL_SUCCEEDED : BACKFILL_FAILED;
        return;
    }
    if (item->state != BACKFILL_UNFINISHED) {
        item->state = BACKFILL_UNFINISHED;
        item->since_ms = now;
    }
    int64_t pause = (now - item->since_ms) / BACKFILL_LOOK_SHARE;
    pause = pause > BACKFILL_LOOK_FIRST_MS ? pause : BACKFILL_LOOK_FIRST_MS;
    pause = pause < BACKFILL_LOOK_LAST_MS ? pause : BACKFILL_LOOK_LAST_MS;
    item->look_at_ms = now + pause;
}

static const char *path_of(struct backfill_session *session, struct arena *arena, const char *run)
{
    return kind_path(arena, KIND_PIPELINE_RUN, session->options.namespace_name, run, NULL);
}

/* NULL: it can't be read, and its time is left alone. */
static const struct pipeline_run *read_run(struct backfill_session *session, struct arena *arena,
                                           const struct asker_answer *answer)
{
    struct object *object = NULL;
    struct error error = {0};
    if (result_is_ok(codec_decode(arena, KIND_PIPELINE_RUN, answer->body, answer->body_size,
                                  &object, &error))) {
        return (const struct pipeline_run *)object;
    }
    session->item->state = BACKFILL_TAKEN;
    session->item->note = arena_print(&session->arena, "run %s can't be read: %s",
                                      session->item->time->run, error.message);
    return NULL;
}

/* What is wrong is wrong for all that would follow. */
static void give_up(struct backfill_session *session, const char *what,
                    const struct asker_answer *answer)
{
    const char *who = answer->status == 0 ? "no answer from the API server"
                                          : "the API server answers";
    backfill_complain(session, "run %s can't be %s: %s: %s", session->item->time->run, what, who,
                      answer->message);
    backfill_end(session, EXIT_FAILED);
}

/* ---- Looking ---- */

static void report_ended(struct backfill_session *session, const struct backfill_item *item)
{
    bool is_bad = item->state == BACKFILL_FAILED;
    backfill_report_line(&session->report, item, text_or(item->phase, "Pending"),
                         is_bad ? item->note : NULL);
}

/* Says why a run does not begin, once for each reason. */
static void report_waiting(struct backfill_session *session, struct backfill_item *item)
{
    bool is_old = io_now_ms(session->io) - item->since_ms >= WAITS_MS;
    if (is_old && text_equal(item->phase, "Pending") && item->note &&
        !text_equal(item->told, item->reason)) {
        item->told = item->reason;
        backfill_report_line(&session->report, item, "waits", item->note);
    }
}

/* What is there by the name of the open question's run; false: it can't be read, and all ends. */
static bool take_answer(struct backfill_session *session, const struct asker_answer *answer)
{
    CLEANUP(arena_free) struct arena arena = {0};
    if (answer->error != ERROR_NONE) {
        give_up(session, "read", answer);
        return false;
    }
    const struct pipeline_run *run = read_run(session, &arena, answer);
    if (run) {
        backfill_take_run(session, session->item, run);
    }
    if (session->item->state == BACKFILL_TAKEN) {
        backfill_complain(session, "%s", session->item->note);
    }
    return true;
}

static void on_look(void *context, const struct asker_answer *answer)
{
    struct backfill_session *session = context;
    struct backfill_item *item = session->item;
    if (answer->error == ERROR_NOT_FOUND) {
        item->state = BACKFILL_DELETED;
        backfill_report_line(&session->report, item, "was deleted before it had ended", NULL);
        backfill_work(session);
        return;
    }
    if (!take_answer(session, answer)) {
        return;
    }
    if (item->state == BACKFILL_UNFINISHED) {
        report_waiting(session, item);
    } else if (item->state != BACKFILL_TAKEN) {
        report_ended(session, item);
    }
    backfill_work(session);
}

static void look(struct backfill_session *session, struct backfill_item *item)
{
    CLEANUP(arena_free) struct arena arena = {0};
    session->item = item;
    backfill_ask(session, "GET", path_of(session, &arena, item->time->run), NULL, OBJECT_MAXIMUM,
                 on_look);
}

/* ---- Creating ---- */

static void report_made(struct backfill_session *session, const char *what)
{
    const struct backfill_item *item = session->item;
    CLEANUP(arena_free) struct arena arena = {0};
    const char *note = item->has_live ? arena_print(&arena,
                                                    "the live schedule has started %s for this "
                                                    "time too",
                                                    item->time->live_run)
                                      : NULL;
    session->vanished = 0;
    backfill_report_line(&session->report, item, what, note);
}

/* The name was taken, or an answer was lost: what is there says which. */
static void on_settle(void *context, const struct asker_answer *answer)
{
    struct backfill_session *session = context;
    struct backfill_item *item = session->item;
    CLEANUP(arena_free) struct arena arena = {0};
    if (answer->error == ERROR_NOT_FOUND && ++session->vanished < VANISHED_MAXIMUM) {
        backfill_work(session); /* created once more */
        return;
    }
    if (!take_answer(session, answer)) {
        return;
    }
    if (item->state != BACKFILL_TAKEN) {
        report_made(session, arena_print(&arena, "exists: %s", item->phase));
    }
    backfill_work(session);
}

static void note_created(struct backfill_session *session)
{
    struct backfill_item *item = session->item;
    item->state = BACKFILL_UNFINISHED;
    item->phase = "Pending";
    item->since_ms = io_now_ms(session->io);
    item->look_at_ms = item->since_ms + BACKFILL_LOOK_FIRST_MS;
    report_made(session, "created");
}

static void on_created(void *context, const struct asker_answer *answer)
{
    struct backfill_session *session = context;
    CLEANUP(arena_free) struct arena arena = {0};
    switch (answer->error) {
    case ERROR_NONE:
        note_created(session);
        break;
    case ERROR_EXISTS:
        backfill_ask(session, "GET", path_of(session, &arena, session->item->time->run), NULL,
                     OBJECT_MAXIMUM, on_settle);
        return;
    case ERROR_UNAVAILABLE:
        give_up(session, "created", answer);
        return;
    default: /* the next one would be refused as well */
        session->is_refused = true;
        backfill_complain(session,
                          "run %s can't be created, and no other is tried: the API server answers "
                          "%s",
                          session->item->time->run, answer->message);
        break;
    }
    backfill_work(session);
}

static void create(struct backfill_session *session, struct backfill_item *item)
{
    CLEANUP(arena_free) struct arena arena = {0};
    session->item = item;
    backfill_ask(session, "POST", path_of(session, &arena, NULL),
                 backfill_render(&arena, &session->backfill, item->time), OBJECT_MAXIMUM,
                 on_created);
}

/* ---- What is next ---- */

/* The oldest time without a run; NULL: none is left, or none may be made any more. */
static struct backfill_item *find_absent(const struct backfill_session *session)
{
    for (size_t at = 0; !session->is_refused && at < session->backfill.count; at++) {
        struct backfill_item *item = &session->report.items[at];
        if (item->state == BACKFILL_ABSENT) {
            return item;
        }
        bool is_bad = item->state == BACKFILL_FAILED || item->state == BACKFILL_DELETED;
        if (session->options.stop_on_failure && is_bad) {
            return NULL; /* nothing is made after it */
        }
    }
    return NULL;
}

/* The unfinished run to be looked at first, or NULL. */
static struct backfill_item *find_unfinished(const struct backfill_session *session)
{
    struct backfill_item *first = NULL;
    for (size_t at = 0; at < session->backfill.count; at++) {
        struct backfill_item *item = &session->report.items[at];
        bool is_sooner = !first || item->look_at_ms < first->look_at_ms;
        if (item->state == BACKFILL_UNFINISHED && is_sooner) {
            first = item;
        }
    }
    return first;
}

static void on_timer(void *context)
{
    struct backfill_session *session = context;
    session->timer = NULL;
    backfill_work(session);
}

static void finish(struct backfill_session *session)
{
    size_t absent = backfill_report_count(&session->report, BACKFILL_ABSENT);
    size_t succeeded = backfill_report_count(&session->report, BACKFILL_SUCCEEDED);
    if (absent > 0 && !session->is_refused) {
        backfill_complain(session, "--stop-on-failure: no run is made after one that failed");
    }
    backfill_end(session, succeeded == session->backfill.count ? EXIT_DONE : EXIT_FAILED);
}

void backfill_work(struct backfill_session *session)
{
    size_t unfinished = backfill_report_count(&session->report, BACKFILL_UNFINISHED);
    struct backfill_item *absent = find_absent(session);
    if (absent && unfinished < (size_t)session->options.max_parallel) {
        create(session, absent);
        return;
    }
    struct backfill_item *next = find_unfinished(session);
    if (!next) {
        finish(session);
        return;
    }
    if (next->look_at_ms <= io_now_ms(session->io)) {
        look(session, next);
        return;
    }
    session->timer = io_start_timer(session->io, next->look_at_ms, on_timer, session);
}
