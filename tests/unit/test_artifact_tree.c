#include "unit/test_artifact_fixture.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

/* A system whose calls a test can get in between of. */
static struct artifact_system hooked;
static int hook_countdown; /* the hook runs when it reaches zero */
static void (*hook)(void);

static void run_hook(void)
{
    if (hook != NULL && --hook_countdown == 0) {
        hook();
    }
}

static ssize_t hooked_read(int file, void *bytes, size_t size)
{
    ssize_t got = read(file, bytes, size);
    run_hook();
    return got;
}

static ssize_t hooked_getdents(int folder, void *bytes, size_t size)
{
    ssize_t got = artifact_system_real.getdents(folder, bytes, size);
    if (got > 0) {
        run_hook();
    }
    return got;
}

static int hook_setup(void **state)
{
    hooked = artifact_system_real;
    hook_countdown = 1;
    hook = NULL;
    return fixture_setup(state);
}

static void expect_failure(const struct artifact_system *system, const char *path,
                           enum artifact_reason reason, const char *part)
{
    struct artifact_sum sum = {.bytes = 77};
    struct artifact_failure failure;
    size_t before = fixture_open_files();
    (void)!result_is_ok(fixture_sum(system, path, NULL, &sum, &failure));
    if (failure.reason != reason || strstr(failure.message, part) == NULL) {
        fail_msg("expected %s with %s, got %s: %s", artifact_reason_name(reason), part,
                 artifact_reason_name(failure.reason), failure.message);
    }
    assert_int_equal(sum.bytes, 77); /* written on success only */
    assert_int_equal(fixture_open_files(), before);
}

static void a_file_s_digest_is_what_sha256sum_says(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 200000001};
    fixture_file("big file", "some bytes at its begin");
    for (size_t at = 0; at < COUNT_OF(sizes); at++) {
        char expected[FIXTURE_TEXT_SIZE];
        assert_int_equal(truncate("big file", sizes[at]), 0);
        fixture_shell("printf sha256:; sha256sum 'big file' | cut -c1-64", expected);
        struct artifact_sum sum;
        struct artifact_failure failure;
        assert_true(
            result_is_ok(fixture_sum(&artifact_system_real, "big file", NULL, &sum, &failure)));
        assert_string_equal(sum.digest, expected);
        assert_int_equal(sum.bytes, sizes[at]);
        assert_int_equal(sum.files, 1);
        assert_false(sum.folder);
    }
}

static void collect_line(void *user, const char *line, size_t size)
{
    (void)strncat(user, line, size);
}

static void a_folder_s_manifest_is_as_written_in_the_header(void **state)
{
    (void)state;
    static const char expected[] =
        "100644 1 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 a-b\n"
        "100755 2 8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4 a.txt\n"
        "040000 0 - a/\n"
        "100644 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 a/ b \n"
        "040000 0 - a/c/\n"
        "040000 0 - ab/\n";
    char lines[FIXTURE_TEXT_SIZE] = "";
    fixture_folder("m");
    fixture_folder("m/a");
    fixture_folder("m/ab");
    fixture_folder("m/a/c");
    fixture_file("m/a-b", "x");
    fixture_file("m/a.txt", "hi");
    fixture_file("m/a/ b ", "");
    assert_int_equal(chmod("m/a.txt", 0744), 0);
    struct artifact_observer observer = {.user = lines, .line = collect_line};
    struct artifact_sum sum;
    struct artifact_failure failure;
    assert_true(result_is_ok(fixture_sum(&artifact_system_real, "m", &observer, &sum, &failure)));
    assert_string_equal(lines, expected);
    assert_int_equal(sum.bytes, 3);
    assert_int_equal(sum.files, 3);
    assert_true(sum.folder);
}

static void a_folder_s_digest_equals_an_independent_computation(void **state)
{
    (void)state;
    char expected[FIXTURE_TEXT_SIZE];
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_model("model");
    fixture_python_digest("model", expected);
    fixture_digest("model", digest);
    assert_string_equal(digest, expected);
    fixture_digest("model/empty", digest);
    assert_string_equal(digest,
                        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void ten_thousand_files_are_nothing_special(void **state)
{
    (void)state;
    char expected[FIXTURE_TEXT_SIZE];
    char digest[ARTIFACT_DIGEST_SIZE];
    char name[64];
    fixture_folder("many");
    for (int at = 0; at < 10000; at++) {
        if (at % 500 == 0) {
            (void)snprintf(name, sizeof(name), "many/%d", at % 7919);
            fixture_folder(name);
        }
        (void)snprintf(name, sizeof(name), "many/%d/%d.bin", at / 500 * 500 % 7919, at * 7919);
        fixture_file(name, name);
    }
    fixture_python_digest("many", expected);
    fixture_digest("many", digest);
    assert_string_equal(digest, expected);
}

static void only_content_names_and_the_owner_s_x_bit_count(void **state)
{
    (void)state;
    char first[ARTIFACT_DIGEST_SIZE];
    char again[ARTIFACT_DIGEST_SIZE];
    fixture_model("model");
    fixture_digest("model", first);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    assert_int_equal(chmod("model/a.txt", 0664), 0);
    assert_int_equal(chmod("model/a", 02775), 0);
    assert_int_equal(utimensat(AT_FDCWD, "model/a/0", times, 0), 0);
    assert_int_equal(link("model/a-b", "elsewhere"), 0);
    fixture_digest("model", again);
    assert_string_equal(first, again);

    assert_int_equal(chmod("model/a.txt", 0744), 0);
    fixture_digest("model", again);
    assert_string_not_equal(first, again);
    assert_int_equal(chmod("model/a.txt", 0644), 0);

    assert_int_equal(rmdir("model/empty"), 0);
    fixture_digest("model", again);
    assert_string_not_equal(first, again);
    fixture_folder("model/empty");

    assert_int_equal(rename("model/a.txt", "model/a.txu"), 0);
    fixture_digest("model", again);
    assert_string_not_equal(first, again);
}

static void make_symlink(void)
{
    assert_int_equal(symlink("/proc/self/environ", "model/bad"), 0);
}

static void make_symlink_to_sibling(void)
{
    assert_int_equal(symlink("a", "model/bad"), 0);
}

static void make_fifo(void)
{
    assert_int_equal(mkfifo("model/bad", 0644), 0);
}

static void make_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "model/bad"};
    int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(file, (const struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(file);
}

static void make_device(void)
{
    if (mknod("model/bad", S_IFCHR | 0644, makedev(1, 3)) != 0) {
        print_message("no right to make a device here: a FIFO stands in for it\n");
        make_fifo();
    }
}

static void make_newline(void)
{
    fixture_file("model/bad\nname", "x");
}

static void make_latin1(void)
{
    fixture_folder("model/\xe9t\xe9");
}

static const struct {
    const char *sentence;
    void (*make)(void);
    const char *part;
} refused[] = {
    {"a link to /proc/self/environ is refused", make_symlink, "\"model/bad\" is a symbolic link"},
    {"a link to a sibling is refused too", make_symlink_to_sibling, "\"model/bad\" is a symbolic"},
    {"a FIFO is refused, and nobody waits for it", make_fifo, "\"model/bad\" is a FIFO"},
    {"a socket is refused", make_socket, "\"model/bad\" is a socket"},
    {"a device is refused", make_device, "\"model/bad\" is a "},
    {"a newline in a name is refused", make_newline, "\"model/bad\\x0aname\" has a control"},
    {"a name that is not UTF-8 is refused", make_latin1, "\"model/\\xe9t\\xe9\" has a control"},
};

static void what_is_neither_file_nor_folder_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refused); at++) {
        print_message("%s\n", refused[at].sentence);
        fixture_folder("model");
        fixture_folder("model/a");
        refused[at].make();
        expect_failure(&artifact_system_real, "model", ARTIFACT_UNSAFE_CONTENT, refused[at].part);
        if (fixture_exists(
                "model/bad")) { /* and as the artifact itself, when it has a plain name */
            expect_failure(&artifact_system_real, "model/bad", ARTIFACT_UNSAFE_CONTENT,
                           "model/bad");
        }
        assert_int_equal(nftw("model", fixture_remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static void a_link_on_the_way_to_an_artifact_is_refused(void **state)
{
    (void)state;
    fixture_folder("real");
    fixture_file("real/table", "x");
    assert_int_equal(symlink("real", "way"), 0);
    expect_failure(&artifact_system_real, "way/table", ARTIFACT_UNSAFE_CONTENT, "symbolic link");
    assert_int_equal(symlink("/", "up"), 0);
    expect_failure(&artifact_system_real, "up/etc/passwd", ARTIFACT_UNSAFE_CONTENT,
                   "symbolic link");
}

static void what_is_not_there_is_missing(void **state)
{
    (void)state;
    fixture_file("file", "x");
    expect_failure(&artifact_system_real, "none", ARTIFACT_INPUT_MISSING,
                   "\"none\" does not exist");
    expect_failure(&artifact_system_real, "none/x", ARTIFACT_INPUT_MISSING, "does not exist");
    expect_failure(&artifact_system_real, "file/x", ARTIFACT_INPUT_MISSING, "does not exist");
}

/* Makes `count` folders, one in another, beneath "deep". */
static void make_deep(int count, const char *name)
{
    fixture_folder("deep");
    int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(chdir("deep"), 0);
    for (int at = 0; at < count; at++) {
        fixture_folder(name);
        assert_int_equal(chdir(name), 0);
    }
    assert_int_equal(fchdir(back), 0);
    (void)close(back);
}

static void remove_deep(void)
{
    char text[FIXTURE_TEXT_SIZE];
    fixture_shell("rm -rf deep", text);
}

static void a_tree_has_64_folders_in_one_another_at_most(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    make_deep(ARTIFACT_DEPTH_MAX, "d");
    fixture_digest("deep", digest);
    remove_deep();
    make_deep(ARTIFACT_DEPTH_MAX + 1, "d");
    expect_failure(&artifact_system_real, "deep", ARTIFACT_TOO_LARGE, "deeper than 64 folders");
    remove_deep();
}

static void a_path_has_4096_bytes_at_most(void **state)
{
    (void)state;
    char digest[ARTIFACT_DIGEST_SIZE];
    char name[ARTIFACT_NAME_MAX + 1];
    memset(name, 'n', ARTIFACT_NAME_MAX);
    name[ARTIFACT_NAME_MAX] = '\0';
    make_deep(ARTIFACT_PATH_MAX / (ARTIFACT_NAME_MAX + 1), name); /* 4096 bytes, with its "/" */
    fixture_digest("deep", digest);
    remove_deep();
    make_deep(ARTIFACT_PATH_MAX / (ARTIFACT_NAME_MAX + 1) + 1, name);
    expect_failure(&artifact_system_real, "deep", ARTIFACT_TOO_LARGE, "longer than 4096 bytes");
    remove_deep();
}

/* A folder with no end of files: nothing but the limits ends its listing. */
static size_t endless_name_size;
static uint64_t endless_number;

static ssize_t endless_getdents(int folder, void *bytes, size_t size)
{
    (void)folder;
    size_t used = 0;
    size_t record = (offsetof(struct dirent64, d_name) + endless_name_size + 8) / 8 * 8;
    while (used + record <= size) {
        struct dirent64 *entry = (struct dirent64 *)(void *)((char *)bytes + used);
        entry->d_ino = 1;
        entry->d_reclen = (unsigned short)record;
        entry->d_type = DT_REG;
        (void)snprintf(entry->d_name, endless_name_size + 1, "%0*llu", (int)endless_name_size,
                       (unsigned long long)endless_number++);
        used += record;
    }
    return (ssize_t)used;
}

static void an_artifact_has_a_million_entries_at_most(void **state)
{
    (void)state;
    fixture_folder("m");
    hooked.getdents = endless_getdents;
    endless_number = 0;
    endless_name_size = 20;
    expect_failure(&hooked, "m", ARTIFACT_TOO_LARGE, "more than 1000000 files");
    assert_in_range(endless_number, ARTIFACT_ENTRIES_MAX, ARTIFACT_ENTRIES_MAX + 10000);
}

static void names_held_at_once_have_a_limit(void **state)
{
    (void)state;
    fixture_folder("m");
    hooked.getdents = endless_getdents;
    endless_number = 0;
    endless_name_size = ARTIFACT_NAME_MAX;
    expect_failure(&hooked, "m", ARTIFACT_TOO_LARGE, "64 MiB of names");
    assert_in_range(endless_number, ARTIFACT_NAMES_MAX / 256, ARTIFACT_NAMES_MAX / 256 + 1000);
}

static void grow_file(void)
{
    int file = open("m/f", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(file, "more", 4), 4);
    (void)close(file);
}

static void shrink_file(void)
{
    assert_int_equal(truncate("m/f", 3), 0);
}

static void touch_file(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    assert_int_equal(utimensat(AT_FDCWD, "m/f", times, 0), 0);
}

static void add_file(void)
{
    fixture_file("m/new", "x");
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
    assert_int_equal(utimensat(AT_FDCWD, "m", times, 0),
                     0); /* the clock's tick is not waited for */
}

static void remove_file(void)
{
    assert_int_equal(unlink("m/f"), 0);
}

static void swap_for_link(void)
{
    remove_file();
    assert_int_equal(symlink("/proc/self/environ", "m/f"), 0);
}

static void swap_for_fifo(void)
{
    remove_file();
    assert_int_equal(mkfifo("m/f", 0644), 0);
}

static void swap_for_folder(void)
{
    remove_file();
    fixture_folder("m/f");
}

static void swap_folder_for_link(void)
{
    assert_int_equal(rmdir("m/d"), 0);
    assert_int_equal(symlink("/etc", "m/d"), 0);
}

enum between { AT_READ, AT_LISTING };

static const struct {
    const char *sentence;
    enum between when;
    void (*change)(void);
    enum artifact_reason reason;
    const char *part;
} races[] = {
    {"a file that grows is seen", AT_READ, grow_file, ARTIFACT_CHANGED, "\"m/f\" changed"},
    {"a file that shrinks is seen", AT_READ, shrink_file, ARTIFACT_CHANGED, "\"m/f\" changed"},
    {"a file written over is seen by its mtime", AT_READ, touch_file, ARTIFACT_CHANGED,
     "\"m/f\" changed"},
    {"a file that is added is seen", AT_READ, add_file, ARTIFACT_CHANGED, "folder \"m\" changed"},
    {"a file that vanishes is seen", AT_LISTING, remove_file, ARTIFACT_CHANGED,
     "\"m/f\" went away"},
    {"a file that becomes a link is not followed", AT_LISTING, swap_for_link,
     ARTIFACT_UNSAFE_CONTENT, "\"m/f\" is, or lies behind, a symbolic link"},
    {"a file that becomes a FIFO makes nobody wait", AT_LISTING, swap_for_fifo,
     ARTIFACT_UNSAFE_CONTENT, "\"m/f\" became a FIFO"},
    {"a file that becomes a folder is seen", AT_LISTING, swap_for_folder, ARTIFACT_UNSAFE_CONTENT,
     "\"m/f\" became a folder"},
    {"a folder that becomes a link is not followed", AT_LISTING, swap_folder_for_link,
     ARTIFACT_UNSAFE_CONTENT, "\"m/d/\" is, or lies behind, a symbolic link"},
};

static void whoever_writes_meanwhile_is_noticed(void **state)
{
    (void)state;
    hooked.read = hooked_read;
    hooked.getdents = hooked_getdents;
    for (size_t at = 0; at < COUNT_OF(races); at++) {
        print_message("%s\n", races[at].sentence);
        char text[FIXTURE_TEXT_SIZE];
        fixture_shell("rm -rf m", text);
        fixture_folder("m");
        fixture_folder("m/d");
        fixture_file("m/f", "content");
        hook = races[at].change;
        /* The folders "m" and "m/d" are listed before "f" is read. */
        hook_countdown = races[at].when == AT_LISTING ? 1 : 3;
        expect_failure(&hooked, "m", races[at].reason, races[at].part);
    }
}

static ssize_t untyped_getdents(int folder, void *bytes, size_t size)
{
    ssize_t got = artifact_system_real.getdents(folder, bytes, size);
    for (ssize_t at = 0; at < got;) {
        struct dirent64 *entry = (struct dirent64 *)(void *)((char *)bytes + at);
        entry->d_type = DT_UNKNOWN;
        at += entry->d_reclen;
    }
    return got;
}

static ssize_t short_read(int file, void *bytes, size_t size)
{
    return read(file, bytes, size < 3 ? size : 3);
}

static void file_systems_that_say_less_give_the_same_digest(void **state)
{
    (void)state;
    struct artifact_sum sum;
    struct artifact_failure failure;
    char digest[ARTIFACT_DIGEST_SIZE];
    fixture_model("model");
    fixture_digest("model", digest);
    hooked.getdents = untyped_getdents;
    hooked.read = short_read;
    assert_true(result_is_ok(fixture_sum(&hooked, "model", NULL, &sum, &failure)));
    assert_string_equal(sum.digest, digest);
    make_symlink();
    expect_failure(&hooked, "model", ARTIFACT_UNSAFE_CONTENT, "\"model/bad\" is a symbolic link");
}

static int no_openat2(int folder, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    (void)folder;
    (void)path;
    (void)flags;
    (void)mode;
    (void)resolve;
    errno = ENOSYS;
    return -1;
}

static void without_openat2_there_is_no_weaker_walk(void **state)
{
    (void)state;
    fixture_file("file", "x");
    hooked.openat2 = no_openat2;
    expect_failure(&hooked, "file", ARTIFACT_IO, "openat2 is not available");
}

static void what_may_not_be_read_says_who_may_not(void **state)
{
    (void)state;
    fixture_folder("m");
    fixture_file("m/secret", "x");
    assert_int_equal(chmod("m/secret", 0), 0);
    pid_t child = fork();
    if (child == 0) {
        struct artifact_sum sum;
        struct artifact_failure failure = {0};
        if (geteuid() == 0 &&
            (setresgid(4242, 4242, 4242) != 0 || setresuid(1234, 1234, 1234) != 0)) {
            _exit(3);
        }
        int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char self[64];
        (void)snprintf(self, sizeof(self), "by uid %u, gid %u", geteuid(), getegid());
        bool fails = !result_is_ok(
            artifact_tree_sum(&artifact_system_real, root, "m", "m", NULL, &sum, &failure));
        bool fits = failure.reason == ARTIFACT_IO && strstr(failure.message, "\"m/secret\"") &&
                    strstr(failure.message, self) && strstr(failure.message, "fsGroup");
        _exit(fails && fits ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, hook_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_file_s_digest_is_what_sha256sum_says),
        WITH_FOLDER(a_folder_s_manifest_is_as_written_in_the_header),
        WITH_FOLDER(a_folder_s_digest_equals_an_independent_computation),
        WITH_FOLDER(ten_thousand_files_are_nothing_special),
        WITH_FOLDER(only_content_names_and_the_owner_s_x_bit_count),
        WITH_FOLDER(what_is_neither_file_nor_folder_is_refused_by_name),
        WITH_FOLDER(a_link_on_the_way_to_an_artifact_is_refused),
        WITH_FOLDER(what_is_not_there_is_missing),
        WITH_FOLDER(a_tree_has_64_folders_in_one_another_at_most),
        WITH_FOLDER(a_path_has_4096_bytes_at_most),
        WITH_FOLDER(an_artifact_has_a_million_entries_at_most),
        WITH_FOLDER(names_held_at_once_have_a_limit),
        WITH_FOLDER(whoever_writes_meanwhile_is_noticed),
        WITH_FOLDER(file_systems_that_say_less_give_the_same_digest),
        WITH_FOLDER(without_openat2_there_is_no_weaker_walk),
        WITH_FOLDER(what_may_not_be_read_says_who_may_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
