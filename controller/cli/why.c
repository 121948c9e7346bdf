#include "api/codec.h"
#include "api/trigger.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "core/civil.h"
#include "core/text.h"
#include "io/access.h"
#include "io/real.h"

#include <stdio.h>

enum { TRIGGER_MAXIMUM = 3 * 1024 * 1024, ASK_TIMEOUT_MS = 30 * 1000 };
enum { HTTP_OK = 200, HTTP_NOT_FOUND = 404 };

static const char usage[] =
    "usage: tidemill why TRIGGER [-n NAMESPACE] [--kubeconfig FILE] [--context NAME]\n"
    "Tells what a Trigger decided, the oldest first: each run that it started and each time or\n"
    "change that started none, why, how it is now and what comes next. Reads this one object.\n"
    "  -n, --namespace NAMESPACE  instead of the context's\n"
    "  --kubeconfig FILE          instead of $KUBECONFIG and ~/.kube/config\n"
    "  --context NAME             instead of the kubeconfig's current one\n";

struct question {
    const char *name;
    struct access_options access;
    const char *namespace; /* as it was found */
    struct arena arena;
    struct real_io *real;
    int code;
};

static int take_option(void *context, int option, const char *value)
{
    return arguments_take_access(context, option, value);
}

/* GO_ON, or the exit code. */
static int read_arguments(int argc, char **argv, struct question *question)
{
    static const struct option options[] = {ARGUMENTS_OF_ACCESS, ARGUMENTS_END};
    static const struct arguments_form form = {usage, "n:h", options, take_option};
    int code = arguments_read(&form, argc, argv, &question->access);
    if (code != GO_ON) {
        return code;
    }
    if (argc - optind != 1 || text_is_empty(argv[optind])) {
        (void)fprintf(stderr, "tidemill why: expected the name of one Trigger\n%s", usage);
        return EXIT_REFUSED;
    }
    question->name = argv[optind];
    return GO_ON;
}

/* ---- The story ---- */

static void print_text(const char *text)
{
    terminal_print(stdout, text);
}

static const char *print_time(struct arena *arena, int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    return arena_copy_text(arena, text);
}

/* "2026-01-31T03:00:00Z  started train-7       Fired: ..." */
static void print_line(const char *when, const char *what, const char *reason, const char *message)
{
    (void)printf("%-20s  ", when);
    print_text(what);
    (void)fputs("  ", stdout);
    print_text(reason);
    (void)fputs(": ", stdout);
    print_text(message);
    (void)putchar('\n');
}

static void print_decisions(struct arena *arena, const struct trigger_status *status)
{
    if (status->recent_count == 0) {
        (void)puts("nothing was decided yet");
    }
    for (size_t at = 0; at < status->recent_count; at++) {
        const struct recent_decision *entry = &status->recent[at];
        const char *what = entry->run ? arena_print(arena, "started %s", entry->run) : "no run";
        print_line(entry->time == TIME_ABSENT ? "" : print_time(arena, entry->time), what,
                   text_or(entry->reason, "-"), entry->message);
    }
}

static void print_present(struct arena *arena, const struct trigger *trigger)
{
    const struct trigger_status *status = &trigger->status;
    for (size_t at = 0; at < status->conditions.count; at++) {
        const struct condition *condition = &status->conditions.items[at];
        print_line("now", arena_print(arena, "%s=%s", condition->type, condition->status),
                   text_or(condition->reason, "-"), condition->message);
    }
    if (status->observed_generation != trigger->meta.generation) {
        print_line("now", "not read yet", "Unobserved",
                   "the controller has not seen this spec; what stands above is of the one before");
    }
    if (status->pending.run) {
        print_line("now", arena_print(arena, "starting %s", status->pending.run),
                   text_or(status->pending.reason, "-"),
                   text_or(status->pending.summary, "its time has come"));
    }
    if (status->delivery_count > 0) {
        print_line("now", arena_print(arena, "%zu waiting", status->delivery_count), "Deliveries",
                   "each starts a run of its own, the oldest first");
    }
    if (status->next_schedule_time != TIME_ABSENT) {
        print_line("next", print_time(arena, status->next_schedule_time), "Schedule",
                   text_or(trigger->spec.schedule.cron, ""));
    }
}

static void print_story(struct arena *arena, const struct trigger *trigger)
{
    const struct trigger_status *status = &trigger->status;
    int64_t started = status->firings == INTEGER_ABSENT ? 0 : status->firings;
    int64_t dropped = status->dropped == INTEGER_ABSENT ? 0 : status->dropped;
    (void)printf("Trigger %s/%s of Pipeline ", trigger->meta.namespace, trigger->meta.name);
    print_text(text_or(trigger->spec.pipeline_ref.name, "(can't be read)"));
    (void)printf(": %lld started, %lld started nothing; the last %zu decisions:\n",
                 (long long)started, (long long)dropped, status->recent_count);
    print_decisions(arena, status);
    print_present(arena, trigger);
}

/* ---- The question ---- */

static int explain_refusal(struct question *question, const struct io_response *response)
{
    if (response->failure != ERROR_NONE) {
        (void)fprintf(stderr, "tidemill why: the API server can't be asked: %s\n",
                      text_or(response->message, "no answer"));
        return EXIT_FAILED;
    }
    if (response->status == HTTP_NOT_FOUND) {
        (void)fprintf(stderr,
                      "tidemill why: there is no Trigger \"%s\" in namespace \"%s\"; "
                      "kubectl get triggers -A lists all of them\n",
                      question->name, question->namespace);
        return EXIT_FAILED;
    }
    struct api_status status = {0};
    codec_decode_status(&question->arena, response->body, response->body_size, &status);
    (void)fprintf(stderr, "tidemill why: the API server answers %d: %s\n", response->status,
                  text_or(status.message, "without a reason"));
    return EXIT_FAILED;
}

static void on_answer(void *context, const struct io_response *response)
{
    struct question *question = context;
    real_io_stop(question->real);
    if (response->failure != ERROR_NONE || response->status != HTTP_OK) {
        question->code = explain_refusal(question, response);
        return;
    }
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(&question->arena, KIND_TRIGGER, response->body,
                                   response->body_size, &object, &error))) {
        (void)fprintf(stderr, "tidemill why: the Trigger can't be read: %s\n", error.message);
        question->code = EXIT_FAILED;
        return;
    }
    print_story(&question->arena, (const struct trigger *)object);
    question->code = fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static struct result ask(struct question *question, struct error *error)
{
    const struct access *access = NULL;
    TRY(access_find(&question->arena, &question->access, &access, error));
    question->namespace = access->namespace_name;
    const struct real_io_options options = {.access = access, .allow_plugins = true};
    TRY(real_io_open(&options, &question->real, error));
    const struct io_request request = {
        .method = "GET",
        .path = kind_path(&question->arena, KIND_TRIGGER, question->namespace, question->name,
                          NULL),
        .maximum = TRIGGER_MAXIMUM,
        .timeout_ms = ASK_TIMEOUT_MS,
        .on_done = on_answer,
        .context = question,
    };
    (void)io_start(real_io_seam(question->real), &request);
    return real_io_run(question->real, error);
}

int cli_why(int argc, char **argv)
{
    struct question question = {.code = EXIT_FAILED};
    int code = read_arguments(argc, argv, &question);
    if (code != GO_ON) {
        return code;
    }
    struct error error = {0};
    if (!result_is_ok(ask(&question, &error))) {
        (void)fprintf(stderr, "tidemill why: %s\n", error.message);
        question.code = error.kind == ERROR_INVALID ? EXIT_REFUSED : EXIT_FAILED;
    }
    question.real = real_io_close(question.real);
    arena_free(&question.arena);
    return question.code;
}
