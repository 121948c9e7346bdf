#ifndef TIDEMILL_ARTIFACT_LISTING_H
#define TIDEMILL_ARTIFACT_LISTING_H

/*
 * The sorted names of the folders that a walk stands in, one upon the other. Used by
 * artifact/tree.c and copy.c. Invariant: only plain names of files and folders get in, and never
 * more than the stated limits.
 */

#include "artifact/failure.h"
#include "artifact/stream.h"
#include "artifact/system.h"

#include <stddef.h>
#include <stdint.h>

struct artifact_listing_entry {
    uint32_t name; /* where it begins in `names` */
    bool folder;
};

struct artifact_listing {
    char *names; /* NUL-terminated, one after the other */
    size_t names_size;
    size_t names_capacity;
    struct artifact_listing_entry *entries;
    size_t count;
    size_t capacity;
    size_t total; /* entries ever added: counts against ARTIFACT_ENTRIES_MAX */
    char *buffer; /* getdents64(2) writes here */
};

/* Where the listing stood, to go back to it when a folder is done. */
struct artifact_listing_mark {
    size_t count;
    size_t names_size;
};

struct artifact_listing_mark artifact_listing_mark(const struct artifact_listing *listing);
void artifact_listing_rewind(struct artifact_listing *listing, struct artifact_listing_mark mark);

/*
 * Adds what `folder` holds, sorted as a manifest is. `place` names the folder in messages. Fails
 * with UnsafeContent, ArtifactTooLarge, ArtifactChanged or ArtifactIO; entries may have been added
 * by then.
 */
MUST_CHECK struct result artifact_listing_add(struct artifact_listing *listing,
                                              const struct artifact_system *system, int folder,
                                              struct artifact_place place,
                                              struct artifact_failure *failure);

const char *artifact_listing_name(const struct artifact_listing *listing, size_t entry);

void artifact_listing_free(struct artifact_listing *listing);

#endif
