#include "kube/controller.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/controller_flags.h"
#include "cli/observe.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "io/access.h"
#include "io/certificate.h"
#include "io/hook_server.h"
#include "io/pages.h"
#include "io/real.h"
#include "io/server.h"
#include "obs/controller_metrics.h"
#include "obs/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * How long what comes while it is busy may wait: a millisecond for each step that runs. No plane
 * starts more than some 100 steps in a second, so that each of N waits 10 ms x N for the others
 * anyway. With a few steps it is next to nothing; with hundreds, many events are taken together.
 */
enum { PACE_LEAST_MS = 5, PACE_MOST_MS = 100 };

/* A pod object; ours is about 8 kB. */
enum { POD_MAXIMUM = 1024 * 1024, POD_TIMEOUT_MS = 30 * 1000, POD_RETRY_MS = 2 * 1000 };

enum { MICROSECONDS = 1000000, NANOS_PER_MICRO = 1000 };

#define CONTAINER_NAME "controller"
#define LEASE_NAME     "tidemill-controller"

/* The running program, for the callbacks of the loop. */
struct program {
    struct controller_flags flags;
    struct arena arena;
    struct real_io *real;
    struct io io;
    struct observation *observation;
    struct controller *controller;
    struct hook_server *hook_server;
    struct certificate *certificate;
    const char *pod_name; /* NULL outside of a pod */
    const char *pod_namespace;
    const char *pod_uid;
    bool is_stopping;
    struct io_timer *retry;
};

static void write_line(const char *line, size_t size)
{
    (void)!fwrite(line, 1, size, stderr);
}

static int64_t wall_clock_micros(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MICROSECONDS + now.tv_nsec / NANOS_PER_MICRO;
}

static void on_stopped(void *context)
{
    struct program *program = context;
    real_io_stop(program->real);
}

/* A second signal ends it without waiting. */
static void on_signal(void *context, int number)
{
    struct program *program = context;
    if (!program->controller || program->is_stopping) {
        real_io_stop(program->real);
        return;
    }
    log_info("stopping: what is under way is left to the next start, which finds it again",
             LOG_INTEGER("signal", number));
    program->is_stopping = true;
    controller_stop(program->controller, on_stopped, program);
}

static void on_reconcile(void *context, enum api_kind kind, int64_t duration_us,
                         enum error_kind error)
{
    struct program *program = context;
    observation_count_reconcile(program->observation, kind, duration_us, error);
}

static void on_synced(void *context, enum api_kind kind)
{
    struct program *program = context;
    observation_pass_synced(program->observation, kind);
    if (controller_is_synced(program->controller)) {
        pages_give_back(); /* the start used code that nothing uses again */
    }
}

static void on_run_end(void *context, const char *phase)
{
    struct program *program = context;
    observation_count_run(program->observation, phase);
}

static void on_steps_running(void *context, size_t count)
{
    struct program *program = context;
    size_t pace_ms = count < PACE_MOST_MS ? count : PACE_MOST_MS;
    pace_ms = pace_ms < PACE_LEAST_MS ? PACE_LEAST_MS : pace_ms;
    real_io_set_pace(program->real, (int64_t)pace_ms);
    observation_note_steps_running(program->observation, count);
}

static void on_leading(void *context, bool leads)
{
    struct program *program = context;
    observation_note_leading(program->observation, leads);
}

/*
 * Another for each pod, and the same for a container that is started again in it: the kubelet
 * starts it when the one before has gone, so it may go on with the Lease that is still its own.
 */
static const char *find_identity(struct program *program)
{
    if (program->pod_name && program->pod_uid) {
        return arena_print(&program->arena, "%s_%s", program->pod_name, program->pod_uid);
    }
    return arena_print(&program->arena, "%s_%016" PRIx64, text_or(program->pod_name, "tidemill"),
                       io_random(program->io));
}

static void start_controller(struct program *program, const char *helper_image)
{
    const struct controller_flags *flags = &program->flags;
    struct controller_election election = {
        .identity = find_identity(program),
        .namespace = text_or(flags->lease_namespace, program->pod_namespace),
        .name = LEASE_NAME,
        .times = flags->times,
    };
    struct controller_options options = {
        .io = program->io,
        .election = flags->leader_elect ? &election : NULL,
        .instance = program->pod_name ? program->pod_name : "tidemill",
        .allow_egress = flags->allow_egress,
        .settings = {.helper_image = arena_copy_text(&program->arena, helper_image)},
        .on_reconcile = on_reconcile,
        .on_synced = on_synced,
        .on_run_end = on_run_end,
        .on_steps_running = on_steps_running,
        .on_leading = on_leading,
        .context = program,
    };
    log_info("starting, reading all objects", LOG_TEXT("version", TIDEMILL_VERSION),
             LOG_TEXT("helper_image", helper_image));
    program->controller = controller_new(&options);
    observation_note_leading(program->observation, !flags->leader_elect);
    observation_watch(program->observation, program->controller);
    controller_start(program->controller);
}

static void ask_own_image(void *context);

static void on_own_pod(void *context, const struct io_response *response)
{
    struct program *program = context;
    const char *image = response->failure == ERROR_NONE && response->status == 200
                            ? codec_find_image(&program->arena, response->body, response->body_size,
                                               CONTAINER_NAME)
                            : NULL;
    if (image) {
        start_controller(program, image);
        return;
    }
    log_warning("the controller's own pod can't be read, so the image for helper containers is not "
                "known; trying again in 2 s (or give --helper-image)",
                LOG_TEXT("pod", program->pod_name), LOG_INTEGER("status", response->status),
                LOG_TEXT("said", response->message));
    program->retry = io_start_timer(program->io, io_now_ms(program->io) + POD_RETRY_MS,
                                    ask_own_image, program);
}

static void ask_own_image(void *context)
{
    struct program *program = context;
    program->retry = NULL;
    struct io_request request = {
        .method = "GET",
        .path = kind_path(&program->arena, KIND_POD, program->pod_namespace, program->pod_name,
                          NULL),
        .maximum = POD_MAXIMUM,
        .timeout_ms = POD_TIMEOUT_MS,
        .on_done = on_own_pod,
        .context = program,
    };
    (void)io_start(program->io, &request);
}

/* Where helper containers get this program from. */
static bool find_helper_image(struct program *program)
{
    if (program->flags.helper_image) {
        start_controller(program, program->flags.helper_image);
        return true;
    }
    if (program->pod_name && program->pod_namespace) {
        ask_own_image(program);
        return true;
    }
    log_error("outside of a pod --helper-image is needed: the image with the tidemill program for "
              "containers beside users' steps");
    return false;
}

/* The namespace of the Lease is known. */
static bool check_election(const struct program *program)
{
    const struct controller_flags *flags = &program->flags;
    if (!flags->leader_elect || flags->lease_namespace || program->pod_namespace) {
        return true;
    }
    log_error("outside of a pod --leader-elect needs --lease-namespace: where the Lease is");
    return false;
}

static struct hooks *find_hooks(void *context)
{
    struct program *program = context;
    return program->controller ? controller_hooks(program->controller) : NULL;
}

static struct result open_certificate(struct program *program, struct error *error)
{
    const struct controller_flags *flags = &program->flags;
    if (!flags->webhook_certificate) {
        return RESULT_OK;
    }
    struct result result = certificate_open(real_io_loop(program->real), flags->webhook_certificate,
                                            flags->webhook_key, &program->certificate, error);
    if (!result_is_ok(result)) {
        error_add_context(error, "--webhook-tls-cert, --webhook-tls-key");
        return result;
    }
    observation_watch_certificate(program->observation, program->certificate);
    return RESULT_OK;
}

static struct result open_hook_server(struct program *program, struct error *error)
{
    if (!program->flags.webhook_address) {
        return RESULT_OK;
    }
    TRY(open_certificate(program, error));
    const struct hook_server_options options = {.address = program->flags.webhook_address,
                                                .loop = real_io_loop(program->real),
                                                .certificate = program->certificate,
                                                .find_hooks = find_hooks,
                                                .context = program};
    return hook_server_open(&options, &program->hook_server, error);
}

static void close_hook_server(struct program *program)
{
    program->hook_server = hook_server_close(program->hook_server);
    observation_watch_certificate(program->observation, NULL);
    program->certificate = certificate_close(program->certificate);
}

static int run_program(struct program *program)
{
    struct error error = {0};
    const struct access *access = NULL;
    struct server *server = NULL;
    struct result result = access_find(&program->arena, &program->flags.access, &access, &error);
    program->observation = observation_new();
    if (result_is_ok(result)) {
        struct real_io_options options = {.access = access,
                                          .egress_addresses = program->flags.egress_addresses,
                                          .metrics = observation_metric_set(program->observation),
                                          .on_signal = on_signal,
                                          .context = program};
        result = real_io_open(&options, &program->real, &error);
    }
    if (result_is_ok(result)) {
        program->io = real_io_seam(program->real);
        on_steps_running(program, 0);
        struct server_options options = {.address = program->flags.address,
                                         .loop = real_io_loop(program->real),
                                         .health = observation_health(program->observation),
                                         .metrics = observation_metrics(program->observation)};
        result = server_open(&options, &server, &error);
    }
    if (result_is_ok(result)) {
        result = open_hook_server(program, &error);
    }
    bool started = result_is_ok(result) && check_election(program) && find_helper_image(program);
    if (started) {
        result = real_io_run(program->real, &error);
    }
    if (!result_is_ok(result)) {
        log_error("ending", LOG_TEXT("error", error.message));
    }
    server = server_close(server);
    observation_watch(program->observation, NULL);
    if (program->retry) {
        io_stop_timer(program->io, program->retry);
    }
    program->controller = controller_free(program->controller);
    close_hook_server(program);
    program->real = real_io_close(program->real);
    program->observation = observation_free(program->observation);
    return started && result_is_ok(result) ? EXIT_DONE : EXIT_FAILED;
}

int cli_controller(int argc, char **argv)
{
    struct program program = {
        .pod_name = getenv("POD_NAME"),
        .pod_namespace = getenv("POD_NAMESPACE"),
        .pod_uid = getenv("POD_UID"),
    };
    int code = controller_flags_read(&program.flags, argc, argv);
    if (code != GO_ON) {
        return code;
    }
    log_configure((struct log_sink){.write = write_line,
                                    .now_micros = wall_clock_micros,
                                    .level = program.flags.log_level,
                                    .format = program.flags.log_format});
    code = run_program(&program);
    arena_free(&program.arena);
    return code;
}
