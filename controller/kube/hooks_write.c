#include "kube/hooks_private.h"

#include "api/kind.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ID_DIGITS = 16, ANSWER_MAXIMUM = 1024 * 1024, REQUEST_MS = 5 * 1000 };

/* The cache is given this long to hear of a write, our own or the one that we conflicted with. */
enum { SEEN_LIMIT_MS = 2 * 1000 };

/* ---- What was delivered before ---- */

static void print_id(const char *id, char digits[ID_DIGITS + 1])
{
    (void)snprintf(digits, ID_DIGITS + 1, "%016" PRIx64, hash_text(HASH_SEED, id));
}

static bool is_in(const char *delivered, const char *id)
{
    char digits[ID_DIGITS + 1];
    print_id(id, digits);
    size_t size = delivered ? strlen(delivered) : 0;
    for (size_t at = 0; at + ID_DIGITS <= size; at += ID_DIGITS) {
        if (memcmp(delivered + at, digits, ID_DIGITS) == 0) {
            return true;
        }
    }
    return false;
}

bool hook_is_known(const struct hook *hook, const struct trigger *trigger, const char *id)
{
    return is_in(trigger->status.delivered, id) || is_in(hook->written_delivered, id);
}

static const char *add_known(struct arena *arena, const char *delivered, const char *id)
{
    char digits[ID_DIGITS + 1];
    enum { WHOLE = (HOOKS_KNOWN_MAXIMUM - 1) * ID_DIGITS };
    print_id(id, digits);
    const char *before = text_or(delivered, "");
    size_t size = strlen(before);
    return arena_print(arena, "%s%s", size > WHOLE ? before + (size - WHOLE) : before, digits);
}

/* ---- What was written last ---- */

static void forget_write(struct hook *hook)
{
    hook->written_version = memory_free(hook->written_version);
    hook->written_delivered = memory_free(hook->written_delivered);
    hook->sent_delivered = memory_free(hook->sent_delivered);
}

void hook_forget_writes(struct hook *hook)
{
    forget_write(hook);
    hook->lost_version = memory_free(hook->lost_version);
}

static bool has_seen_write(struct hook *hook)
{
    struct hooks *hooks = hook->hooks;
    if (hook->written_version &&
        (cache_has_reached(hooks->cache, KIND_TRIGGER, hook->written_version) ||
         io_now_ms(hooks->io) - hook->written_ms >= SEEN_LIMIT_MS)) {
        forget_write(hook);
    }
    return !hook->written_version;
}

/* Nobody else wrote, so it was the patch itself that the API server does not take. */
static void give_up(struct hook *hook)
{
    log_warning("the API server refuses to have deliveries written down, their senders are told to "
                "come again",
                LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name));
    hook_answer_all(hook, &hook_later);
}

static bool has_seen_others(struct hook *hook, const struct trigger *trigger)
{
    if (!hook->lost_version) {
        return true;
    }
    bool is_old = text_equal(hook->lost_version, trigger->meta.resource_version);
    if (is_old && io_now_ms(hook->hooks->io) - hook->lost_ms < SEEN_LIMIT_MS) {
        return false;
    }
    hook->lost_version = memory_free(hook->lost_version);
    if (is_old && hook->is_refused) {
        give_up(hook);
    }
    return true;
}

bool hook_may_write(struct hook *hook, const struct trigger *trigger)
{
    return has_seen_write(hook) && has_seen_others(hook, trigger);
}

static void remember_write(struct hook *hook, const struct io_response *response)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const char *uid = NULL;
    const char *version = NULL;
    char *delivered = hook->sent_delivered;
    hook->sent_delivered = NULL;
    codec_decode_answer(&arena, text_or(response->body, ""), response->body_size, &uid, &version);
    forget_write(hook);
    if (!version) {
        (void)memory_free(delivered);
        return;
    }
    hook->written_version = memory_copy_text(version);
    hook->written_delivered = delivered;
    hook->written_ms = io_now_ms(hook->hooks->io);
}

/* ---- Writing ---- */

/* What the status becomes with those that wait. */
struct writing {
    struct trigger after;
    size_t count;  /* of those that wait: they are in it, or known already */
    bool has_news; /* at least one is not known */
};

static void add_delivery(struct hook *hook, struct arena *arena, const struct waiting *each,
                         struct writing *writing)
{
    struct trigger_status *status = &writing->after.status;
    status->delivered = add_known(arena, status->delivered, each->id);
    writing->has_news = true;
    if (trigger_is_polled(&writing->after.spec)) {
        status->poked_time = hooks_unix_now(hook->hooks);
        return;
    }
    status->deliveries[status->delivery_count++] = (struct pending_delivery){
        .id = each->id,
        .time = hooks_unix_now(hook->hooks),
        .values = each->values,
        .value_count = each->value_count};
}

static void make_writing(struct hook *hook, const struct trigger *trigger, struct arena *arena,
                         struct writing *writing)
{
    *writing = (struct writing){.after = *trigger};
    struct trigger_status *status = &writing->after.status;
    bool is_poke = trigger_is_polled(&trigger->spec);
    REQUIRE(status->delivery_count <= TRIGGER_DELIVERIES_MAXIMUM);
    status->deliveries = arena_array(arena, struct pending_delivery, TRIGGER_DELIVERIES_MAXIMUM);
    if (status->delivery_count > 0) {
        memcpy(status->deliveries, trigger->status.deliveries,
               status->delivery_count * sizeof(status->deliveries[0]));
    }
    /* The firing under way keeps a place: given up, its delivery waits again. */
    size_t places = TRIGGER_DELIVERIES_MAXIMUM - (status->pending.run ? 1 : 0);
    for (struct waiting *each = hook->waiting; each && each->is_judged; each = each->next) {
        bool is_new = !is_in(status->delivered, each->id);
        if (is_new && !is_poke && status->delivery_count >= places) {
            return;
        }
        writing->count++;
        if (is_new) {
            add_delivery(hook, arena, each, writing);
        }
    }
}

static void answer_written(struct hook *hook, size_t count)
{
    for (; count > 0; count--) {
        hook->hooks->numbers.taken++;
        hook_answer_first(hook, &hook_taken);
    }
}

static void answer_lost(struct hook *hook, size_t count, const struct io_response *response)
{
    log_warning("deliveries can't be written down, their senders are told to come again",
                LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name),
                LOG_INTEGER("status", response->status),
                LOG_TEXT("said", text_or(response->message, "")));
    for (; count > 0; count--) {
        hook_answer_first(hook, &hook_later);
    }
}

/*
 * 422: what a JSON patch names is not there. The API server applies it before it compares versions,
 * so that this too means that somebody else wrote first: a run was started, and its delivery taken
 * out.
 */
static void on_written(void *context, const struct io_response *response)
{
    enum { FINE = 200, CONFLICT = 409, UNPROCESSABLE = 422 };
    struct hook *hook = context;
    int status = response->failure == ERROR_NONE ? response->status : 0;
    size_t count = hook->in_patch;
    hook->call = NULL;
    hook->in_patch = 0;
    if (status == CONFLICT || status == UNPROCESSABLE) {
        forget_write(hook);
        hook->is_refused = status == UNPROCESSABLE;
        hook->lost_ms = io_now_ms(hook->hooks->io);
        hook_look(hook);
        return;
    }
    hook->lost_version = memory_free(hook->lost_version);
    if (status == FINE) {
        remember_write(hook, response);
        answer_written(hook, count);
    } else {
        forget_write(hook);
        answer_lost(hook, count, response);
    }
    hook_look(hook);
}

static void send_patch(struct hook *hook, const struct trigger *trigger,
                       const struct writing *writing, const char *patch)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const struct io_request request = {
        .method = "PATCH",
        .path = kind_path(&arena, KIND_TRIGGER, hook->namespace, hook->name, "status"),
        .content_type = "application/json-patch+json",
        .accept = REQUEST_ACCEPT_METADATA,
        .body = patch,
        .body_size = strlen(patch),
        .maximum = ANSWER_MAXIMUM,
        .timeout_ms = REQUEST_MS,
        .on_done = on_written,
        .context = hook};
    hook->in_patch = writing->count;
    hook->lost_version = memory_copy_text(trigger->meta.resource_version); /* until it is told */
    hook->sent_delivered = memory_copy_text(writing->after.status.delivered);
    hook->hooks->numbers.writes++;
    hook->call = io_start(hook->hooks->io, &request);
}

void hook_write_down(struct hook *hook, const struct trigger *trigger)
{
    CLEANUP(arena_free) struct arena arena = {0};
    struct writing writing;
    make_writing(hook, trigger, &arena, &writing);
    if (writing.has_news) {
        send_patch(hook, trigger, &writing,
                   codec_status_patch(&arena, KIND_TRIGGER, (const struct object *)trigger,
                                      (const struct object *)&writing.after));
        return;
    }
    if (writing.count == 0) {
        hook_answer_all(hook, &hook_later); /* no room */
    }
    for (; writing.count > 0; writing.count--) {
        hook->hooks->numbers.repeated++;
        hook_answer_first(hook, &hook_repeated);
    }
    hook_look(hook);
}
