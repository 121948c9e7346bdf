#ifndef TIDEMILL_API_RENDER_PARTS_H
#define TIDEMILL_API_RENDER_PARTS_H

/* Pieces that several bodies share; for api/render*.c alone. New references are returned. */

#include "api/pod_template.h"
#include "api/render.h"

#define CLAIM_MOUNT      "/tidemill/claim"
#define MODELS_MOUNT     "/mnt/models"
#define VOLUME_ARTIFACTS "tidemill-artifacts"
#define VOLUME_MODELS    "tidemill-models"

/* A string that is certainly UTF-8: text from users was checked by the API server's JSON. */
json_t *json_text(const char *text);

/* {apiVersion, kind, metadata: {name, namespace, labels, ownerReferences}}. `labels` is taken;
 * `owner` may be NULL. */
json_t *render_object(const char *api_version, const char *kind, const char *namespace,
                      const char *name, json_t *labels, const struct render_owner *owner);

/* {LABEL_MANAGED_BY: ...} to which others are added. */
json_t *render_labels(void);

/* Sets LABEL to a valid label value made of `value`; nothing when it is NULL. */
void render_set_label(json_t *labels, const char *label, const char *value);

json_t *render_claim_volume(const char *claim);
json_t *render_mount(const char *volume, const char *path, bool read_only);

/* {name, value} */
json_t *render_env(const char *name, const char *value);

/*
 * A container of ours that runs `tidemill artifact ...` beside the user's `main` container: same
 * securityContext and resources, so that what may run there lets ours run too. `args` is taken.
 */
json_t *render_helper(const char *name, const char *image, json_t *args, const json_t *main);

#endif
