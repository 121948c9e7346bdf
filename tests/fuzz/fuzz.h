#ifndef TIDEMILL_FUZZ_FUZZ_H
#define TIDEMILL_FUZZ_FUZZ_H

/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(): built with
 * libFuzzer it is fed new inputs (make fuzz), linked with replay.c it is fed the kept ones (make
 * test). What must hold is asserted with REQUIRE. Invariant: a target has no state between two
 * inputs, so that one file shows a finding again.
 */

#include "api/kind.h"
#include "core/arena.h"
#include "core/assert.h"
#include "core/memory.h"
#include "core/result.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct fuzz_input {
    const uint8_t *bytes;
    size_t size;
};

/* The first byte; 0 when there is none. */
static inline uint8_t fuzz_take_byte(struct fuzz_input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->bytes++;
}

/* One of the kinds by a letter, so that seeds can be read: 'a' is KIND_PIPELINE. */
static inline enum api_kind fuzz_take_kind(struct fuzz_input *input, unsigned count)
{
    return (enum api_kind)((uint8_t)(fuzz_take_byte(input) - 'a') % count);
}

/* What stands before the next NUL, which JSON and YAML never hold; the rest stays. */
static inline struct fuzz_input fuzz_take_part(struct fuzz_input *input)
{
    const uint8_t *end = input->size > 0 ? memchr(input->bytes, '\0', input->size) : NULL;
    struct fuzz_input part = {input->bytes, end ? (size_t)(end - input->bytes) : input->size};
    size_t taken = part.size + (end ? 1 : 0);
    input->bytes += taken;
    input->size -= taken;
    return part;
}

/*
 * A copy in a block of exactly its size, so that ASan sees the first byte read behind it. Freed
 * with memory_free(). Not NUL-terminated; never NULL.
 */
static inline char *fuzz_copy_bytes(struct fuzz_input part)
{
    char *copy = memory_allocate(1, part.size);
    if (part.size > 0) {
        memcpy(copy, part.bytes, part.size);
    }
    return copy;
}

/* The same as text: ends at its first NUL. */
static inline char *fuzz_copy_text(struct fuzz_input part)
{
    char *copy = memory_allocate(1, part.size + 1);
    if (part.size > 0) {
        memcpy(copy, part.bytes, part.size);
    }
    return copy;
}

/* A refusal says why, as text that can be logged. */
static inline void fuzz_require_message(const struct error *error)
{
    REQUIRE(error->kind != ERROR_NONE);
    REQUIRE(error->message[0] != '\0');
    REQUIRE(memchr(error->message, '\0', sizeof(error->message)) != NULL);
}

#endif
