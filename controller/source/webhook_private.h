#ifndef TIDEMILL_SOURCE_WEBHOOK_PRIVATE_H
#define TIDEMILL_SOURCE_WEBHOOK_PRIVATE_H

/* What the files source/webhook*.c share. */

#include "api/codec_scan.h"
#include "source/webhook.h"

/* NULL when there is none; of several the first. */
const char *webhook_header(const struct webhook_delivery *delivery, const char *name);

/* The whole payload, one JSON value, maybe in the arena. ERROR_INVALID when it is none. */
MUST_CHECK struct result webhook_payload(struct arena *arena,
                                         const struct webhook_delivery *delivery,
                                         struct span *payload, struct error *error);

/* NULL, or what is wrong with a path into a payload. */
const char *webhook_path_fault(const char *path);

enum webhook_field {
    FIELD_ABSENT, /* or null */
    FIELD_TEXT,
    FIELD_NESTED, /* an object or array */
    FIELD_BROKEN  /* not JSON there */
};

/* What stands at a valid path, as text. */
enum webhook_field webhook_field_text(struct arena *arena, struct span payload, const char *path,
                                      const char **text);

#endif
