/* One answer out of a pod that the cache has pruned away: which image a container asks for. */

#include "api/codec_private.h"
#include "api/pod_template.h"

const char *codec_find_image(struct arena *arena, const char *json, size_t size,
                             const char *container)
{
    CLEANUP(tree_release) json_t *pod = NULL;
    if (!result_is_ok(tree_parse((struct span){json, size}, 0, &pod, NULL))) {
        return NULL;
    }
    return tree_copy_member(arena, pod_template_container(pod, "containers", container), "image");
}
