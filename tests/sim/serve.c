/*
 * The simulated API server for tests/conformance: one request as a JSON object on a line of
 * standard input ({"method", "path", "contentType", "accept", "body"}), one answer on a line of
 * standard output: {"status", "body"}, or {"status", "events"} of a watch, which are all that it
 * would have said so far. Nothing else happens in its world, and its clock stands still.
 */

#include "core/assert.h"
#include "sim/server.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of a watch as an array. Takes the text. */
static void add_lines(json_t *events, char *lines)
{
    json_t *event;
    for (const char *at = lines; *at; at = strchr(at, '\n') + 1) {
        event = json_loadb(at, strcspn(at, "\n"), 0, NULL);
        REQUIRE(event != NULL);
        json_array_append_new(events, event);
    }
    free(lines);
}

static json_t *read_watch(const struct sim_store *store, const struct sim_request *request)
{
    const struct sim_target watch = sim_server_target(request);
    json_t *events = json_array();
    if (watch.wants_bookmark_of_list) {
        add_lines(events, sim_server_initial(store, &watch));
        return events;
    }
    for (size_t at = 0; at < store->change_count; at++) {
        const struct sim_change *change = &store->changes[at];
        if (change->version > watch.resource_version && sim_server_sees(&watch, change)) {
            add_lines(events, sim_server_watch_line(&watch, change));
        }
    }
    return events;
}

static json_t *answer_request(struct sim_store *store, const struct sim_request *request)
{
    struct sim_answer served = sim_server_serve(store, request);
    json_t *answer = json_pack("{s:i}", "status", served.status);
    if (!sim_server_target(request).is_watch) {
        json_object_set_new(answer, "body", json_loads(served.body, 0, NULL));
        free(served.body);
    } else if (served.body) {
        json_t *events = json_array();
        add_lines(events, served.body);
        json_object_set_new(answer, "events", events);
    } else {
        json_object_set_new(answer, "events", read_watch(store, request));
    }
    return answer;
}

static void answer_line(struct sim_store *store, const char *line)
{
    json_t *asked = json_loads(line, 0, NULL);
    REQUIRE(asked != NULL);
    json_t *body = json_object_get(asked, "body");
    char *text = body && !json_is_null(body) ? json_dumps(body, JSON_COMPACT) : NULL;
    const struct sim_request request = {.method = tree_text(asked, "method"),
                                        .path = tree_text(asked, "path"),
                                        .content_type = tree_text(asked, "contentType"),
                                        .accept = tree_text(asked, "accept"),
                                        .body = text};
    json_t *answer = answer_request(store, &request);
    char *out = json_dumps(answer, JSON_COMPACT);
    (void)puts(out);
    (void)fflush(stdout);
    free(out);
    free(text);
    json_decref(answer);
    json_decref(asked);
}

int main(void)
{
    struct sim_store store;
    sim_store_init(&store);
    store.compacted = store.version; /* what was before is gone, as after a compaction */
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        answer_line(&store, line);
    }
    free(line);
    sim_store_free(&store);
    return 0;
}
