#ifndef TIDEMILL_SUPPORT_JSON_PATCH_H
#define TIDEMILL_SUPPORT_JSON_PATCH_H

/*
 * A small JSON Patch (RFC 6902) applier that shares nothing with the code under test. Strict: an
 * operation that an API server would refuse ends the test.
 */

#include <jansson.h>

/* Changes `document` by an array of add, remove and replace operations; values are borrowed. */
void json_patch_apply(json_t *document, const json_t *operations);

#endif
