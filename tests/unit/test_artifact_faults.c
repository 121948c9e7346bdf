/*
 * Every system call of every action fails once, in turn: there is always a whole message or the
 * same result as without the failure, no file stays open, and ASan finds no leak.
 */

#include "unit/test_artifact_fixture.h"

#include "artifact/command.h"
#include "artifact/copy.h"

#include <jansson.h>

static int calls_until_fault; /* < 0: none fails */
static int fault_errno;
static bool only_interruptible; /* calls that a signal may interrupt */

static bool fails(bool interruptible)
{
    if ((only_interruptible && !interruptible) || calls_until_fault < 0) {
        return false;
    }
    errno = fault_errno;
    return calls_until_fault-- == 0;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    return fails(false) ? -1 : open(path, flags, mode);
}

static int faulty_openat2(int folder, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    return fails(true) ? -1 : artifact_system_real.openat2(folder, path, flags, mode, resolve);
}

static int faulty_close(int file)
{
    bool failing = fails(false);
    int error = errno;
    int status = close(file); /* as on Linux: the file is closed all the same */
    errno = failing ? error : errno;
    return failing ? -1 : status;
}

static ssize_t faulty_read(int file, void *bytes, size_t size)
{
    return fails(true) ? -1 : read(file, bytes, size);
}

static ssize_t faulty_write(int file, const void *bytes, size_t size)
{
    return fails(true) ? -1 : write(file, bytes, size);
}

static ssize_t faulty_getdents(int folder, void *bytes, size_t size)
{
    return fails(true) ? -1 : artifact_system_real.getdents(folder, bytes, size);
}

static int faulty_fstat(int file, struct stat *status)
{
    return fails(false) ? -1 : fstat(file, status);
}

static int faulty_fstatat(int folder, const char *name, struct stat *status, int flags)
{
    return fails(false) ? -1 : fstatat(folder, name, status, flags);
}

static int faulty_access(int folder, const char *name, int mode)
{
    return fails(false) ? -1 : artifact_system_real.access(folder, name, mode);
}

static int faulty_mkdirat(int folder, const char *name, mode_t mode)
{
    return fails(false) ? -1 : mkdirat(folder, name, mode);
}

static int faulty_unlinkat(int folder, const char *name, int flags)
{
    return fails(false) ? -1 : unlinkat(folder, name, flags);
}

static int faulty_renameat(int folder, const char *from, const char *to)
{
    return fails(false) ? -1 : artifact_system_real.renameat(folder, from, to);
}

static int faulty_fsync(int file)
{
    (void)file; /* the machine's disks are not what is tested */
    return fails(false) ? -1 : 0;
}

static int faulty_syncfs(int file)
{
    (void)file;
    return fails(false) ? -1 : 0;
}

static int faulty_advise(int file)
{
    return fails(false) ? -1 : artifact_system_real.advise_sequential(file);
}

static const struct artifact_system faulty = {
    .open = faulty_open,
    .openat2 = faulty_openat2,
    .close = faulty_close,
    .read = faulty_read,
    .write = faulty_write,
    .getdents = faulty_getdents,
    .fstat = faulty_fstat,
    .fstatat = faulty_fstatat,
    .access = faulty_access,
    .mkdirat = faulty_mkdirat,
    .unlinkat = faulty_unlinkat,
    .renameat = faulty_renameat,
    .fsync = faulty_fsync,
    .syncfs = faulty_syncfs,
    .advise_sequential = faulty_advise,
};

static char model_digest[ARTIFACT_DIGEST_SIZE];

static int faults_setup(void **state)
{
    int status = fixture_setup(state);
    fixture_folder("claim");
    fixture_folder("to");
    fixture_model("claim/model");
    fixture_file("claim/table", "1,2,3\n");
    fixture_digest("claim/model", model_digest);
    return status;
}

static struct artifact_request request_for(enum artifact_action action)
{
    struct artifact_request request = {
        .action = action,
        .root = "claim",
        .message = "message",
        .message_max = ARTIFACT_MESSAGE_MAX,
    };
    if (action == ARTIFACT_COPY) {
        request.from = "model";
        request.to = "to";
        request.digest = model_digest;
        return request;
    }
    request.out = action == ARTIFACT_PREPARE ? "run/pod" : NULL;
    request.input_count = 2;
    request.inputs[0] = (struct artifact_input){
        .name = "m", .path = "model", .digest = model_digest};
    request.inputs[1] = (struct artifact_input){.name = "t", .path = "table"};
    return request;
}

/* Runs with standard output thrown away. */
static enum artifact_exit run(enum artifact_action action)
{
    struct artifact_request request = request_for(action);
    (void)fflush(stdout);
    int kept[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(nowhere, STDOUT_FILENO);
    (void)dup2(nowhere, STDERR_FILENO);
    size_t before = fixture_open_files();
    enum artifact_exit code = artifact_run(&faulty, &request);
    size_t after = fixture_open_files();
    (void)dup2(kept[0], STDOUT_FILENO);
    (void)dup2(kept[1], STDERR_FILENO);
    (void)close(kept[0]);
    (void)close(kept[1]);
    (void)close(nowhere);
    assert_int_equal(after, before);
    return code;
}

static void start_anew(void)
{
    char text[FIXTURE_TEXT_SIZE];
    fixture_shell("rm -rf to claim/run message claim/*-manifest* claim/.tide*; mkdir to", text);
}

static void expect_reason(int at)
{
    char text[FIXTURE_TEXT_SIZE];
    fixture_read("message", text);
    if (text[0] == '\0') {
        return; /* the message's own file could not be written: standard error says so */
    }
    json_t *message = json_loads(text, 0, NULL);
    const char *reason = json_string_value(json_object_get(message, "reason"));
    const char *words = json_string_value(json_object_get(message, "message"));
    if (reason == NULL || words == NULL) {
        /* Whole, but its file could not be closed. */
        assert_non_null(json_object_get(message, "digest") ? message
                                                           : json_object_get(message, "inputs"));
    } else if (strstr(reason, "Mismatch") != NULL || strlen(words) < 20) {
        fail_msg("call %d: %s", at, text);
    }
    json_decref(message);
}

static void fail_each_call(enum artifact_action action, int error)
{
    char expected[FIXTURE_TEXT_SIZE];
    char text[FIXTURE_TEXT_SIZE];
    fault_errno = error;
    calls_until_fault = -1;
    start_anew();
    assert_int_equal(run(action), ARTIFACT_EXIT_OK);
    fixture_read("message", expected);
    int failed = 0;
    int at = 0;
    for (;; at++) {
        start_anew();
        calls_until_fault = at;
        enum artifact_exit code = run(action);
        if (calls_until_fault >= 0) {
            break; /* there are not so many calls */
        }
        if (code == ARTIFACT_EXIT_OK) {
            fixture_read("message", text);
            assert_string_equal(text, expected);
        } else {
            failed++;
            expect_reason(at);
        }
        calls_until_fault = -1; /* whatever was left behind, the next attempt goes well */
        assert_int_equal(run(action), ARTIFACT_EXIT_OK);
        assert_false(fixture_exists("to/" ARTIFACT_COPY_MARKER));
    }
    print_message("%d calls, each failed once; %d of them mattered\n", at, failed);
    assert_in_range(at, 30, 1000);
    assert_in_range(failed, 10, at);
}

static void prepare_survives_each_failing_call(void **state)
{
    (void)state;
    fail_each_call(ARTIFACT_PREPARE, EIO);
    fail_each_call(ARTIFACT_PREPARE, EACCES);
}

static void seal_survives_each_failing_call(void **state)
{
    (void)state;
    fail_each_call(ARTIFACT_SEAL, EIO);
    fail_each_call(ARTIFACT_SEAL, ENOMEM);
}

static void copy_survives_each_failing_call(void **state)
{
    (void)state;
    fail_each_call(ARTIFACT_COPY, EIO);
    fail_each_call(ARTIFACT_COPY, ENOSPC);
}

static void a_signal_in_between_changes_nothing(void **state)
{
    (void)state;
    char expected[FIXTURE_TEXT_SIZE];
    char text[FIXTURE_TEXT_SIZE];
    fault_errno = EINTR;
    only_interruptible = true;
    calls_until_fault = -1;
    start_anew();
    assert_int_equal(run(ARTIFACT_COPY), ARTIFACT_EXIT_OK);
    fixture_read("message", expected);
    for (int at = 0;; at++) {
        start_anew();
        calls_until_fault = at;
        assert_int_equal(run(ARTIFACT_COPY), ARTIFACT_EXIT_OK);
        fixture_read("message", text);
        assert_string_equal(text, expected);
        if (calls_until_fault >= 0) {
            break;
        }
    }
    only_interruptible = false;
}

static void a_manifest_that_cannot_be_kept_is_no_failure(void **state)
{
    (void)state;
    char text[FIXTURE_TEXT_SIZE];
    calls_until_fault = -1;
    start_anew();
    fixture_folder("claim/model.tidemill-manifest"); /* nothing can be renamed onto it */
    assert_int_equal(run(ARTIFACT_SEAL), ARTIFACT_EXIT_OK);
    fixture_shell("ls -A claim | tr '\\n' ' '", text);
    assert_string_equal(text, "model model.tidemill-manifest table ");
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, faults_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(prepare_survives_each_failing_call),
        WITH_FOLDER(seal_survives_each_failing_call),
        WITH_FOLDER(copy_survives_each_failing_call),
        WITH_FOLDER(a_signal_in_between_changes_nothing),
        WITH_FOLDER(a_manifest_that_cannot_be_kept_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
