#ifndef TIDEMILL_SUPPORT_PEER_PROCESS_H
#define TIDEMILL_SUPPORT_PEER_PROCESS_H

/*
 * A peer in a process of its own, for tests that count what this process does: calls to the kernel,
 * memory, descriptors.
 */

#include "support/peer.h"

#include <sys/types.h>

struct peer_process {
    pid_t pid;
    uint16_t port;
    int lifeline; /* the peer ends when this end of a pipe is closed, by our own death too */
};

/* `options` are peer_open()'s; the loop is filled in. Callbacks run in the other process. */
struct peer_process peer_process_start(const struct peer_options *options);
void peer_process_stop(struct peer_process *process);

#endif
