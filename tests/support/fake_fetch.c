#include "support/fake_fetch.h"

#include "core/memory.h"
#include "core/text.h"

struct io_visit {
    struct io_visit *next;
    struct io_fetch asked;
    char *url;
    char *method;
};

struct fake_fetch {
    struct io_visit *visits; /* the oldest first */
    size_t open;
    size_t sent;
};

struct fake_fetch *fake_fetch_new(void)
{
    return memory_allocate(1, sizeof(struct fake_fetch));
}

static void free_visit(struct io_visit *visit)
{
    (void)memory_free(visit->url);
    (void)memory_free(visit->method);
    (void)memory_free(visit);
}

struct fake_fetch *fake_fetch_free(struct fake_fetch *fetch)
{
    while (fetch->visits) {
        fake_fetch_cancel(fetch, fetch->visits);
    }
    return memory_free(fetch);
}

struct io_visit *fake_fetch_start(struct fake_fetch *fetch, const struct io_fetch *asked)
{
    struct io_visit *visit = memory_allocate(1, sizeof(*visit));
    struct io_visit **last = &fetch->visits;
    *visit = (struct io_visit){.asked = *asked,
                               .url = memory_copy_text(asked->url),
                               .method = memory_copy_text(asked->method)};
    visit->asked.url = visit->url;
    visit->asked.method = visit->method;
    while (*last) {
        last = &(*last)->next;
    }
    *last = visit;
    fetch->open++;
    fetch->sent++;
    return visit;
}

static void take_out(struct fake_fetch *fetch, struct io_visit *visit)
{
    struct io_visit **at = &fetch->visits;
    while (*at != visit) {
        at = &(*at)->next;
    }
    *at = visit->next;
    fetch->open--;
}

void fake_fetch_cancel(struct fake_fetch *fetch, struct io_visit *visit)
{
    take_out(fetch, visit);
    free_visit(visit);
}

struct io_visit *fake_fetch_find(struct fake_fetch *fetch, const char *url)
{
    for (struct io_visit *visit = fetch->visits; visit; visit = visit->next) {
        if (text_starts_with(visit->url, url)) {
            return visit;
        }
    }
    return NULL;
}

const struct io_fetch *fake_fetch_asked(const struct io_visit *visit)
{
    return &visit->asked;
}

size_t fake_fetch_open_count(const struct fake_fetch *fetch)
{
    return fetch->open;
}

size_t fake_fetch_sent_count(const struct fake_fetch *fetch)
{
    return fetch->sent;
}

void fake_fetch_end(struct fake_fetch *fetch, struct io_visit *visit,
                    const struct io_fetched *fetched)
{
    take_out(fetch, visit);
    visit->asked.on_done(visit->asked.context, fetched);
    free_visit(visit);
}
