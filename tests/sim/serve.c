/*
 * The simulated API server for tests/conformance: one request as a JSON object on a line of
 * standard input ({"method", "path", "contentType", "accept", "body"}), one answer on a line of
 * standard output
 * ({"status", "body"}). Nothing else happens in its world, and its clock stands still.
 */

#include "core/assert.h"
#include "sim/server.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>

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
    struct sim_answer served = sim_server_serve(store, &request);
    json_t *said = json_loads(served.body ? served.body : "{}", 0, NULL);
    json_t *answer = json_pack("{s:i, s:o}", "status", served.status, "body", said);
    char *out = json_dumps(answer, JSON_COMPACT);
    (void)puts(out);
    (void)fflush(stdout);
    free(out);
    free(text);
    free(served.body);
    json_decref(answer);
    json_decref(asked);
}

int main(void)
{
    struct sim_store store;
    sim_store_init(&store);
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        answer_line(&store, line);
    }
    free(line);
    sim_store_free(&store);
    return 0;
}
