#include "support/client_talk.h"

#include "support/test.h"

#include "core/text.h"

#include <stdio.h>
#include <string.h>

/* ---- The peer, in its own process ---- */

static struct {
    struct peer_connection *connection;
    uint32_t stream;
} open_watch;

static void answer(void *context, const struct peer_request *request)
{
    (void)context;
    peer_begin(request);
    if (strstr(request->head, "watch=true")) {
        open_watch.connection = request->connection;
        open_watch.stream = request->stream;
        peer_send_piece(request->connection, request->stream, "one\n", 4);
        peer_send_piece(request->connection, request->stream, "two\n", 4);
        return;
    }
    peer_send_piece(request->connection, request->stream, TALK_ANSWER, strlen(TALK_ANSWER));
    peer_end(request->connection, request->stream);
    if (open_watch.connection && request->has_body) {
        peer_send_piece(open_watch.connection, open_watch.stream, "three\n", 6);
        peer_end(open_watch.connection, open_watch.stream);
        open_watch.connection = NULL;
    }
}

struct peer_process client_talk_peer(enum peer_protocol protocol,
                                     const struct peer_identity *identity)
{
    return peer_process_start(
        &(struct peer_options){.protocol = protocol, .identity = identity, .on_request = answer});
}

/* ---- The conversation ---- */

static void note(struct client_talk *talk, const char *message)
{
    struct talk_outcome *outcome = talk->outcome;
    if (outcome->ok) {
        outcome->ok = false;
        (void)snprintf(outcome->message, sizeof(outcome->message), "%s", message);
    }
}

static void end_one(struct client_talk *talk)
{
    if (--talk->awaited == 0) {
        loop_stop(talk->loop);
    }
}

static void check_answer(struct client_talk *talk, const struct io_response *response,
                         bool is_whole)
{
    if (response->failure != ERROR_NONE) {
        note(talk, text_or(response->message, ""));
    } else if (response->status != 200 || !is_whole) {
        note(talk, "the answer is another one");
    }
    end_one(talk);
}

/* Without the POST the peer says nothing more on the watch. */
static void take_answer(void *context, const struct io_response *response)
{
    struct client_talk *talk = context;
    if (response->failure != ERROR_NONE && talk->watch) {
        http_cancel(talk->http, talk->watch);
        talk->watch = NULL;
        talk->awaited--;
    }
    check_answer(talk, response, text_equal(response->body, TALK_ANSWER));
}

static void post(struct client_talk *talk)
{
    if (talk->asked) {
        return;
    }
    talk->asked = true;
    (void)http_start(talk->http, &(struct io_request){.method = "POST",
                                                      .path = "/apis/things",
                                                      .content_type = "application/json",
                                                      .body = "{}",
                                                      .body_size = 2,
                                                      .maximum = TALK_ANSWER_MAXIMUM,
                                                      .timeout_ms = talk->patience_ms,
                                                      .on_done = take_answer,
                                                      .context = talk});
}

static struct result take_event(void *context, const char *bytes, size_t size)
{
    struct client_talk *talk = context;
    post(talk);
    return buffer_append(&talk->events, bytes, size);
}

static void end_watch(void *context, const struct io_response *response)
{
    struct client_talk *talk = context;
    talk->watch = NULL;
    post(talk); /* a watch that never began must not keep it */
    check_answer(talk, response, text_equal(buffer_text(&talk->events), TALK_EVENTS));
}

static void end_late(void *context)
{
    struct client_talk *talk = context;
    note(talk, "a request did not end in time");
    talk->outcome->hung = true;
    talk->limit = NULL;
    talk->awaited = 0;
    loop_stop(talk->loop);
}

/* A kernel's queue that fails is told to whoever runs the loop, and fails once. */
static void run(struct client_talk *talk)
{
    struct error error = {0};
    talk->limit = loop_start_timer(
        talk->loop, loop_now_ms() + (int64_t)TALK_LIMIT_TIMES * talk->patience_ms, end_late, talk);
    while (talk->awaited > 0) {
        if (!result_is_ok(loop_run(talk->loop, &error))) {
            note(talk, error.message);
        }
    }
    loop_stop_timer(talk->loop, talk->limit);
    buffer_free(&talk->events);
}

static void begin(struct client_talk *talk, struct talk_outcome *outcome, unsigned answers)
{
    *outcome = (struct talk_outcome){.ok = true};
    talk->outcome = outcome;
    talk->events = (struct buffer)BUFFER_INIT(TALK_ANSWER_MAXIMUM);
    talk->asked = false;
    talk->awaited = answers;
}

void client_talk_watch_and_post(struct client_talk *talk, struct talk_outcome *outcome)
{
    begin(talk, outcome, 2);
    talk->watch = http_start(talk->http, &(struct io_request){.method = "GET",
                                                              .path = "/apis/things?watch=true",
                                                              .maximum = TALK_ANSWER_MAXIMUM,
                                                              .idle_ms = talk->patience_ms,
                                                              .on_data = take_event,
                                                              .on_done = end_watch,
                                                              .context = talk});
    run(talk);
}

static void take_fetched(void *context, const struct io_fetched *fetched)
{
    struct client_talk *talk = context;
    if (fetched->failure != ERROR_NONE) {
        note(talk, text_or(fetched->message, ""));
    } else if (fetched->status != 200 || fetched->body_size != strlen(TALK_ANSWER) ||
               memcmp(fetched->body, TALK_ANSWER, fetched->body_size) != 0) {
        note(talk, "the answer is another one");
    }
    end_one(talk);
}

void client_talk_fetch(struct client_talk *talk, struct talk_outcome *outcome)
{
    char url[96];
    (void)snprintf(url, sizeof(url), "%s/repo", talk->server);
    begin(talk, outcome, 1);
    (void)fetch_start(talk->fetch, &(struct io_fetch){.method = "GET",
                                                      .url = url,
                                                      .maximum = TALK_ANSWER_MAXIMUM,
                                                      .timeout_ms = talk->patience_ms,
                                                      .on_done = take_fetched,
                                                      .context = talk});
    run(talk);
}

/* ---- Opening and closing ---- */

static void credentials_changed(void *context)
{
    struct client_talk *talk = context;
    http_credentials_changed(talk->http);
}

static struct result open_parts(struct client_talk *talk, struct error *error)
{
    TRY(loop_open(&talk->loop, error));
    const struct credentials_options credentials = {.loop = talk->loop,
                                                    .access = &talk->access,
                                                    .on_change = credentials_changed,
                                                    .context = talk};
    TRY(credentials_open(&credentials, &talk->credentials, error));
    const struct http_options http = {.loop = talk->loop,
                                      .access = &talk->access,
                                      .credentials = talk->credentials,
                                      .connect_ms = talk->patience_ms};
    TRY(http_open(&http, &talk->http, error));
    talk->fetch = fetch_open(&(struct fetch_options){.loop = talk->loop, .allow_loopback = true});
    return RESULT_OK;
}

struct result client_talk_open(struct client_talk *talk, const char *host, uint16_t port,
                               const char *authority, int patience_ms, struct error *error)
{
    *talk = (struct client_talk){.access = {.source = "the test", .token = "t"},
                                 .patience_ms = patience_ms};
    (void)snprintf(talk->server, sizeof(talk->server), "%s://%s:%u", authority ? "https" : "http",
                   host, port);
    talk->access.server = talk->server;
    talk->access.authority = (struct access_material){.data = authority,
                                                      .size = authority ? strlen(authority) : 0};
    struct result result = open_parts(talk, error);
    if (!result_is_ok(result)) {
        client_talk_close(talk);
    }
    return result;
}

void client_talk_close(struct client_talk *talk)
{
    talk->fetch = fetch_close(talk->fetch);
    talk->http = http_close(talk->http);
    talk->credentials = credentials_close(talk->credentials);
    talk->loop = loop_close(talk->loop);
}
