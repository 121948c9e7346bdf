#ifndef TIDEMILL_ARTIFACT_MESSAGE_H
#define TIDEMILL_ARTIFACT_MESSAGE_H

/*
 * The one JSON object that an artifact helper leaves as its container's termination message. Pure.
 * Used by cli/artifact.c. Invariant: what is written is whole JSON of at most `maximum` bytes; the
 * kubelet would cut it at its begin without a word.
 *
 *   {"inputs":{"table":{"digest":"sha256:...","bytes":123,"files":4}}}   prepare, seal
 *   {"digest":"sha256:...","bytes":123,"files":4}                        copy
 *   {"reason":"DigestMismatch","message":"..."}                          exit 1
 */

#include "artifact/prepare.h"
#include "core/buffer.h"

enum {
    ARTIFACT_MESSAGE_MAX = 4096, /* bytes: MaxContainerTerminationMessageLength of Kubernetes */
    ARTIFACT_MESSAGE_MIN = 256,  /* bytes: less would not hold a reason and a sentence */
};

/*
 * With bytes and files when that fits, else with digests alone. ERROR_LIMIT when not even those
 * fit: 4096 bytes always hold 27 inputs, and 32 whose names are 39 bytes long on average.
 * The buffer's maximum is the limit; its content is replaced.
 */
MUST_CHECK struct result artifact_message_inputs(const struct artifact_input *inputs, size_t count,
                                                 struct buffer *message);

/* True when the digests of these inputs will fit: asked before anything is hashed. */
bool artifact_message_inputs_fit(const struct artifact_input *inputs, size_t count, size_t maximum);

/* Cannot fail: `message` holds at least ARTIFACT_MESSAGE_MIN bytes. */
void artifact_message_sum(const struct artifact_sum *sum, struct buffer *message);

/* The text is cut, with "..." at its end, to fit. Cannot fail, as above. */
void artifact_message_failure(const struct artifact_failure *failure, struct buffer *message);

#endif
