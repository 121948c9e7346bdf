#include "api/meta.h"

#include "api/kind.h"
#include "core/text.h"

const char *text_map_get(const struct text_map *map, const char *name)
{
    for (size_t at = 0; at < map->count; at++) {
        if (text_equal(map->items[at].name, name)) {
            return map->items[at].value;
        }
    }
    return NULL;
}

const struct owner_reference *meta_controller(const struct meta *meta)
{
    for (size_t at = 0; at < meta->owner_count; at++) {
        if (meta->owners[at].controller) {
            return &meta->owners[at];
        }
    }
    return NULL;
}

bool meta_is_controlled_by(const struct meta *meta, const char *uid)
{
    const struct owner_reference *controller = meta_controller(meta);
    return controller && uid && text_equal(controller->uid, uid);
}

int64_t meta_chain(const struct meta *meta)
{
    const char *text = text_map_get(&meta->annotations, ANNOTATION_CHAIN);
    int64_t length = 0;
    return text && text_parse_integer(text, &length) && length > 0 ? length : 0;
}
