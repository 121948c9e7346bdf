#ifndef TIDEMILL_SUPPORT_CLIENT_TALK_H
#define TIDEMILL_SUPPORT_CLIENT_TALK_H

/*
 * One conversation of the real client with a peer in another process: a watch that brings three
 * events, and a POST beside it, over HTTP/1.1 in the clear or by TLS, or HTTP/2. For tests that let
 * something fail in the middle of it: whatever it is, both requests end in time. It asserts
 * nothing, for it may run in a child of the test.
 */

#include "core/buffer.h"
#include "io/access.h"
#include "io/credentials.h"
#include "io/fetch.h"
#include "io/http.h"
#include "support/peer_process.h"

enum {
    TALK_PATIENCE_MS = 1000,
    TALK_LIMIT_TIMES = 20, /* all of it takes at most so many times its patience */
    TALK_ANSWER_MAXIMUM = 4096,
    TALK_MESSAGE_SIZE = 1024
};

#define TALK_EVENTS "one\ntwo\nthree\n"
#define TALK_ANSWER "{\"done\":true}"

/* What came of a conversation. */
struct talk_outcome {
    bool ok;
    bool hung;                       /* it did not end in time: a fault of ours */
    char message[TALK_MESSAGE_SIZE]; /* of what went wrong first */
};

struct client_talk {
    struct access access;
    char server[64];
    int patience_ms; /* for a connection, a request, and a watch without a byte */
    struct loop *loop;
    struct credentials *credentials;
    struct http *http;
    struct fetch *fetch;
    /* Of the conversation under way: */
    struct talk_outcome *outcome;
    struct io_call *watch; /* while it is open */
    struct buffer events;
    bool asked;       /* the POST was started */
    unsigned awaited; /* answers */
    struct loop_timer *limit;
};

/* A peer that plays its part. `identity` is for TLS. */
struct peer_process client_talk_peer(enum peer_protocol protocol,
                                     const struct peer_identity *identity);

/*
 * A client of the peer at `port`, which it calls `host`. `authority` is PEM; NULL: no TLS. Nothing
 * is left open when it fails.
 */
struct result client_talk_open(struct client_talk *talk, const char *host, uint16_t port,
                               const char *authority, int patience_ms, struct error *error);
void client_talk_close(struct client_talk *talk);

void client_talk_watch_and_post(struct client_talk *talk, struct talk_outcome *outcome);

/* A request of a source (io/fetch.h) to the same peer, which speaks HTTP/1.1 in the clear. */
void client_talk_fetch(struct client_talk *talk, struct talk_outcome *outcome);

#endif
