#include "cli/backfill_session.h"

#include "cli/backfill_private.h"
#include "cli/terminal.h"
#include "core/memory.h"

#include <stdarg.h>

void backfill_complain(const struct backfill_session *session, const char *format, ...)
{
    CLEANUP(arena_free) struct arena arena = {0};
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_print_list(&arena, format, arguments);
    va_end(arguments);
    (void)fputs("tidemill backfill: ", session->options.err);
    terminal_print(session->options.err, text);
    (void)fputc('\n', session->options.err);
    (void)fflush(session->options.err);
}

static void on_trouble(void *context, const char *message)
{
    backfill_complain(context, "no answer from the API server (%s); trying for %d minutes", message,
                      ASKER_PATIENCE_MS / (60 * 1000));
}

static void on_relief(void *context)
{
    backfill_complain(context, "the API server answers again");
}

void backfill_ask(struct backfill_session *session, const char *method, const char *path,
                  const char *body, size_t maximum,
                  void (*on_answer)(void *context, const struct asker_answer *answer))
{
    asker_ask(session->asker, &(struct asker_question){.method = method,
                                                       .path = path,
                                                       .body = body,
                                                       .maximum = maximum,
                                                       .on_answer = on_answer});
}

struct backfill_session *backfill_session_new(struct io io, const struct backfill_options *options)
{
    struct backfill_session *session = memory_allocate(1, sizeof(*session));
    session->io = io;
    session->options = *options;
    session->zones = zones_new(io);
    session->asker = asker_new(&(struct asker_options){
        .io = io, .on_trouble = on_trouble, .on_relief = on_relief, .context = session});
    return session;
}

void backfill_session_start(struct backfill_session *session)
{
    backfill_gather(session);
}

void backfill_end(struct backfill_session *session, int code)
{
    session->is_ended = true;
    if (session->has_report && !session->options.dry_run) {
        backfill_report_end(&session->report);
    }
    session->options.on_end(session->options.context, code);
}

void backfill_session_interrupt(struct backfill_session *session)
{
    if (session->is_ended) {
        return;
    }
    asker_stop(session->asker);
    io_stop_timer(session->io, session->timer);
    session->timer = NULL;
    backfill_complain(session, "interrupted");
    backfill_end(session, EXIT_FAILED);
}

struct backfill_session *backfill_session_free(struct backfill_session *session)
{
    if (!session) {
        return NULL;
    }
    io_stop_timer(session->io, session->timer);
    session->asker = asker_free(session->asker);
    session->zones = zones_free(session->zones);
    arena_free(&session->arena);
    return memory_free(session);
}
