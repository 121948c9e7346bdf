#ifndef TIDEMILL_API_CODEC_MAP_H
#define TIDEMILL_API_CODEC_MAP_H

/* How a map of texts comes together while it is decoded; for api/codec*.c alone. */

#include "api/codec_scan.h"
#include "api/meta.h"
#include "api/schema.h"
#include "core/arena.h"

struct map_item {
    struct name_value pair;
    size_t order; /* of names that come twice, the last counts */
};

/* Whether the field's prefix lets the name in. */
bool codec_map_wants(const struct field *field, struct span name);

/* `items`, which are sorted by this, as a map; the texts are borrowed. */
struct text_map codec_map_make(struct arena *arena, struct map_item *items, size_t count);

#endif
