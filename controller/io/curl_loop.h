#ifndef TIDEMILL_IO_CURL_LOOP_H
#define TIDEMILL_IO_CURL_LOOP_H

/*
 * libcurl's multi interface on io/loop: curl says which sockets and times it waits for, the loop
 * waits for all of them in its one place. Used by io/http* and io/fetch. Invariant: curl is never
 * called from inside one of its own callbacks: `inside` counts how deep it is.
 */

#include "io/loop.h"

#include <curl/curl.h>

struct curl_loop;

/* What curl works on; it begins its owner, and is CURLOPT_PRIVATE of `easy`. */
struct curl_transfer {
    CURL *easy; /* NULL: curl does not have it */
    /* Curl has ended it. Called when curl has returned. */
    void (*done)(struct curl_transfer *transfer, CURLcode code);
};

struct curl_loop_options {
    struct loop *loop;
    unsigned *inside; /* raised while curl runs; borrowed */
    /* Curl has returned, and `done` calls follow. NULL or for what waited for that. */
    void (*on_return)(void *context);
    void *context;
    long connections; /* to one host at once */
    long streams;     /* on one connection */
};

struct curl_loop *curl_loop_open(const struct curl_loop_options *options);
/* Transfers were removed before. Accepts NULL; returns NULL. */
struct curl_loop *curl_loop_close(struct curl_loop *curl);

void curl_loop_add(struct curl_loop *curl, CURL *easy);
void curl_loop_remove(struct curl_loop *curl, CURL *easy);

/* Hands out what curl has ended; also after curl was called by other ways than this. */
void curl_loop_collect(struct curl_loop *curl);

/* Shuts the connection with this local port if no byte has come on it since `since_ms`. */
void curl_loop_shut_silent(struct curl_loop *curl, int local_port, int64_t since_ms);

/* Of a connection's socket; 0: it has none. */
int curl_loop_local_port(curl_socket_t fd);

#endif
