#ifndef TIDEMILL_TESTS_TEST_SERVE_FIXTURE_H
#define TIDEMILL_TESTS_TEST_SERVE_FIXTURE_H

/* A client that may block, in a process of its own, while the server's loop runs in the test. */

#include "support/test.h"

#include "core/buffer.h"
#include "core/memory.h"
#include "io/loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIXTURE_ANSWER_MAXIMUM = 1024 * 1024, FIXTURE_LIMIT_MS = 60 * 1000 };

/* Runs in the child; what it prints is what talk() returns. */
typedef void (*fixture_client)(uint16_t port, const void *context, FILE *out);

struct fixture_talk {
    struct loop *loop;
    int fd;
    struct buffer text;
};

static inline void fixture_read(void *context, unsigned events)
{
    struct fixture_talk *talk = context;
    char piece[4096];
    (void)events;
    ssize_t size = read(talk->fd, piece, sizeof(piece));
    if (size > 0) {
        assert_true(result_is_ok(buffer_append(&talk->text, piece, (size_t)size)));
    } else {
        loop_stop(talk->loop);
    }
}

static inline void fixture_too_late(void *context)
{
    (void)context;
    fail_msg("the client did not end");
}

/* To be freed. */
static inline char *fixture_talk(struct loop *loop, uint16_t port, fixture_client client,
                                 const void *context)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        client(port, context, out);
        (void)fclose(out);
        _exit(0);
    }
    (void)close(ends[1]);
    struct fixture_talk talk = {.loop = loop, .fd = ends[0]};
    talk.text.maximum = FIXTURE_ANSWER_MAXIMUM;
    struct loop_watch *watch = NULL;
    struct error error;
    assert_true(
        result_is_ok(loop_watch_fd(loop, ends[0], LOOP_READ, fixture_read, &talk, &watch, &error)));
    struct loop_timer *limit = loop_start_timer(loop, loop_now_ms() + FIXTURE_LIMIT_MS,
                                                fixture_too_late, NULL);
    assert_true(result_is_ok(loop_run(loop, &error)));
    loop_stop_timer(loop, limit);
    loop_stop_watch(loop, watch);
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char *text = memory_copy_text(buffer_text(&talk.text));
    buffer_free(&talk.text);
    return text;
}

/* In the child: a connection on which reading ends after so many seconds. */
static inline int fixture_connect(uint16_t port, int seconds)
{
    const struct timeval limit = {.tv_sec = seconds};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        _exit(3);
    }
    return fd;
}

#endif
