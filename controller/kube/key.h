#ifndef TIDEMILL_KUBE_KEY_H
#define TIDEMILL_KUBE_KEY_H

/*
 * What one reconcile is about: a planner's kind (whose plan_*() runs) and the object's name. A
 * KIND_MODEL key is a model name, whether or not a Model of that name exists. A KIND_MODEL_VERSION
 * key is a version whose spec can't be read: which model it is of is not known. Used by the queue,
 * the executor, facts and expectations.
 */

#include "api/kind.h"

struct work_key {
    enum api_kind kind;
    const char *namespace;
    const char *name;
};

/* Kind, a namespace (63 bytes at most) and a name (253 at most), with room to spare. */
enum { KEY_TEXT_SIZE = 512 };

/*
 * "PipelineRun/NAMESPACE/NAME" in `text`, which is returned. What does not fit ends in a hash of
 * the whole, so that two keys never share a text.
 */
const char *key_format(const struct work_key *key, char text[KEY_TEXT_SIZE]);

/* A copy with texts of its own; freed by key_free(). */
struct work_key key_copy(const struct work_key *key);
void key_free(struct work_key *key);

#endif
