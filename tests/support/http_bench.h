#ifndef TIDEMILL_SUPPORT_HTTP_BENCH_H
#define TIDEMILL_SUPPORT_HTTP_BENCH_H

/* The real HTTP client and a scripted peer (support/peer.h) on one loop. */

#include "core/buffer.h"
#include "io/access.h"
#include "io/credentials.h"
#include "io/http.h"
#include "support/peer.h"

enum { ANSWER_LIMIT = 1024 * 1024, WAIT_LIMIT_MS = 60000 };

struct bench;

/* What became of one request. */
struct outcome {
    struct bench *bench;
    struct io_call *call;
    int done; /* times that on_done came */
    enum error_kind failure;
    char *message;
    int status;
    int retry_after_seconds;
    char *warning;
    char *content_type; /* of the response */
    char *told_type;    /* what on_content_type was given */
    int times_told;
    char *body;
    uint64_t bytes_received;
    struct buffer streamed; /* what on_data was given */
    size_t pieces;
    bool refuses_data;       /* on_data fails */
    struct outcome *cancels; /* by on_data, which then forgets it */
};

struct bench {
    struct loop *loop;
    struct peer *peer;
    struct access access;
    char server[64];
    struct credentials *credentials;
    struct http *http;
    size_t awaited;        /* outcomes not yet there */
    void *script;          /* for the test's on_request */
    int unacknowledged_ms; /* http_options' */
    int connect_ms;        /* http_options */
    bool is_proxy;         /* the peer stands between; the server is http://api.test:8080 */
};

/* One certificate for all tests of a group, "tidemill.test": making keys takes time. */
extern struct peer_identity *bench_identity;
int bench_make_identity(void **state);
int bench_free_identity(void **state);

/* The client as kube/io.h sees it, with the real clock. */
struct io bench_io(struct bench *bench);

/*
 * Opens the loop, the peer and the client. `access` may have credentials set; the server is
 * filled in unless it has one. `options`: loop and context (the bench) are filled in.
 */
void bench_open(struct bench *bench, const struct peer_options *options);
void bench_close(struct bench *bench);

/* Starts a request; on_done counts bench->awaited down. */
void bench_start(struct bench *bench, struct outcome *outcome, const struct io_request *request);

/* GET /x */
void bench_get(struct bench *bench, struct outcome *outcome);
/* GET /watch, streamed, ended after `idle_ms` without a byte (0: never). */
void bench_watch(struct bench *bench, struct outcome *outcome, int64_t idle_ms);
void bench_post(struct bench *bench, struct outcome *outcome, const char *body);

/* Runs until nothing is awaited; fails the test after WAIT_LIMIT_MS. */
void bench_wait(struct bench *bench);
/* Runs until `condition`. */
void bench_wait_for(struct bench *bench, bool (*condition)(void *context), void *context);

void outcome_free(struct outcome *outcome);

#endif
