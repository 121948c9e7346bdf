#ifndef TIDEMILL_API_JSON_PART_H
#define TIDEMILL_API_JSON_PART_H

/*
 * Reads single values out of a peer's JSON answer, for source/ and api/: no tree, no schema. A
 * value is a span of the text; api/codec_scan.h walks arrays and objects (scan_open,
 * scan_next_item, scan_next_member). Each function takes any bytes.
 *
 *   struct span root, data;
 *   if (json_part_open(body, size, &root) && json_part_find(root, "data.result", &data)) ...
 */

#include "api/codec_scan.h"
#include "core/arena.h"

#include <stdint.h>

/*
 * The one value that `bytes` are; false when they are none, or something follows it. A JSON text
 * that was cut off is none.
 */
bool json_part_open(const char *bytes, size_t size, struct span *value);

/*
 * The member at a path of names with dots between ("data.result"), each an object's; of several
 * with one name the first. False when it is not there. Names with a dot or an escape aren't found.
 */
bool json_part_find(struct span value, const char *path, struct span *found);

/*
 * What a string means, valid UTF-8 and without NUL (one becomes U+FFFD); NULL when `value` is no
 * string.
 */
const char *json_part_text(struct arena *arena, struct span value);

/* Both at once: NULL when there is no such member, or it is no string. */
const char *json_part_find_text(struct arena *arena, struct span value, const char *path);

/* False when `value` is no integer of 64 bits. */
bool json_part_integer(struct span value, int64_t *integer);

#endif
