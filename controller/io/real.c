#include "io/real.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/prng.h"
#include "io/credentials.h"
#include "io/fetch.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/zonefile.h"

#include <sys/random.h>
#include <time.h>

enum { MICROSECONDS_PER_SECOND = 1000000, NANOSECONDS_PER_MICROSECOND = 1000 };

struct real_io {
    struct loop *loop;
    struct credentials *credentials;
    struct http *http;
    struct fetch *fetch;
    struct prng prng;
};

/* ---- kube/io.h ---- */

static struct io_call *start(void *self, const struct io_request *request)
{
    return http_start(((struct real_io *)self)->http, request);
}

static void cancel(void *self, struct io_call *call)
{
    http_cancel(((struct real_io *)self)->http, call);
}

static struct io_visit *fetch(void *self, const struct io_fetch *asked)
{
    return fetch_start(((struct real_io *)self)->fetch, asked);
}

static void cancel_fetch(void *self, struct io_visit *visit)
{
    fetch_cancel(((struct real_io *)self)->fetch, visit);
}

static int64_t now_ms(void *self)
{
    (void)self;
    return loop_now_ms();
}

static int64_t unix_micros(void *self)
{
    (void)self;
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * MICROSECONDS_PER_SECOND +
           now.tv_nsec / NANOSECONDS_PER_MICROSECOND;
}

static uint64_t random_number(void *self)
{
    return prng_next(&((struct real_io *)self)->prng);
}

/* The seam's timers are the loop's. */
static struct io_timer *start_timer(void *self, int64_t at_ms, void (*fire)(void *context),
                                    void *context)
{
    struct loop *loop = ((struct real_io *)self)->loop;
    return (struct io_timer *)(void *)loop_start_timer(loop, at_ms, fire, context);
}

static void stop_timer(void *self, struct io_timer *timer)
{
    loop_stop_timer(((struct real_io *)self)->loop, (struct loop_timer *)(void *)timer);
}

static struct result read_zone(void *self, const char *name, struct buffer *bytes,
                               struct error *error)
{
    (void)self;
    return zonefile_read(name, bytes, error);
}

static const struct io_table table = {
    .start = start,
    .cancel = cancel,
    .fetch = fetch,
    .cancel_fetch = cancel_fetch,
    .now_ms = now_ms,
    .unix_micros = unix_micros,
    .random = random_number,
    .start_timer = start_timer,
    .stop_timer = stop_timer,
    .read_zone = read_zone,
};

struct io real_io_seam(struct real_io *real)
{
    return (struct io){.table = &table, .self = real};
}

/* ---- Opening, running, closing ---- */

static void on_credentials(void *context)
{
    struct real_io *real = context;
    http_credentials_changed(real->http);
}

static struct result open_parts(struct real_io *real, const struct real_io_options *options,
                                struct error *error)
{
    TRY(loop_open(&real->loop, error));
    if (options->on_signal) {
        TRY(loop_catch_signals(real->loop, options->on_signal, options->context, error));
    }
    struct credentials_options credentials = {
        .loop = real->loop,
        .access = options->access,
        .allow_plugins = options->allow_plugins,
        .on_change = on_credentials,
        .context = real,
    };
    TRY(credentials_open(&credentials, &real->credentials, error));
    struct http_options http = {
        .loop = real->loop,
        .access = options->access,
        .credentials = real->credentials,
        .metrics = options->metrics,
    };
    TRY(http_open(&http, &real->http, error));
    real->fetch = fetch_open(
        &(struct fetch_options){.loop = real->loop, .allowed = options->egress_addresses});
    return RESULT_OK;
}

struct result real_io_open(const struct real_io_options *options, struct real_io **real,
                           struct error *error)
{
    struct real_io *made = memory_allocate(1, sizeof(*made));
    uint64_t seed;
    REQUIRE(getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed));
    prng_seed(&made->prng, seed);
    struct result result = open_parts(made, options, error);
    if (!result_is_ok(result)) {
        (void)real_io_close(made);
        return result;
    }
    *real = made;
    return RESULT_OK;
}

struct loop *real_io_loop(struct real_io *real)
{
    return real->loop;
}

void real_io_set_pace(struct real_io *real, int64_t milliseconds)
{
    loop_set_pace(real->loop, milliseconds);
}

struct result real_io_run(struct real_io *real, struct error *error)
{
    return loop_run(real->loop, error);
}

void real_io_stop(struct real_io *real)
{
    loop_stop(real->loop);
}

struct real_io_counters real_io_counters(const struct real_io *real)
{
    struct http_counters counters = http_counters(real->http);
    return (struct real_io_counters){
        .connections = counters.connections,
        .requests = counters.requests,
        .bytes_sent = counters.bytes_sent,
        .bytes_received = counters.bytes_received,
    };
}

struct real_io *real_io_close(struct real_io *real)
{
    if (!real) {
        return NULL;
    }
    real->fetch = fetch_close(real->fetch);
    real->http = http_close(real->http);
    real->credentials = credentials_close(real->credentials);
    real->loop = loop_close(real->loop);
    return memory_free(real);
}
