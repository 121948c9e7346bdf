/*
 * `tidemill artifact`: what runs inside users' pods. Arguments are checked here; artifact/ does the
 * work. Usage errors end with 2 and say so on standard error only.
 */

#include "artifact/command.h"
#include "cli/cli.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/text.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIGNAL_EXIT = 128 }; /* plus the signal's number, as shells say it */

static const char usage_text[] =
    "usage:\n"
    "  tidemill artifact prepare --root DIR [--out PATH] [--input NAME=PATH[@sha256:HEX]]...\n"
    "  tidemill artifact seal    --root DIR --input NAME=PATH[@sha256:HEX]...\n"
    "  tidemill artifact copy    --root DIR --from PATH --digest sha256:HEX --to DIR\n"
    "  tidemill artifact digest  PATH\n"
    "\n"
    "prepare makes the folder PATH on the claim mounted at DIR and digests the inputs, seal\n"
    "digests them, copy copies an artifact while comparing its digest, digest prints one.\n"
    "PATHs are relative to DIR, but for digest's.\n"
    "\n"
    "  --message FILE     where the result goes, one JSON object (default /dev/termination-log);\n"
    "                     it is printed too\n"
    "  --message-max N    bytes of it at most, 256 to 4096 (default 4096; the kubelet keeps\n"
    "                     12288 divided by the number of the pod's containers)\n"
    "\n"
    "exit codes: 0 done, 1 failed (the result has reason and message), 2 wrong usage\n";

static int fail_usage(const char *format, ...) PRINTF_LIKE(1, 2);

static int fail_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("tidemill artifact: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputs("; see tidemill artifact --help\n", stderr);
    va_end(arguments);
    return ARTIFACT_EXIT_USAGE;
}

/* As PID 1 of a container a process has no default for signals: it would sit out its grace time. */
static void end_by_signal(int number)
{
    _exit(SIGNAL_EXIT + number);
}

static void catch_signals(void)
{
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = end_by_signal};
    for (size_t at = 0; at < COUNT_OF(numbers); at++) {
        (void)sigaction(numbers[at], &action, NULL);
    }
}

/* What the arguments are parsed into; `storage` keeps the parts of --input. */
struct arguments {
    struct artifact_request request;
    const char *message_max;
    char *storage[ARTIFACT_INPUTS_MAX];
};

static int parse_input(struct arguments *arguments, const char *text)
{
    struct artifact_request *request = &arguments->request;
    if (request->input_count >= ARTIFACT_INPUTS_MAX) {
        return fail_usage("more than %d --input", ARTIFACT_INPUTS_MAX);
    }
    char *copy = memory_copy_text(text);
    arguments->storage[request->input_count] = copy;
    struct artifact_input *input = &request->inputs[request->input_count++];
    char *equals = strchr(copy, '=');
    if (equals == NULL) {
        return fail_usage("--input %s: must be NAME=PATH or NAME=PATH@sha256:HEX",
                          artifact_quote(text, NULL).text);
    }
    *equals = '\0';
    *input = (struct artifact_input){.name = copy, .path = equals + 1};
    char *at_sign = strrchr(equals + 1, '@');
    if (at_sign != NULL && text_starts_with(at_sign + 1, "sha256:")) {
        *at_sign = '\0';
        input->digest = at_sign + 1;
    }
    if (!artifact_input_name_is_valid(input->name)) {
        return fail_usage("--input %s: the name must be 1 to %d letters, digits, '-', '_' or '.', "
                          "with a letter or digit at both ends",
                          artifact_quote(text, NULL).text, ARTIFACT_INPUT_NAME_MAX);
    }
    if (input->digest != NULL && !artifact_digest_is_valid(input->digest)) {
        return fail_usage("--input %s: the digest must be sha256: and 64 lower-case hex digits",
                          artifact_quote(text, NULL).text);
    }
    for (size_t at = 0; at + 1 < request->input_count; at++) {
        if (text_equal(request->inputs[at].name, input->name)) {
            return fail_usage("--input %s: the name is given twice", input->name);
        }
    }
    return ARTIFACT_EXIT_OK;
}

/* Where an option's value goes; NULL for an option that is not known. */
static const char **find_option(struct arguments *arguments, const char *name, size_t size)
{
    struct artifact_request *request = &arguments->request;
    const struct {
        const char *name;
        const char **value;
    } options[] = {
        {"--root", &request->root},
        {"--out", &request->out},
        {"--from", &request->from},
        {"--to", &request->to},
        {"--digest", &request->digest},
        {"--message", &request->message},
        {"--message-max", &arguments->message_max},
    };
    for (size_t at = 0; at < COUNT_OF(options); at++) {
        if (strlen(options[at].name) == size && memcmp(options[at].name, name, size) == 0) {
            return options[at].value;
        }
    }
    return NULL;
}

static int parse_options(struct arguments *arguments, int argc, char **argv)
{
    for (int at = 0; at < argc; at++) {
        const char *option = argv[at];
        size_t size = strcspn(option, "=");
        bool is_input = size == strlen("--input") && text_starts_with(option, "--input");
        const char **value = is_input ? NULL : find_option(arguments, option, size);
        if (!is_input && value == NULL) {
            return fail_usage("%s is not known", artifact_quote(option, NULL).text);
        }
        if (option[size] == '\0' && at + 1 == argc) {
            return fail_usage("%s needs a value", option);
        }
        const char *given = option[size] == '=' ? option + size + 1 : argv[++at];
        if (is_input) {
            int status = parse_input(arguments, given);
            if (status != ARTIFACT_EXIT_OK) {
                return status;
            }
            continue;
        }
        if (*value != NULL) {
            return fail_usage("%.*s is given twice", (int)size, option);
        }
        *value = given;
    }
    return ARTIFACT_EXIT_OK;
}

/* Which options an action needs (true), and which it has no use for. */
static int check_presence(const struct artifact_request *request)
{
    bool is_copy = request->action == ARTIFACT_COPY;
    if (text_is_empty(request->root)) {
        return fail_usage("--root DIR is missing");
    }
    if (is_copy && (text_is_empty(request->from) || text_is_empty(request->to) ||
                    text_is_empty(request->digest))) {
        return fail_usage("copy needs --from PATH, --digest sha256:HEX and --to DIR");
    }
    if (!is_copy && (request->from != NULL || request->to != NULL || request->digest != NULL)) {
        return fail_usage("--from, --to and --digest are for copy only");
    }
    if (is_copy && request->input_count > 0) {
        return fail_usage("copy takes no --input");
    }
    if (request->action != ARTIFACT_PREPARE && request->out != NULL) {
        return fail_usage("--out is for prepare only");
    }
    if (request->action == ARTIFACT_SEAL && request->input_count == 0) {
        return fail_usage("seal needs an --input");
    }
    return ARTIFACT_EXIT_OK;
}

static int check_values(struct arguments *arguments)
{
    struct artifact_request *request = &arguments->request;
    struct error error = {0};
    const char *paths[ARTIFACT_INPUTS_MAX + 2] = {request->out, request->from};
    for (size_t at = 0; at < request->input_count; at++) {
        paths[at + 2] = request->inputs[at].path;
    }
    for (size_t at = 0; at < request->input_count + 2; at++) {
        if (paths[at] != NULL && !result_is_ok(artifact_path_check(paths[at], &error))) {
            return fail_usage("%s", error.message);
        }
    }
    if (request->digest != NULL && !artifact_digest_is_valid(request->digest)) {
        return fail_usage("--digest must be sha256: and 64 lower-case hex digits");
    }
    int64_t maximum = ARTIFACT_MESSAGE_MAX;
    if (arguments->message_max != NULL &&
        (!text_parse_integer(arguments->message_max, &maximum) || maximum < ARTIFACT_MESSAGE_MIN ||
         maximum > ARTIFACT_MESSAGE_MAX)) {
        return fail_usage("--message-max must be a number from %d to %d", ARTIFACT_MESSAGE_MIN,
                          ARTIFACT_MESSAGE_MAX);
    }
    request->message_max = (size_t)maximum;
    if (!artifact_message_inputs_fit(request->inputs, request->input_count, request->message_max)) {
        return fail_usage("the digests of %zu inputs do not fit into a message of %zu bytes: use "
                          "fewer inputs or shorter names",
                          request->input_count, request->message_max);
    }
    return ARTIFACT_EXIT_OK;
}

static int run_action(enum artifact_action action, int argc, char **argv)
{
    struct arguments *arguments = memory_allocate(1, sizeof(*arguments));
    arguments->request.action = action;
    int status = parse_options(arguments, argc, argv);
    if (status == ARTIFACT_EXIT_OK) {
        status = check_presence(&arguments->request);
    }
    if (status == ARTIFACT_EXIT_OK) {
        status = check_values(arguments);
    }
    if (status == ARTIFACT_EXIT_OK) {
        catch_signals();
        status = (int)artifact_run(&artifact_system_real, &arguments->request);
    }
    for (size_t at = 0; at < ARTIFACT_INPUTS_MAX; at++) {
        (void)memory_free(arguments->storage[at]);
    }
    (void)memory_free(arguments);
    return status;
}

static int run_digest(int argc, char **argv)
{
    if (argc != 1 || text_is_empty(argv[0]) || argv[0][0] == '-') {
        return fail_usage("digest needs one PATH (./-x for a name that begins with '-')");
    }
    if (strlen(argv[0]) > ARTIFACT_PATH_MAX) {
        return fail_usage("the path is longer than %d bytes", ARTIFACT_PATH_MAX);
    }
    catch_signals();
    return (int)artifact_run_digest(&artifact_system_real, argv[0]);
}

int cli_artifact(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum artifact_action action;
    } actions[] = {
        {"prepare", ARTIFACT_PREPARE},
        {"seal", ARTIFACT_SEAL},
        {"copy", ARTIFACT_COPY},
    };
    if (argc < 2) {
        return fail_usage("an action is missing: prepare, seal, copy or digest");
    }
    if (text_equal(argv[1], "--help") || text_equal(argv[1], "-h")) {
        (void)fputs(usage_text, stdout);
        return ARTIFACT_EXIT_OK;
    }
    if (text_equal(argv[1], "digest")) {
        return run_digest(argc - 2, argv + 2);
    }
    for (size_t at = 0; at < COUNT_OF(actions); at++) {
        if (text_equal(argv[1], actions[at].name)) {
            return run_action(actions[at].action, argc - 2, argv + 2);
        }
    }
    return fail_usage("%s is not an action: prepare, seal, copy or digest",
                      artifact_quote(argv[1], NULL).text);
}
