#include "artifact/manifest.h"

#include "core/memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    WRITE_SIZE = 64 * 1024, /* bytes gathered before a write */
    MANIFEST_MODE = 0644,
    TEMPORARY_SIZE = 64,
};

enum state { NOT_OPENED, OPEN, GIVEN_UP };

struct artifact_manifest {
    const struct artifact_system *system;
    int root;
    const char *path;
    enum state state;
    int folder; /* that the artifact lies in */
    int file;
    char temporary[TEMPORARY_SIZE]; /* "" when there is none to remove */
    size_t used;
    char pending[WRITE_SIZE];
};

struct artifact_manifest *artifact_manifest_new(const struct artifact_system *system, int root,
                                                const char *path)
{
    struct artifact_manifest *manifest = memory_allocate(1, sizeof(*manifest));
    manifest->system = system;
    manifest->root = root;
    manifest->path = path;
    manifest->folder = -1;
    manifest->file = -1;
    return manifest;
}

static void give_up(struct artifact_manifest *manifest)
{
    artifact_close(manifest->system, &manifest->file);
    if (manifest->temporary[0] != '\0') {
        (void)manifest->system->unlinkat(manifest->folder, manifest->temporary, 0);
        manifest->temporary[0] = '\0';
    }
    artifact_close(manifest->system, &manifest->folder);
    manifest->state = GIVEN_UP;
}

static int open_parent(const struct artifact_manifest *manifest)
{
    char parent[ARTIFACT_PATH_MAX + 1] = ".";
    const char *slash = strrchr(manifest->path, '/');
    if (slash != NULL) {
        (void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - manifest->path),
                       manifest->path);
    }
    return artifact_open_beneath(manifest->system, manifest->root, parent, O_RDONLY | O_DIRECTORY,
                                 0);
}

/* Two pods may do this at once, with equal process ids: the name is random. */
static void open_temporary(struct artifact_manifest *manifest)
{
    uint64_t random = 0;
    manifest->folder = open_parent(manifest);
    if (manifest->folder < 0 || getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        give_up(manifest);
        return;
    }
    char name[TEMPORARY_SIZE];
    (void)snprintf(name, sizeof(name), "%s-%016" PRIx64, ARTIFACT_MANIFEST_SUFFIX, random);
    manifest->file = artifact_open_beneath(manifest->system, manifest->folder, name,
                                           O_WRONLY | O_CREAT | O_EXCL, MANIFEST_MODE);
    if (manifest->file < 0) {
        give_up(manifest);
        return;
    }
    memcpy(manifest->temporary, name, sizeof(name));
    manifest->state = OPEN;
}

static void flush(struct artifact_manifest *manifest)
{
    if (manifest->state == NOT_OPENED) {
        open_temporary(manifest);
    }
    if (manifest->state == OPEN && artifact_write_all(manifest->system, manifest->file,
                                                      manifest->pending, manifest->used) != 0) {
        give_up(manifest);
    }
    manifest->used = 0;
}

static void take_line(void *user, const char *line, size_t size)
{
    struct artifact_manifest *manifest = user;
    if (manifest->state == GIVEN_UP) {
        return;
    }
    if (manifest->used + size > sizeof(manifest->pending)) {
        flush(manifest);
    }
    memcpy(manifest->pending + manifest->used, line, size);
    manifest->used += size;
}

struct artifact_observer artifact_manifest_observer(struct artifact_manifest *manifest)
{
    return (struct artifact_observer){.user = manifest, .line = take_line};
}

void artifact_manifest_publish(struct artifact_manifest *manifest)
{
    flush(manifest);
    if (manifest->state != OPEN) {
        return;
    }
    const char *slash = strrchr(manifest->path, '/');
    char name[ARTIFACT_NAME_MAX + sizeof(ARTIFACT_MANIFEST_SUFFIX)];
    (void)snprintf(name, sizeof(name), "%s%s", slash == NULL ? manifest->path : slash + 1,
                   ARTIFACT_MANIFEST_SUFFIX);
    if (manifest->system->fsync(manifest->file) != 0 ||
        manifest->system->renameat(manifest->folder, manifest->temporary, name) != 0) {
        give_up(manifest);
        return;
    }
    manifest->temporary[0] = '\0';
    (void)manifest->system->fsync(manifest->folder);
}

struct artifact_manifest *artifact_manifest_free(struct artifact_manifest *manifest)
{
    if (manifest != NULL) {
        give_up(manifest);
    }
    return memory_free(manifest);
}
