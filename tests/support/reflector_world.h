#ifndef TIDEMILL_SUPPORT_REFLECTOR_WORLD_H
#define TIDEMILL_SUPPORT_REFLECTOR_WORLD_H

/*
 * One reflector of PipelineRuns over a fake API server, for the tests of kube/reflector. A run is
 * written `name@resourceVersion`.
 */

#include "kube/reflector.h"
#include "support/fake_io.h"

#include <stdbool.h>

#define RUNS_PATH      "/apis/tidemill.dev/v1alpha1/pipelineruns"
#define ANY_WATCH      RUNS_PATH "?watch=true*"
#define INITIAL_EVENTS "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
#define WATCH_FROM(v)  RUNS_PATH "?watch=true*&resourceVersion=" v "&*"

struct reflector_world {
    struct fake_io *fake;
    struct cache *cache;
    struct reflector *reflector;
};

/* Setup and teardown of cmocka; log lines are collected from here on. */
int reflector_world_set_up(void **state);
int reflector_world_tear_down(void **state);

/* Starts anew inside one test, for the rows of a table. */
void reflector_world_restart(struct reflector_world *world);

/* Lines logged since the set-up that contain `text`. */
int reflector_world_logged(const char *text);

/* JSON of a run; of events, with their newlines. */
#define RUN_HEAD "\"apiVersion\":\"tidemill.dev/v1alpha1\",\"kind\":\"PipelineRun\""
#define RUN_JSON(name, version, status)                                                          \
    "{" RUN_HEAD ",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"ns\",\"uid\":\"uid-" name \
    "\",\"resourceVersion\":\"" version                                                          \
    "\"},\"spec\":{\"pipelineRef\":{\"name\":\"p\"}},\"status\":" status "}"
#define RUN_EVENT(type, run) "{\"type\":\"" type "\",\"object\":" run "}\n"
#define BOOKMARK_EVENT(version)                                                                    \
    "{\"type\":\"BOOKMARK\",\"object\":{" RUN_HEAD ",\"metadata\":{\"resourceVersion\":\"" version \
    "\",\"creationTimestamp\":null},\"spec\":{}}}\n"
#define ERROR_EVENT(code, reason, message)                                                         \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"   \
    "\"status\":\"Failure\",\"message\":\"" message "\",\"reason\":\"" reason "\",\"code\":" #code \
    "}}\n"

/* The same of what is no literal, in static memory that is valid until the next but seven. */
const char *run_event(const char *type, const char *name, const char *version);
const char *bookmark_event(const char *version);
/* The one that ends a streaming list's initial events. */
const char *last_bookmark_event(const char *version);
/* JSON of a run that cannot be decoded, in the place of a run_event. */
const char *poison_event(const char *type, const char *name, const char *version);

/* JSON of a page: "a@1 b@2" (a name that begins with '!' is poison), its version, its token. */
const char *list_page(const char *runs, const char *version, const char *token);

/* Starts the reflector; the server has no streaming lists, so a list in pages is open. */
void reflector_world_start(struct reflector_world *world);

/* Starts it on a server that has them; one is open. */
void reflector_world_stream(struct reflector_world *world);

/* Starts the reflector on this list; the watch that follows is open. */
void reflector_world_sync(struct reflector_world *world, const char *runs, const char *version);

/*
 * The one open request when it is a list, a watch or a streaming list, else NULL. A streaming list
 * that has become a watch still counts as a streaming list here: its request does not change.
 */
struct io_call *open_list(struct reflector_world *world);
struct io_call *open_watch(struct reflector_world *world);
struct io_call *open_stream(struct reflector_world *world);
const char *open_path(struct reflector_world *world);

/* Feeds a text to the open streaming list: false when that ended it. Or ends it. */
bool feed_stream(struct reflector_world *world, const char *text);
void end_stream(struct reflector_world *world, struct fake_answer answer);

/* Feeds a text to the open watch, or ends it. */
void feed_watch(struct reflector_world *world, const char *text);
void end_watch(struct reflector_world *world, struct fake_answer answer);
void end_list(struct reflector_world *world, struct fake_answer answer);

/* All cached runs as "a@1 b@2 ", by name. Static memory. */
const char *cached_runs(struct reflector_world *world);

/* Milliseconds of the pause that the reflector makes now, or -1: it makes none. */
int64_t pause_of(struct reflector_world *world);

#endif
