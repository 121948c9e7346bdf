/* The Lease as it was seen, and requests about it. */

#include "api/codec.h"
#include "api/render.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/election_private.h"
#include "kube/reaction.h"
#include "kube/request.h"

#include <inttypes.h>
#include <string.h>

enum {
    MS_PER_SECOND = 1000,
    ANSWER_MAXIMUM = 256 * 1024,
    RELEASED_SECONDS = 1, /* client-go's: the API server refuses 0 */
    REQUESTS_PER_DEADLINE = 2,
    EVENT_TIMEOUT_MS = 10 * 1000
};

#define EVENT_REASON "LeaderElection" /* the control plane's own */
#define EVENT_ACTION "Elect"

/* What was observed. */

void election_forget_observed(struct election *election)
{
    struct observed *observed = &election->observed;
    (void)memory_free(observed->resource_version);
    (void)memory_free(observed->uid);
    (void)memory_free(observed->holder);
    *observed = (struct observed){0};
}

void election_observe(struct election *election, const struct lease_record *record)
{
    struct observed *observed = &election->observed;
    bool changed = !observed->exists || observed->fingerprint != record->fingerprint;
    int64_t since_ms = changed ? election_now_ms(election) : observed->since_ms;
    election_forget_observed(election);
    int64_t duration_ms = record->duration_seconds * MS_PER_SECOND;
    *observed = (struct observed){
        .exists = true,
        .is_known = true,
        .resource_version = memory_copy_text(record->resource_version),
        .uid = memory_copy_text(record->uid),
        .holder = memory_copy_text(text_or(record->holder, "")),
        .duration_ms = duration_ms > 0 ? duration_ms : election->options.times.lease_ms,
        .transitions = record->transitions,
        .fingerprint = record->fingerprint,
        .since_ms = since_ms,
    };
}

bool election_is_ours(const struct election *election)
{
    return election->observed.exists && text_equal(election->observed.holder, election->identity);
}

int64_t election_free_at_ms(const struct election *election)
{
    const struct observed *observed = &election->observed;
    if (text_is_empty(observed->holder) || text_equal(observed->holder, election->identity)) {
        return INT64_MIN;
    }
    return observed->since_ms + observed->duration_ms;
}

/* Requests. */

static void send(struct election *election, enum state state, const char *method, const char *path,
                 const char *type, const char *body)
{
    const struct election_times *times = &election->options.times;
    election->state = state;
    election->sent_ms = election_now_ms(election);
    election->call = io_start(election->options.io,
                              &(struct io_request){
                                  .method = method,
                                  .path = path,
                                  .content_type = type,
                                  .body = body,
                                  .body_size = body ? strlen(body) : 0,
                                  .maximum = ANSWER_MAXIMUM,
                                  .timeout_ms = times->renew_ms / REQUESTS_PER_DEADLINE,
                                  .on_done = election_take_answer,
                                  .context = election,
                              });
}

void election_look(struct election *election)
{
    CLEANUP(arena_free) struct arena arena = {0};
    send(election, STATE_LOOKING, "GET",
         request_leases_path(&arena, election->namespace, election->name), NULL, NULL);
}

static void send_claim(struct election *election, enum state state, const struct lease_claim *claim)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const struct observed *observed = &election->observed;
    if (observed->exists) {
        send(election, state, "PATCH",
             request_leases_path(&arena, election->namespace, election->name),
             "application/merge-patch+json",
             lease_render_patch(&arena, observed->resource_version, claim));
    } else {
        send(election, state, "POST", request_leases_path(&arena, election->namespace, NULL),
             "application/json", lease_render(&arena, election->namespace, election->name, claim));
    }
}

void election_take(struct election *election)
{
    int64_t micros = io_unix_micros(election->options.io);
    const struct observed *observed = &election->observed;
    bool changes_hands = observed->exists && !election_is_ours(election);
    const struct lease_claim claim = {
        .holder = election->identity,
        .duration_seconds = election->options.times.lease_ms / MS_PER_SECOND,
        .transitions = observed->transitions + (changes_hands ? 1 : 0),
        .acquire_micros = micros,
        .renew_micros = micros,
    };
    send_claim(election, STATE_TAKING, &claim);
}

void election_renew(struct election *election)
{
    const struct lease_claim claim = {
        .holder = election->identity,
        .duration_seconds = election->options.times.lease_ms / MS_PER_SECOND,
        .transitions = election->observed.transitions,
        .renew_micros = io_unix_micros(election->options.io),
    };
    send_claim(election, STATE_RENEWING, &claim);
}

void election_give_back(struct election *election)
{
    int64_t micros = io_unix_micros(election->options.io);
    const struct lease_claim claim = {.holder = "",
                                      .duration_seconds = RELEASED_SECONDS,
                                      .transitions = election->observed.transitions,
                                      .acquire_micros = micros,
                                      .renew_micros = micros};
    send_claim(election, STATE_RELEASING, &claim);
}

void election_observe_missing(struct election *election)
{
    struct observed *observed = &election->observed;
    observed->exists = false;
    observed->is_known = true;
}

void election_cancel(struct election *election, struct io_call **call)
{
    if (*call) {
        io_cancel(election->options.io, *call);
        *call = NULL;
    }
}

static void take_event_answer(void *context, const struct io_response *response)
{
    struct election *election = context;
    election->event_call = NULL;
    if (response->failure != ERROR_NONE || reaction_of_status(response->status, NULL)) {
        log_debug("the event about the leadership was not recorded, going on without it",
                  LOG_INTEGER("status", response->status), LOG_TEXT("said", response->message));
    }
}

void election_announce(struct election *election, const char *note)
{
    CLEANUP(arena_free) struct arena arena = {0};
    int64_t micros = io_unix_micros(election->options.io);
    const char *body = render_event(
        &arena, &(struct render_event){
                    .namespace = election->namespace,
                    .name = arena_print(&arena, "%s.%016" PRIx64, election->name,
                                        hash_bytes(hash_text(HASH_SEED, election->identity),
                                                   &micros, sizeof(micros))),
                    .other_api_version = LEASE_API_VERSION,
                    .other_kind = LEASE_KIND,
                    .object_name = election->name,
                    .object_uid = text_or(election->observed.uid, ""),
                    .reason = EVENT_REASON,
                    .action = EVENT_ACTION,
                    .note = note,
                    .instance = election->instance,
                    .time_micros = micros,
                });
    election_cancel(election, &election->event_call);
    election->event_call = io_start(
        election->options.io, &(struct io_request){
                                  .method = "POST",
                                  .path = request_events_path(&arena, election->namespace, NULL),
                                  .content_type = "application/json",
                                  .accept = REQUEST_ACCEPT_METADATA,
                                  .body = body,
                                  .body_size = strlen(body),
                                  .maximum = ANSWER_MAXIMUM,
                                  .timeout_ms = EVENT_TIMEOUT_MS,
                                  .send_before_ms = election->options.lease->deadline_ms,
                                  .on_done = take_event_answer,
                                  .context = election,
                              });
}

enum error_kind election_read_answer(struct election *election, const struct io_response *response,
                                     struct arena *arena, struct lease_record *record)
{
    struct api_status status = {0};
    struct error error = {0};
    enum error_kind kind = response->failure;
    const char *said = response->message;
    if (kind == ERROR_NONE) {
        const char *body = text_or(response->body, "");
        kind = reaction_of_status(response->status, NULL);
        if (kind == ERROR_NONE) {
            kind = lease_decode(arena, body, response->body_size, record, &error).kind;
            said = error.message;
        } else {
            codec_decode_status(arena, body, response->body_size, &status);
            kind = reaction_of_status(response->status, status.reason);
            said = status.message;
        }
    }
    bool is_usual = kind == ERROR_NONE || kind == ERROR_NOT_FOUND || kind == ERROR_CONFLICT ||
                    kind == ERROR_EXISTS;
    if (is_usual) {
        election->failure_was_logged = false;
    } else if (!election->failure_was_logged) {
        log_warning("the Lease can't be read or written, trying again each period; said again "
                    "after a success",
                    LOG_TEXT("namespace", election->namespace), LOG_TEXT("lease", election->name),
                    LOG_TEXT("error", error_kind_name(kind)),
                    LOG_TEXT("said", text_or(said, "no reason given")));
        election->failure_was_logged = true;
    }
    return kind;
}
