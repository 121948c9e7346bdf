#include "api/lease.h"

#include "api/codec_tree.h"
#include "api/render_parts.h"
#include "core/civil.h"
#include "core/hash.h"
#include "core/text.h"

/* The API server's int32; 0 where it is none, or none that could be counted on from. */
static int64_t number_of(const json_t *object, const char *name)
{
    int64_t value = json_integer_value(json_object_get(object, name));
    return value > 0 && value < INT32_MAX ? value : 0;
}

static uint64_t fingerprint_of(struct arena *arena, const struct lease_record *record,
                               const json_t *spec)
{
    const char *acquired = tree_copy_member(arena, spec, "acquireTime");
    const char *renewed = tree_copy_member(arena, spec, "renewTime");
    uint64_t hash = hash_text(HASH_SEED, text_or(record->uid, ""));
    hash = hash_text(hash, text_or(record->holder, ""));
    hash = hash_text(hash, text_or(acquired, ""));
    hash = hash_text(hash, text_or(renewed, ""));
    hash = hash_bytes(hash, &record->duration_seconds, sizeof(record->duration_seconds));
    return hash_bytes(hash, &record->transitions, sizeof(record->transitions));
}

struct result lease_decode(struct arena *arena, const char *json, size_t size,
                           struct lease_record *record, struct error *error)
{
    CLEANUP(tree_release) json_t *tree = NULL;
    TRY(tree_parse((struct span){json, size}, 0, &tree, error));
    const json_t *meta = json_object_get(tree, "metadata");
    const json_t *spec = json_object_get(tree, "spec");
    struct lease_record found = {
        .uid = tree_copy_member(arena, meta, "uid"),
        .resource_version = tree_copy_member(arena, meta, "resourceVersion"),
        .holder = tree_copy_member(arena, spec, "holderIdentity"),
        .duration_seconds = number_of(spec, "leaseDurationSeconds"),
        .transitions = number_of(spec, "leaseTransitions"),
    };
    if (text_is_empty(found.resource_version)) {
        return error_set(error, ERROR_INVALID, "a Lease without metadata.resourceVersion");
    }
    found.fingerprint = fingerprint_of(arena, &found, spec);
    *record = found;
    return RESULT_OK;
}

static void set_time(json_t *spec, const char *name, int64_t unix_micros)
{
    char text[CIVIL_TEXT_SIZE];
    if (unix_micros != 0) {
        civil_format_micro(unix_micros, text);
        json_object_set_new(spec, name, json_string(text));
    }
}

static json_t *render_spec(const struct lease_claim *claim)
{
    json_t *spec = json_pack("{s:o, s:I, s:I}", "holderIdentity", json_text(claim->holder),
                             "leaseDurationSeconds", (json_int_t)claim->duration_seconds,
                             "leaseTransitions", (json_int_t)claim->transitions);
    set_time(spec, "acquireTime", claim->acquire_micros);
    set_time(spec, "renewTime", claim->renew_micros);
    return spec;
}

const char *lease_render(struct arena *arena, const char *namespace, const char *name,
                         const struct lease_claim *claim)
{
    json_t *object = render_object(LEASE_API_VERSION, LEASE_KIND, namespace, name, render_labels(),
                                   NULL);
    json_object_set_new(object, "spec", render_spec(claim));
    return json_to_text(arena, object);
}

const char *lease_render_patch(struct arena *arena, const char *resource_version,
                               const struct lease_claim *claim)
{
    return json_to_text(arena, json_pack("{s:{s:s}, s:o}", "metadata", "resourceVersion",
                                         resource_version, "spec", render_spec(claim)));
}
