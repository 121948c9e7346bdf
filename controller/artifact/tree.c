#include "artifact/tree.h"

#include "artifact/listing.h"
#include "artifact/stream.h"
#include "core/assert.h"
#include "core/digest.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { EXECUTABLE_BIT = S_IXUSR };

/* A folder that the walk stands in. */
struct frame {
    int folder;
    size_t next;                       /* the entry to visit next */
    size_t path_size;                  /* of the path of this folder, its "/" included */
    struct artifact_listing_mark mark; /* the listing before this folder */
    struct stat before;
};

struct walk {
    const struct artifact_system *system;
    const struct artifact_observer *observer;
    struct artifact_failure *failure;
    const char *shown;
    struct digest *digest; /* of the manifest */
    char *buffer;          /* ARTIFACT_READ_SIZE */
    struct artifact_listing listing;
    struct frame frames[ARTIFACT_DEPTH_MAX + 1];
    size_t depth;                     /* frames in use */
    char path[ARTIFACT_PATH_MAX + 2]; /* relative to the artifact; room for "/" and NUL */
    uint64_t bytes;
    uint64_t files;
};

static const struct artifact_observer no_observer;

static struct artifact_place place_of(const struct walk *walk)
{
    return (struct artifact_place){.path = walk->shown, .inner = walk->path};
}

static void put_line(struct walk *walk, const char *mode, uint64_t size, const char *hex)
{
    char line[ARTIFACT_LINE_MAX];
    int used = snprintf(line, sizeof(line), "%s %" PRIu64 " %s %s\n", mode, size, hex, walk->path);
    REQUIRE(used > 0 && (size_t)used < sizeof(line));
    digest_update(walk->digest, line, (size_t)used);
    if (walk->observer->line != NULL) {
        walk->observer->line(walk->observer->user, line, (size_t)used);
    }
}

/* Opens for reading and makes sure that it is what was listed. The file is closed on failure. */
static struct result open_checked(const struct artifact_system *system, int folder,
                                  const char *name, bool is_folder, struct artifact_place place,
                                  int *opened, struct stat *status,
                                  struct artifact_failure *failure)
{
    int file = artifact_open_beneath(system, folder, name, O_RDONLY | (is_folder ? O_DIRECTORY : 0),
                                     0);
    if (file < 0) {
        return artifact_fail_reading(failure, place.path, place.inner, errno);
    }
    struct result result = RESULT_OK;
    if (system->fstat(file, status) != 0) {
        result = artifact_fail_reading(failure, place.path, place.inner, errno);
    } else if (is_folder ? !S_ISDIR(status->st_mode) : !S_ISREG(status->st_mode)) {
        result = artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                               "%s became %s while it was read; only files and folders are "
                               "allowed, and nothing may write to a finished artifact",
                               artifact_quote(place.path, place.inner).text,
                               artifact_kind_name(status->st_mode));
    }
    if (!result_is_ok(result)) {
        artifact_close(system, &file);
        return result;
    }
    *opened = file;
    return RESULT_OK;
}

/* Hashes an open file and tells the observer. */
static struct result visit_open_file(struct walk *walk, const char *name, int file,
                                     const struct stat *status, struct artifact_place place,
                                     char hex[DIGEST_HEX_SIZE])
{
    const struct artifact_observer *observer = walk->observer;
    int sink = -1;
    if (observer->begin_file != NULL) {
        bool executable = (status->st_mode & EXECUTABLE_BIT) != 0;
        TRY(observer->begin_file(observer->user, name, executable, &sink, walk->failure));
    }
    TRY(artifact_stream(walk->system, file, sink, status, walk->buffer, place, hex, walk->failure));
    if (observer->end_file != NULL) {
        TRY(observer->end_file(observer->user, walk->failure));
    }
    walk->bytes += (uint64_t)status->st_size;
    walk->files++;
    return RESULT_OK;
}

static struct result visit_file(struct walk *walk, const char *name)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    int file = -1;
    struct stat status;
    TRY(open_checked(walk->system, frame->folder, name, false, place_of(walk), &file, &status,
                     walk->failure));
    char hex[DIGEST_HEX_SIZE];
    struct result result = visit_open_file(walk, name, file, &status, place_of(walk), hex);
    artifact_close(walk->system, &file);
    if (result_is_ok(result)) {
        put_line(walk, status.st_mode & EXECUTABLE_BIT ? "100755" : "100644",
                 (uint64_t)status.st_size, hex);
    }
    return result;
}

/* Takes over `folder`, also on failure. walk->path is this folder's. */
static struct result push_folder(struct walk *walk, int folder, const struct stat *status)
{
    REQUIRE(walk->depth <= ARTIFACT_DEPTH_MAX);
    struct frame *frame = &walk->frames[walk->depth++];
    *frame = (struct frame){
        .folder = folder,
        .next = walk->listing.count,
        .path_size = strlen(walk->path),
        .mark = artifact_listing_mark(&walk->listing),
        .before = *status,
    };
    return artifact_listing_add(&walk->listing, walk->system, folder, place_of(walk),
                                walk->failure);
}

static struct result enter_folder(struct walk *walk, const char *name)
{
    struct artifact_place place = place_of(walk);
    if (walk->depth > ARTIFACT_DEPTH_MAX) {
        return artifact_fail(walk->failure, ARTIFACT_TOO_LARGE,
                             "%s lies deeper than %d folders; make the tree flatter",
                             artifact_quote(place.path, place.inner).text, ARTIFACT_DEPTH_MAX);
    }
    int folder = -1;
    struct stat status;
    TRY(open_checked(walk->system, walk->frames[walk->depth - 1].folder, name, true, place, &folder,
                     &status, walk->failure));
    struct result result = RESULT_OK;
    if (walk->observer->enter_folder != NULL) {
        result = walk->observer->enter_folder(walk->observer->user, name, walk->failure);
    }
    if (!result_is_ok(result)) {
        artifact_close(walk->system, &folder);
        return result;
    }
    put_line(walk, "040000", 0, "-");
    return push_folder(walk, folder, &status);
}

/* A name that came or went meanwhile shows in the folder's mtime. */
static struct result leave_folder(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    walk->path[frame->path_size] = '\0';
    struct stat after;
    if (walk->system->fstat(frame->folder, &after) != 0) {
        return artifact_fail_reading(walk->failure, walk->shown, walk->path, errno);
    }
    if (!artifact_status_is_same(&frame->before, &after)) {
        return artifact_fail(walk->failure, ARTIFACT_CHANGED,
                             "folder %s changed while it was read: something was added, removed or "
                             "renamed in it; let nothing write to a finished artifact, then run it "
                             "again",
                             artifact_quote(walk->shown, walk->path).text);
    }
    artifact_close(walk->system, &frame->folder);
    artifact_listing_rewind(&walk->listing, frame->mark);
    walk->depth--;
    if (walk->depth > 0 && walk->observer->leave_folder != NULL) {
        return walk->observer->leave_folder(walk->observer->user, walk->failure);
    }
    return RESULT_OK;
}

/* Sets walk->path to that of an entry of the innermost folder. */
static struct result set_path(struct walk *walk, const char *name, bool folder)
{
    size_t begin = walk->frames[walk->depth - 1].path_size;
    size_t size = strlen(name);
    size_t whole = begin + size + (folder ? 1 : 0);
    if (whole > ARTIFACT_PATH_MAX) {
        walk->path[begin] = '\0';
        return artifact_fail(walk->failure, ARTIFACT_TOO_LARGE,
                             "%s holds a path longer than %d bytes; use shorter names",
                             artifact_quote(walk->shown, walk->path).text, ARTIFACT_PATH_MAX);
    }
    memcpy(walk->path + begin, name, size);
    if (folder) {
        walk->path[whole - 1] = '/';
    }
    walk->path[whole] = '\0';
    return RESULT_OK;
}

static struct result walk_folder(struct walk *walk, int folder, const struct stat *status)
{
    TRY(push_folder(walk, folder, status));
    while (walk->depth > 0) {
        struct frame *frame = &walk->frames[walk->depth - 1];
        if (frame->next == walk->listing.count) {
            TRY(leave_folder(walk));
            continue;
        }
        /* Copied: the listing may move when a folder's names are added. */
        char name[ARTIFACT_NAME_MAX + 1];
        size_t at = frame->next++;
        bool is_folder = walk->listing.entries[at].folder;
        (void)snprintf(name, sizeof(name), "%s", artifact_listing_name(&walk->listing, at));
        if (walk->depth == 1 && text_equal(walk->observer->skip, name)) {
            continue;
        }
        TRY(set_path(walk, name, is_folder));
        TRY(is_folder ? enter_folder(walk, name) : visit_file(walk, name));
    }
    return RESULT_OK;
}

static void free_walk(struct walk *walk)
{
    while (walk->depth > 0) {
        artifact_close(walk->system, &walk->frames[--walk->depth].folder);
    }
    artifact_listing_free(&walk->listing);
    (void)digest_free(walk->digest);
    (void)memory_free(walk->buffer);
    (void)memory_free(walk);
}

/* Says what lies at the path before anything is opened for reading. */
static struct result look_at(const struct artifact_system *system, int root, const char *path,
                             const char *shown, struct stat *status,
                             struct artifact_failure *failure)
{
    int file = artifact_open_beneath(system, root, path, O_PATH, 0);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return artifact_fail(failure, ARTIFACT_INPUT_MISSING, "%s does not exist",
                             artifact_quote(shown, NULL).text);
    }
    if (file < 0) {
        return artifact_fail_reading(failure, shown, NULL, errno);
    }
    struct result result = RESULT_OK;
    if (system->fstat(file, status) != 0) {
        result = artifact_fail_reading(failure, shown, NULL, errno);
    } else if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode)) {
        result = artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                               "%s is %s; only files and folders are allowed: let the step that "
                               "writes it leave a plain copy",
                               artifact_quote(shown, NULL).text,
                               artifact_kind_name(status->st_mode));
    }
    artifact_close(system, &file);
    return result;
}

static struct result sum_opened(struct walk *walk, int *file, const char *path,
                                const struct stat *status, char hex[DIGEST_HEX_SIZE])
{
    if (S_ISDIR(status->st_mode)) {
        int folder = *file;
        *file = -1; /* walk_folder has it now */
        TRY(walk_folder(walk, folder, status));
        digest_finish(walk->digest, hex);
        return RESULT_OK;
    }
    const char *slash = strrchr(path, '/');
    struct artifact_place place = {.path = walk->shown};
    return visit_open_file(walk, slash == NULL ? path : slash + 1, *file, status, place, hex);
}

struct result artifact_tree_sum(const struct artifact_system *system, int root, const char *path,
                                const char *shown, const struct artifact_observer *observer,
                                struct artifact_sum *sum, struct artifact_failure *failure)
{
    struct stat status;
    TRY(look_at(system, root, path, shown, &status, failure));
    bool folder = S_ISDIR(status.st_mode);
    int file = -1;
    TRY(open_checked(system, root, path, folder, (struct artifact_place){.path = shown}, &file,
                     &status, failure));
    struct walk *walk = memory_allocate(1, sizeof(*walk));
    walk->system = system;
    walk->observer = observer != NULL ? observer : &no_observer;
    walk->failure = failure;
    walk->shown = shown;
    walk->digest = digest_new();
    walk->buffer = memory_allocate(ARTIFACT_READ_SIZE, 1);
    char hex[DIGEST_HEX_SIZE];
    struct result result = sum_opened(walk, &file, path, &status, hex);
    if (result_is_ok(result)) {
        *sum = (struct artifact_sum){.bytes = walk->bytes, .files = walk->files, .folder = folder};
        (void)snprintf(sum->digest, sizeof(sum->digest), "sha256:%s", hex);
    }
    artifact_close(system, &file);
    free_walk(walk);
    return result;
}
