#include "faults/calls.h"

#include "support/test.h"

#include "core/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAXIMUM = 256, NAMES_MAXIMUM = 64 };

/* ---- Calls that fail ---- */

/* Of one name: the order of different ones depends on what peers and threads do meanwhile. */
struct call {
    const char *name;
    int count; /* in this attempt */
};

/* Curl resolves names in a thread of its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool counting; /* only while a scenario runs */
static struct call calls[NAMES_MAXIMUM];
static size_t call_count;
static size_t failing_call;             /* which of them fails, and its how manyeth */
static int failing_at;                  /* < 0: none fails */
static const char *_Atomic failed_call; /* the one that did */

static size_t find_call(const char *name)
{
    size_t at = 0;
    while (at < call_count && strcmp(calls[at].name, name) != 0) {
        at++;
    }
    if (at == call_count) {
        REQUIRE(call_count < NAMES_MAXIMUM);
        calls[call_count++] = (struct call){.name = name};
    }
    return at;
}

static bool fails(const char *name, int error)
{
    if (!counting) {
        return false;
    }
    (void)pthread_mutex_lock(&lock);
    size_t call = find_call(name);
    bool failing = calls[call].count++ == failing_at && call == failing_call;
    (void)pthread_mutex_unlock(&lock);
    if (failing) {
        failed_call = name;
        errno = error;
    }
    return failing;
}

/* The function that would have been called without this file. */
static void *next_of(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        abort();
    }
    return found;
}

#define FIND_REAL(name)                      \
    if (!real) {                             \
        void *found = next_of(#name);        \
        memcpy(&real, &found, sizeof(real)); \
    }

/* Defines NAME: it fails with ERROR, or does what it always does. */
#define FAULTY(type, name, error, parameters, arguments)        \
    type name parameters                                        \
    {                                                           \
        static type(*real) parameters;                          \
        FIND_REAL(name)                                         \
        return fails(#name, error) ? (type)-1 : real arguments; \
    }

FAULTY(ssize_t, read, EIO, (int file, void *bytes, size_t size), (file, bytes, size))
FAULTY(ssize_t, write, EIO, (int file, const void *bytes, size_t size), (file, bytes, size))
FAULTY(int, epoll_create1, EMFILE, (int flags), (flags))
FAULTY(int, epoll_wait, EBADF, (int epoll, struct epoll_event *events, int count, int timeout_ms),
       (epoll, events, count, timeout_ms))
FAULTY(int, poll, ENOMEM, (struct pollfd * files, nfds_t count, int timeout_ms),
       (files, count, timeout_ms))
FAULTY(int, eventfd, EMFILE, (unsigned value, int flags), (value, flags))
FAULTY(int, signalfd, EMFILE, (int file, const sigset_t *signals, int flags),
       (file, signals, flags))
FAULTY(int, sigprocmask, EINVAL, (int how, const sigset_t *set, sigset_t *old), (how, set, old))
FAULTY(int, pipe2, EMFILE, (int ends[2], int flags), (ends, flags))
FAULTY(int, pidfd_open, EMFILE, (pid_t pid, unsigned flags), (pid, flags))
FAULTY(int, socket, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
FAULTY(int, socketpair, EMFILE, (int domain, int type, int protocol, int ends[2]),
       (domain, type, protocol, ends))
FAULTY(int, bind, EADDRINUSE, (int file, const struct sockaddr *address, socklen_t size),
       (file, address, size))
FAULTY(int, listen, EADDRINUSE, (int file, int backlog), (file, backlog))
FAULTY(int, accept4, EMFILE,
       (int file, struct sockaddr *restrict address, socklen_t *restrict size, int flags),
       (file, address, size, flags))
FAULTY(int, connect, ECONNREFUSED, (int file, const struct sockaddr *address, socklen_t size),
       (file, address, size))
FAULTY(int, shutdown, ENOTCONN, (int file, int how), (file, how))
FAULTY(int, getsockname, ENOBUFS,
       (int file, struct sockaddr *restrict address, socklen_t *restrict size),
       (file, address, size))
FAULTY(int, getpeername, ENOTCONN,
       (int file, struct sockaddr *restrict address, socklen_t *restrict size),
       (file, address, size))
FAULTY(int, getsockopt, ENOBUFS,
       (int file, int level, int name, void *restrict value, socklen_t *restrict size),
       (file, level, name, value, size))
FAULTY(int, setsockopt, ENOMEM, (int file, int level, int name, const void *value, socklen_t size),
       (file, level, name, value, size))
FAULTY(ssize_t, sendmsg, ECONNRESET, (int file, const struct msghdr *message, int flags),
       (file, message, flags))
FAULTY(ssize_t, recv, ECONNRESET, (int file, void *bytes, size_t size, int flags),
       (file, bytes, size, flags))
FAULTY(int, stat, EACCES, (const char *restrict path, struct stat *restrict status), (path, status))
FAULTY(int, fstat, EIO, (int file, struct stat *status), (file, status))

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *path, int flags, ...);
    FIND_REAL(open)
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return fails("open", EACCES) ? -1 : real(path, flags, mode);
}

static bool is_pair(int file)
{
    int domain = 0;
    socklen_t size = sizeof(domain);
    return syscall(SYS_getsockopt, file, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain == AF_UNIX;
}

/*
 * What curl's resolving thread tells by a pair of sockets always arrives; libcurl 7.88 would lose
 * the address that it has found, and its memory.
 */
ssize_t send(int file, const void *bytes, size_t size, int flags)
{
    static ssize_t (*real)(int file, const void *bytes, size_t size, int flags);
    FIND_REAL(send)
    return !is_pair(file) && fails("send", ECONNRESET) ? -1 : real(file, bytes, size, flags);
}

/* EPOLL_CTL_DEL fails only for a descriptor that is closed already: epoll_ctl(2). */
int epoll_ctl(int epoll, int operation, int file, struct epoll_event *event)
{
    static int (*real)(int epoll, int operation, int file, struct epoll_event *event);
    FIND_REAL(epoll_ctl)
    return operation != EPOLL_CTL_DEL && fails("epoll_ctl", ENOSPC)
               ? -1
               : real(epoll, operation, file, event);
}

int close(int file)
{
    static int (*real)(int file);
    FIND_REAL(close)
    int status = real(file); /* as on Linux: the file is closed all the same */
    return fails("close", EIO) ? -1 : status;
}

/* These give the error back themselves. */

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[],
                 char *const environment[])
{
    static int (*real)(pid_t *, const char *, const posix_spawn_file_actions_t *,
                       const posix_spawnattr_t *, char *const[], char *const[]);
    FIND_REAL(posix_spawnp)
    return fails("posix_spawnp", EAGAIN)
               ? EAGAIN
               : real(pid, file, actions, attributes, arguments, environment);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict context)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    FIND_REAL(pthread_create)
    return fails("pthread_create", EAGAIN) ? EAGAIN : real(thread, attributes, run, context);
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict list)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    FIND_REAL(getaddrinfo)
    if (fails("getaddrinfo", EAGAIN)) {
        return EAI_AGAIN;
    }
    return real(text_equal(name, FAULTS_HOST) ? "127.0.0.1" : name, service, hints, list);
}

/* ---- The loop around a scenario ---- */

/* Of LeakSanitizer; NULL in a build without it. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

bool faults_pause(void)
{
    return atomic_exchange(&counting, false);
}

void faults_resume(void)
{
    counting = true;
}

const char *faults_failed_call(void)
{
    return failed_call;
}

size_t faults_open_files(void)
{
    size_t count = 0;
    for (int file = 0; file < FILES_MAXIMUM; file++) {
        count += fcntl(file, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

static bool names_what_failed(const struct fault_scenario *scenario, const char *message)
{
    for (size_t at = 0; at < COUNT_OF(scenario->names) && scenario->names[at]; at++) {
        if (strstr(message, scenario->names[at])) {
            return true;
        }
    }
    return false;
}

static struct fault_attempt run_once(const struct fault_scenario *scenario, size_t call, int at)
{
    struct fault_attempt attempt = {0};
    size_t before = faults_open_files();
    for (size_t each = 0; each < call_count; each++) {
        calls[each].count = 0;
    }
    failing_call = call;
    failing_at = at;
    failed_call = NULL;
    counting = true;
    scenario->run(&attempt);
    counting = false;
    if (faults_open_files() != before) {
        fail_msg("%s %d failed: a file stays open", text_or(failed_call, "nothing"), at);
    }
    return attempt;
}

struct failures {
    int count;
    int mattered;
};

/* Each call of one name, until there are not so many. */
static void fail_each_of(const struct fault_scenario *scenario, size_t call, struct failures *sum)
{
    for (int at = 0;; at++) {
        struct fault_attempt attempt = run_once(scenario, call, at);
        if (!failed_call) {
            return;
        }
        if (!attempt.ok && !names_what_failed(scenario, attempt.message)) {
            fail_msg("%s %d: \"%s\" does not name what failed", failed_call, at, attempt.message);
        }
        sum->count++;
        sum->mattered += attempt.ok ? 0 : 1;
    }
}

static void check_calls(const struct fault_scenario *scenario)
{
    for (size_t at = 0; at < COUNT_OF(scenario->calls) && scenario->calls[at]; at++) {
        size_t known = call_count;
        if (find_call(scenario->calls[at]) == known) {
            fail_msg("%s was never called", scenario->calls[at]);
        }
    }
}

void faults_fail_each_call(const struct fault_scenario *scenario)
{
    struct failures sum = {0};
    call_count = 0;
    struct fault_attempt attempt = run_once(scenario, 0, -1);
    if (!attempt.ok) {
        fail_msg("without any failure: %s", attempt.message);
    }
    check_calls(scenario);
    for (size_t call = 0; call < call_count; call++) {
        fail_each_of(scenario, call, &sum);
    }
    attempt = run_once(scenario, 0, -1);
    assert_true(attempt.ok);
    assert_true(!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0);
    print_message("%d calls of %zu names, each failed once; %d of them mattered\n", sum.count,
                  call_count, sum.mattered);
    assert_true(sum.count >= scenario->calls_minimum);
}
