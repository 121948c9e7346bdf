#include "kube/hooks_private.h"

#include "api/kind.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/text.h"
#include "kube/request.h"

#include <string.h>

enum { MICROSECONDS = 1000000 };

/* How often a hook that waits for the cache looks whether it is there. */
enum { SEEN_POLL_MS = 10 };

enum { SECRET_MAXIMUM = 2 * 1024 * 1024, REQUEST_MS = 5 * 1000 };

const struct hook_answer hook_taken = {.status = 202, .text = "taken\n"};
const struct hook_answer hook_repeated = {.status = 200, .text = "known already\n"};
const struct hook_answer hook_later = {
    .status = 503, .text = "not now\n", .retry_after_seconds = 10};
static const struct hook_answer ignored = {.status = 200, .text = "of no interest here\n"};
static const struct hook_answer refused = {.status = 401, .text = "not accepted\n"};
static const struct hook_answer unreadable = {.status = 400, .text = "can't be read\n"};
static const struct hook_answer too_many = {
    .status = 429, .text = "too many\n", .retry_after_seconds = 5};

/* ---- Refusals ---- */

static void on_refusals_due(void *context)
{
    struct hooks *hooks = context;
    hooks->refusal_timer = NULL;
    while (hooks->refusals && hooks->refusals->due_ms <= io_now_ms(hooks->io)) {
        struct refusal *first = hooks->refusals;
        hooks->refusals = first->next;
        if (!hooks->refusals) {
            hooks->last_refusal = &hooks->refusals;
        }
        first->done(first->context, &refused);
        (void)memory_free(first);
    }
    if (hooks->refusals && !hooks->refusal_timer) {
        hooks->refusal_timer = io_start_timer(hooks->io, hooks->refusals->due_ms, on_refusals_due,
                                              hooks);
    }
}

/*
 * Told when HOOKS_REFUSAL_MS have gone by since it came, whether there was a Secret to be read and
 * a queue to be waited in or not.
 */
static void refuse(struct hooks *hooks, int64_t came_ms,
                   void (*done)(void *context, const struct hook_answer *answer), void *context)
{
    struct refusal *refusal = memory_allocate(1, sizeof(*refusal));
    *refusal = (struct refusal){
        .due_ms = came_ms + HOOKS_REFUSAL_MS, .done = done, .context = context};
    *hooks->last_refusal = refusal;
    hooks->last_refusal = &refusal->next;
    hooks->numbers.refused++;
    if (!hooks->refusal_timer) {
        hooks->refusal_timer = io_start_timer(hooks->io, refusal->due_ms, on_refusals_due, hooks);
    }
}

/* ---- Answering ---- */

static void free_waiting(struct hooks *hooks, struct waiting *waiting)
{
    hooks->bytes -= waiting->bytes;
    arena_free(&waiting->arena);
    (void)memory_free(waiting);
}

static void tell(struct hooks *hooks, int64_t came_ms, const struct hook_answer *answer,
                 void (*done)(void *context, const struct hook_answer *answer), void *context)
{
    if (answer == &refused) {
        refuse(hooks, came_ms, done, context);
        return;
    }
    hooks->numbers.put_off += answer == &hook_later || answer == &too_many;
    done(context, answer);
}

static struct waiting *take_first(struct hook *hook)
{
    struct waiting *first = hook->waiting;
    hook->waiting = first->next;
    hook->last = hook->waiting ? hook->last : &hook->waiting;
    hook->waiting_count--;
    hook->hooks->numbers.waiting--;
    return first;
}

static void append(struct hook *hook, struct waiting *waiting)
{
    waiting->next = NULL;
    *hook->last = waiting;
    hook->last = &waiting->next;
    hook->waiting_count++;
    hook->hooks->numbers.waiting++;
}

void hook_answer_first(struct hook *hook, const struct hook_answer *answer)
{
    struct waiting *first = take_first(hook);
    tell(hook->hooks, first->came_ms, answer, first->done, first->context);
    free_waiting(hook->hooks, first);
}

void hook_answer_all(struct hook *hook, const struct hook_answer *answer)
{
    while (hook->waiting) {
        hook_answer_first(hook, answer);
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

int64_t hooks_unix_now(const struct hooks *hooks)
{
    return io_unix_micros(hooks->io) / MICROSECONDS;
}

/* ---- Hooks ---- */

static void drop_hook(struct hook *hook)
{
    struct hooks *hooks = hook->hooks;
    CLEANUP(memory_free_indirect) char *key = memory_join(hook->namespace, '/', hook->name);
    (void)map_remove(&hooks->hooks, key);
    io_stop_timer(hooks->io, hook->timer);
    if (hook->call) {
        io_cancel(hooks->io, hook->call);
    }
    while (hook->waiting) {
        free_waiting(hooks, take_first(hook));
    }
    arena_wipe(&hook->secret_arena);
    hook_forget_writes(hook);
    (void)memory_free(hook->namespace);
    (void)memory_free(hook->name);
    (void)memory_free(hook);
}

static struct hook *find_hook(struct hooks *hooks, const struct trigger *trigger)
{
    CLEANUP(memory_free_indirect)
    char *key = memory_join(trigger->meta.namespace, '/', trigger->meta.name);
    struct hook *hook = map_get(&hooks->hooks, key);
    if (!hook) {
        hook = memory_allocate(1, sizeof(*hook));
        *hook = (struct hook){.hooks = hooks,
                              .namespace = memory_copy_text(trigger->meta.namespace),
                              .name = memory_copy_text(trigger->meta.name)};
        hook->last = &hook->waiting;
        (void)map_put(&hooks->hooks, key, hook);
    }
    return hook;
}

static void on_timer(void *context)
{
    struct hook *hook = context;
    hook->timer = NULL;
    hook_look(hook);
}

/* Who waits too long is told, a Secret is not kept. */
void hook_look_at(struct hook *hook, int64_t at_ms)
{
    io_stop_timer(hook->hooks->io, hook->timer);
    hook->timer = io_start_timer(hook->hooks->io, at_ms, on_timer, hook);
}

/* ---- Judging ---- */

/* What is to be written of it. Names are the spec's, which may be another one by then. */
static void keep_event(struct waiting *waiting, const char *id, const struct webhook_event *event)
{
    struct arena kept = {0};
    struct name_value *values = arena_array(&kept, struct name_value, event->param_count);
    for (size_t at = 0; at < event->param_count; at++) {
        values[at] = (struct name_value){.name = arena_copy_text(&kept, event->params[at].name),
                                         .value = arena_copy_text(&kept, event->params[at].value)};
    }
    waiting->id = arena_copy_text(&kept, id);
    waiting->values = values;
    waiting->value_count = event->param_count;
    waiting->is_judged = true;
    arena_free(&waiting->arena);
    waiting->arena = kept;
}

/*
 * NULL: it waits to be written, and its body is not needed any more; else its answer. `scratch` may
 * hold the Secret afterwards.
 */
static const struct hook_answer *judge(struct hook *hook, const struct trigger *trigger,
                                       struct arena *scratch, struct waiting *each)
{
    const struct webhook_source *source = &trigger->spec.webhook;
    const struct source_secret secret = {.items = hook->secret.items, .count = hook->secret.count};
    struct error error = {0};
    struct webhook_event event = {0};
    if (!result_is_ok(webhook_verify(scratch, source, &secret, &each->delivery, &error))) {
        log_debug("a delivery is not accepted", LOG_TEXT("namespace", hook->namespace),
                  LOG_TEXT("trigger", hook->name), LOG_TEXT("why", error.message));
        return &refused;
    }
    hook_limits_give_back(hook->hooks->limits, each->ticket);
    const char *id = webhook_id(scratch, source, &each->delivery);
    if (hook_is_known(hook, trigger, id)) {
        hook->hooks->numbers.repeated++;
        return &hook_repeated;
    }
    if (!result_is_ok(webhook_read(scratch, source, &each->delivery, &event, &error))) {
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
        return &hook_later;
    }
    keep_event(each, id, &event);
    return NULL;
}

static const struct hook_answer *judge_apart(struct hook *hook, const struct trigger *trigger,
                                             struct waiting *each)
{
    CLEANUP(arena_wipe) struct arena scratch = {0};
    const struct hook_answer *answer = judge(hook, trigger, &scratch, each);
    if (!answer) {
        hook->hooks->bytes -= each->bytes;
        each->bytes = 0;
        each->delivery = (struct webhook_delivery){0};
    }
    return answer;
}

/* In the order of coming; those who wait to be written stay in it. */
static void judge_waiting(struct hook *hook, const struct trigger *trigger)
{
    for (size_t left = hook->waiting_count; left > 0; left--) {
        struct waiting *each = take_first(hook);
        const struct hook_answer *answer = each->is_judged ? NULL
                                                           : judge_apart(hook, trigger, each);
        if (!answer) {
            append(hook, each);
            continue;
        }
        tell(hook->hooks, each->came_ms, answer, each->done, each->context);
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
    hook->has_failed = !hook->has_secret;
    hook->secret_read_ms = io_now_ms(hook->hooks->io);
    if (!hook->has_secret) {
        log_warning("a webhook's Secret can't be read, so its deliveries are not accepted",
                    LOG_TEXT("namespace", hook->namespace), LOG_TEXT("trigger", hook->name),
                    LOG_INTEGER("status", response->status));
        hook_answer_all(hook, &refused);
    }
    hook_look(hook);
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

/* Also that it could not be read: a flood must not ask for it each time. */
static void forget_old_secret(struct hook *hook)
{
    int64_t age_ms = io_now_ms(hook->hooks->io) - hook->secret_read_ms;
    if (hook->has_secret && age_ms >= HOOKS_SECRET_MS) {
        arena_wipe(&hook->secret_arena);
        hook->secret = (struct secret){0};
        hook->has_secret = false;
    }
    hook->has_failed = hook->has_failed && age_ms < HOOKS_SECRET_RETRY_MS;
}

/* ---- What is next ---- */

/* Those that waited too long are the first; what is being written stays until its answer. */
static void answer_late(struct hook *hook)
{
    int64_t border = io_now_ms(hook->hooks->io) - HOOKS_ANSWER_MS;
    while (hook->waiting && hook->in_patch == 0 && hook->waiting->came_ms <= border) {
        hook_answer_first(hook, &hook_later);
    }
}

/* Nothing waits: it is kept as long as it knows something. */
static void rest(struct hook *hook, const struct trigger *trigger)
{
    if (hook->has_secret || hook->has_failed) {
        hook_look_at(hook, hook->secret_read_ms +
                               (hook->has_secret ? HOOKS_SECRET_MS : HOOKS_SECRET_RETRY_MS));
    } else if (!hook_may_write(hook, trigger)) {
        hook_look_at(hook, io_now_ms(hook->hooks->io) + SEEN_POLL_MS);
    } else {
        drop_hook(hook);
    }
}

void hook_look(struct hook *hook)
{
    struct hooks *hooks = hook->hooks;
    forget_old_secret(hook);
    answer_late(hook);
    const struct trigger *trigger = find_trigger(hooks, hook->namespace, hook->name);
    if (!trigger && hook->in_patch == 0) {
        hook_answer_all(hook, &refused);
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
    if (!hook->waiting) {
        rest(hook, trigger);
    } else if (!hook_may_write(hook, trigger)) {
        hook_look_at(hook, io_now_ms(hooks->io) + SEEN_POLL_MS);
    } else {
        hook_write_down(hook, trigger);
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

/* The work that one for a Trigger is, and the same words (X13). */
static void refuse_unknown(const struct webhook_delivery *delivery)
{
    static const struct webhook_source nobody = {.type = "GitHub"};
    CLEANUP(arena_free) struct arena arena = {0};
    struct error error = {0};
    (void)result_is_ok(webhook_verify(&arena, &nobody, NULL, delivery, &error));
}

/* NULL: it waits, and what it needs of the delivery was copied. */
static const struct hook_answer *receive(struct hook *hook, const struct trigger *trigger,
                                         const struct hook_delivery *delivery,
                                         struct waiting *waiting)
{
    struct hooks *hooks = hook->hooks;
    forget_old_secret(hook);
    if (hook->has_failed) {
        refuse_unknown(&waiting->delivery);
        return &refused;
    }
    if (hook->has_secret) {
        const struct hook_answer *answer = judge_apart(hook, trigger, waiting);
        bool is_full = hook->waiting_count >= HOOKS_WAITING_MAXIMUM;
        return !answer && is_full ? &hook_later : answer;
    }
    if (hook->waiting_count >= HOOKS_WAITING_MAXIMUM ||
        hooks->bytes + delivery->body_size > HOOKS_BYTES_MAXIMUM) {
        return &hook_later;
    }
    waiting->bytes = delivery->body_size;
    hooks->bytes += waiting->bytes;
    copy_delivery(waiting, delivery, waiting->delivery.now);
    return NULL;
}

static void receive_known(struct hooks *hooks, const struct trigger *trigger,
                          const struct hook_delivery *delivery, const struct waiting *came)
{
    struct hook *hook = find_hook(hooks, trigger);
    struct waiting *waiting = memory_allocate(1, sizeof(*waiting));
    *waiting = *came;
    const struct hook_answer *answer = receive(hook, trigger, delivery, waiting);
    if (answer) {
        free_waiting(hooks, waiting);
        tell(hooks, came->came_ms, answer, came->done, came->context);
        return;
    }
    append(hook, waiting);
    if (!hook->call) {
        hook_look_at(hook, io_now_ms(hooks->io)); /* with all others of this turn of the loop */
    }
}

void hooks_receive(struct hooks *hooks, const struct hook_delivery *delivery,
                   void (*done)(void *context, const struct hook_answer *answer), void *context)
{
    struct waiting came = {.came_ms = io_now_ms(hooks->io),
                           .done = done,
                           .context = context,
                           .delivery = {.headers = delivery->headers,
                                        .header_count = delivery->header_count,
                                        .body = delivery->body,
                                        .body_size = delivery->body_size,
                                        .now = hooks_unix_now(hooks)}};
    if (!hook_limits_take(hooks->limits, text_or(delivery->sender, ""), delivery->namespace,
                          delivery->trigger, came.came_ms, &came.ticket)) {
        tell(hooks, came.came_ms, &too_many, done, context);
        return;
    }
    const struct trigger *trigger = find_trigger(hooks, delivery->namespace, delivery->trigger);
    if (trigger) {
        receive_known(hooks, trigger, delivery, &came);
        return;
    }
    refuse_unknown(&came.delivery);
    refuse(hooks, came.came_ms, done, context);
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
    hooks->limits = hook_limits_new(io_random(io));
    hooks->last_refusal = &hooks->refusals;
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
    io_stop_timer(hooks->io, hooks->refusal_timer);
    while (hooks->refusals) {
        struct refusal *first = hooks->refusals;
        hooks->refusals = first->next;
        (void)memory_free(first);
    }
    hooks->limits = hook_limits_free(hooks->limits);
    return memory_free(hooks);
}
