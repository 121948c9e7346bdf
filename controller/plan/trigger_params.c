#include "plan/trigger_params.h"

#include "core/text.h"

static const char *find_value(const struct trigger_values *values, const char *name)
{
    for (size_t at = 0; name && at < values->count; at++) {
        if (text_equal(values->items[at].name, name)) {
            return values->items[at].value;
        }
    }
    return NULL;
}

struct name_value *trigger_params_keep(struct arena *arena, const struct trigger_spec *spec,
                                       const struct trigger_values *values, size_t *count)
{
    struct name_value *kept = arena_array(arena, struct name_value, spec->param_count);
    *count = 0;
    for (size_t at = 0; at < spec->param_count; at++) {
        const char *value = find_value(values, spec->params[at].from);
        if (value) {
            kept[(*count)++] = (struct name_value){.name = spec->params[at].name,
                                                   .value = arena_copy_text(arena, value)};
        }
    }
    return kept;
}

struct name_value *trigger_params_list(struct arena *arena, const struct trigger_spec *spec,
                                       const struct trigger_values *kept, size_t *count)
{
    struct name_value *params = arena_array(arena, struct name_value, spec->param_count);
    *count = 0;
    for (size_t at = 0; at < spec->param_count; at++) {
        const struct trigger_param *param = &spec->params[at];
        const char *value = param->from ? find_value(kept, param->name) : param->value;
        if (value) {
            params[(*count)++] = (struct name_value){.name = param->name, .value = value};
        }
    }
    return params;
}
