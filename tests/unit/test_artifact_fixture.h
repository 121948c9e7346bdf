#ifndef TIDEMILL_TEST_ARTIFACT_FIXTURE_H
#define TIDEMILL_TEST_ARTIFACT_FIXTURE_H

/* Real temporary folders for the artifact tests. Everything is relative to the current folder. */

#include "support/test.h"

#include "artifact/tree.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIXTURE_TEXT_SIZE = 8192 };

static inline int fixture_remove_entry(const char *path, const struct stat *status, int type,
                                       struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

/* A fresh folder that any user may enter; the test stands in it. */
static inline int fixture_setup(void **state)
{
    char pattern[] = "/tmp/tidemill-artifact-XXXXXX";
    if (mkdtemp(pattern) == NULL || chmod(pattern, 0755) != 0 || chdir(pattern) != 0) {
        return -1;
    }
    (void)umask(0022);
    *state = memory_copy_text(pattern);
    return 0;
}

static inline int fixture_teardown(void **state)
{
    int status = chdir("/");
    (void)nftw(*state, fixture_remove_entry, 32, FTW_DEPTH | FTW_PHYS);
    *state = memory_free(*state);
    return status;
}

static inline void fixture_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

static inline void fixture_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(content, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

/* The first FIXTURE_TEXT_SIZE - 1 bytes; "" when there is no such file. */
static inline void fixture_read(const char *path, char text[FIXTURE_TEXT_SIZE])
{
    text[0] = '\0';
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        text[fread(text, 1, FIXTURE_TEXT_SIZE - 1, file)] = '\0';
        (void)fclose(file);
    }
}

/* What a shell command prints, without its last newline. */
static inline void fixture_shell(const char *command, char text[FIXTURE_TEXT_SIZE])
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(text, 1, FIXTURE_TEXT_SIZE - 1, pipe);
    text[size] = '\0';
    assert_int_equal(pclose(pipe), 0);
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
    }
}

static inline bool fixture_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static inline mode_t fixture_mode(const char *path)
{
    struct stat status;
    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* A folder with what is easy to get wrong: order, empty folders, spaces, UTF-8, the x bit. */
static inline void fixture_model(const char *path)
{
    static const char *const folders[] = {"", "/a", "/a/b", "/empty", "/z z"};
    static const char *const files[] = {"/a.txt", "/a-b",     "/a/b/c",
                                        "/a/0",   "/z z/ f ", "/m\xc3\xbc"};
    char name[256];
    for (size_t at = 0; at < COUNT_OF(folders); at++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, folders[at]);
        fixture_folder(name);
    }
    for (size_t at = 0; at < COUNT_OF(files); at++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, files[at]);
        fixture_file(name, files[at]);
    }
    assert_int_equal(chmod(name, 0755), 0);
}

/* The manifest's definition, written down a second time, in another language. */
static inline void fixture_python_digest(const char *path, char text[FIXTURE_TEXT_SIZE])
{
    static const char script[] =
        "import hashlib,os,sys\n"
        "root=sys.argv[1].encode()\n"
        "rows=[]\n"
        "for at,folders,files in os.walk(root):\n"
        "  for f in folders:\n"
        "    p=os.path.relpath(os.path.join(at,f),root)+b'/'\n"
        "    rows.append((p,b'040000 0 - '+p+b'\\n'))\n"
        "  for f in files:\n"
        "    whole=os.path.join(at,f)\n"
        "    p=os.path.relpath(whole,root)\n"
        "    data=open(whole,'rb').read()\n"
        "    mode=b'100755' if os.stat(whole).st_mode&0o100 else b'100644'\n"
        "    hexed=hashlib.sha256(data).hexdigest().encode()\n"
        "    rows.append((p,b'%s %d %s %s\\n'%(mode,len(data),hexed,p)))\n"
        "rows.sort()\n"
        "print('sha256:'+hashlib.sha256(b''.join(r[1] for r in rows)).hexdigest())\n";
    char command[FIXTURE_TEXT_SIZE];
    (void)snprintf(command, sizeof(command), "python3 - '%s' <<'END'\n%sEND\n", path, script);
    fixture_shell(command, text);
}

/* Digests beneath the current folder. */
static inline struct result fixture_sum(const struct artifact_system *system, const char *path,
                                        const struct artifact_observer *observer,
                                        struct artifact_sum *sum, struct artifact_failure *failure)
{
    int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    *failure = (struct artifact_failure){0};
    struct result result = artifact_tree_sum(system, root, path, path, observer, sum, failure);
    assert_int_equal(result_is_ok(result), failure->reason == ARTIFACT_REASON_NONE);
    assert_int_equal(result_is_ok(result), failure->message[0] == '\0');
    (void)close(root);
    return result;
}

static inline void fixture_digest(const char *path, char digest[ARTIFACT_DIGEST_SIZE])
{
    struct artifact_sum sum;
    struct artifact_failure failure;
    struct result result = fixture_sum(&artifact_system_real, path, NULL, &sum, &failure);
    if (!result_is_ok(result)) {
        fail_msg("%s", failure.message);
    }
    memcpy(digest, sum.digest, ARTIFACT_DIGEST_SIZE);
}

/* Open files of this process. */
static inline size_t fixture_open_files(void)
{
    size_t count = 0;
    for (int file = 0; file < 256; file++) {
        count += fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

#endif
