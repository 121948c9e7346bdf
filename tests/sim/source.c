#include "sim/schedule.h"

#include "core/text.h"

#include <stdio.h>

/*
 * The one thing outside of the cluster that Triggers poll: a document with an ETag. Every request
 * is answered by what it is at then; at random it may be down, confused, or too slow.
 */

enum { PER_MILLE = 1000, HTTP_OK = 200, HTTP_UNAVAILABLE = 503, ETAG_SIZE = 64 };

void sim_source_set(struct sim_world *world, const char *revision)
{
    world->source.revision = revision;
    sim_world_trace(world, "the source is at %s", revision ? revision : "nothing: it is down");
}

static struct fake_fetch *fetches_of(const struct sim_world *world, size_t process)
{
    return fake_io_fetches(world->processes[process].fake);
}

bool sim_source_is_asked(const struct sim_world *world, size_t process)
{
    return fake_fetch_open_count(fetches_of(world, process)) > 0;
}

/* What it tells, in the order of telling: a source that goes back tells another change. */
static void count_told(struct sim_world *world)
{
    struct sim_source *source = &world->source;
    source->changes += !text_equal(source->told, source->revision);
    source->told = source->revision;
}

static struct io_fetched misbehave(struct sim_world *world)
{
    switch (prng_between(&world->prng, 0, 2)) {
    case 0:
        return (struct io_fetched){.failure = ERROR_UNAVAILABLE, .message = "no time"};
    case 1:
        return (struct io_fetched){.failure = ERROR_LIMIT, .message = "too long"};
    default:
        return (struct io_fetched){.status = HTTP_UNAVAILABLE, .body = "<html>sorry</html>"};
    }
}

static bool misbehaves(struct sim_world *world)
{
    const struct sim_options *options = &world->options;
    return options->fault_per_mille > 0 && world->now_ms < options->heal_ms &&
           prng_between(&world->prng, 1, PER_MILLE) <= (uint64_t)options->fault_per_mille;
}

void sim_source_answer(struct sim_world *world, size_t process)
{
    char etag[ETAG_SIZE];
    struct fake_fetch *fetches = fetches_of(world, process);
    struct io_visit *visit = fake_fetch_find(fetches, "http");
    struct name_value header = {.name = "etag", .value = etag};
    struct io_fetched answer = {.status = HTTP_UNAVAILABLE, .body = ""};
    (void)snprintf(etag, sizeof(etag), "\"%s\"", text_or(world->source.revision, ""));
    if (misbehaves(world)) {
        answer = misbehave(world);
    } else if (world->source.revision) {
        count_told(world);
        answer = (struct io_fetched){
            .status = HTTP_OK, .headers = &header, .header_count = 1, .body = ""};
    }
    fake_fetch_end(fetches, visit, &answer);
}
