#include "artifact/listing.h"

#include "artifact/tree.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_SIZE = 64 * 1024 }; /* bytes asked of one getdents64: some 2,000 names */

struct artifact_listing_mark artifact_listing_mark(const struct artifact_listing *listing)
{
    return (struct artifact_listing_mark){.count = listing->count,
                                          .names_size = listing->names_size};
}

void artifact_listing_rewind(struct artifact_listing *listing, struct artifact_listing_mark mark)
{
    listing->count = mark.count;
    listing->names_size = mark.names_size;
}

const char *artifact_listing_name(const struct artifact_listing *listing, size_t entry)
{
    return listing->names + listing->entries[entry].name;
}

void artifact_listing_free(struct artifact_listing *listing)
{
    listing->names = memory_free(listing->names);
    listing->entries = memory_free(listing->entries);
    listing->buffer = memory_free(listing->buffer);
    *listing = (struct artifact_listing){0};
}

static struct result check_limits(const struct artifact_listing *listing, size_t name_size,
                                  struct artifact_place place, struct artifact_failure *failure)
{
    if (listing->total >= ARTIFACT_ENTRIES_MAX) {
        return artifact_fail(failure, ARTIFACT_TOO_LARGE,
                             "%s has more than %d files and folders; pack them into fewer, larger "
                             "files, an archive for example",
                             artifact_quote(place.path, NULL).text, ARTIFACT_ENTRIES_MAX);
    }
    if (listing->names_size + name_size + 1 > ARTIFACT_NAMES_MAX) {
        return artifact_fail(failure, ARTIFACT_TOO_LARGE,
                             "%s has more than %d MiB of names in its folders; spread the files "
                             "over several folders or pack them into fewer, larger files",
                             artifact_quote(place.path, place.inner).text,
                             ARTIFACT_NAMES_MAX / (1024 * 1024));
    }
    return RESULT_OK;
}

static struct artifact_quoted quote_child(struct artifact_place place, const char *name)
{
    char inner[ARTIFACT_PATH_MAX + ARTIFACT_NAME_MAX + 3];
    int size = 0;
    if (place.inner != NULL) {
        size = (int)strnlen(place.inner, ARTIFACT_PATH_MAX);
        memcpy(inner, place.inner, (size_t)size);
    }
    if (size > 0 && inner[size - 1] != '/') {
        inner[size++] = '/';
    }
    size_t name_size = strnlen(name, ARTIFACT_NAME_MAX);
    memcpy(inner + size, name, name_size);
    inner[(size_t)size + name_size] = '\0';
    return artifact_quote(place.path, inner);
}

static struct result add_name(struct artifact_listing *listing, const char *name, mode_t mode,
                              struct artifact_place place, struct artifact_failure *failure)
{
    size_t size = strlen(name);
    if (!S_ISREG(mode) && !S_ISDIR(mode)) {
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "%s is %s; only files and folders are allowed: let the step that "
                             "writes it leave a plain copy, or remove it",
                             quote_child(place, name).text, artifact_kind_name(mode));
    }
    if (size > ARTIFACT_NAME_MAX || !artifact_name_is_plain(name, size)) {
        return artifact_fail(failure, ARTIFACT_UNSAFE_CONTENT,
                             "%s has a control character in its name, or one that is not UTF-8: "
                             "rename it",
                             quote_child(place, name).text);
    }
    TRY(check_limits(listing, size, place, failure));
    listing->names = memory_grow(listing->names, &listing->names_capacity,
                                 listing->names_size + size + 1, 1);
    listing->entries = memory_grow(listing->entries, &listing->capacity, listing->count + 1,
                                   sizeof(*listing->entries));
    listing->entries[listing->count++] = (struct artifact_listing_entry){
        .name = (uint32_t)listing->names_size,
        .folder = S_ISDIR(mode),
    };
    memcpy(listing->names + listing->names_size, name, size + 1);
    listing->names_size += size + 1;
    listing->total++;
    return RESULT_OK;
}

/* Not every file system tells the type together with the name. */
static struct result find_mode(const struct artifact_system *system, int folder,
                               const struct dirent64 *entry, struct artifact_place place,
                               mode_t *mode, struct artifact_failure *failure)
{
    if (entry->d_type != DT_UNKNOWN) {
        *mode = DTTOIF(entry->d_type);
        return RESULT_OK;
    }
    struct stat status;
    if (system->fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        int error = errno;
        struct artifact_quoted quoted = quote_child(place, entry->d_name);
        struct result result = artifact_fail_reading(failure, place.path, place.inner, error);
        artifact_failure_add_context(failure, "looking at %s", quoted.text);
        return result;
    }
    *mode = status.st_mode;
    return RESULT_OK;
}

static struct result add_batch(struct artifact_listing *listing,
                               const struct artifact_system *system, int folder, size_t size,
                               struct artifact_place place, struct artifact_failure *failure)
{
    for (size_t at = 0; at < size;) {
        const void *bytes = listing->buffer + at;
        const struct dirent64 *entry = bytes; /* the kernel aligns entries to 8 bytes */
        at += entry->d_reclen;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        mode_t mode;
        TRY(find_mode(system, folder, entry, place, &mode, failure));
        TRY(add_name(listing, entry->d_name, mode, place, failure));
    }
    return RESULT_OK;
}

/* The byte at `at`, with the "/" that a folder's path ends in. */
static int byte_at(const char *name, size_t size, bool folder, size_t at)
{
    if (at < size) {
        return (unsigned char)name[at];
    }
    return folder ? '/' : '\0';
}

static int compare_entries(const void *left, const void *right, void *names)
{
    const struct artifact_listing_entry *a = left;
    const struct artifact_listing_entry *b = right;
    const char *a_name = (const char *)names + a->name;
    const char *b_name = (const char *)names + b->name;
    size_t a_size = strlen(a_name);
    size_t b_size = strlen(b_name);
    size_t shared = a_size < b_size ? a_size : b_size;
    int order = memcmp(a_name, b_name, shared);
    if (order != 0) {
        return order;
    }
    return byte_at(a_name, a_size, a->folder, shared) - byte_at(b_name, b_size, b->folder, shared);
}

struct result artifact_listing_add(struct artifact_listing *listing,
                                   const struct artifact_system *system, int folder,
                                   struct artifact_place place, struct artifact_failure *failure)
{
    if (listing->buffer == NULL) {
        listing->buffer = memory_allocate(LIST_SIZE, 1);
    }
    size_t first = listing->count;
    for (;;) {
        ssize_t got = system->getdents(folder, listing->buffer, LIST_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return artifact_fail_reading(failure, place.path, place.inner, errno);
        }
        if (got == 0) {
            break;
        }
        TRY(add_batch(listing, system, folder, (size_t)got, place, failure));
    }
    if (listing->count > first) {
        qsort_r(listing->entries + first, listing->count - first, sizeof(*listing->entries),
                compare_entries, listing->names);
    }
    return RESULT_OK;
}
