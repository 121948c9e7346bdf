#include "kube/controller.h"
#include "api/quantity.h"
#include "cli/cli.h"
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

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2 };

/*
 * How long what comes while it is busy may wait: a millisecond for each step that runs. No plane
 * starts more than some 100 steps in a second, so that each of N waits 10 ms x N for the others
 * anyway. With a few steps it is next to nothing; with hundreds, many events are taken together.
 */
enum { PACE_LEAST_MS = 5, PACE_MOST_MS = 100 };

/* A pod object; ours is about 8 kB. */
enum { POD_MAXIMUM = 1024 * 1024, POD_TIMEOUT_MS = 30 * 1000, POD_RETRY_MS = 2 * 1000 };

enum { MICROSECONDS = 1000000, NANOS_PER_MICRO = 1000 };

#define DEFAULT_ADDRESS ":8080"
#define CONTAINER_NAME  "controller"
#define LEASE_NAME      "tidemill-controller"

static const char usage[] =
    "usage: tidemill controller [options]\n"
    "Runs the operator until it gets SIGTERM. In a pod it uses the pod's service account, "
    "elsewhere\n"
    "the kubeconfig.\n"
    "  --address HOST:PORT   where /healthz, /readyz and /metrics answer (default :8080)\n"
    "  --helper-image IMAGE  image with this program, for the containers beside users' steps\n"
    "                        (default: the image of the controller's own pod)\n"
    "  --log-level LEVEL     debug, info (default), warning, error\n"
    "  --log-format FORMAT   text (default), json\n"
    "  --leader-elect        of several replicas one works at a time, the others are ready to take "
    "over\n"
    "  --lease-duration 15s  how long the others wait for a silent leader (whole seconds)\n"
    "  --renew-deadline 10s  how long a leader works without reaching the API server\n"
    "  --retry-period 2s     between two renewals, and between two looks of the others\n"
    "  --lease-namespace NS  where the Lease \"tidemill-controller\" is (default: the pod's)\n"
    "  --allow-egress HOSTS  hosts, comma between, that URLs of Triggers may name beside Services "
    "of\n"
    "                        their own namespace: example.com, *.example.com (default: none)\n"
    "  --allow-egress-addresses RANGES\n"
    "                        private addresses that such hosts may have: 10.1.0.0/16,... (default: "
    "none)\n"
    "  --webhook-address HOST:PORT\n"
    "                        where webhooks of Triggers are delivered, /hooks/NAMESPACE/NAME "
    "(default: nowhere)\n"
    "  --webhook-tls-cert FILE, --webhook-tls-key FILE\n"
    "                        certificate and key in PEM form: webhooks are served by TLS, 1.2 or "
    "newer;\n"
    "                        read anew when the files change\n"
    "  --kubeconfig FILE     instead of $KUBECONFIG and ~/.kube/config\n"
    "  --context NAME        instead of the kubeconfig's current one\n";

struct flags {
    const char *address;
    const char *helper_image;
    struct access_options access;
    struct log_sink log;
    bool leader_elect;
    struct election_times times;
    const char *lease_namespace; /* NULL: the pod's */
    const char *webhook_address; /* NULL: none */
    const char *webhook_certificate;
    const char *webhook_key; /* both NULL: in the clear */
    const char *allow_egress;
    struct address_ranges egress_addresses;
};

/* The running program, for the callbacks of the loop. */
struct program {
    struct flags flags;
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

static bool take_log_level(const char *value, struct log_sink *sink)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (text_equal(value, names[level])) {
            sink->level = level;
            return true;
        }
    }
    (void)fprintf(stderr,
                  "tidemill controller: --log-level \"%s\": expected debug, info, warning "
                  "or error\n",
                  value);
    return false;
}

static bool take_log_format(const char *value, struct log_sink *sink)
{
    if (text_equal(value, "json") || text_equal(value, "text")) {
        sink->format = text_equal(value, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        return true;
    }
    (void)fprintf(stderr, "tidemill controller: --log-format \"%s\": expected text or json\n",
                  value);
    return false;
}

static bool take_duration(const char *flag, const char *value, int64_t *milliseconds)
{
    if (duration_parse(value, milliseconds)) {
        return true;
    }
    (void)fprintf(stderr, "tidemill controller: --%s \"%s\": expected a duration like 15s or 1m\n",
                  flag, value);
    return false;
}

static bool take_ranges(const char *value, struct address_ranges *ranges)
{
    struct error error;
    if (result_is_ok(address_ranges_parse(value, ranges, &error))) {
        return true;
    }
    (void)fprintf(stderr, "tidemill controller: --allow-egress-addresses: %s\n", error.message);
    return false;
}

/* -1: go on; otherwise the exit code. */
static int take_flag(int option, const char *value, struct flags *flags)
{
    switch (option) {
    case 'a':
        flags->address = value;
        return -1;
    case 'i':
        flags->helper_image = value;
        return -1;
    case 'l':
        return take_log_level(value, &flags->log) ? -1 : EXIT_REFUSED;
    case 'f':
        return take_log_format(value, &flags->log) ? -1 : EXIT_REFUSED;
    case 'k':
        flags->access.kubeconfig = value;
        return -1;
    case 'c':
        flags->access.context = value;
        return -1;
    case 'e':
        flags->leader_elect = true;
        return -1;
    case 'd':
        return take_duration("lease-duration", value, &flags->times.lease_ms) ? -1 : EXIT_REFUSED;
    case 'r':
        return take_duration("renew-deadline", value, &flags->times.renew_ms) ? -1 : EXIT_REFUSED;
    case 'p':
        return take_duration("retry-period", value, &flags->times.retry_ms) ? -1 : EXIT_REFUSED;
    case 'n':
        flags->lease_namespace = value;
        return -1;
    case 'w':
        flags->webhook_address = value;
        return -1;
    case 's':
        flags->webhook_certificate = value;
        return -1;
    case 'S':
        flags->webhook_key = value;
        return -1;
    case 'g':
        flags->allow_egress = value;
        return -1;
    case 'G':
        return take_ranges(value, &flags->egress_addresses) ? -1 : EXIT_REFUSED;
    case 'h':
        (void)fputs(usage, stdout);
        return EXIT_DONE;
    default: /* getopt has said what is wrong */
        (void)fputs(usage, stderr);
        return EXIT_REFUSED;
    }
}

/* What belongs together is there. */
static bool check_webhook_flags(const struct flags *flags)
{
    const char *problem = NULL;
    if (!flags->webhook_certificate != !flags->webhook_key) {
        problem = "--webhook-tls-cert and --webhook-tls-key belong together: give both, or neither";
    } else if (flags->webhook_certificate && !flags->webhook_address) {
        problem = "--webhook-tls-cert is for webhooks: give --webhook-address too";
    }
    if (problem) {
        (void)fprintf(stderr, "tidemill controller: %s\n", problem);
    }
    return !problem;
}

static int parse_flags(int argc, char **argv, struct flags *flags)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'},
        {"helper-image", required_argument, NULL, 'i'},
        {"log-level", required_argument, NULL, 'l'},
        {"log-format", required_argument, NULL, 'f'},
        {"kubeconfig", required_argument, NULL, 'k'},
        {"context", required_argument, NULL, 'c'},
        {"leader-elect", no_argument, NULL, 'e'},
        {"lease-duration", required_argument, NULL, 'd'},
        {"renew-deadline", required_argument, NULL, 'r'},
        {"retry-period", required_argument, NULL, 'p'},
        {"lease-namespace", required_argument, NULL, 'n'},
        {"webhook-address", required_argument, NULL, 'w'},
        {"webhook-tls-cert", required_argument, NULL, 's'},
        {"webhook-tls-key", required_argument, NULL, 'S'},
        {"allow-egress", required_argument, NULL, 'g'},
        {"allow-egress-addresses", required_argument, NULL, 'G'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        int code = take_flag(option, optarg, flags);
        if (code >= 0) {
            return code;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "tidemill controller: unexpected argument \"%s\"\n%s", argv[optind],
                      usage);
        return EXIT_REFUSED;
    }
    struct error error;
    if (!result_is_ok(election_check_times(&flags->times, &error))) {
        (void)fprintf(stderr, "tidemill controller: %s\n", error.message);
        return EXIT_REFUSED;
    }
    return check_webhook_flags(flags) ? -1 : EXIT_REFUSED;
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
    const struct flags *flags = &program->flags;
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
    const struct flags *flags = &program->flags;
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
    const struct flags *flags = &program->flags;
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
        .flags = {.address = DEFAULT_ADDRESS,
                  .log = {.write = write_line,
                          .now_micros = wall_clock_micros,
                          .level = LOG_INFO,
                          .format = LOG_FORMAT_TEXT},
                  .times = {.lease_ms = ELECTION_LEASE_MS,
                            .renew_ms = ELECTION_RENEW_MS,
                            .retry_ms = ELECTION_RETRY_MS}},
        .pod_name = getenv("POD_NAME"),
        .pod_namespace = getenv("POD_NAMESPACE"),
        .pod_uid = getenv("POD_UID"),
    };
    int code = parse_flags(argc, argv, &program.flags);
    if (code >= 0) {
        return code;
    }
    log_configure(program.flags.log);
    code = run_program(&program);
    arena_free(&program.arena);
    return code;
}
