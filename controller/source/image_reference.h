#ifndef TIDEMILL_SOURCE_IMAGE_REFERENCE_H
#define TIDEMILL_SOURCE_IMAGE_REFERENCE_H

/*
 * Names of repositories, tags and digests (OCI distribution specification 1.1, "Pulling manifests";
 * OCI image specification, "Digests"). For source/image.c.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    IMAGE_NAME_LIMIT = 255, /* bytes of host and name together, as clients have it */
    IMAGE_TAG_LIMIT = 128
};

/* In the arena it was parsed into. */
struct image_repository {
    const char *base_url;  /* "https://registry.example:5000" */
    const char *name;      /* "team/model" */
    const char *reference; /* "registry.example:5000/team/model": for pods */
};

/*
 * host[:port]/path, by https, or with http:// or https:// before it. Nothing is added: a name
 * without a host, and docker.io, which is no registry's address, are ERROR_INVALID that says what
 * to write.
 */
MUST_CHECK struct result image_repository_parse(struct arena *arena, const char *text,
                                                struct image_repository *repository,
                                                struct error *error);

bool image_is_tag(const char *text);

/* "sha256:" or "sha512:" and as many lower-case hexadecimal digits as it has. */
bool image_is_digest(const char *text);

#endif
