/* The command as a pod runs it: arguments in, exit code, message and folders out. */

#include "unit/test_artifact_fixture.h"

#include "artifact/command.h"
#include "cli/cli.h"

#include <grp.h>
#include <jansson.h>
#include <sched.h>
#include <sys/mount.h>

enum { ARGUMENTS_MAX = 80, NOT_POSSIBLE = 77 };

struct run {
    int code;
    char out[FIXTURE_TEXT_SIZE];
    char error[FIXTURE_TEXT_SIZE];
    char message[FIXTURE_TEXT_SIZE];
};

/* Who runs it; 0: the test's own user. */
struct user {
    uid_t uid;
    gid_t gid;
    gid_t group; /* supplementary, as fsGroup gives it */
};

static bool become(struct user user)
{
    return user.uid == 0 || (setgroups(user.group == 0 ? 0 : 1, &user.group) == 0 &&
                             setresgid(user.gid, user.gid, user.gid) == 0 &&
                             setresuid(user.uid, user.uid, user.uid) == 0);
}

static void run_child(char **arguments, int count, struct user user, void (*before)(void))
{
    int out = open("out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int error = open("error", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0 || error < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(error, STDERR_FILENO) < 0) {
        _exit(99);
    }
    if (before != NULL) {
        before();
    }
    if (!become(user)) {
        _exit(NOT_POSSIBLE);
    }
    int code = cli_artifact(count, arguments);
    (void)fflush(NULL);
    _exit(code);
}

/* `line` is split at spaces; it begins after "artifact". */
static struct run run_as(struct user user, void (*before)(void), const char *line)
{
    static char copy[FIXTURE_TEXT_SIZE];
    static char name[] = "artifact";
    char *arguments[ARGUMENTS_MAX + 1] = {name};
    int count = 1;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        assert_in_range(count, 1, ARGUMENTS_MAX - 1);
        arguments[count++] = word;
    }
    (void)truncate("message", 0);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        run_child(arguments, count, user, before);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    static struct run run;
    run.code = WEXITSTATUS(status);
    fixture_read("out", run.out);
    fixture_read("error", run.error);
    fixture_read("message", run.message);
    return run;
}

static struct run run_command(const char *line)
{
    return run_as((struct user){0}, NULL, line);
}

static void expect_reason(const struct run *run, const char *reason, const char *part)
{
    json_t *message = json_loads(run->message, 0, NULL);
    const char *found = json_string_value(json_object_get(message, "reason"));
    const char *words = json_string_value(json_object_get(message, "message"));
    if (run->code != 1 || !text_equal(found, reason) || strstr(words, part) == NULL) {
        fail_msg("expected %s with %s, got %d: %s %s", reason, part, run->code, run->message,
                 run->error);
    }
    json_decref(message);
}

static int command_setup(void **state)
{
    int status = fixture_setup(state);
    fixture_folder("claim");
    fixture_model("claim/model");
    fixture_file("claim/table", "1,2,3\n");
    fixture_file("message", "");
    (void)chmod("message", 0666);
    return status;
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
    const char *sentence;
    const char *line;
    const char *part; /* of standard error */
} usages[] = {
    {"an action is needed", "", "an action is missing"},
    {"it is one of four", "unseal --root claim", "\"unseal\" is not an action"},
    {"the root is needed", "prepare --out x", "--root DIR is missing"},
    {"seal needs an input", "seal --root claim", "seal needs an --input"},
    {"seal makes nothing", "seal --root claim --input t=table --out x", "for prepare only"},
    {"copy needs a digest", "copy --root claim --from model --to to", "copy needs"},
    {"copy needs a real digest", "copy --root claim --from m --to to --digest sha256:12",
     "64 lower-case hex"},
    {"copy takes no inputs",
     "copy --root claim --from m --to to --digest sha256:" HEX64 " --input t=table", "no --input"},
    {"prepare copies nothing", "prepare --root claim --from x", "for copy only"},
    {"options are known", "prepare --rot claim", "\"--rot\" is not known"},
    {"control bytes in an option are not passed on", "prepare --\x1b[2J claim", "\\x1b"},
    {"an option needs a value", "prepare --root", "--root needs a value"},
    {"an option is given once", "prepare --root a --root b", "--root is given twice"},
    {"an input has a name and a path", "seal --root claim --input table", "NAME=PATH"},
    {"an input's name is plain", "seal --root claim --input a\"b=table", "the name must be"},
    {"an input is named once", "seal --root claim --input t=table --input t=model",
     "the name is given twice"},
    {"an input's digest is whole", "seal --root claim --input t=table@sha256:abc",
     "the digest must be"},
    {"an input's path goes down", "seal --root claim --input t=../etc", "\"..\""},
    {"an input's path is relative", "seal --root claim --input t=/etc/passwd", "relative"},
    {"an input's path is something", "seal --root claim --input t=", "relative"},
    {"the out folder's path goes down", "prepare --root claim --out a/../../b", "\"..\""},
    {"the message's size is a number", "prepare --root claim --message-max x", "from 256 to 4096"},
    {"the message's size is at least 256", "prepare --root claim --message-max 255", "from 256"},
    {"the message's size is at most 4096", "prepare --root claim --message-max 4097", "from 256"},
    {"digest needs a path", "digest", "digest needs one PATH"},
    {"digest takes one path", "digest a b", "digest needs one PATH"},
    {"digest takes no options", "digest --root", "digest needs one PATH"},
};

static void wrong_usage_ends_with_2_and_says_what(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(usages); at++) {
        struct run run = run_command(usages[at].line);
        if (run.code != 2 || strstr(run.error, usages[at].part) == NULL || run.out[0] != '\0' ||
            run.message[0] != '\0') {
            fail_msg("%s: %d %s", usages[at].sentence, run.code, run.error);
        }
    }
}

static void help_is_printed(void **state)
{
    (void)state;
    struct run run = run_command("--help");
    assert_int_equal(run.code, 0);
    assert_non_null(strstr(run.out, "tidemill artifact prepare --root DIR"));
}

static void prepare_says_the_digests_of_its_inputs(void **state)
{
    (void)state;
    char expected[FIXTURE_TEXT_SIZE];
    char table[FIXTURE_TEXT_SIZE];
    char model[FIXTURE_TEXT_SIZE];
    fixture_shell("sha256sum claim/table | cut -c1-64", table);
    fixture_python_digest("claim/model", model);
    char line[FIXTURE_TEXT_SIZE];
    (void)snprintf(line, sizeof(line),
                   "prepare --root claim --out run/pod --input=table=table@sha256:%s "
                   "--input m=model --input again=model --message=message",
                   table);
    struct run run = run_command(line);
    (void)snprintf(expected, sizeof(expected),
                   "{\"inputs\":{\"table\":{\"digest\":\"sha256:%s\",\"bytes\":6,\"files\":1},"
                   "\"m\":{\"digest\":\"%s\",\"bytes\":32,\"files\":6},"
                   "\"again\":{\"digest\":\"%s\",\"bytes\":32,\"files\":6}}}",
                   table, model, model);
    assert_string_equal(run.message, expected);
    assert_int_equal(run.code, 0);
    (void)strcat(expected, "\n");
    assert_string_equal(run.out, expected);
    assert_string_equal(run.error, "");
    fixture_shell("printf sha256:; sha256sum claim/model.tidemill-manifest | cut -c1-64", table);
    assert_string_equal(table, model);
    assert_false(fixture_exists("claim/table.tidemill-manifest"));
    fixture_shell("ls -A claim | tr '\\n' ' '", table);
    assert_string_equal(table, "model model.tidemill-manifest run table ");
}

static void prepare_without_anything_is_well(void **state)
{
    (void)state;
    struct run run = run_command("prepare --root claim --message message");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.message, "{\"inputs\":{}}");
}

static void an_empty_folder_keeps_an_empty_manifest(void **state)
{
    (void)state;
    fixture_folder("claim/none");
    assert_int_equal(run_command("seal --root claim --input n=none --message message").code, 0);
    assert_true(fixture_exists("claim/none.tidemill-manifest"));
}

static void failures_have_their_reasons(void **state)
{
    (void)state;
    struct run run = run_command("seal --root claim --input t=none --message message");
    expect_reason(&run, "InputMissing", "input \"t\": \"none\" does not exist on the claim");
    run = run_command("seal --root claim --input t=table@sha256:" HEX64 " --message message");
    expect_reason(&run, "DigestMismatch", "expected sha256:" HEX64);
    run = run_command("seal --root claim --input a=table --input t=table@sha256:" HEX64
                      " --message message");
    expect_reason(&run, "DigestMismatch", "input \"t\"");
    run = run_command("seal --root none --input t=table --message message");
    expect_reason(&run, "ArtifactIO", "\"none\" cannot be opened");
    run = run_command("copy --root claim --from table --digest sha256:" HEX64
                      " --to none --message message");
    expect_reason(&run, "ArtifactIO", "mount an emptyDir there");
    assert_int_equal(symlink("/proc/self/environ", "claim/link"), 0);
    run = run_command("seal --root claim --input t=link --message message");
    expect_reason(&run, "UnsafeContent", "\"link\" is a symbolic link");
    run = run_command("prepare --root claim --out link/x --message message");
    expect_reason(&run, "UnsafeContent", "\"link\" is a symbolic link");
    run = run_command("prepare --root claim --out table/x --message message");
    expect_reason(&run, "ArtifactIO", "\"table\" is not a folder");
}

static void many_inputs_drop_bytes_and_files_first(void **state)
{
    (void)state;
    char line[FIXTURE_TEXT_SIZE] = "seal --root claim --message message";
    for (int at = 0; at < ARTIFACT_INPUTS_MAX; at++) {
        (void)snprintf(line + strlen(line), sizeof(line) - strlen(line),
                       " --input input-with-a-name-of-39-characters--%02d=table", at);
    }
    struct run run = run_command(line);
    assert_int_equal(run.code, 0);
    assert_in_range(strlen(run.message), 3900, ARTIFACT_MESSAGE_MAX);
    json_t *message = json_loads(run.message, 0, NULL);
    json_t *inputs = json_object_get(message, "inputs");
    assert_int_equal(json_object_size(inputs), ARTIFACT_INPUTS_MAX);
    const char *key;
    json_t *value;
    json_object_foreach(inputs, key, value)
    {
        assert_int_equal(json_object_size(value), 1);
        assert_int_equal(json_string_length(json_object_get(value, "digest")), 71);
    }
    json_decref(message);
    (void)strcat(line, " --message-max 4000");
    run = run_command(line);
    assert_int_equal(run.code, 2);
    assert_non_null(strstr(run.error, "do not fit"));
    (void)strcat(line, " --input one-more=table");
    assert_int_equal(run_command(line).code, 2);
}

static void a_failure_is_cut_to_the_message_s_size(void **state)
{
    (void)state;
    char line[FIXTURE_TEXT_SIZE];
    char name[201];
    enum { WHOLE = 600 }; /* bytes: about what the message has when nothing is cut */
    for (size_t at = 0; at + 2 < sizeof(name); at += 2) {
        memcpy(name + at, "\"\\", 3);
    }
    for (int size = ARTIFACT_MESSAGE_MIN; size < 900; size += 7) {
        (void)snprintf(line, sizeof(line),
                       "seal --root claim --input t=%s --message message --message-max %d", name,
                       size);
        struct run run = run_command(line);
        assert_in_range(strlen(run.message), size < WHOLE ? size - 8 : WHOLE, size);
        expect_reason(&run, "InputMissing", "input \"t\"");
    }
}

static void a_message_that_cannot_be_written_fails(void **state)
{
    (void)state;
    struct run run = run_command("seal --root claim --input t=table --message none/message");
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.error, "\"none/message\" cannot be written"));
    assert_non_null(strstr(run.out, "{\"inputs\":{\"t\":{\"digest\":\"sha256:"));
}

static void outside_a_container_the_message_is_printed_only(void **state)
{
    (void)state;
    if (fixture_exists(ARTIFACT_MESSAGE_PATH)) {
        print_message("%s exists here: this row is for machines without\n", ARTIFACT_MESSAGE_PATH);
        return;
    }
    struct run run = run_command("seal --root claim --input t=table");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.error, "");
    assert_false(fixture_exists(ARTIFACT_MESSAGE_PATH));
}

static void digest_prints_as_sha256sum_does_and_writes_nothing(void **state)
{
    (void)state;
    char expected[FIXTURE_TEXT_SIZE];
    char line[FIXTURE_TEXT_SIZE];
    fixture_shell("printf sha256:; sha256sum claim/table", expected);
    struct run run = run_command("digest claim/table");
    assert_int_equal(run.code, 0);
    (void)strcat(expected, "\n");
    assert_string_equal(run.out, expected);
    fixture_python_digest("claim/model", expected);
    static const char *const paths[] = {"claim/model", "claim/model/", "claim/model/a/..",
                                        "./claim/model"};
    for (size_t at = 0; at < COUNT_OF(paths); at++) {
        (void)snprintf(line, sizeof(line), "digest %s", paths[at]);
        run = run_command(line);
        (void)snprintf(line, sizeof(line), "%s  %s\n", expected, paths[at]);
        assert_string_equal(run.out, line);
    }
    assert_false(fixture_exists("claim/model.tidemill-manifest"));
    run = run_command("digest claim/none");
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.error, "InputMissing: \"claim/none\" does not exist"));
    assert_int_equal(symlink("table", "claim/link"), 0);
    run = run_command("digest claim/link");
    assert_int_equal(run.code, 1);
    assert_non_null(strstr(run.error, "UnsafeContent"));
}

static void strict_umask(void)
{
    (void)umask(0077);
}

static void new_folders_can_be_read_by_later_steps_whatever_the_umask(void **state)
{
    (void)state;
    struct run run = run_as((struct user){0}, strict_umask,
                            "prepare --root claim --out run/pod/deep --message message");
    assert_int_equal(run.code, 0);
    assert_int_equal(fixture_mode("claim/run") & 0777, 0775);
    assert_int_equal(fixture_mode("claim/run/pod/deep") & 0777, 0775);
    assert_int_equal(chmod("claim/run/pod/deep", 0700), 0);
    run = run_command("prepare --root claim --out run/pod/deep --message message");
    assert_int_equal(run.code, 0); /* made before: left as it is */
    assert_int_equal(fixture_mode("claim/run/pod/deep") & 0777, 0700);
}

/* Only root can be somebody else. */
static bool can_change_user(void)
{
    if (geteuid() == 0) {
        return true;
    }
    print_message("not root: nobody else can be tried\n");
    return false;
}

static void a_claim_that_is_not_ours_says_how_to_mend_it(void **state)
{
    (void)state;
    if (!can_change_user()) {
        return;
    }
    assert_int_equal(chown("claim", 55, 66), 0);
    struct user user = {.uid = 1234, .gid = 5678, .group = 2000};
    static const char *const parts[] = {"uid 1234, gid 5678, groups 2000",
                                        "\"the claim's root\" belongs to uid 55, gid 66, mode 0755",
                                        "podDefaults.spec.securityContext.fsGroup: N",
                                        "chown the folder to uid 1234"};
    struct run run = run_as(user, NULL, "prepare --root claim --out run/x --message message");
    for (size_t at = 0; at < COUNT_OF(parts); at++) {
        expect_reason(&run, "ClaimNotWritable", parts[at]);
    }
    run = run_as(user, NULL, "prepare --root claim --out model --message message");
    expect_reason(&run, "ClaimNotWritable", "folder \"model\" belongs to uid 0, gid 0, mode 0755");
    assert_int_equal(chmod("claim", 0700), 0);
    run = run_as(user, NULL, "prepare --root claim --out model --message message");
    expect_reason(&run, "ClaimNotWritable", "fsGroup");
    run = run_as(user, NULL, "seal --root claim --input t=table --message message");
    expect_reason(&run, "ArtifactIO", "cannot be read by uid 1234");
}

static void another_user_of_the_same_group_reads_and_keeps_manifests(void **state)
{
    (void)state;
    if (!can_change_user()) {
        return;
    }
    char text[FIXTURE_TEXT_SIZE];
    assert_int_equal(chown("claim", 0, 2000), 0); /* as the kubelet leaves it for fsGroup 2000 */
    assert_int_equal(chmod("claim", 02775), 0);
    struct user first = {.uid = 1111, .gid = 1111, .group = 2000};
    struct user second = {.uid = 2222, .gid = 2222, .group = 2000};
    struct user stranger = {.uid = 3333, .gid = 3333};
    struct run run = run_as(first, strict_umask,
                            "prepare --root claim --out run/pod --message message");
    assert_int_equal(run.code, 0);
    assert_int_equal(fixture_mode("claim/run/pod"), 02775);
    fixture_shell("stat -c '%u %g' claim/run/pod", text);
    assert_string_equal(text, "1111 2000");
    fixture_model("claim/run/pod/out");
    run = run_as(stranger, NULL, "seal --root claim --input m=run/pod/out --message message");
    assert_int_equal(run.code, 0); /* no right to keep the manifest: no failure */
    assert_false(fixture_exists("claim/run/pod/out.tidemill-manifest"));
    run = run_as(second, NULL,
                 "prepare --root claim --out run/two --input m=run/pod/out --message message");
    assert_int_equal(run.code, 0);
    assert_true(fixture_exists("claim/run/pod/out.tidemill-manifest"));
}

/* The claim, and all else, read-only as in a container. */
static void mount_read_only(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("claim", "claim", NULL, MS_BIND, NULL) != 0 ||
        mount("none", "claim", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0) {
        _exit(NOT_POSSIBLE);
    }
}

static void a_read_only_claim_can_be_sealed_but_not_prepared(void **state)
{
    (void)state;
    struct run run = run_as((struct user){0}, mount_read_only,
                            "seal --root claim --input m=model --message message");
    if (run.code == NOT_POSSIBLE) {
        print_message("no right to mount here: a read-only claim was not tried\n");
        return;
    }
    assert_int_equal(run.code, 0);
    assert_false(fixture_exists("claim/model.tidemill-manifest"));
    run = run_as((struct user){0}, mount_read_only,
                 "prepare --root claim --out run/pod --message message");
    expect_reason(&run, "ClaimNotWritable", "mounted read-only");
    run = run_as((struct user){0}, mount_read_only,
                 "prepare --root claim --out model --message message");
    expect_reason(&run, "ClaimNotWritable", "mounted read-only");
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, command_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(wrong_usage_ends_with_2_and_says_what),
        WITH_FOLDER(help_is_printed),
        WITH_FOLDER(prepare_says_the_digests_of_its_inputs),
        WITH_FOLDER(prepare_without_anything_is_well),
        WITH_FOLDER(an_empty_folder_keeps_an_empty_manifest),
        WITH_FOLDER(failures_have_their_reasons),
        WITH_FOLDER(many_inputs_drop_bytes_and_files_first),
        WITH_FOLDER(a_failure_is_cut_to_the_message_s_size),
        WITH_FOLDER(a_message_that_cannot_be_written_fails),
        WITH_FOLDER(outside_a_container_the_message_is_printed_only),
        WITH_FOLDER(digest_prints_as_sha256sum_does_and_writes_nothing),
        WITH_FOLDER(new_folders_can_be_read_by_later_steps_whatever_the_umask),
        WITH_FOLDER(a_claim_that_is_not_ours_says_how_to_mend_it),
        WITH_FOLDER(another_user_of_the_same_group_reads_and_keeps_manifests),
        WITH_FOLDER(a_read_only_claim_can_be_sealed_but_not_prepared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
