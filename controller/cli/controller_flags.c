#include "cli/controller_flags.h"

#include "api/quantity.h"
#include "cli/arguments.h"
#include "core/text.h"

#include <stdio.h>

#define DEFAULT_ADDRESS ":8080"

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

static int refuse(const char *option, const char *value, const char *expected)
{
    return arguments_refuse("controller", option, value, expected);
}

static int take_log_level(const char *value, struct controller_flags *flags)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (text_equal(value, names[level])) {
            flags->log_level = level;
            return GO_ON;
        }
    }
    return refuse("--log-level", value, "debug, info, warning or error");
}

static int take_log_format(const char *value, struct controller_flags *flags)
{
    if (text_equal(value, "json") || text_equal(value, "text")) {
        flags->log_format = text_equal(value, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
        return GO_ON;
    }
    return refuse("--log-format", value, "text or json");
}

static int take_duration(const char *option, const char *value, int64_t *milliseconds)
{
    return duration_parse(value, milliseconds) ? GO_ON
                                               : refuse(option, value, "a duration like 15s or 1m");
}

static int take_ranges(const char *value, struct address_ranges *ranges)
{
    struct error error;
    if (result_is_ok(address_ranges_parse(value, ranges, &error))) {
        return GO_ON;
    }
    (void)fprintf(stderr, "tidemill controller: --allow-egress-addresses: %s\n", error.message);
    return EXIT_REFUSED;
}

static int take_flag(void *context, int option, const char *value)
{
    struct controller_flags *flags = context;
    switch (option) {
    case 'a':
        flags->address = value;
        return GO_ON;
    case 'i':
        flags->helper_image = value;
        return GO_ON;
    case 'l':
        return take_log_level(value, flags);
    case 'f':
        return take_log_format(value, flags);
    case 'e':
        flags->leader_elect = true;
        return GO_ON;
    case 'd':
        return take_duration("--lease-duration", value, &flags->times.lease_ms);
    case 'r':
        return take_duration("--renew-deadline", value, &flags->times.renew_ms);
    case 'p':
        return take_duration("--retry-period", value, &flags->times.retry_ms);
    case 'n':
        flags->lease_namespace = value;
        return GO_ON;
    case 'w':
        flags->webhook_address = value;
        return GO_ON;
    case 's':
        flags->webhook_certificate = value;
        return GO_ON;
    case 'S':
        flags->webhook_key = value;
        return GO_ON;
    case 'g':
        flags->allow_egress = value;
        return GO_ON;
    case 'G':
        return take_ranges(value, &flags->egress_addresses);
    default:
        return arguments_take_access(&flags->access, option, value);
    }
}

/* What belongs together is there. */
static bool check_webhook_flags(const struct controller_flags *flags)
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

int controller_flags_read(struct controller_flags *flags, int argc, char **argv)
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
        ARGUMENTS_END,
    };
    static const struct arguments_form form = {usage, "h", options, take_flag};
    *flags = (struct controller_flags){.address = DEFAULT_ADDRESS,
                                       .log_level = LOG_INFO,
                                       .log_format = LOG_FORMAT_TEXT,
                                       .times = {.lease_ms = ELECTION_LEASE_MS,
                                                 .renew_ms = ELECTION_RENEW_MS,
                                                 .retry_ms = ELECTION_RETRY_MS}};
    int code = arguments_read(&form, argc, argv, flags);
    if (code != GO_ON) {
        return code;
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
    return check_webhook_flags(flags) ? GO_ON : EXIT_REFUSED;
}
