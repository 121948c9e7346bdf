/*
 * Planners are total: whatever objects the API server holds, each gives a plan whose writes can be
 * sent, the same plan for the same view; and once its status is written, it comes to rest.
 * Input: four bytes of the time; then parts, a NUL between them: a kind's letter and the JSON of an
 * object, or '!', operation, kind, error and a name: what an earlier write came to, or '?', kind, a
 * byte that says how full, and a seed: a random object that belongs to the others.
 */

#include "fuzz/fuzz.h"

#include "api/model.h"
#include "api/schema.h"
#include "cache/cache.h"
#include "core/hash.h"
#include "core/prng.h"
#include "kube/gather.h"
#include "kube/request.h"
#include "support/json_patch.h"
#include "support/random_object.h"

#include <jansson.h>

enum { OBJECTS = 24, FACTS = 8, KEYS = 64, ROUNDS = 12 };

struct world {
    struct cache *cache;
    struct facts *facts;
    struct zones *zones;
    struct work_key keys[KEYS];
    size_t key_count;
    int64_t now;
    size_t version;     /* the last resourceVersion given */
    struct arena arena; /* keys, and texts of facts */
    struct fact list[FACTS];
    size_t fact_count;
};

/* ---- the outside: a clock that stands, and no zone files ---- */

static int64_t no_time(void *self)
{
    (void)self;
    return 0;
}

static struct result no_zone(void *self, const char *name, struct buffer *bytes,
                             struct error *error)
{
    (void)self;
    (void)bytes;
    return error_set(error, ERROR_NOT_FOUND, "there is no time zone \"%s\"", name);
}

static const struct io_table outside = {
    .now_ms = no_time, .unix_micros = no_time, .read_zone = no_zone};

/* ---- the input ---- */

static void add_key(struct world *world, enum api_kind kind, const struct meta *meta,
                    const char *name)
{
    bool planned = kind == KIND_PIPELINE || kind == KIND_PIPELINE_RUN || kind == KIND_MODEL ||
                   kind == KIND_TRIGGER;
    if (planned && world->key_count < KEYS) {
        world->keys[world->key_count++] = (struct work_key){
            .kind = kind,
            .namespace = arena_copy_text(&world->arena, meta->namespace),
            .name = arena_copy_text(&world->arena, name)};
    }
}

/*
 * As the watch tells of it and the API server would have stored it: it gives name, namespace, uid
 * and resourceVersion. What only in its spec can't be read comes without it.
 */
static void put_object(struct world *world, enum api_kind kind, struct fuzz_input json)
{
    struct arena arena = {0};
    struct watch_event event = {0};
    struct error error = {0};
    const char *line = arena_print(&arena, "{\"type\":\"ADDED\",\"object\":%.*s}", (int)json.size,
                                   (const char *)json.bytes);
    struct result result = codec_decode_event(&arena, kind, line, strlen(line), &event, &error);
    struct object *object = result_is_ok(result) ? event.object : NULL;
    if (!object || object->meta.name[0] == '\0') {
        arena_free(&arena);
        return;
    }
    struct meta *meta = &object->meta;
    meta->namespace = meta->namespace ? meta->namespace : "team";
    meta->uid = meta->uid ? meta->uid : meta->name;
    meta->resource_version = arena_print(&arena, "%zu", ++world->version);
    add_key(world, kind, meta, meta->name);
    if (kind == KIND_MODEL_VERSION) {
        add_key(world, KIND_MODEL, meta, ((struct model_version *)object)->spec.model);
    }
    cache_put(world->cache, kind, &arena, object);
}

static void add_fact(struct world *world, struct fuzz_input part)
{
    enum operation_type type = fuzz_take_byte(&part) % (OPERATION_EVENT + 1);
    enum api_kind kind = fuzz_take_kind(&part, KIND_COUNT);
    enum error_kind error = fuzz_take_byte(&part) % ERROR_KIND_COUNT;
    bool asks = type == OPERATION_PROBE || type == OPERATION_EXPLAIN || type == OPERATION_DRY_RUN;
    if (world->fact_count == FACTS || type == OPERATION_EVENT || (!asks && error == ERROR_NONE)) {
        return;
    }
    world->list[world->fact_count++] = (struct fact){
        .type = type,
        .kind = kind,
        .error = error,
        .name = arena_copy_bytes(&world->arena, part.bytes, part.size),
        .message = error == ERROR_NONE ? NULL : "the API server's words",
        .time = world->now};
}

/* ---- random objects, tied together by name and owner ---- */

static const char *uid_of(struct arena *arena, enum api_kind kind)
{
    return arena_print(arena, "uid-%s", kind_info(kind)->kind);
}

/* Who controls it; KIND_COUNT: nobody. */
static enum api_kind owner_of(enum api_kind kind)
{
    switch (kind) {
    case KIND_PIPELINE_RUN:
    case KIND_CONTROLLER_REVISION:
        return KIND_PIPELINE;
    case KIND_JOB:
        return KIND_PIPELINE_RUN;
    case KIND_POD:
        return KIND_JOB;
    case KIND_DEPLOYMENT:
        return KIND_MODEL_VERSION;
    case KIND_SERVICE:
        return KIND_MODEL;
    default:
        return KIND_COUNT;
    }
}

static void tie_meta(struct arena *arena, enum api_kind kind, struct meta *meta)
{
    struct owner_reference *owner = arena_new(arena, struct owner_reference);
    struct name_value *label = arena_new(arena, struct name_value);
    struct name_value *annotation = arena_new(arena, struct name_value);
    *label = (struct name_value){LABEL_VERSION_UID, uid_of(arena, KIND_MODEL_VERSION)};
    *annotation = (struct name_value){ANNOTATION_TRIGGER_UID, uid_of(arena, KIND_TRIGGER)};
    meta->name = "x";
    meta->namespace = "team";
    meta->uid = uid_of(arena, kind);
    meta->labels = (struct text_map){.items = label, .count = 1};
    meta->annotations = (struct text_map){.items = annotation, .count = 1};
    if (owner_of(kind) != KIND_COUNT) {
        *owner = (struct owner_reference){.kind = kind_info(owner_of(kind))->kind,
                                          .name = "x",
                                          .uid = uid_of(arena, owner_of(kind)),
                                          .controller = true};
        meta->owners = owner;
        meta->owner_count = 1;
    }
}

/* Else most specs would be refused at the first look. */
static void tie_spec(struct arena *arena, struct prng *prng, struct pipeline_spec *spec)
{
    spec->param_count = prng_between(prng, 0, 3) > 0 ? 0 : spec->param_count;
    spec->pod_defaults.text = NULL;
    spec->artifacts.volume_claim.claim_name = "x";
    spec->publish.artifact = "s0.a";
    for (size_t at = 0; at < spec->step_count; at++) {
        struct step_spec *step = &spec->steps[at];
        struct artifact_spec *artifact = arena_new(arena, struct artifact_spec);
        artifact->name = "a";
        step->name = arena_print(arena, "s%zu", at);
        step->image = "i";
        step->run_after_count = 0;
        step->check_count = 0;
        step->env_count = 0;
        step->pod_template.text = NULL;
        step->outputs = (struct outputs_spec){.artifacts = artifact, .artifact_count = 1};
        for (size_t input = 0; input < step->input_count; input++) {
            step->inputs[input].from = "s0.a";
        }
        step->input_count = at > 0 ? step->input_count : 0;
    }
}

static void tie_run(struct arena *arena, struct prng *prng, struct pipeline_run *run)
{
    static const char *const phases[] = {"Pending", "Running", "Retrying", "Succeeded", "Failed"};
    run->spec.pipeline_ref.name = "x";
    run->spec.param_count = 0;
    run->status.revision = "x";
    run->status.phase = prng_between(prng, 0, 1) ? phases[prng_between(prng, 0, 4)] : NULL;
    for (size_t at = 0; at < run->status.step_count; at++) {
        struct step_status *step = &run->status.steps[at];
        step->name = arena_print(arena, "s%zu", at);
        step->phase = phases[prng_between(prng, 0, 4)];
        step->job = prng_between(prng, 0, 1) ? "x" : step->job;
    }
}

static void tie_object(struct arena *arena, struct prng *prng, enum api_kind kind, void *object)
{
    tie_meta(arena, kind, object);
    if (kind == KIND_PIPELINE) {
        tie_spec(arena, prng, &((struct pipeline *)object)->spec);
    } else if (kind == KIND_CONTROLLER_REVISION) {
        tie_spec(arena, prng, &((struct controller_revision *)object)->data.spec);
    } else if (kind == KIND_PIPELINE_RUN) {
        tie_run(arena, prng, object);
    } else if (kind == KIND_MODEL_VERSION) {
        ((struct model_version *)object)->spec.model = "x";
    } else if (kind == KIND_TRIGGER) {
        ((struct trigger *)object)->spec.pipeline_ref.name = "x";
        ((struct trigger *)object)->spec.schedule.cron = "*/7 * * * *";
        ((struct trigger *)object)->spec.schedule.time_zone = NULL;
    }
}

static void put_random(struct world *world, struct fuzz_input part)
{
    enum { PERCENT = 101 };
    enum api_kind kind = fuzz_take_kind(&part, KIND_COUNT);
    int percent = fuzz_take_byte(&part) % PERCENT;
    const struct schema *schema = schema_of(kind);
    struct arena arena = {0};
    struct prng prng;
    prng_seed(&prng, hash_bytes(HASH_SEED, part.bytes, part.size));
    struct object *object = arena_allocate(&arena, 1, schema->size);
    random_fill(&arena, &prng, schema, percent, object);
    tie_object(&arena, &prng, kind, object);
    const char *json = codec_encode_stored(&arena, kind, object);
    put_object(world, kind, (struct fuzz_input){(const uint8_t *)json, strlen(json)});
    arena_free(&arena);
}

static void read_input(struct world *world, struct fuzz_input input)
{
    for (int at = 0; at < 4; at++) {
        world->now = world->now * 256 + fuzz_take_byte(&input);
    }
    for (int at = 0; at < OBJECTS && input.size > 0; at++) {
        struct fuzz_input part = fuzz_take_part(&input);
        if (part.size > 0 && part.bytes[0] == '!') {
            (void)fuzz_take_byte(&part);
            add_fact(world, part);
        } else if (part.size > 0 && part.bytes[0] == '?') {
            (void)fuzz_take_byte(&part);
            put_random(world, part);
        } else {
            enum api_kind kind = fuzz_take_kind(&part, KIND_COUNT);
            put_object(world, kind, part);
        }
    }
}

/* ---- the plan ---- */

static void require_body(const struct operation *operation)
{
    json_t *body = json_loads(operation->body, 0, NULL);
    REQUIRE(body != NULL);
    if (operation->type != OPERATION_PATCH && operation->type != OPERATION_PATCH_STATUS) {
        const char *name = json_string_value(
            json_object_get(json_object_get(body, "metadata"), "name"));
        REQUIRE(name && strcmp(name, operation->name) == 0);
    } else {
        REQUIRE(json_is_array(body) && json_array_size(body) > 1);
    }
    json_decref(body);
}

static void require_sendable(struct arena *arena, const struct operation *operation)
{
    REQUIRE(operation->reason && operation->reason[0] != '\0');
    REQUIRE(operation->message && operation->message[0] != '\0');
    REQUIRE(operation->namespace && operation->name && operation->name[0] != '\0');
    bool has_body = operation->type == OPERATION_DRY_RUN ||
                    (request_is_write(operation->type) && operation->type != OPERATION_DELETE);
    REQUIRE(has_body == (operation->body != NULL));
    if (operation->body) {
        require_body(operation);
    }
    if (operation->type != OPERATION_EVENT) {
        const struct request_known known = {.uid = "u", .resource_version = "7"};
        (void)request_of_operation(arena, operation, &known);
    }
}

static bool make_plan(struct world *world, const struct work_key *key, struct plan *plan)
{
    const struct plan_settings settings = {.helper_image = "tidemill:test"};
    const struct gatherer gatherer = {
        .cache = world->cache, .facts = world->facts, .zones = world->zones, .settings = &settings};
    struct any_view view;
    if (!gather_view(&gatherer, plan->arena, key, world->now, &view)) {
        return false;
    }
    facts_sort(world->list, world->fact_count);
    struct fact_list facts = {.items = world->list, .count = world->fact_count};
    switch (view.is_unreadable ? KIND_COUNT : key->kind) {
    case KIND_COUNT:
        break;
    case KIND_PIPELINE:
        view.pipeline.facts = facts;
        break;
    case KIND_PIPELINE_RUN:
        view.run.facts = facts;
        break;
    case KIND_MODEL:
        view.model.facts = facts;
        break;
    default:
        view.trigger.facts = facts;
    }
    (void)gather_admission(&gatherer, plan->arena, key);
    gather_plan(key, &view, plan);
    return true;
}

/* The object with the plan's status, as the API server would send it back. */
static void write_status(struct world *world, struct arena *arena, const struct operation *write)
{
    const struct object *known = cache_get(world->cache, write->kind, write->namespace,
                                           write->name);
    REQUIRE(known);
    json_t *document = json_loads(codec_encode_stored(arena, write->kind, known), JSON_ALLOW_NUL,
                                  NULL);
    json_t *operations = json_loads(write->body, JSON_ALLOW_NUL, NULL);
    REQUIRE(document && operations);
    json_patch_apply(document, operations);
    json_object_set_new(json_object_get(document, "metadata"), "resourceVersion",
                        json_sprintf("%zu", ++world->version));
    char *text = json_dumps(document, 0);
    struct arena owned = {0};
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(&owned, write->kind, text, strlen(text), &object, &error);
    REQUIRE(result_is_ok(result));
    object->meta.unreadable = known->meta.unreadable;
    cache_put(world->cache, write->kind, &owned, object);
    arena_free(&owned);
    (void)memory_free(text);
    json_decref(operations);
    json_decref(document);
}

/* One look at a key; how many statuses were written. */
static size_t look(struct world *world, const struct work_key *key)
{
    struct arena arena = {0};
    struct plan plan;
    struct plan again;
    size_t written = 0;
    plan_init(&plan, &arena);
    plan_init(&again, &arena);
    if (make_plan(world, key, &plan)) {
        REQUIRE(make_plan(world, key, &again));
        REQUIRE(strcmp(plan_describe(&arena, &plan), plan_describe(&arena, &again)) == 0);
        for (size_t at = 0; at < plan.count; at++) {
            require_sendable(&arena, &plan.operations[at]);
        }
        for (size_t at = 0; at < plan.count; at++) {
            if (plan.operations[at].type == OPERATION_PATCH_STATUS) {
                write_status(world, &arena, &plan.operations[at]);
                written++;
            }
        }
    }
    arena_free(&arena);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct io io = {.table = &outside};
    struct world world = {.cache = cache_new(), .facts = facts_new(io), .zones = zones_new(io)};
    read_input(&world, (struct fuzz_input){bytes, size});
    for (size_t at = 0; at < world.key_count; at++) {
        size_t rounds = 0;
        while (look(&world, &world.keys[at]) > 0) {
            rounds++;
            REQUIRE(rounds < ROUNDS);
        }
    }
    (void)zones_free(world.zones);
    (void)facts_free(world.facts);
    (void)cache_free(world.cache);
    arena_free(&world.arena);
    return 0;
}
