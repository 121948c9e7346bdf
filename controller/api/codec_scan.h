#ifndef TIDEMILL_API_CODEC_SCAN_H
#define TIDEMILL_API_CODEC_SCAN_H

/*
 * Finds the parts of a JSON text without parsing it, for api/ and source/: the items of a list,
 * the object of a watch event, the name in an object's metadata. jansson refuses a whole text for
 * one integer over 64 bits or one NUL in a key, which any user can put into a pod template; cut
 * apart first, such an object harms only itself (conformance X3).
 *
 * Only as strict as cutting needs: what it finds is parsed by jansson, or read by api/json_part.h,
 * afterwards. No recursion, so
 * depth costs nothing. Spans are borrowed from the text.
 */

#include <stdbool.h>
#include <stddef.h>

struct span {
    const char *bytes;
    size_t size;
};

enum scan_step {
    SCAN_FOUND,
    SCAN_END,
    SCAN_BROKEN /* not JSON from here on */
};

/* Where an object or array is being walked. */
struct scan {
    struct span text;
    size_t at;
    bool first;
};

/* Begins to walk `value`, which must begin with `bracket` ('{' or '['); else false. */
bool scan_open(struct span value, char bracket, struct scan *scan);

/* The next member; `key` is what stands between the quotes, not unescaped. */
enum scan_step scan_next_member(struct scan *scan, struct span *key, struct span *value);
enum scan_step scan_next_item(struct scan *scan, struct span *value);

/* Behind the value that begins at byte `at`; 0 when none does, or it has no end. */
size_t scan_value_end(struct span text, size_t at);

/* True when nothing but white space follows the object or array whose end was reached. */
bool scan_at_end(const struct scan *scan);

/* The value of the first member with this name; false when `object` has none or is none. */
bool scan_find(struct span object, const char *name, struct span *value);

/* How deep arrays and objects are nested: 0 for a scalar, 1 for {}. */
size_t scan_depth(struct span value);

/*
 * Writes the path of the value at byte `position`, e.g. "spec.steps[2].image"; "" for the text as a
 * whole. As far as it is JSON; cut to `size`.
 */
void scan_path_at(struct span text, size_t position, char *path, size_t size);

#endif
