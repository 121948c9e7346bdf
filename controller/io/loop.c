#include "io/loop.h"

#include "core/assert.h"
#include "core/memory.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_PER_WAIT = 64, /* events taken from the kernel at once; more come next turn */
    NOT_IN_HEAP = -1,
    MILLISECONDS_PER_SECOND = 1000,
    NANOSECONDS_PER_MILLISECOND = 1000000,
    MICROSECONDS_PER_SECOND = 1000000,
    NANOSECONDS_PER_MICROSECOND = 1000,
    MICROSECONDS_PER_MILLISECOND = 1000,
};

/* A ring with a head: leaving it needs no knowledge of which ring it is. */
struct ring {
    struct ring *next;
    struct ring *previous;
};

struct loop_timer {
    struct ring ring; /* first: a ring of timers is a ring of these */
    int64_t at_ms;
    uint64_t order; /* of asking; among equal times the earlier goes first */
    long heap_at;   /* place in the heap, or NOT_IN_HEAP: then it is in a ring */
    void (*fire)(void *context);
    void *context;
};

struct loop_watch {
    struct loop_watch *next_stopped;
    int fd;
    bool stopped;
    void (*ready)(void *context, unsigned events);
    void *context;
};

struct loop {
    int epoll_fd;
    int signal_fd;
    struct loop_watch *signal_watch;
    void (*on_signal)(void *context, int number);
    void *signal_context;
    bool stopping;

    int64_t pace_us;    /* loop_set_pace() */
    int64_t look_at_us; /* monotonic; descriptors are left alone until then */

    struct loop_timer **heap; /* earliest first */
    size_t heap_count;
    size_t heap_capacity;
    uint64_t next_order;
    struct ring next_turn; /* asked for by loop_defer() */
    struct ring firing;    /* due in this turn */

    /*
     * Stopped watches are kept until the turn's events are handed out: one of those may still
     * point at them.
     */
    struct loop_watch *stopped_watches;
    size_t watch_count;
};

static void ring_clear(struct ring *head)
{
    head->next = head;
    head->previous = head;
}

static void ring_leave(struct ring *member)
{
    member->previous->next = member->next;
    member->next->previous = member->previous;
}

static void ring_append(struct ring *head, struct ring *member)
{
    member->previous = head->previous;
    member->next = head;
    head->previous->next = member;
    head->previous = member;
}

static struct loop_timer *ring_first(struct ring *head)
{
    return head->next == head ? NULL : (struct loop_timer *)(void *)head->next;
}

/* ---- Timers ---- */

static bool is_earlier(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_put(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->heap_at = (long)at;
}

static void heap_sift_up(struct loop *loop, size_t at)
{
    struct loop_timer *timer = loop->heap[at];
    while (at > 0 && is_earlier(timer, loop->heap[(at - 1) / 2])) {
        heap_put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(loop, at, timer);
}

static void heap_sift_down(struct loop *loop, size_t at)
{
    struct loop_timer *timer = loop->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= loop->heap_count) {
            break;
        }
        if (child + 1 < loop->heap_count && is_earlier(loop->heap[child + 1], loop->heap[child])) {
            child++;
        }
        if (!is_earlier(loop->heap[child], timer)) {
            break;
        }
        heap_put(loop, at, loop->heap[child]);
        at = child;
    }
    heap_put(loop, at, timer);
}

static void heap_remove(struct loop *loop, struct loop_timer *timer)
{
    size_t at = (size_t)timer->heap_at;
    REQUIRE(at < loop->heap_count && loop->heap[at] == timer);
    struct loop_timer *last = loop->heap[--loop->heap_count];
    if (last != timer) {
        heap_put(loop, at, last);
        heap_sift_up(loop, at);
        heap_sift_down(loop, (size_t)last->heap_at);
    }
    timer->heap_at = NOT_IN_HEAP;
}

static struct loop_timer *new_timer(struct loop *loop, int64_t at_ms, void (*fire)(void *context),
                                    void *context)
{
    struct loop_timer *timer = memory_allocate(1, sizeof(*timer));
    timer->at_ms = at_ms;
    timer->order = loop->next_order++;
    timer->heap_at = NOT_IN_HEAP;
    timer->fire = fire;
    timer->context = context;
    return timer;
}

struct loop_timer *loop_start_timer(struct loop *loop, int64_t at_ms, void (*fire)(void *context),
                                    void *context)
{
    struct loop_timer *timer = new_timer(loop, at_ms, fire, context);
    loop->heap = memory_grow(loop->heap, &loop->heap_capacity, loop->heap_count + 1,
                             sizeof(loop->heap[0]));
    heap_put(loop, loop->heap_count++, timer);
    heap_sift_up(loop, loop->heap_count - 1);
    return timer;
}

struct loop_timer *loop_defer(struct loop *loop, void (*fire)(void *context), void *context)
{
    struct loop_timer *timer = new_timer(loop, 0, fire, context);
    ring_append(&loop->next_turn, &timer->ring);
    return timer;
}

void loop_stop_timer(struct loop *loop, struct loop_timer *timer)
{
    if (!timer) {
        return;
    }
    if (timer->heap_at == NOT_IN_HEAP) {
        ring_leave(&timer->ring);
    } else {
        heap_remove(loop, timer);
    }
    memory_free(timer);
}

int64_t loop_now_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * MILLISECONDS_PER_SECOND +
           now.tv_nsec / NANOSECONDS_PER_MILLISECOND;
}

static int64_t now_us(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * MICROSECONDS_PER_SECOND +
           now.tv_nsec / NANOSECONDS_PER_MICROSECOND;
}

/*
 * What is due is set aside first. A callback that asks for something due at once gets it in the
 * next turn, so that sockets are never starved.
 */
static void fire_due(struct loop *loop)
{
    while (loop->next_turn.next != &loop->next_turn) {
        struct ring *member = loop->next_turn.next;
        ring_leave(member);
        ring_append(&loop->firing, member);
    }
    int64_t now_ms = loop_now_ms();
    while (loop->heap_count > 0 && loop->heap[0]->at_ms <= now_ms) {
        struct loop_timer *timer = loop->heap[0];
        heap_remove(loop, timer);
        ring_append(&loop->firing, &timer->ring);
    }
    struct loop_timer *timer;
    while (!loop->stopping && (timer = ring_first(&loop->firing)) != NULL) {
        ring_leave(&timer->ring);
        void (*fire)(void *context) = timer->fire;
        void *context = timer->context;
        memory_free(timer);
        fire(context);
    }
}

static int milliseconds_to_sleep(const struct loop *loop)
{
    if (loop->next_turn.next != &loop->next_turn || loop->firing.next != &loop->firing) {
        return 0;
    }
    if (loop->heap_count == 0) {
        return -1;
    }
    int64_t left_ms = loop->heap[0]->at_ms - loop_now_ms();
    if (left_ms <= 0) {
        return 0;
    }
    return left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

/* ---- Descriptors ---- */

static uint32_t epoll_events(unsigned events)
{
    return ((events & LOOP_READ) ? (uint32_t)EPOLLIN : 0U) |
           ((events & LOOP_WRITE) ? (uint32_t)EPOLLOUT : 0U);
}

struct result loop_watch_fd(struct loop *loop, int fd, unsigned events,
                            void (*ready)(void *context, unsigned events), void *context,
                            struct loop_watch **watch, struct error *error)
{
    struct loop_watch *made = memory_allocate(1, sizeof(*made));
    made->fd = fd;
    made->ready = ready;
    made->context = context;
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = made};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        memory_free(made);
        return error_set(error, ERROR_IO, "cannot watch file descriptor %d: %s", fd,
                         strerror(errno));
    }
    loop->watch_count++;
    *watch = made;
    return RESULT_OK;
}

struct result loop_change_watch(struct loop *loop, struct loop_watch *watch, unsigned events,
                                struct error *error)
{
    REQUIRE(!watch->stopped);
    struct epoll_event event = {.events = epoll_events(events), .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) != 0) {
        return error_set(error, ERROR_IO, "cannot change the watch of file descriptor %d: %s",
                         watch->fd, strerror(errno));
    }
    return RESULT_OK;
}

void loop_stop_watch(struct loop *loop, struct loop_watch *watch)
{
    if (!watch) {
        return;
    }
    REQUIRE(!watch->stopped);
    /* Fails only when the descriptor was closed already, and then the kernel has dropped it. */
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->stopped = true;
    watch->next_stopped = loop->stopped_watches;
    loop->stopped_watches = watch;
    loop->watch_count--;
}

static void free_stopped_watches(struct loop *loop)
{
    while (loop->stopped_watches) {
        struct loop_watch *watch = loop->stopped_watches;
        loop->stopped_watches = watch->next_stopped;
        memory_free(watch);
    }
}

static void hand_out(struct loop *loop, const struct epoll_event *events, size_t count)
{
    for (size_t at = 0; at < count && !loop->stopping; at++) {
        struct loop_watch *watch = events[at].data.ptr;
        if (watch->stopped) {
            continue;
        }
        bool ended = (events[at].events & (EPOLLERR | EPOLLHUP)) != 0;
        unsigned seen = 0;
        if (ended || (events[at].events & EPOLLIN) != 0) {
            seen |= LOOP_READ;
        }
        if (ended || (events[at].events & EPOLLOUT) != 0) {
            seen |= LOOP_WRITE;
        }
        watch->ready(watch->context, seen);
    }
}

/* ---- Signals ---- */

static void take_signals(void *context, unsigned events)
{
    (void)events;
    struct loop *loop = context;
    struct signalfd_siginfo information;
    while (read(loop->signal_fd, &information, sizeof(information)) ==
           (ssize_t)sizeof(information)) {
        loop->on_signal(loop->signal_context, (int)information.ssi_signo);
    }
}

struct result loop_catch_signals(struct loop *loop, void (*on_signal)(void *context, int number),
                                 void *context, struct error *error)
{
    REQUIRE(loop->signal_fd < 0);
    sigset_t wanted;
    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0) {
        return error_set(error, ERROR_IO, "cannot block signals: %s", strerror(errno));
    }
    loop->signal_fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signal_fd < 0) {
        return error_set(error, ERROR_IO, "cannot make a signal descriptor: %s", strerror(errno));
    }
    loop->on_signal = on_signal;
    loop->signal_context = context;
    return loop_watch_fd(loop, loop->signal_fd, LOOP_READ, take_signals, loop, &loop->signal_watch,
                         error);
}

/* ---- The loop ---- */

void loop_set_pace(struct loop *loop, int64_t milliseconds)
{
    loop->pace_us = milliseconds * MICROSECONDS_PER_MILLISECOND;
}

void loop_hurry(struct loop *loop)
{
    loop->look_at_us = 0;
}

/* Returns early when a signal comes. */
static void sleep_us(int64_t microseconds)
{
    const struct timespec pause = {.tv_sec = microseconds / MICROSECONDS_PER_SECOND,
                                   .tv_nsec = microseconds % MICROSECONDS_PER_SECOND *
                                              NANOSECONDS_PER_MICROSECOND};
    (void)nanosleep(&pause, NULL);
}

/* Waits for the pace; false: a callback is due before the descriptors are. */
static bool may_look(const struct loop *loop)
{
    int64_t left_us = loop->pace_us > 0 ? loop->look_at_us - now_us() : 0;
    if (left_us <= 0) {
        return true;
    }
    int timer_ms = milliseconds_to_sleep(loop);
    int64_t timer_us = (int64_t)timer_ms * MICROSECONDS_PER_MILLISECOND;
    if (timer_ms >= 0 && timer_us < left_us) {
        if (timer_ms > 0) {
            sleep_us(timer_us);
        }
        return false;
    }
    sleep_us(left_us);
    return true;
}

static struct result look(struct loop *loop, struct error *error)
{
    struct epoll_event events[EVENTS_PER_WAIT];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_WAIT, milliseconds_to_sleep(loop));
    if (count < 0 && errno != EINTR) {
        return error_set(error, ERROR_IO, "waiting for events failed: %s", strerror(errno));
    }
    if (count > 0 && count < EVENTS_PER_WAIT && loop->pace_us > 0) { /* else there are more */
        loop->look_at_us = now_us() + loop->pace_us;
    }
    hand_out(loop, events, count > 0 ? (size_t)count : 0);
    free_stopped_watches(loop);
    return RESULT_OK;
}

struct result loop_open(struct loop **loop, struct error *error)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) {
        return error_set(error, ERROR_IO, "cannot make an epoll descriptor: %s", strerror(errno));
    }
    (void)signal(SIGPIPE, SIG_IGN);
    struct loop *made = memory_allocate(1, sizeof(*made));
    made->epoll_fd = epoll_fd;
    made->signal_fd = -1;
    ring_clear(&made->next_turn);
    ring_clear(&made->firing);
    *loop = made;
    return RESULT_OK;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

struct result loop_run(struct loop *loop, struct error *error)
{
    loop->stopping = false;
    while (!loop->stopping) {
        if (may_look(loop)) {
            TRY(look(loop, error));
        }
        if (!loop->stopping) {
            fire_due(loop);
        }
        free_stopped_watches(loop);
    }
    return RESULT_OK;
}

struct loop *loop_close(struct loop *loop)
{
    if (!loop) {
        return NULL;
    }
    loop_stop_watch(loop, loop->signal_watch);
    free_stopped_watches(loop);
    REQUIRE(loop->watch_count == 0); /* whoever still watches would use freed memory */
    while (loop->heap_count > 0) {
        loop_stop_timer(loop, loop->heap[0]);
    }
    struct loop_timer *timer;
    while ((timer = ring_first(&loop->firing)) != NULL ||
           (timer = ring_first(&loop->next_turn)) != NULL) {
        loop_stop_timer(loop, timer);
    }
    if (loop->signal_fd >= 0) {
        (void)close(loop->signal_fd);
    }
    (void)close(loop->epoll_fd);
    memory_free(loop->heap);
    return memory_free(loop);
}
