#include "kube/controller_private.h"

#include "core/assert.h"
#include "core/log.h"

/* A clean stop: answers are awaited for a while, so that the lease can be given back. */

static void drain(void *context)
{
    enum { LOOK_AGAIN_MS = 10 };
    struct controller *controller = context;
    struct io io = controller->options.io;
    controller->drain_timer = NULL;
    size_t under_way = executor_numbers(controller->executor).in_flight +
                       events_numbers(controller->events).in_flight;
    if (under_way == 0) {
        election_release(controller->election, controller->stopped, controller->stopped_context);
        return;
    }
    if (io_now_ms(io) < controller->drain_until_ms) {
        controller->drain_timer = io_start_timer(io, io_now_ms(io) + LOOK_AGAIN_MS, drain,
                                                 controller);
        return;
    }
    log_warning("answers to what was sent are missing, so the lease is not given back; another "
                "replica takes it when it runs out",
                LOG_INTEGER("requests", (int64_t)under_way));
    controller->stopped(controller->stopped_context);
}

static void end_stop(void *context)
{
    struct controller *controller = context;
    controller->drain_timer = NULL;
    controller->stopped(controller->stopped_context);
}

void controller_stop(struct controller *controller, void (*done)(void *context), void *context)
{
    struct io io = controller->options.io;
    REQUIRE(controller->state != STATE_STOPPING);
    controller->state = STATE_STOPPING;
    poller_stop(controller->poller);
    controller->stopped = done;
    controller->stopped_context = context;
    controller->drain_until_ms = io_now_ms(io) + CONTROLLER_DRAIN_MS;
    if (controller->election) {
        election_withdraw(controller->election);
        executor_drop_waiting(controller->executor);
    }
    controller->drain_timer = io_start_timer(io, io_now_ms(io),
                                             controller->election ? drain : end_stop, controller);
}
