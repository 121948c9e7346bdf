#include "api/render_parts.h"

#include "api/names.h"
#include "core/assert.h"

json_t *json_text(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_string("");
}

json_t *render_labels(void)
{
    return json_pack("{s:s}", LABEL_MANAGED_BY, LABEL_MANAGED_BY_VALUE);
}

void render_set_label(json_t *labels, const char *label, const char *value)
{
    if (!value) {
        return;
    }
    struct arena arena = {0};
    json_object_set_new(labels, label, json_text(name_as_label(&arena, value)));
    arena_free(&arena);
}

json_t *render_object(const char *api_version, const char *kind, const char *namespace,
                      const char *name, json_t *labels, const struct render_owner *owner)
{
    json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s, s:o}}", "apiVersion", api_version, "kind",
                               kind, "metadata", "name", name, "namespace", namespace, "labels",
                               labels);
    REQUIRE(object != NULL);
    if (owner) {
        const struct kind_info *info = kind_info(owner->kind);
        json_object_set_new(json_object_get(object, "metadata"), "ownerReferences",
                            json_pack("[{s:s, s:s, s:s, s:s, s:b, s:b}]", "apiVersion",
                                      info->api_version, "kind", info->kind, "name", owner->name,
                                      "uid", owner->uid, "controller", 1, "blockOwnerDeletion", 1));
    }
    return object;
}

json_t *render_claim_volume(const char *claim)
{
    return json_pack("{s:s, s:{s:s}}", "name", VOLUME_ARTIFACTS, "persistentVolumeClaim",
                     "claimName", claim);
}

json_t *render_mount(const char *volume, const char *path, bool read_only)
{
    json_t *mount = json_pack("{s:s, s:s}", "name", volume, "mountPath", path);
    if (read_only) {
        json_object_set_new(mount, "readOnly", json_true());
    }
    return mount;
}

json_t *render_env(const char *name, const char *value)
{
    return json_pack("{s:s, s:o}", "name", name, "value", json_text(value));
}

json_t *render_helper(const char *name, const char *image, json_t *args, const json_t *main)
{
    json_t *container = json_pack("{s:s, s:s, s:o, s:s}", "name", name, "image", image, "args",
                                  args, "imagePullPolicy", "IfNotPresent");
    static const char *const inherited[] = {"securityContext", "resources"};
    for (size_t at = 0; at < COUNT_OF(inherited); at++) {
        const json_t *value = json_object_get(main, inherited[at]);
        if (value) {
            json_object_set_new(container, inherited[at], json_deep_copy(value));
        }
    }
    return container;
}
