/*
 * What an API server says of a Lease is read within bounds, and what election writes over it means
 * what election wants: merged into the Lease as it came (RFC 7396), the claim is read back as made,
 * and whatever others keep in the Lease stays. Input: a letter for the status, JSON of a Lease.
 */

#include "fuzz/fuzz.h"

#include "core/text.h"
#include "kube/election_private.h"

#include <jansson.h>

enum { NOW_MS = 1000, UNIX_SECOND = 1700000000, LEASE_MS = 15000 };

#define OURS "replica-1"

/* The world around one election: it keeps the body of the last request. */
struct world {
    char *body;
};

static struct io_call *start(void *self, const struct io_request *request)
{
    struct world *world = self;
    (void)memory_free(world->body);
    REQUIRE(strlen(request->body) == request->body_size);
    world->body = memory_copy_text(request->body);
    return self;
}

static int64_t now_ms(void *self)
{
    (void)self;
    return NOW_MS;
}

static int64_t unix_micros(void *self)
{
    (void)self;
    return (int64_t)UNIX_SECOND * 1000 * 1000;
}

static const struct io_table table = {.start = start, .now_ms = now_ms, .unix_micros = unix_micros};

static void require_record(const struct lease_record *record)
{
    REQUIRE(!text_is_empty(record->resource_version));
    REQUIRE(record->duration_seconds >= 0 && record->duration_seconds < INT32_MAX);
    REQUIRE(record->transitions >= 0 && record->transitions < INT32_MAX);
}

/* Whether the answer is a Lease. The same bytes say the same each time. */
static bool read_lease(struct election *election, struct arena *arena, int status,
                       struct fuzz_input json, struct lease_record *record)
{
    char *text = fuzz_copy_text(json);
    const struct io_response response = {.status = status, .body = text, .body_size = json.size};
    struct lease_record again = {0};
    enum error_kind kind = election_read_answer(election, &response, arena, record);
    REQUIRE(election_read_answer(election, &response, arena, &again) == kind);
    REQUIRE(kind != ERROR_NONE || (status >= 200 && status < 300));
    if (kind == ERROR_NONE) {
        require_record(record);
        REQUIRE(again.fingerprint == record->fingerprint);
        REQUIRE(text_equal(again.holder, record->holder) && text_equal(again.uid, record->uid));
    } else {
        REQUIRE(!record->resource_version && !record->holder);
    }
    (void)memory_free(text);
    return kind == ERROR_NONE;
}

/* RFC 7396, section 2. */
static void merge(json_t *target, json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach(patch, name, value)
    {
        if (!json_is_object(value)) {
            json_object_set(target, name, value);
            continue;
        }
        if (!json_is_object(json_object_get(target, name))) {
            json_object_set_new(target, name, json_object());
        }
        merge(json_object_get(target, name), value);
    }
}

/* `document` without what a holder writes. */
static json_t *strip(const json_t *document)
{
    json_t *stripped = json_deep_copy(document);
    json_t *spec = json_object_get(stripped, "spec");
    json_object_del(spec, "holderIdentity");
    json_object_del(spec, "leaseDurationSeconds");
    json_object_del(spec, "leaseTransitions");
    json_object_del(spec, "acquireTime");
    json_object_del(spec, "renewTime");
    if (!json_is_object(spec) || json_object_size(spec) == 0) {
        json_object_del(stripped, "spec");
    }
    return stripped;
}

static void require_others_stay(const json_t *before, const json_t *after)
{
    json_t *left = strip(before);
    json_t *right = strip(after);
    REQUIRE(json_equal(left, right));
    json_decref(left);
    json_decref(right);
}

static void require_int32(const json_t *spec, const char *name)
{
    const json_t *value = json_object_get(spec, name);
    REQUIRE(json_is_integer(value));
    REQUIRE(json_integer_value(value) >= 0 && json_integer_value(value) <= INT32_MAX);
}

/* What the last request makes of the Lease, in `document` and as election sees it. */
static void carry_out(struct election *election, const struct world *world, json_t *document)
{
    struct arena arena = {0};
    struct lease_record record = {0};
    json_t *before = json_deep_copy(document);
    json_t *patch = json_loads(world->body, 0, NULL);
    const char *version = json_string_value(
        json_object_get(json_object_get(patch, "metadata"), "resourceVersion"));
    REQUIRE(text_equal(version, election->observed.resource_version)); /* locked */
    merge(document, patch);
    require_others_stay(before, document);
    require_int32(json_object_get(document, "spec"), "leaseDurationSeconds");
    require_int32(json_object_get(document, "spec"), "leaseTransitions");
    char *text = json_dumps(document, 0);
    const struct fuzz_input json = {(const uint8_t *)text, strlen(text)};
    REQUIRE(read_lease(election, &arena, 200, json, &record));
    election_observe(election, &record);
    (void)memory_free(text);
    json_decref(patch);
    json_decref(before);
    arena_free(&arena);
}

static const char *acquired(const json_t *document)
{
    return json_string_value(json_object_get(json_object_get(document, "spec"), "acquireTime"));
}

/* Taken, renewed and given back, one after the other. */
static void hold(struct election *election, const struct world *world, json_t *document)
{
    struct arena arena = {0};
    int64_t transitions = election->observed.transitions;
    bool was_ours = election_is_ours(election);
    election_take(election);
    carry_out(election, world, document);
    REQUIRE(election_is_ours(election) && election_free_at_ms(election) == INT64_MIN);
    REQUIRE(election->observed.duration_ms == LEASE_MS);
    int64_t counted = transitions + (was_ours ? 0 : 1);
    REQUIRE(election->observed.transitions == (counted < INT32_MAX ? counted : 0));
    const char *since = arena_copy_text(&arena, acquired(document));
    election_renew(election);
    carry_out(election, world, document);
    REQUIRE(election_is_ours(election) && text_equal(acquired(document), since));
    uint64_t before = election->observed.fingerprint;
    election_give_back(election);
    carry_out(election, world, document);
    REQUIRE(!election_is_ours(election) && election_free_at_ms(election) == INT64_MIN);
    REQUIRE(election->observed.fingerprint != before); /* so that others see it */
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int statuses[] = {200, 201, 404, 409, 403, 500};
    struct fuzz_input input = {bytes, size};
    int status = statuses[(uint8_t)(fuzz_take_byte(&input) - 'a') % COUNT_OF(statuses)];
    struct arena arena = {0};
    struct world world = {0};
    struct lease_record record = {0};
    struct election election = {
        .options = {.io = {&table, &world}, .times = {.lease_ms = LEASE_MS}},
        .identity = (char[]){OURS},
        .namespace = (char[]){"team"},
        .name = (char[]){"tidemill"},
        .failure_was_logged = true, /* nothing is logged */
    };
    if (read_lease(&election, &arena, status, input, &record)) {
        election_observe(&election, &record);
        REQUIRE(election.observed.since_ms == NOW_MS && election.observed.duration_ms > 0);
        REQUIRE(election_free_at_ms(&election) == INT64_MIN ||
                election_free_at_ms(&election) > NOW_MS);
        /* Of a member that is there twice others take the last: no API server says so. */
        json_t *document = json_loadb((const char *)input.bytes, input.size,
                                      JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
        if (document) {
            hold(&election, &world, document);
        }
        json_decref(document);
    }
    election_forget_observed(&election);
    (void)memory_free(world.body);
    arena_free(&arena);
    return 0;
}
