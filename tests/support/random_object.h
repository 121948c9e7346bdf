#ifndef TIDEMILL_SUPPORT_RANDOM_OBJECT_H
#define TIDEMILL_SUPPORT_RANDOM_OBJECT_H

/*
 * Objects of any kind filled at random by its field table, and a comparison that uses the tables
 * but neither the encoder nor the decoder. The same seed makes the same object.
 */

#include "api/schema.h"
#include "core/arena.h"
#include "core/prng.h"

#include <stdbool.h>

/* `percent`: how likely each optional field is there. `object` is zeroed memory of schema->size. */
void random_fill(struct arena *arena, struct prng *prng, const struct schema *schema, int percent,
                 void *object);

/* Makes `object` differ from what it was here and there; shared lists are copied before. */
void random_change(struct arena *arena, struct prng *prng, const struct schema *schema,
                   void *object);

/* Equal in all fields but those with a flag of `without`. */
bool struct_equal(const struct schema *schema, const void *a, const void *b, unsigned without);

#endif
