/*
 * Whatever lies on a claim, a folder gets the digest of its manifest or is refused with a message,
 * also when a system call fails on the way. Input: which call fails (0: none), then entries: a byte
 * for the type, one for the length of the name, the name.
 */

#include "fuzz/fuzz.h"

#include "artifact/manifest.h"
#include "core/buffer.h"
#include "core/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

enum {
    NODES = 200,
    FILES = 80, /* open at once: 64 folders deep, and some */
    SINK_MAXIMUM = 1024 * 1024,
    ALIGNMENT = 8,
    TYPES = 8
};

struct node {
    char name[256];
    size_t parent;
    mode_t mode;
    size_t size;
    bool hides_type;
};

struct open_file {
    bool used;
    bool sink;
    size_t node;
    size_t at; /* the next child of a folder, the next byte of a file */
};

/* One world for each input; the table of system calls carries no context. */
static struct {
    struct node nodes[NODES];
    size_t count;
    struct open_file files[FILES];
    struct buffer sink; /* the manifest as it was written */
    unsigned calls_until_fault;
} world;

static bool fails(void)
{
    errno = EIO;
    return world.calls_until_fault > 0 && --world.calls_until_fault == 0;
}

/* ---- the input as a tree ---- */

static const mode_t modes[TYPES] = {S_IFREG | 0644, S_IFREG | 0755, S_IFDIR | 0755, S_IFDIR | 0700,
                                    S_IFREG | 0600, S_IFLNK | 0777, S_IFIFO | 0600, S_IFCHR | 0600};

static bool is_possible(const char *name, size_t parent)
{
    if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    for (size_t at = 1; at < world.count; at++) {
        if (world.nodes[at].parent == parent && strcmp(world.nodes[at].name, name) == 0) {
            return false;
        }
    }
    return true;
}

static void read_tree(struct fuzz_input input)
{
    size_t inside = 0;
    world.nodes[0] = (struct node){.mode = S_IFDIR | 0755};
    world.count = 1;
    while (input.size > 0 && world.count < NODES) {
        uint8_t type = fuzz_take_byte(&input);
        size_t length = fuzz_take_byte(&input);
        length = length < input.size ? length : input.size;
        if ((type & 0x40U) != 0) { /* the folder ends */
            inside = world.nodes[inside].parent;
        }
        struct node node = {.parent = inside,
                            .mode = modes[type % TYPES],
                            .size = type,
                            .hides_type = (type & 0x20U) != 0};
        memcpy(node.name, input.bytes, length);
        input.bytes += length;
        input.size -= length;
        if (is_possible(node.name, inside)) {
            inside = S_ISDIR(node.mode) ? world.count : inside;
            world.nodes[world.count++] = node;
        }
    }
}

/* ---- the system calls ---- */

static int open_node(size_t node, bool sink)
{
    for (int at = 0; at < FILES; at++) {
        if (!world.files[at].used) {
            world.files[at] = (struct open_file){.used = true, .sink = sink, .node = node};
            return at;
        }
    }
    errno = EMFILE;
    return -1;
}

static struct open_file *file_of(int number)
{
    REQUIRE(number >= 0 && number < FILES && world.files[number].used);
    return &world.files[number];
}

static int fake_openat2(int folder, const char *path, int flags, mode_t mode, uint64_t resolve)
{
    (void)mode;
    (void)resolve;
    size_t parent = file_of(folder)->node;
    if (fails()) {
        return -1;
    }
    if ((flags & O_CREAT) != 0) {
        return open_node(0, true);
    }
    if (strcmp(path, ".") == 0) {
        return open_node(parent, false);
    }
    for (size_t at = 1; at < world.count; at++) {
        if (world.nodes[at].parent == parent && strcmp(world.nodes[at].name, path) == 0) {
            return open_node(at, false);
        }
    }
    errno = ENOENT;
    return -1;
}

static int fake_close(int number)
{
    file_of(number)->used = false;
    return 0;
}

static ssize_t fake_read(int number, void *bytes, size_t size)
{
    struct open_file *file = file_of(number);
    size_t left = world.nodes[file->node].size - file->at;
    size_t got = left < size ? left : size;
    if (fails()) {
        return -1;
    }
    memset(bytes, 'x', got);
    file->at += got;
    return (ssize_t)got;
}

static ssize_t fake_write(int number, const void *bytes, size_t size)
{
    REQUIRE(file_of(number)->sink);
    if (fails()) {
        return -1;
    }
    REQUIRE(result_is_ok(buffer_append(&world.sink, bytes, size)));
    return (ssize_t)size;
}

static size_t put_entry(const struct node *node, char *bytes, size_t size)
{
    size_t length = offsetof(struct dirent64, d_name) + strlen(node->name) + 1;
    length = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (length > size) {
        return 0;
    }
    struct dirent64 *entry = (void *)bytes;
    entry->d_ino = 1;
    entry->d_reclen = (unsigned short)length;
    entry->d_type = node->hides_type ? DT_UNKNOWN : IFTODT(node->mode);
    memcpy(bytes + offsetof(struct dirent64, d_name), node->name, strlen(node->name) + 1);
    return length;
}

static ssize_t fake_getdents(int number, void *bytes, size_t size)
{
    struct open_file *file = file_of(number);
    size_t used = 0;
    if (fails()) {
        return -1;
    }
    for (; file->at + 1 < world.count; file->at++) {
        const struct node *node = &world.nodes[file->at + 1];
        if (node->parent != file->node) {
            continue;
        }
        size_t length = put_entry(node, (char *)bytes + used, size - used);
        if (length == 0) {
            break;
        }
        used += length;
    }
    return (ssize_t)used;
}

static int tell(size_t node, struct stat *status)
{
    *status = (struct stat){.st_ino = node + 1,
                            .st_mode = world.nodes[node].mode,
                            .st_size = (off_t)world.nodes[node].size};
    return fails() ? -1 : 0;
}

static int fake_fstat(int number, struct stat *status)
{
    return tell(file_of(number)->node, status);
}

static int fake_fstatat(int folder, const char *name, struct stat *status, int flags)
{
    (void)flags;
    size_t parent = file_of(folder)->node;
    for (size_t at = 1; at < world.count; at++) {
        if (world.nodes[at].parent == parent && strcmp(world.nodes[at].name, name) == 0) {
            return tell(at, status);
        }
    }
    errno = ENOENT;
    return -1;
}

static int fake_unlinkat(int folder, const char *name, int flags)
{
    (void)file_of(folder);
    (void)name;
    (void)flags;
    return 0;
}

static int fake_renameat(int folder, const char *from, const char *to)
{
    (void)file_of(folder);
    (void)from;
    (void)to;
    return fails() ? -1 : 0;
}

static int fake_sync(int number)
{
    (void)file_of(number);
    return fails() ? -1 : 0;
}

static const struct artifact_system fake = {
    .openat2 = fake_openat2,
    .close = fake_close,
    .read = fake_read,
    .write = fake_write,
    .getdents = fake_getdents,
    .fstat = fake_fstat,
    .fstatat = fake_fstatat,
    .unlinkat = fake_unlinkat,
    .renameat = fake_renameat,
    .fsync = fake_sync,
    .advise_sequential = fake_sync,
};

/* ---- what must hold ---- */

static const char *path_of_line(const char *line)
{
    for (int spaces = 0; spaces < 3; line++) {
        REQUIRE(*line != '\0' && *line != '\n');
        spaces += *line == ' ' ? 1 : 0;
    }
    return line;
}

/* Sorted bytewise by path, each once, a line each. */
static void require_manifest(const char *text)
{
    char previous[ARTIFACT_LINE_MAX] = "";
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        char path[ARTIFACT_LINE_MAX];
        REQUIRE(end && (size_t)(end - text) < sizeof(path));
        const char *from = path_of_line(text);
        memcpy(path, from, (size_t)(end - from));
        path[end - from] = '\0';
        REQUIRE(strcmp(previous, path) < 0);
        memcpy(previous, path, sizeof(previous));
        text = end + 1;
    }
}

static void require_sum(const struct artifact_sum *sum, bool whole)
{
    char hex[DIGEST_HEX_SIZE];
    REQUIRE(artifact_digest_is_valid(sum->digest) && sum->folder && sum->files < world.count);
    if (whole) {
        require_manifest(buffer_text(&world.sink));
        digest_bytes(buffer_text(&world.sink), world.sink.size, hex);
        REQUIRE(strcmp(hex, sum->digest + strlen("sha256:")) == 0);
    }
}

/* One line without control bytes: it ends in a termination message and in logs. */
static void require_failure(const struct artifact_failure *failure)
{
    REQUIRE(failure->reason != ARTIFACT_REASON_NONE && failure->message[0] != '\0');
    size_t size = strlen(failure->message);
    REQUIRE(size < sizeof(failure->message) && artifact_name_is_plain(failure->message, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    memset(&world, 0, sizeof(world));
    world.sink = (struct buffer)BUFFER_INIT(SINK_MAXIMUM);
    world.calls_until_fault = fuzz_take_byte(&input);
    bool faultless = world.calls_until_fault == 0;
    read_tree(input);
    int root = open_node(0, false);
    struct artifact_sum sum;
    struct artifact_failure failure = {0};
    struct artifact_manifest *manifest = artifact_manifest_new(&fake, root, ".");
    const struct artifact_observer observer = artifact_manifest_observer(manifest);
    struct result result = artifact_tree_sum(&fake, root, ".", "model", &observer, &sum, &failure);
    if (result_is_ok(result)) {
        artifact_manifest_publish(manifest);
        require_sum(&sum, faultless);
    } else {
        require_failure(&failure);
    }
    (void)artifact_manifest_free(manifest);
    (void)fake_close(root);
    for (int at = 0; at < FILES; at++) {
        REQUIRE(!world.files[at].used);
    }
    buffer_free(&world.sink);
    return 0;
}
