#include "kube/hooks.h"

#include "api/kind.h"
#include "api/secret.h"
#include "api/trigger.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/request.h"
#include "source/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MICROSECONDS = 1000000, MS_PER_SECOND = 1000, ID_DIGITS = 16 };

/* After a conflict the cache is given this long to hear of what somebody else wrote. */
enum { CONFLICT_MS = 100 };

enum { SECRET_MAXIMUM = 2 * 1024 * 1024, ANSWER_MAXIMUM = 1024 * 1024, REQUEST_MS = 5 * 1000 };

static const struct hook_answer taken = {.status = 202, .text = "taken\n"};
static const struct hook_answer repeated = {.status = 200, .text = "known already\n"};
static const struct hook_answer ignored = {.status = 200, .text = "of no interest here\n"};
static const struct hook_answer refused = {.status = 401, .text = "not accepted\n"};
static const struct hook_answer unreadable = {.status = 400, .text = "can't be read\n"};
static const struct hook_answer too_many = {
    .status = 429, .text = "too many\n", .retry_after_seconds = 5};
static const struct hook_answer later = {
    .status = 503, .text = "not now\n", .retry_after_seconds = 10};

/* One delivery that is not answered yet. */
struct waiting {
    struct waiting *next;
    struct arena arena;
    struct webhook_delivery delivery; /* while its Secret is awaited */
    size_t bytes;
    bool is_judged; /* from here on: what is to be written */
    const char *id;
    struct name_value *values;
    size_t value_count;
    int64_t came_ms;
    void (*done)(void *context, const struct hook_answer *answer);
    void *context;
};

/* What is going on about one Trigger's webhook. */
struct hook {
    struct hooks *hooks;
    char *namespace;
    char *name;
    struct waiting *waiting; /* the oldest first */
    size_t waiting_count;
    size_t in_patch; /* of these, the first so many are being written */
    double tokens;   /* of its limit */
    int64_t refilled_ms;
    struct arena secret_arena; /* wiped */
    struct secret secret;
    bool has_secret;
    int64_t secret_read_ms;
    struct io_call *call; /* of the Secret, or of the patch */
    struct io_timer *timer;
};

struct hooks {
    struct io io;
    const struct cache *cache;
    struct map hooks; /* "namespace/name" -> struct hook */
    size_t bytes;
    struct hooks_numbers numbers;
};

/* ---- Answering ---- */

static void free_waiting(struct hooks *hooks, struct waiting *waiting)
{
    hooks->bytes -= waiting->bytes;
    arena_free(&waiting->arena);
    (void)memory_free(waiting);
}

/* The first one leaves. */
static void answer_first(struct hook *hook, const struct hook_answer *answer)
{
    struct waiting *first = hook->waiting;
    hook->waiting = first->next;
    hook->waiting_count--;
    hook->hooks->numbers.waiting--;
    hook->hooks->numbers.put_off += answer == &later || answer == &too_many;
    first->done(first->context, answer);
    free_waiting(hook->hooks, first);
}

static void answer_all(struct hook *hook, const struct hook_answer *answer)
{
    while (hook->waiting) {
        answer_first(hook, answer);
    }
}

static const struct trigger *find_trigger(const struct hooks *hooks, const char *namespace,
                                          const char *name)
{
    const struct trigger *trigger = (const struct trigger *)cache_get(hooks->cache, KIND_TRIGGER,
                                                                      namespace, name);
    bool takes = trigger && !trigger->meta.unreadable && trigger->spec.webhook.type &&
                 trigger->meta.deletion_time == TIME_ABSENT;
    return takes ? trigger : NULL;
}

static int64_t unix_now(const struct hooks *hooks)
{
    return io_unix_micros(hooks->io) / MICROSECONDS;
}

/* ---- Hooks ---- */

static void drop_hook(struct hook *hook)
{
    struct hooks *hooks = hook->hooks;
    CLEANUP(memory_free_indirect) char *key = memory_print("%s/%s", hook->namespace, hook->name);
    (void)map_remove(&hooks->hooks, key);
    io_stop_timer(hooks->io, hook->timer);
    if (hook->call) {
        io_cancel(hooks->io, hook->call);
    }
    while (hook->waiting) {
        struct waiting *first = hook->waiting;
        hook->waiting = first->next;
        free_waiting(hooks, first);
    }
    arena_wipe(&hook->secret_arena);
    (void)memory_free(hook->namespace);
    (void)memory_free(hook->name);
    (void)memory_free(hook);
}

static struct hook *find_hook(struct hooks *hooks, const struct trigger *trigger)
{
    CLEANUP(memory_free_indirect)
    char *key = memory_print("%s/%s", trigger->meta.namespace, trigger->meta.name);
    struct hook *hook = map_get(&hooks->hooks, key);
    if (!hook) {
        hook = memory_allocate(1, sizeof(*hook));
        *hook = (struct hook){.hooks = hooks,
                              .namespace = memory_copy_text(trigger->meta.namespace),
                              .name = memory_copy_text(trigger->meta.name),
                              .tokens = HOOKS_BURST,
                              .refilled_ms = io_now_ms(hooks->io)};
        (void)map_put(&hooks->hooks, key, hook);
    }
    return hook;
}

static bool take_token(struct hook *hook)
{
    int64_t now = io_now_ms(hook->hooks->io);
    hook->tokens += (double)(now - hook->refilled_ms) * HOOKS_RATE / MS_PER_SECOND;
    hook->tokens = hook->tokens > HOOKS_BURST ? HOOKS_BURST : hook->tokens;
    hook->refilled_ms = now;
    if (hook->tokens < 1) {
        return false;
    }
    hook->tokens -= 1;
    return true;
}

static void look(struct hook *hook);

static void on_timer(void *context)
{
    struct hook *hook = context;
    hook->timer = NULL;
    look(hook);
}

/* Looks again then: who waits too long is told, a Secret is not kept. */
static void look_at(struct hook *hook, int64_t at_ms)
{
    io_stop_timer(hook->hooks->io, hook->timer);
    hook->timer = io_start_timer(hook->hooks->io, at_ms, on_timer, hook);
}

/* ---- What was delivered before ---- */

static void print_id(const char *id, char digits[ID_DIGITS + 1])
{
    (void)snprintf(digits, ID_DIGITS + 1, "%016" PRIx64, hash_text(HASH_SEED, id));
}

static bool is_known(const char *delivered, const char *id)
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

static const char *add_known(struct arena *arena, const char *delivered, const char *id)
{
    char digits[ID_DIGITS + 1];
    enum { WHOLE = (HOOKS_KNOWN_MAXIMUM - 1) * ID_DIGITS };
    print_id(id, digits);
    const char *before = text_or(delivered, "");
    size_t size = strlen(before);
    return arena_print(arena, "%s%s", size > WHOLE ? before + (size - WHOLE) : before, digits);
}

/* ---- Writing ---- */

/* The status with those that wait; *count of them are in it, or known already. */
static const char *make_patch(struct hook *hook, const struct trigger *trigger, struct arena *arena,
                              size_t *count)
{
    struct trigger after = *trigger;
    struct trigger_status *status = &after.status;
    bool is_poke = trigger_is_polled(&trigger->spec);
    struct pending_delivery *all = arena_array(arena, struct pending_delivery,
                                               TRIGGER_DELIVERIES_MAXIMUM);
    size_t kept = status->delivery_count;
    REQUIRE(kept <= TRIGGER_DELIVERIES_MAXIMUM);
    if (kept > 0) {
        memcpy(all, status->deliveries, kept * sizeof(*all));
    }
    *count = 0;
    for (struct waiting *each = hook->waiting; each && each->is_judged; each = each->next) {
        bool is_new = !is_known(status->delivered, each->id);
        if (is_new && !is_poke && kept == TRIGGER_DELIVERIES_MAXIMUM) {
            break;
        }
        ++*count;
        if (!is_new) {
            continue;
        }
        status->delivered = add_known(arena, status->delivered, each->id);
        if (is_poke) {
            status->poked_time = unix_now(hook->hooks);
        } else {
            all[kept++] = (struct pending_delivery){.id = each->id,
                                                    .time = unix_now(hook->hooks),
                                                    .values = each->values,
                                                    .value_count = each->value_count};
        }
    }
    status->deliveries = all;
    status->delivery_count = kept;
    return codec_status_patch(arena, KIND_TRIGGER, (const struct object *)trigger,
                              (const struct object *)&after);
}

static void on_written(void *context, const struct io_response *response)
{
    enum { FINE = 200, CONFLICT = 409 };
    struct hook *hook = context;
    hook->call = NULL;
    size_t count = hook->in_patch;
    hook->in_patch = 0;
    if (response->failure == ERROR_NONE && response->status == FINE) {
        for (; count > 0; count--) {
            hook->hooks->numbers.taken++;
            answer_first(hook, &taken);
        }
        look(hook);
        return;
    }
    if (response->failure == ERROR_NONE && response->status == CONFLICT) {
        look_at(hook, io_now_ms(hook->hooks->io) + CONFLICT_MS);
        return;
    }
    log_warning("deliveries can't be written down, their senders are told to come again",
                LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name),
                LOG_INTEGER("status", response->status),
                LOG_TEXT("said", text_or(response->message, "")));
    for (; count > 0; count--) {
        answer_first(hook, &later);
    }
    look(hook);
}

static void write_down(struct hook *hook, const struct trigger *trigger)
{
    CLEANUP(arena_free) struct arena arena = {0};
    size_t count = 0;
    const char *patch = make_patch(hook, trigger, &arena, &count);
    if (count == 0) {
        answer_all(hook, &later); /* no room */
        look(hook);
        return;
    }
    if (!patch) {
        for (; count > 0; count--) {
            hook->hooks->numbers.repeated++;
            answer_first(hook, &repeated);
        }
        look(hook);
        return;
    }
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
    hook->in_patch = count;
    hook->hooks->numbers.writes++;
    hook->call = io_start(hook->hooks->io, &request);
}

/* ---- Judging ---- */

/* NULL: it waits to be written; else its answer. */
static const struct hook_answer *judge(struct hook *hook, const struct trigger *trigger,
                                       struct waiting *each)
{
    const struct webhook_source *source = &trigger->spec.webhook;
    const struct source_secret secret = {.items = hook->secret.items, .count = hook->secret.count};
    struct error error = {0};
    struct webhook_event event = {0};
    if (!result_is_ok(webhook_verify(&each->arena, source, &secret, &each->delivery, &error))) {
        log_debug("a delivery is not accepted", LOG_TEXT("namespace", hook->namespace),
                  LOG_TEXT("trigger", hook->name), LOG_TEXT("why", error.message));
        hook->hooks->numbers.refused++;
        return &refused;
    }
    each->id = webhook_id(&each->arena, source, &each->delivery);
    if (is_known(trigger->status.delivered, each->id)) {
        hook->hooks->numbers.repeated++;
        return &repeated;
    }
    if (!result_is_ok(webhook_read(&each->arena, source, &each->delivery, &event, &error))) {
        log_warning("a delivery that is signed can't be read, and starts nothing",
                    LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name),
                    LOG_TEXT("why", error.message));
        return &unreadable;
    }
    if (!event.counts) {
        hook->hooks->numbers.ignored++;
        return &ignored;
    }
    if (trigger->spec.suspend) {
        return &later;
    }
    /* Names are the spec's, which may be another one by the time it is written. */
    for (size_t at = 0; at < event.param_count; at++) {
        event.params[at].name = arena_copy_text(&each->arena, event.params[at].name);
    }
    each->values = event.params;
    each->value_count = event.param_count;
    each->is_judged = true;
    return NULL;
}

static void judge_waiting(struct hook *hook, const struct trigger *trigger)
{
    struct waiting **link = &hook->waiting;
    while (*link) {
        struct waiting *each = *link;
        const struct hook_answer *answer = each->is_judged ? NULL : judge(hook, trigger, each);
        if (!answer) {
            link = &each->next;
            continue;
        }
        *link = each->next;
        hook->waiting_count--;
        hook->hooks->numbers.waiting--;
        hook->hooks->numbers.put_off += answer == &later;
        each->done(each->context, answer);
        free_waiting(hook->hooks, each);
    }
}

/* ---- The Secret ---- */

static void on_secret(void *context, const struct io_response *response)
{
    enum { FINE = 200 };
    struct hook *hook = context;
    struct error error = {0};
    hook->call = NULL;
    arena_wipe(&hook->secret_arena);
    hook->has_secret = response->failure == ERROR_NONE && response->status == FINE &&
                       result_is_ok(secret_decode(&hook->secret_arena, response->body,
                                                  response->body_size, &hook->secret, &error));
    hook->secret_read_ms = io_now_ms(hook->hooks->io);
    if (!hook->has_secret) {
        log_warning("a webhook's Secret can't be read, so its deliveries are not accepted",
                    LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name),
                    LOG_INTEGER("status", response->status));
        hook->hooks->numbers.refused += hook->waiting_count;
        answer_all(hook, &refused);
    }
    look(hook);
}

static void ask_for_secret(struct hook *hook, const struct trigger *trigger)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const struct io_request request = {
        .method = "GET",
        .path = arena_print(&arena, "/api/v1/namespaces/%s/secrets/%s",
                            request_escape(&arena, hook->namespace),
                            request_escape(&arena, text_or(trigger->spec.webhook.secret_name, ""))),
        .maximum = SECRET_MAXIMUM,
        .timeout_ms = REQUEST_MS,
        .on_done = on_secret,
        .context = hook};
    hook->call = io_start(hook->hooks->io, &request);
}

static void forget_old_secret(struct hook *hook)
{
    if (hook->has_secret && io_now_ms(hook->hooks->io) - hook->secret_read_ms >= HOOKS_SECRET_MS) {
        arena_wipe(&hook->secret_arena);
        hook->secret = (struct secret){0};
        hook->has_secret = false;
    }
}

/* Those that waited too long are the first; what is being written stays until its answer. */
static void answer_late(struct hook *hook)
{
    int64_t border = io_now_ms(hook->hooks->io) - HOOKS_ANSWER_MS;
    while (hook->waiting && hook->in_patch == 0 && hook->waiting->came_ms <= border) {
        answer_first(hook, &later);
    }
}

/* Does what is next about a Trigger's deliveries. The hook may be gone afterwards. */
static void look(struct hook *hook)
{
    struct hooks *hooks = hook->hooks;
    forget_old_secret(hook);
    answer_late(hook);
    const struct trigger *trigger = find_trigger(hooks, hook->namespace, hook->name);
    if (!trigger && hook->in_patch == 0) {
        answer_all(hook, &refused);
        drop_hook(hook);
        return;
    }
    if (hook->call) {
        return; /* its answer looks again */
    }
    if (hook->waiting && !hook->has_secret) {
        ask_for_secret(hook, trigger);
        return;
    }
    if (hook->waiting) {
        judge_waiting(hook, trigger);
    }
    if (hook->waiting) {
        write_down(hook, trigger);
        return;
    }
    if (hook->has_secret) {
        look_at(hook, hook->secret_read_ms + HOOKS_SECRET_MS);
    } else {
        drop_hook(hook);
    }
}

/* ---- Receiving ---- */

static void copy_delivery(struct waiting *waiting, const struct hook_delivery *delivery,
                          int64_t now)
{
    struct name_value *headers = arena_array(&waiting->arena, struct name_value,
                                             delivery->header_count);
    for (size_t at = 0; at < delivery->header_count; at++) {
        headers[at] = (struct name_value){
            .name = arena_copy_text(&waiting->arena, delivery->headers[at].name),
            .value = arena_copy_text(&waiting->arena, delivery->headers[at].value)};
    }
    waiting->delivery = (struct webhook_delivery){
        .headers = headers,
        .header_count = delivery->header_count,
        .body = arena_copy_bytes(&waiting->arena, delivery->body, delivery->body_size),
        .body_size = delivery->body_size,
        .now = now};
}

/* As long as it takes for a Trigger that is there: the same work, and the same words (X13). */
static void refuse_unknown(struct hooks *hooks, const struct hook_delivery *delivery)
{
    static const struct webhook_source nobody = {.type = "GitHub"};
    CLEANUP(arena_free) struct arena arena = {0};
    struct error error = {0};
    const struct webhook_delivery shown = {.headers = delivery->headers,
                                           .header_count = delivery->header_count,
                                           .body = delivery->body,
                                           .body_size = delivery->body_size,
                                           .now = unix_now(hooks)};
    (void)result_is_ok(webhook_verify(&arena, &nobody, NULL, &shown, &error));
    hooks->numbers.refused++;
}

void hooks_receive(struct hooks *hooks, const struct hook_delivery *delivery,
                   void (*done)(void *context, const struct hook_answer *answer), void *context)
{
    const struct trigger *trigger = find_trigger(hooks, delivery->namespace, delivery->trigger);
    if (!trigger) {
        refuse_unknown(hooks, delivery);
        done(context, &refused);
        return;
    }
    struct hook *hook = find_hook(hooks, trigger);
    if (!take_token(hook)) {
        hooks->numbers.put_off++;
        done(context, &too_many);
        return;
    }
    if (hook->waiting_count >= HOOKS_WAITING_MAXIMUM ||
        hooks->bytes + delivery->body_size > HOOKS_BYTES_MAXIMUM) {
        hooks->numbers.put_off++;
        done(context, &later);
        return;
    }
    struct waiting *waiting = memory_allocate(1, sizeof(*waiting));
    *waiting = (struct waiting){.bytes = delivery->body_size,
                                .came_ms = io_now_ms(hooks->io),
                                .done = done,
                                .context = context};
    copy_delivery(waiting, delivery, unix_now(hooks));
    struct waiting **last = &hook->waiting;
    while (*last) {
        last = &(*last)->next;
    }
    *last = waiting;
    hook->waiting_count++;
    hooks->numbers.waiting++;
    hooks->bytes += waiting->bytes;
    if (!hook->call) {
        look_at(hook, io_now_ms(hooks->io)); /* with all others of this turn of the loop */
    }
}

struct hooks_numbers hooks_numbers(const struct hooks *hooks)
{
    return hooks->numbers;
}

struct hooks *hooks_new(struct io io, const struct cache *cache)
{
    struct hooks *hooks = memory_allocate(1, sizeof(*hooks));
    hooks->io = io;
    hooks->cache = cache;
    return hooks;
}

struct hooks *hooks_free(struct hooks *hooks)
{
    if (!hooks) {
        return NULL;
    }
    const struct map_entry *each;
    for (size_t at = 0; (each = map_next(&hooks->hooks, &at)) != NULL;) {
        drop_hook(each->value);
    }
    map_free(&hooks->hooks);
    return memory_free(hooks);
}
