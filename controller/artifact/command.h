#ifndef TIDEMILL_ARTIFACT_COMMAND_H
#define TIDEMILL_ARTIFACT_COMMAND_H

/*
 * The helpers as wholes: from checked arguments to exit code and result message. Used by
 * cli/artifact.c, and by tests that make system calls fail. Invariant: whoever runs one gets a
 * whole result message, or exit code 1 and a line on standard error.
 */

#include "artifact/message.h"

#define ARTIFACT_MESSAGE_PATH "/dev/termination-log" /* the kubelet's terminationMessagePath */

enum artifact_exit {
    ARTIFACT_EXIT_OK = 0,
    ARTIFACT_EXIT_FAILED = 1,
    ARTIFACT_EXIT_USAGE = 2,
};

enum artifact_action { ARTIFACT_PREPARE, ARTIFACT_SEAL, ARTIFACT_COPY };

struct artifact_request {
    enum artifact_action action;
    const char *root;
    const char *out;  /* prepare; NULL: none is made */
    const char *from; /* copy */
    const char *to;
    const char *digest;
    const char *message; /* NULL: ARTIFACT_MESSAGE_PATH where there is one */
    size_t message_max;  /* bytes */
    size_t input_count;
    struct artifact_input inputs[ARTIFACT_INPUTS_MAX];
};

/* Writes the message's file and then the message as a line on standard output. */
enum artifact_exit artifact_run(const struct artifact_system *system,
                                struct artifact_request *request);

/* `sha256:HEX  PATH` on standard output, failures on standard error. Writes nothing else. */
enum artifact_exit artifact_run_digest(const struct artifact_system *system, const char *path);

#endif
