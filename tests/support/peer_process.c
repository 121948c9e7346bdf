#include "support/peer_process.h"

#include "support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void end_peer(void *context, unsigned events)
{
    (void)context;
    (void)events;
    _exit(EXIT_SUCCESS);
}

/* In the child. */
static _Noreturn void run_peer(const struct peer_options *options, int port_end, int life_end)
{
    struct peer_options complete = *options;
    struct loop_watch *watch = NULL;
    struct error error = {0};
    REQUIRE(result_is_ok(loop_open(&complete.loop, &error)));
    uint16_t port = peer_port(peer_open(&complete));
    REQUIRE(write(port_end, &port, sizeof(port)) == (ssize_t)sizeof(port));
    REQUIRE(result_is_ok(
        loop_watch_fd(complete.loop, life_end, LOOP_READ, end_peer, NULL, &watch, &error)));
    (void)!result_is_ok(loop_run(complete.loop, &error));
    _exit(EXIT_FAILURE);
}

struct peer_process peer_process_start(const struct peer_options *options)
{
    struct peer_process process = {0};
    int port[2];
    int life[2];
    assert_int_equal(pipe2(port, O_CLOEXEC), 0);
    assert_int_equal(pipe2(life, O_CLOEXEC), 0);
    process.pid = fork();
    assert_true(process.pid >= 0);
    if (process.pid == 0) {
        (void)close(port[0]);
        (void)close(life[1]);
        run_peer(options, port[1], life[0]);
    }
    (void)close(port[1]);
    (void)close(life[0]);
    process.lifeline = life[1];
    assert_int_equal(read(port[0], &process.port, sizeof(process.port)), sizeof(process.port));
    (void)close(port[0]);
    return process;
}

void peer_process_stop(struct peer_process *process)
{
    int status = 0;
    (void)close(process->lifeline);
    assert_int_equal(waitpid(process->pid, &status, 0), process->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    *process = (struct peer_process){0};
}
