#include "unit/test_artifact_fixture.h"

#include "artifact/copy.h"

static struct artifact_system hooked;
static int writes_left; /* the copying process dies, as by SIGKILL, when none is left */

static ssize_t dying_write(int file, const void *bytes, size_t size)
{
    if (writes_left-- == 0) {
        _exit(9);
    }
    return write(file, bytes, size);
}

static ssize_t full_write(int file, const void *bytes, size_t size)
{
    (void)file;
    (void)bytes;
    (void)size;
    errno = ENOSPC;
    return -1;
}

static ssize_t no_write(int file, const void *bytes, size_t size)
{
    (void)file;
    (void)bytes;
    (void)size;
    fail_msg("nothing was to be written");
    return -1;
}

static ssize_t growing_read(int file, void *bytes, size_t size)
{
    static time_t now = 1000; /* seconds; the file system's clock may tick too slowly for a test */
    ssize_t got = read(file, bytes, size);
    const struct timespec times[2] = {{.tv_sec = now}, {.tv_sec = now}};
    fixture_file("claim/model/a/0", "something else, and longer");
    assert_int_equal(utimensat(AT_FDCWD, "claim/model/a/0", times, 0), 0);
    now++;
    return got;
}

static ssize_t short_write(int file, const void *bytes, size_t size)
{
    return write(file, bytes, size < 2 ? size : 2);
}

static int copy_setup(void **state)
{
    hooked = artifact_system_real;
    int status = fixture_setup(state);
    fixture_folder("claim");
    fixture_folder("to");
    fixture_model("claim/model");
    fixture_file("claim/table", "1,2,3\n");
    return status;
}

static struct result copy(const struct artifact_system *system, const char *from,
                          const char *digest, struct artifact_sum *sum,
                          struct artifact_failure *failure)
{
    int root = open("claim", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *failure = (struct artifact_failure){0};
    size_t before = fixture_open_files();
    struct result result = artifact_copy(system, root, from, digest, "to", sum, failure);
    assert_int_equal(fixture_open_files(), before);
    (void)close(root);
    return result;
}

static void expect_copied(const struct artifact_system *system, const char *from)
{
    char path[256];
    char digest[ARTIFACT_DIGEST_SIZE];
    char found[ARTIFACT_DIGEST_SIZE];
    struct artifact_sum sum;
    struct artifact_failure failure;
    (void)snprintf(path, sizeof(path), "claim/%s", from);
    fixture_digest(path, digest);
    if (!result_is_ok(copy(system, from, digest, &sum, &failure))) {
        fail_msg("%s", failure.message);
    }
    assert_string_equal(sum.digest, digest);
    assert_false(fixture_exists("to/" ARTIFACT_COPY_MARKER));
    fixture_digest(sum.folder ? "to" : "to/table", found);
    assert_string_equal(found, digest);
}

static void expect_refused(const struct artifact_system *system, const char *from,
                           const char *digest, enum artifact_reason reason, const char *part)
{
    struct artifact_sum sum = {.bytes = 77};
    struct artifact_failure failure;
    (void)!result_is_ok(copy(system, from, digest, &sum, &failure));
    if (failure.reason != reason || strstr(failure.message, part) == NULL) {
        fail_msg("expected %s with %s, got %s: %s", artifact_reason_name(reason), part,
                 artifact_reason_name(failure.reason), failure.message);
    }
    assert_int_equal(sum.bytes, 77);
}

static void expect_listing(const char *expected)
{
    char text[FIXTURE_TEXT_SIZE];
    fixture_shell("cd to && find . -mindepth 1 | LC_ALL=C sort | tr '\\n' ' '", text);
    assert_string_equal(text, expected);
}

#define WRONG "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static void a_folder_s_content_is_copied_and_equals(void **state)
{
    (void)state;
    (void)umask(0077);
    expect_copied(&artifact_system_real, "model");
    assert_int_equal(umask(0022), 0077);
    assert_int_equal(fixture_mode("to/a.txt"), 0644);
    assert_int_equal(fixture_mode("to/m\xc3\xbc"), 0755);
    assert_int_equal(fixture_mode("to/a/b") & 0777, 0755);
}

static void a_file_is_copied_under_its_name(void **state)
{
    (void)state;
    expect_copied(&artifact_system_real, "table");
    expect_listing("./table ");
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    hooked.write = short_write;
    expect_copied(&hooked, "model");
}

static void other_content_than_promised_leaves_nothing(void **state)
{
    (void)state;
    fixture_folder("to/lost+found");
    expect_refused(&artifact_system_real, "model", WRONG, ARTIFACT_DIGEST_MISMATCH,
                   "expected " WRONG);
    expect_listing("./lost+found ");
    expect_copied(&artifact_system_real, "table");
}

static void what_changes_under_the_copy_leaves_nothing(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_digest("claim/model", digest);
    hooked.read = growing_read;
    expect_refused(&hooked, "model", digest, ARTIFACT_CHANGED, "changed while it was read");
    expect_listing("");
}

static void a_link_in_the_artifact_leaves_nothing(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_digest("claim/model", digest);
    assert_int_equal(symlink("/proc/self/environ", "claim/model/z z/model"), 0);
    expect_refused(&artifact_system_real, "model", digest, ARTIFACT_UNSAFE_CONTENT,
                   "\"model/z z/model\" is a symbolic link");
    expect_listing("");
}

static void a_full_volume_says_what_to_raise(void **state)
{
    (void)state;
    hooked.write = full_write;
    expect_refused(&hooked, "model", WRONG, ARTIFACT_IO, "sizeLimit");
    expect_listing("");
}

static void an_interrupted_copy_is_cleaned_and_made_again(void **state)
{
    (void)state;
    hooked.write = dying_write;
    int whole = 0;
    for (int survived = 0; whole == 0; survived++) {
        pid_t child = fork();
        if (child == 0) {
            struct artifact_sum sum;
            struct artifact_failure failure = {0};
            int root = open("claim", O_PATH | O_DIRECTORY | O_CLOEXEC);
            writes_left = survived;
            (void)!result_is_ok(artifact_copy(&hooked, root, "model", WRONG, "to", &sum, &failure));
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        whole = WEXITSTATUS(status) == 0;
        assert_int_equal(fixture_exists("to/" ARTIFACT_COPY_MARKER), !whole);
        fixture_file(whole ? "ignored" : "to/half", "rubbish of a half copy");
        expect_copied(&artifact_system_real, "model");
        char text[FIXTURE_TEXT_SIZE];
        fixture_shell("rm -rf to; mkdir to", text);
        assert_in_range(survived, 0, 20);
    }
}

static void a_whole_copy_is_checked_and_not_made_again(void **state)
{
    (void)state;
    hooked.write = no_write;
    fixture_folder("to/lost+found");
    char text[FIXTURE_TEXT_SIZE];
    struct artifact_sum sum;
    struct artifact_failure failure;
    char digest[ARTIFACT_DIGEST_SIZE];

    fixture_digest("claim/model", digest);
    assert_true(result_is_ok(copy(&artifact_system_real, "model", digest, &sum, &failure)));
    fixture_shell("rm -rf claim/model", text);
    assert_true(result_is_ok(copy(&hooked, "model", digest, &sum, &failure)));
    assert_string_equal(sum.digest, digest);
    assert_int_equal(sum.files, 6);

    fixture_shell("rm -rf to; mkdir to", text);
    fixture_digest("claim/table", digest);
    assert_true(result_is_ok(copy(&artifact_system_real, "table", digest, &sum, &failure)));
    assert_true(result_is_ok(copy(&hooked, "table", digest, &sum, &failure)));
    assert_int_equal(sum.files, 1);
}

static void a_folder_with_one_file_is_not_taken_for_a_file(void **state)
{
    (void)state;
    fixture_folder("claim/one");
    fixture_file("claim/one/one", "x");
    expect_copied(&artifact_system_real, "one");
    expect_copied(&artifact_system_real, "one");
}

static void somebody_s_files_are_left_alone(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_digest("claim/model", digest);
    fixture_file("to/thesis", "years of work");
    expect_refused(&artifact_system_real, "model", digest, ARTIFACT_IO,
                   "is not empty: it holds \"thesis\"");
    expect_listing("./thesis ");
}

static void a_copy_that_was_changed_is_not_served(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_digest("claim/model", digest);
    expect_copied(&artifact_system_real, "model");
    fixture_file("to/a/0", "other");
    expect_refused(&artifact_system_real, "model", digest, ARTIFACT_IO, "is not empty");
}

static void names_that_copying_needs_are_refused(void **state)
{
    (void)state;
    fixture_file("claim/model/" ARTIFACT_COPY_MARKER, "");
    expect_refused(&artifact_system_real, "model", WRONG, ARTIFACT_UNSAFE_CONTENT,
                   "kept for copying");
    expect_listing("");
}

static void deeper_down_such_names_are_like_any_other(void **state)
{
    (void)state;
    fixture_folder("claim/model/a/lost+found");
    fixture_file("claim/model/a/" ARTIFACT_COPY_MARKER, "x");
    expect_copied(&artifact_system_real, "model");
    fixture_file("to/" ARTIFACT_COPY_MARKER, ""); /* now it is a half copy, to be cleaned */
    expect_copied(&artifact_system_real, "table");
    expect_listing("./table ");
}

static void a_link_in_a_half_copy_is_removed_not_followed(void **state)
{
    (void)state;
    fixture_file("to/" ARTIFACT_COPY_MARKER, "");
    fixture_folder("precious");
    fixture_file("precious/thesis", "years of work");
    assert_int_equal(symlink("../precious", "to/link"), 0);
    expect_copied(&artifact_system_real, "model");
    assert_true(fixture_exists("precious/thesis"));
}

static void a_missing_source_or_target_is_told(void **state)
{
    (void)state;
    char text[FIXTURE_TEXT_SIZE];
    expect_refused(&artifact_system_real, "none", WRONG, ARTIFACT_INPUT_MISSING,
                   "\"none\" does not exist");
    expect_listing("");
    fixture_shell("rm -rf to", text);
    expect_refused(&artifact_system_real, "model", WRONG, ARTIFACT_IO, "mount an emptyDir there");
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, copy_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_folder_s_content_is_copied_and_equals),
        WITH_FOLDER(a_file_is_copied_under_its_name),
        WITH_FOLDER(short_writes_are_continued),
        WITH_FOLDER(other_content_than_promised_leaves_nothing),
        WITH_FOLDER(what_changes_under_the_copy_leaves_nothing),
        WITH_FOLDER(a_link_in_the_artifact_leaves_nothing),
        WITH_FOLDER(a_full_volume_says_what_to_raise),
        WITH_FOLDER(an_interrupted_copy_is_cleaned_and_made_again),
        WITH_FOLDER(a_whole_copy_is_checked_and_not_made_again),
        WITH_FOLDER(a_folder_with_one_file_is_not_taken_for_a_file),
        WITH_FOLDER(somebody_s_files_are_left_alone),
        WITH_FOLDER(a_copy_that_was_changed_is_not_served),
        WITH_FOLDER(names_that_copying_needs_are_refused),
        WITH_FOLDER(deeper_down_such_names_are_like_any_other),
        WITH_FOLDER(a_link_in_a_half_copy_is_removed_not_followed),
        WITH_FOLDER(a_missing_source_or_target_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
