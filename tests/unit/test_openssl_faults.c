/*
 * Allocations of OpenSSL fail, one in each attempt, in the middle of a conversation with a server.
 * It tells its caller, other than the libraries that have our allocator, which ends the process
 * (test_memory_faults.c; libyaml, libmicrohttpd and GnuTLS can't be given one). So there is an
 * answer, or an error that says with whom and why, and the same client goes on working; or the
 * process ends with a message. It never crashes, hangs or leaks. TIDEMILL_FULL=1 fails each
 * allocation, not some.
 */

#include "support/test.h"

#include "core/log.h"
#include "core/text.h"
#include "support/client_talk.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    OUTPUT_SIZE = 4096,
    CHILD_SECONDS = 60,
    SOME = 120, /* attempts, spread over thousands of allocations, unless all are wanted */
    EXIT_WRONG = 3
};

static struct {
    bool counts; /* while the conversation goes on */
    long allocations;
    long failing_at; /* < 0: none fails */
    bool failed;
} heap = {.failing_at = -1};

/* ---- The allocator ---- */

static bool fails(void)
{
    if (!heap.counts || heap.allocations++ != heap.failing_at) {
        return false;
    }
    heap.failed = true;
    return true;
}

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 || fails() ? NULL : malloc(size);
}

static void *resize(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails() ? NULL : realloc(old, size);
}

static void release(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

/* ---- One conversation, in a child ---- */

/* Of LeakSanitizer; NULL in a build without it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static struct peer_process peer;
static char host_and_port[64];
static const char *authority;

static _Noreturn void complain(const char *what, const char *message)
{
    (void)fprintf(stderr, "%s: %s\n", what, message);
    _exit(EXIT_WRONG);
}

static void converse(void)
{
    struct client_talk talk;
    struct talk_outcome outcome;
    struct error error = {0};
    heap.counts = true;
    if (!result_is_ok(
            client_talk_open(&talk, "127.0.0.1", peer.port, authority, TALK_PATIENCE_MS, &error))) {
        /* With what OpenSSL says: that it had no memory, "init fail", or nothing. */
        if (!strstr(error.message, "certificate-authority holds no PEM certificate: ")) {
            complain("the client was not opened", error.message);
        }
        heap.counts = false;
        return;
    }
    client_talk_watch_and_post(&talk, &outcome);
    heap.counts = false;
    if (outcome.hung || (!outcome.ok && !text_starts_with(outcome.message, host_and_port))) {
        complain("the error says too little", outcome.message);
    }
    client_talk_watch_and_post(&talk, &outcome);
    if (!outcome.ok) {
        complain("the next requests fail too", outcome.message);
    }
    client_talk_close(&talk);
}

static _Noreturn void run_child(long failing)
{
    const struct rlimit none = {0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)alarm(CHILD_SECONDS);
    heap.failing_at = failing;
    converse();
    if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() != 0) {
        complain("memory leaks", "");
    }
    _exit(heap.failed ? EXIT_SUCCESS : EXIT_FAILURE);
}

enum end { END_WENT_ON, END_SAID_SO, END_OF_ALLOCATIONS };

/* In its own process; fails the test when that ends in any other way. */
static enum end fail_one(long failing)
{
    static const char said[] = "tidemill: ";
    char output[OUTPUT_SIZE];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        run_child(failing);
    }
    (void)close(ends[1]);
    size_t used = 0;
    ssize_t got;
    while ((got = read(ends[0], output + used, sizeof(output) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    output[used] = '\0';
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) {
        return END_WENT_ON;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE && used == 0) {
        return END_OF_ALLOCATIONS;
    }
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !text_starts_with(output, said)) {
        fail_msg("allocation %ld: status %d, it said: %s", failing, status, output);
    }
    return END_SAID_SO;
}

/* What was set up once, such as OpenSSL's tables, is not set up again in the children. */
static long count_allocations(void)
{
    converse();
    heap.allocations = 0;
    converse();
    long count = heap.allocations;
    heap.allocations = 0;
    return count;
}

static void fail_each(long step)
{
    long ended[END_OF_ALLOCATIONS + 1] = {0};
    long at = 0;
    while (ended[END_OF_ALLOCATIONS] == 0) {
        ended[fail_one(at)]++;
        at += step;
    }
    print_message(
        "every %ld. allocation failed once: %ld times it went on, %ld times it ended with "
        "a message\n",
        step, ended[END_WENT_ON], ended[END_SAID_SO]);
    assert_true(ended[END_WENT_ON] > 0);
}

static void without_memory_openssl_says_so(void **state)
{
    (void)state;
    struct peer_identity *identity = peer_identity_new(NULL);
    peer = client_talk_peer(PEER_HTTP2, identity);
    authority = peer_identity_certificate(identity);
    (void)snprintf(host_and_port, sizeof(host_and_port), "127.0.0.1:%u: ", peer.port);
    long count = count_allocations();
    bool full = !text_is_empty(getenv("TIDEMILL_FULL"));
    assert_true(count > 10);
    fail_each(full ? 1 : count / SOME + 1);
    peer_process_stop(&peer);
    peer_identity_free(identity);
}

static void keep_quiet(const char *line, size_t size)
{
    (void)line;
    (void)size;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_openssl_says_so),
    };
    log_configure((struct log_sink){.write = keep_quiet, .level = LOG_ERROR});
    /* Before it has allocated anything. */
    if (CRYPTO_set_mem_functions(allocate, resize, release) != 1) {
        (void)fprintf(stderr, "OpenSSL takes no allocator of ours\n");
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
