#include "support/poller_world.h"

#include "support/cached.h"
#include "support/test.h"

#include "api/trigger.h"

#include <stdio.h>
#include <string.h>

static void wake(void *context, const struct work_key *key)
{
    struct poller_world *world = context;
    assert_int_equal(key->kind, KIND_TRIGGER);
    world->wakes++;
}

static void on_change(void *context, enum api_kind kind, enum cache_event event,
                      const struct object *before, const struct object *after)
{
    struct poller_world *world = context;
    (void)kind;
    (void)event;
    poller_follow(world->poller, (const struct trigger *)before, (const struct trigger *)after);
}

int poller_world_set_up(void **state)
{
    static struct poller_world world;
    world = (struct poller_world){.fake = fake_io_new(), .cache = cache_new()};
    fake_io_fix_random(world.fake, 0);
    world.poller = poller_new(&(struct poller_options){.io = fake_io_seam(world.fake),
                                                       .cache = world.cache,
                                                       .allowed_hosts = "example.com",
                                                       .wake = wake,
                                                       .context = &world});
    cache_set_listener(world.cache,
                       &(struct cache_listener){.on_change = on_change, .context = &world});
    *state = &world;
    return 0;
}

int poller_world_tear_down(void **state)
{
    struct poller_world *world = *state;
    (void)poller_free(world->poller);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
    return 0;
}

void poller_world_put(struct poller_world *world, const char *name, int generation,
                      const char *spec)
{
    cached_put(world->cache, KIND_TRIGGER,
               "{'metadata':{'namespace':'team','name':'%s','uid':'u-%s','generation':%d,"
               "'resourceVersion':'%d'},'spec':{'pipelineRef':{'name':'p'},%s}}",
               name, name, generation, ++world->version, spec);
}

const struct sighting *poller_world_sighting(struct poller_world *world, const char *name)
{
    return poller_find(world->poller,
                       (const struct trigger *)cache_get(world->cache, KIND_TRIGGER, "team", name));
}

void poller_world_answer(struct poller_world *world, const char *url, const char *etag)
{
    struct fake_fetch *fetches = fake_io_fetches(world->fake);
    struct io_visit *visit = fake_fetch_find(fetches, url);
    if (!visit) {
        fail_msg("nobody asks %s", url);
    }
    const struct name_value header = {"etag", etag};
    fake_fetch_end(
        fetches, visit,
        &(struct io_fetched){.status = 200, .headers = &header, .header_count = 1, .body = ""});
    fake_io_run(world->fake);
}

size_t poller_world_open_count(struct poller_world *world)
{
    return fake_fetch_open_count(fake_io_fetches(world->fake));
}

size_t poller_world_sent_count(struct poller_world *world)
{
    return fake_fetch_sent_count(fake_io_fetches(world->fake));
}

void poller_world_start(struct poller_world *world)
{
    poller_start(world->poller);
    fake_io_advance(world->fake, SECOND);
}
