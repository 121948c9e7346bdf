/* What a backfill reads before it makes anything: the Trigger, its Pipeline, runs that are there.
 */

#include "api/codec.h"
#include "api/names.h"
#include "cli/backfill_private.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/request.h"

enum { MICROSECONDS = 1000000 };

/* Runs that are found in the way and told one by one. */
enum { TAKEN_TOLD = 5 };

static struct object *read_object(struct backfill_session *session, enum api_kind kind,
                                  const struct asker_answer *answer)
{
    struct object *object = NULL;
    struct error error = {0};
    if (result_is_ok(codec_decode(&session->arena, kind, answer->body, answer->body_size, &object,
                                  &error))) {
        return object;
    }
    backfill_complain(session, "the %s can't be read: %s", kind_info(kind)->kind, error.message);
    backfill_end(session, EXIT_FAILED);
    return NULL;
}

/* Before anything was made there is nothing to go on with: one line says all. */
static void give_up(struct backfill_session *session, const char *what,
                    const struct asker_answer *answer)
{
    if (answer->status == 0) {
        backfill_complain(session, "%s: the API server can't be asked: %s", what, answer->message);
    } else {
        backfill_complain(session, "%s: the API server answers %s", what, answer->message);
    }
    backfill_end(session, EXIT_FAILED);
}

/* ---- Lists ---- */

static void read_page(struct backfill_session *session, const char *continue_token,
                      void (*on_page)(void *context, const struct asker_answer *answer))
{
    const char *path = session->list_path;
    if (!text_is_empty(continue_token)) {
        path = arena_print(&session->arena, "%s&continue=%s", path,
                           request_escape(&session->arena, continue_token));
    }
    backfill_ask(session, "GET", path, NULL, PAGE_MAXIMUM, on_page);
}

/* Runs of the namespace that have this label of the Trigger's name. */
static void read_list(struct backfill_session *session, const char *label,
                      void (*on_page)(void *context, const struct asker_answer *answer))
{
    struct arena *arena = &session->arena;
    const char *selector = arena_print(arena, "%s=%s", label,
                                       name_as_label(arena, session->trigger->meta.name));
    session->list_path = arena_print(
        arena, "%s?limit=%d&labelSelector=%s",
        kind_path(arena, KIND_PIPELINE_RUN, session->options.namespace_name, NULL, NULL),
        PAGE_LIMIT, request_escape(arena, selector));
    read_page(session, NULL, on_page);
}

/* Calls `each`; goes on with the next page, or with `then` behind the last one. */
static void take_page(struct backfill_session *session, const struct asker_answer *answer,
                      void (*each)(void *context, struct arena *arena, struct object *object,
                                   const char *namespace, const char *name, const char *poison),
                      void (*on_page)(void *context, const struct asker_answer *answer),
                      void (*then)(struct backfill_session *session))
{
    struct list_page page = {0};
    struct error error = {0};
    CLEANUP(arena_free) struct arena arena = {0};
    if (answer->error != ERROR_NONE) {
        give_up(session, "the runs that are there can't be listed", answer);
        return;
    }
    if (!result_is_ok(codec_decode_list(&arena, KIND_PIPELINE_RUN, answer->body, answer->body_size,
                                        each, session, &page, &error))) {
        backfill_complain(session, "the list of runs can't be read: %s", error.message);
        backfill_end(session, EXIT_FAILED);
        return;
    }
    if (!text_is_empty(page.continue_token)) {
        read_page(session, page.continue_token, on_page);
        return;
    }
    then(session);
}

/* ---- Runs that are there ---- */

static struct backfill_item *find_item(struct backfill_session *session, const char *name,
                                       bool is_live)
{
    for (size_t at = 0; name && at < session->backfill.count; at++) {
        const struct backfill_time *time = &session->backfill.times[at];
        if (text_equal(is_live ? time->live_run : time->run, name)) {
            return &session->report.items[at];
        }
    }
    return NULL;
}

static void take_made(void *context, struct arena *arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    struct backfill_session *session = context;
    (void)namespace;
    struct backfill_item *item = find_item(session, object ? object->meta.name : name, false);
    if (item && object) {
        backfill_take_run(session, item, (const struct pipeline_run *)object);
    } else if (item) {
        item->state = BACKFILL_TAKEN;
        item->note = arena_print(&session->arena, "run %s can't be read: %s", item->time->run,
                                 poison);
    }
    arena_free(arena);
    (void)memory_free(arena);
}

static void take_live(void *context, struct arena *arena, struct object *object,
                      const char *namespace, const char *name, const char *poison)
{
    struct backfill_session *session = context;
    (void)namespace;
    (void)poison;
    struct backfill_item *item = find_item(session, object ? object->meta.name : name, true);
    if (item) {
        item->has_live = true;
    }
    arena_free(arena);
    (void)memory_free(arena);
}

/* Names that are found taken before anything is made: often all, for one and the same reason. */
static void complain_of_taken(const struct backfill_session *session)
{
    size_t count = 0;
    for (size_t at = 0; at < session->backfill.count; at++) {
        const struct backfill_item *item = &session->report.items[at];
        if (item->state == BACKFILL_TAKEN && ++count <= TAKEN_TOLD) {
            backfill_complain(session, "%s", item->note);
        }
    }
    if (count > TAKEN_TOLD) {
        backfill_complain(session, "and so it is with %zu more; --dry-run names all",
                          count - TAKEN_TOLD);
    }
}

static void begin_work(struct backfill_session *session)
{
    if (session->options.dry_run) {
        backfill_report_table(&session->report);
        backfill_end(session, EXIT_DONE);
        return;
    }
    backfill_report_found(&session->report);
    complain_of_taken(session);
    backfill_work(session);
}

static void on_live_page(void *context, const struct asker_answer *answer)
{
    take_page(context, answer, take_live, on_live_page, begin_work);
}

static void list_live(struct backfill_session *session)
{
    read_list(session, LABEL_TRIGGER, on_live_page);
}

static void on_made_page(void *context, const struct asker_answer *answer)
{
    take_page(context, answer, take_made, on_made_page, list_live);
}

/* ---- The plan ---- */

static void begin_report(struct backfill_session *session)
{
    const struct backfill *backfill = &session->backfill;
    session->report = (struct backfill_report){
        .out = session->options.out,
        .backfill = backfill,
        .items = arena_array(&session->arena, struct backfill_item, backfill->count)};
    for (size_t at = 0; at < backfill->count; at++) {
        session->report.items[at].time = &backfill->times[at];
    }
    backfill_report_head(&session->report);
    for (size_t at = 0; at < backfill->warning_count; at++) {
        backfill_complain(session, "warning: %s", backfill->warnings[at]);
    }
    session->has_report = true;
}

static void plan(struct backfill_session *session, const struct pipeline *pipeline)
{
    struct error error = {0};
    struct backfill_request request = {
        .trigger = session->trigger,
        .pipeline = pipeline,
        .from = session->options.from,
        .to = session->options.to,
        .now = io_unix_micros(session->io) / MICROSECONDS,
    };
    request.zone = zones_find(session->zones,
                              text_or(session->trigger->spec.schedule.time_zone, "Etc/UTC"),
                              &request.zone_error);
    if (!result_is_ok(backfill_plan(&session->arena, &request, &session->backfill, &error))) {
        backfill_complain(session, "%s", error.message);
        backfill_end(session, EXIT_REFUSED);
        return;
    }
    begin_report(session);
    if (session->backfill.count == 0) {
        backfill_complain(session, "the schedule has no time in this range: nothing is to be made");
        backfill_end(session, EXIT_DONE);
        return;
    }
    (void)fflush(session->options.out);
    read_list(session, LABEL_BACKFILL, on_made_page);
}

static void on_pipeline(void *context, const struct asker_answer *answer)
{
    struct backfill_session *session = context;
    if (answer->error == ERROR_NOT_FOUND) {
        plan(session, NULL);
        return;
    }
    if (answer->error != ERROR_NONE) {
        give_up(session, "the Trigger's Pipeline can't be read", answer);
        return;
    }
    const struct object *object = read_object(session, KIND_PIPELINE, answer);
    if (object) {
        plan(session, (const struct pipeline *)object);
    }
}

static void on_trigger(void *context, const struct asker_answer *answer)
{
    struct backfill_session *session = context;
    const struct backfill_options *options = &session->options;
    if (answer->error == ERROR_NOT_FOUND) {
        backfill_complain(session,
                          "there is no Trigger \"%s\" in namespace \"%s\"; kubectl get triggers -A "
                          "lists all of them",
                          options->trigger, options->namespace_name);
        backfill_end(session, EXIT_FAILED);
        return;
    }
    if (answer->error != ERROR_NONE) {
        give_up(session, "the Trigger can't be read", answer);
        return;
    }
    session->trigger = (const struct trigger *)read_object(session, KIND_TRIGGER, answer);
    if (!session->trigger) {
        return;
    }
    const char *pipeline = session->trigger->spec.pipeline_ref.name;
    if (text_is_empty(pipeline) || !session->trigger->spec.schedule.cron) {
        plan(session, NULL); /* says what is wrong with it */
        return;
    }
    backfill_ask(session, "GET",
                 kind_path(&session->arena, KIND_PIPELINE, options->namespace_name, pipeline, NULL),
                 NULL, OBJECT_MAXIMUM, on_pipeline);
}

void backfill_gather(struct backfill_session *session)
{
    const struct backfill_options *options = &session->options;
    backfill_ask(
        session, "GET",
        kind_path(&session->arena, KIND_TRIGGER, options->namespace_name, options->trigger, NULL),
        NULL, OBJECT_MAXIMUM, on_trigger);
}
