#include "kube/poller_private.h"

#include "api/kept.h"
#include "api/quantity.h"
#include "core/assert.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/text.h"
#include "core/url.h"

#include <string.h>

enum { MILLISECONDS = 1000 };

/* A host that has its share: the poll comes again after so long. */
enum { HOST_BUSY_MS = 2000 };

/* A poll comes a bit later or sooner than its interval, so that many do not march in step. */
enum { JITTER_PARTS = 20 };

/* Of a webhook, whether its Secret is there is looked at now and then. */
static bool is_polled(const struct trigger *trigger)
{
    return trigger_is_polled(&trigger->spec) || trigger->spec.webhook.type;
}

/* Where its first request goes, near enough to tell hosts apart. */
static const char *address_of(const struct trigger_spec *spec)
{
    const char *const addresses[] = {spec->http.url, spec->git.url, spec->image.repository,
                                     spec->bucket.endpoint, spec->prometheus.url};
    for (size_t at = 0; at < sizeof(addresses) / sizeof(addresses[0]); at++) {
        if (addresses[at]) {
            return addresses[at];
        }
    }
    return "";
}

static int64_t interval_ms(const struct trigger *trigger)
{
    int64_t milliseconds = (int64_t)POLLER_INTERVAL_SECONDS * MILLISECONDS;
    int64_t least = (int64_t)POLLER_INTERVAL_LEAST_SECONDS * MILLISECONDS;
    if (trigger->spec.interval) {
        (void)duration_parse(trigger->spec.interval, &milliseconds);
    }
    return milliseconds > least ? milliseconds : least;
}

static char *map_key(const char *namespace, const char *name)
{
    return memory_join(namespace, '/', name);
}

/* ---- The shares of hosts ---- */

static bool take_share(struct poller *poller, const char *host)
{
    uintptr_t count = (uintptr_t)map_get(&poller->hosts, host);
    if (count >= POLLER_HOST_MAXIMUM) {
        return false;
    }
    (void)map_put(&poller->hosts, host, (void *)(count + 1)); // NOLINT(performance-no-int-to-ptr)
    return true;
}

static void give_share_back(struct poller *poller, const char *host)
{
    uintptr_t count = (uintptr_t)map_get(&poller->hosts, host);
    REQUIRE(count > 0);
    if (count == 1) {
        (void)map_remove(&poller->hosts, host);
    } else {
        (void)map_put(&poller->hosts, host,
                      (void *)(count - 1)); // NOLINT(performance-no-int-to-ptr)
    }
}

/* ---- Polls ---- */

static struct poll *find_poll(const struct poller *poller, const char *namespace, const char *name)
{
    CLEANUP(memory_free_indirect) char *key = map_key(namespace, name);
    return map_get(&poller->polls, key);
}

static struct poll *make_poll(struct poller *poller, const struct trigger *trigger)
{
    struct poll *poll = memory_allocate(1, sizeof(*poll));
    const struct work_key key = {
        .kind = KIND_TRIGGER, .namespace = trigger->meta.namespace, .name = trigger->meta.name};
    *poll = (struct poll){.poller = poller,
                          .key = key_copy(&key),
                          .uid = memory_copy_text(trigger->meta.uid),
                          .generation = trigger->meta.generation};
    CLEANUP(memory_free_indirect) char *text = map_key(key.namespace, key.name);
    (void)map_put(&poller->polls, text, poll);
    return poll;
}

/* The conversation is over, or is left. */
static void hang_up(struct poll *poll)
{
    struct poller *poller = poll->poller;
    if (poll->visit) {
        io_cancel_fetch(poller->options.io, poll->visit);
        poll->visit = NULL;
    }
    if (poll->secret_call) {
        io_cancel(poller->options.io, poll->secret_call);
        poll->secret_call = NULL;
    }
    if (poll->host) {
        give_share_back(poller, poll->host);
        poll->host = memory_free(poll->host);
    }
    poll->talk = NULL;
    if (poll->is_asked) {
        poll->is_asked = false;
        poller->asking--;
        queue_done(poller->queue, &poll->key);
    }
    arena_wipe(&poll->arena);
}

static void free_poll(struct poll *poll)
{
    hang_up(poll);
    arena_free(&poll->known);
    key_free(&poll->key);
    (void)memory_free(poll->uid);
    (void)memory_free(poll);
}

static void drop_poll(struct poller *poller, const char *namespace, const char *name)
{
    CLEANUP(memory_free_indirect) char *key = map_key(namespace, name);
    struct poll *poll = map_remove(&poller->polls, key);
    if (poll) {
        free_poll(poll);
    }
}

/* ---- What came ---- */

static bool is_same(const struct sighting *a, const struct sighting *b)
{
    return a->state == b->state && text_equal(a->revision, b->revision) &&
           text_equal(a->summary, b->summary) && text_equal(a->message, b->message) &&
           text_equal(a->news, b->news) && text_equal(a->before, b->before);
}

static const struct name_value *copy_values(struct arena *arena, const struct name_value *values,
                                            size_t count)
{
    struct name_value *copy = arena_array(arena, struct name_value, count);
    for (size_t at = 0; at < count; at++) {
        copy[at] = (struct name_value){.name = arena_copy_text(arena, values[at].name),
                                       .value = arena_copy_text(arena, values[at].value)};
    }
    return copy;
}

/* When what was found has stayed for spec.debounce, unix seconds; TIME_ABSENT: nobody asks that. */
static int64_t settled_at(const struct trigger *trigger, const struct sighting *seen)
{
    int64_t milliseconds = 0;
    bool is_asked = seen->state == SIGHTING_FOUND && trigger->spec.debounce &&
                    !text_equal(seen->revision, trigger->status.observed_revision) &&
                    duration_parse(trigger->spec.debounce, &milliseconds);
    return is_asked ? seen->since + (milliseconds + MILLISECONDS - 1) / MILLISECONDS : TIME_ABSENT;
}

/* It has, as this look at it shows and the one before did not. */
static bool has_settled(const struct poll *poll, const struct sighting *seen)
{
    int64_t settled = settled_at(poll->trigger, &poll->sighting);
    return settled != TIME_ABSENT && poll->sighting.seen < settled && seen->seen >= settled;
}

/* Its texts may be in the conversation's arena, which goes. */
static void keep_sighting(struct poll *poll, const struct sighting *seen)
{
    bool is_news = !poll->is_known || !is_same(&poll->sighting, seen) || has_settled(poll, seen);
    bool is_same_revision = poll->is_known && poll->sighting.state == SIGHTING_FOUND &&
                            seen->state == SIGHTING_FOUND &&
                            text_equal(poll->sighting.revision, seen->revision);
    struct arena arena = {0};
    struct sighting kept = *seen;
    kept.since = is_same_revision ? poll->sighting.since : seen->since;
    kept.revision = arena_copy_text(&arena, seen->revision);
    kept.summary = arena_copy_text(&arena, seen->summary);
    kept.news = arena_copy_text(&arena, seen->news);
    kept.mark = arena_copy_text(&arena, seen->mark);
    kept.before = arena_copy_text(&arena, seen->before);
    kept.message = arena_copy_text(&arena, seen->message);
    kept.values = copy_values(&arena, seen->values, seen->value_count);
    arena_free(&poll->known);
    poll->known = arena;
    poll->sighting = kept;
    poll->is_known = true;
    if (is_news) {
        poll->poller->options.wake(poll->poller->options.context, &poll->key);
    }
}

static int64_t jittered(struct poller *poller, int64_t milliseconds)
{
    int64_t part = milliseconds / JITTER_PARTS;
    return milliseconds - part / 2 +
           (int64_t)(io_random(poller->options.io) % (uint64_t)(part + 1));
}

/* Sources that became known in one moment are looked at in one moment once, not for ever. */
static int64_t spread(struct poller *poller, int64_t milliseconds)
{
    return milliseconds - (int64_t)(io_random(poller->options.io) % (uint64_t)milliseconds);
}

static void work(void *context);

/* Until spec.debounce is over, when that is before `pause`: then it is looked at once more. */
static int64_t pause_for_debounce(const struct poll *poll, int64_t pause)
{
    enum { MICROSECONDS = 1000 };
    int64_t settled = settled_at(poll->trigger, &poll->sighting);
    if (settled == TIME_ABSENT || poll->sighting.seen >= settled) {
        return pause;
    }
    int64_t now_ms = io_unix_micros(poll->poller->options.io) / MICROSECONDS;
    int64_t left = settled * MILLISECONDS - now_ms;
    left = left > 0 ? left : 0;
    return left < pause ? left : pause;
}

/* A long interval is for a source that answers: what fails is asked again sooner. */
static int64_t pause_ms(const struct poll *poll)
{
    enum { DOUBLINGS_MAXIMUM = 16 };
    int64_t interval = interval_ms(poll->trigger);
    unsigned doublings = poll->failures > 0 ? poll->failures - 1 : 0;
    doublings = doublings < DOUBLINGS_MAXIMUM ? doublings : DOUBLINGS_MAXIMUM;
    int64_t retry = ((int64_t)POLLER_RETRY_SECONDS * MILLISECONDS) << doublings;
    return poll->failures > 0 && retry < interval ? retry : interval;
}

void poller_end(struct poll *poll, const struct sighting *seen, bool for_good)
{
    struct poller *poller = poll->poller;
    poll->failures = seen->state == SIGHTING_FAILED ? poll->failures + 1 : 0;
    poller->numbers.found += seen->state == SIGHTING_FOUND;
    poller->numbers.absent += seen->state == SIGHTING_ABSENT;
    poller->numbers.failed += seen->state == SIGHTING_FAILED;
    bool is_first = !poll->is_known;
    keep_sighting(poll, seen);
    int64_t pause = pause_ms(poll);
    pause = is_first ? spread(poller, pause) : jittered(poller, pause);
    pause = pause_for_debounce(poll, pause);
    hang_up(poll);
    if (!for_good) {
        queue_add_at(poller->queue, &poll->key, io_now_ms(poller->options.io) + pause);
    }
    work(poller); /* a place came free */
}

/* ---- The beginning ---- */

/* Beside a source that is polled, the webhook's Secret is none of that source's. */
static const char *secret_of(const struct trigger_spec *spec)
{
    const char *const names[] = {spec->http.secret_name, spec->git.secret_name,
                                 spec->image.secret_name, spec->bucket.secret_name,
                                 spec->prometheus.secret_name};
    for (size_t at = 0; at < sizeof(names) / sizeof(names[0]); at++) {
        if (names[at]) {
            return names[at];
        }
    }
    return trigger_is_polled(spec) ? NULL : spec->webhook.secret_name;
}

/* Host and port: servers beside each other on one address are not one. */
static const char *authority_of(struct arena *arena, const char *address)
{
    struct url url;
    if (result_is_ok(url_parse(arena, address, &url, NULL))) {
        return url.authority;
    }
    return arena_copy_bytes(arena, address, strcspn(address, "/")); /* of an image: HOST/PATH */
}

/*
 * The server of the first request; conversations that go on elsewhere count for it as well.
 */
static bool find_share(struct poll *poll, const struct trigger *trigger)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const char *authority = authority_of(&arena, address_of(&trigger->spec));
    const char *share = arena_print(&arena, "%s/%s", poll->key.namespace, authority);
    if (!take_share(poll->poller, share)) {
        return false;
    }
    poll->host = memory_copy_text(share);
    return true;
}

static void begin(struct poll *poll, const struct trigger *trigger)
{
    /* The cache's may be replaced while it is asked. */
    void *block = arena_allocate(&poll->arena, 1,
                                 kept_size(KIND_TRIGGER, (const struct object *)trigger));
    poll->trigger = (const struct trigger *)kept_copy(KIND_TRIGGER, (const struct object *)trigger,
                                                      block);
    poll->generation = trigger->meta.generation;
    poll->secret = (struct secret){0};
    poll->values = (struct source_secret){0};
    poll->request = (struct source_request){0};
    poll->secret_name = secret_of(&poll->trigger->spec);
    poll->is_asked = true;
    poll->poller->asking++;
    poller_talk(poll);
}

static bool is_current(const struct poll *poll, const struct trigger *trigger)
{
    return text_equal(poll->uid, trigger->meta.uid);
}

static void start_poll(struct poller *poller, const struct work_key *key)
{
    const struct trigger *trigger = (const struct trigger *)cache_get(
        poller->options.cache, KIND_TRIGGER, key->namespace, key->name);
    if (!trigger || !is_polled(trigger) || trigger->meta.unreadable) {
        queue_done(poller->queue, key);
        return;
    }
    struct poll *poll = find_poll(poller, key->namespace, key->name);
    if (poll && !is_current(poll, trigger)) {
        drop_poll(poller, key->namespace, key->name);
        poll = NULL;
    }
    poll = poll ? poll : make_poll(poller, trigger);
    if (!find_share(poll, trigger)) {
        queue_done(poller->queue, key);
        queue_add_at(poller->queue, &poll->key, io_now_ms(poller->options.io) + HOST_BUSY_MS);
        return;
    }
    begin(poll, trigger);
}

static void work(void *context)
{
    struct poller *poller = context;
    struct work_key key;
    if (poller->is_working) {
        return;
    }
    poller->is_working = true;
    while (poller->leads && poller->asking < POLLER_ASKING_MAXIMUM &&
           queue_take(poller->queue, &key, NULL)) {
        start_poll(poller, &key);
    }
    poller->is_working = false;
}

/* ---- Whom to ask, and when ---- */

static struct work_key key_of(const struct trigger *trigger)
{
    return (struct work_key){
        .kind = KIND_TRIGGER, .namespace = trigger->meta.namespace, .name = trigger->meta.name};
}

/*
 * Times are whole seconds: the second poke of one second shows in what was delivered. Deliveries to
 * a webhook without a source poke nothing: each would have its Secret read.
 */
static bool is_poked(const struct trigger *before, const struct trigger *after)
{
    if (!trigger_is_polled(&after->spec)) {
        return false;
    }
    return before->status.poked_time != after->status.poked_time ||
           !text_equal(before->status.delivered, after->status.delivered);
}

/* Its newest run was made after what is known was told by the run before: see
 * plan/trigger_change.c.
 */
static bool is_told_by_older_mark(const struct poller *poller, const struct trigger *before,
                                  const struct trigger *after)
{
    const struct poll *poll = find_poll(poller, after->meta.namespace, after->meta.name);
    return poll && poll->is_known &&
           !text_equal(before->status.observed_mark, after->status.observed_mark) &&
           !text_equal(poll->sighting.revision, after->status.observed_revision);
}

void poller_follow(struct poller *poller, const struct trigger *before, const struct trigger *after)
{
    const struct trigger *any = after ? after : before;
    bool is_asked = after && is_polled(after);
    if (!poller->leads) {
        return;
    }
    if (!is_asked) {
        drop_poll(poller, any->meta.namespace, any->meta.name);
    } else if (!before || before->meta.generation != after->meta.generation ||
               !text_equal(before->meta.uid, after->meta.uid)) {
        const struct work_key key = key_of(after);
        drop_poll(poller, key.namespace, key.name);
        queue_add(poller->queue, &key);
    } else if (is_poked(before, after) || is_told_by_older_mark(poller, before, after)) {
        const struct work_key key = key_of(after);
        queue_add(poller->queue, &key);
    }
}

void poller_start(struct poller *poller)
{
    const struct object *object;
    size_t count = 0;
    poller->leads = true;
    for (size_t at = 0; (object = cache_next(poller->options.cache, KIND_TRIGGER, &at)) != NULL;) {
        count += is_polled((const struct trigger *)object);
    }
    for (size_t at = 0; (object = cache_next(poller->options.cache, KIND_TRIGGER, &at)) != NULL;) {
        const struct trigger *trigger = (const struct trigger *)object;
        if (is_polled(trigger)) {
            const struct work_key key = key_of(trigger);
            int64_t most = interval_ms(trigger);
            int64_t spread = (int64_t)count * POLLER_SPREAD_MS;
            spread = spread < most ? spread : most;
            uint64_t place = hash_text(HASH_SEED, trigger->meta.uid) % (uint64_t)(spread + 1);
            queue_add_at(poller->queue, &key, io_now_ms(poller->options.io) + (int64_t)place);
        }
    }
}

void poller_stop(struct poller *poller)
{
    const struct map_entry *each;
    poller->leads = false;
    for (size_t at = 0; (each = map_next(&poller->polls, &at)) != NULL;) {
        free_poll(each->value);
    }
    map_free(&poller->polls);
    poller->queue = queue_free(poller->queue);
    poller->queue = queue_new(poller->options.io, work, poller);
}

const struct sighting *poller_find(const struct poller *poller, const struct trigger *trigger)
{
    const struct poll *poll = find_poll(poller, trigger->meta.namespace, trigger->meta.name);
    bool is_known = poll && poll->is_known && is_current(poll, trigger) &&
                    poll->generation == trigger->meta.generation;
    return is_known ? &poll->sighting : NULL;
}

struct poller_numbers poller_numbers(const struct poller *poller)
{
    struct poller_numbers numbers = poller->numbers;
    numbers.known = poller->polls.count;
    numbers.asking = poller->asking;
    return numbers;
}

struct poller *poller_new(const struct poller_options *options)
{
    struct poller *poller = memory_allocate(1, sizeof(*poller));
    poller->options = *options;
    poller->queue = queue_new(options->io, work, poller);
    return poller;
}

struct poller *poller_free(struct poller *poller)
{
    if (!poller) {
        return NULL;
    }
    poller_stop(poller);
    poller->queue = queue_free(poller->queue);
    map_free(&poller->hosts);
    return memory_free(poller);
}
