#include "artifact/message.h"

#include "core/assert.h"

#include <inttypes.h>
#include <string.h>

enum { ESCAPE_SIZE = 8 }; /* \u001f and NUL, rounded up */

/* Names and digests were checked when the arguments were: nothing in them needs an escape. */
static struct result put_inputs(const struct artifact_input *inputs, size_t count, bool short_form,
                                struct buffer *message)
{
    buffer_clear(message);
    TRY(buffer_append_text(message, "{\"inputs\":{"));
    for (size_t at = 0; at < count; at++) {
        const struct artifact_sum *sum = &inputs[at].sum;
        REQUIRE(artifact_input_name_is_valid(inputs[at].name));
        TRY(buffer_print(message, "%s\"%s\":{\"digest\":\"%.*s\"", at == 0 ? "" : ",",
                         inputs[at].name, ARTIFACT_DIGEST_LENGTH, sum->digest));
        if (!short_form) {
            TRY(buffer_print(message, ",\"bytes\":%" PRIu64 ",\"files\":%" PRIu64, sum->bytes,
                             sum->files));
        }
        TRY(buffer_append_text(message, "}"));
    }
    return buffer_append_text(message, "}}");
}

struct result artifact_message_inputs(const struct artifact_input *inputs, size_t count,
                                      struct buffer *message)
{
    struct result result = put_inputs(inputs, count, false, message);
    return result_is_ok(result) ? result : put_inputs(inputs, count, true, message);
}

bool artifact_message_inputs_fit(const struct artifact_input *inputs, size_t count, size_t maximum)
{
    size_t size = strlen("{\"inputs\":{}}");
    for (size_t at = 0; at < count; at++) {
        size += strlen(",\"\":{\"digest\":\"\"}") + strlen(inputs[at].name) +
                ARTIFACT_DIGEST_LENGTH;
    }
    return size - (count > 0 ? 1 : 0) <= maximum; /* the first has no comma */
}

void artifact_message_sum(const struct artifact_sum *sum, struct buffer *message)
{
    buffer_clear(message);
    struct result result = buffer_print(
        message, "{\"digest\":\"%s\",\"bytes\":%" PRIu64 ",\"files\":%" PRIu64 "}", sum->digest,
        sum->bytes, sum->files);
    REQUIRE(result_is_ok(result));
}

/* Writes the JSON form of one character; returns the bytes taken from `text`. */
static size_t escape_character(const char *text, size_t size, char escaped[ESCAPE_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t step = artifact_character_size(text, size);
    if (step == 0) { /* cannot be in our messages; whole JSON all the same */
        unsigned int byte = (unsigned char)text[0] & 0x7FU;
        const char unicode[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 0x0FU], '\0'};
        memcpy(escaped, unicode, sizeof(unicode));
        return 1;
    }
    size_t used = 0;
    if (text[0] == '"' || text[0] == '\\') {
        escaped[used++] = '\\';
    }
    memcpy(escaped + used, text, step);
    escaped[used + step] = '\0';
    return step;
}

/* The text's JSON form, cut so that `maximum` bytes are enough. */
static void put_clipped(const char *text, size_t maximum, struct buffer *message)
{
    static const char cut[] = "...";
    size_t size = strlen(text);
    size_t room_at_end = sizeof(cut) - 1;
    size_t fits = message->size; /* where the text can be cut with room for "..." */
    for (size_t at = 0; at < size;) {
        char escaped[ESCAPE_SIZE];
        at += escape_character(text + at, size - at, escaped);
        struct result result = buffer_append_text(message, escaped);
        if (!result_is_ok(result) || message->size > maximum) {
            message->size = fits;
            REQUIRE(result_is_ok(buffer_append_text(message, cut)));
            return;
        }
        if (message->size + room_at_end <= maximum) {
            fits = message->size;
        }
    }
}

void artifact_message_failure(const struct artifact_failure *failure, struct buffer *message)
{
    static const char end[] = "\"}";
    buffer_clear(message);
    struct result result = buffer_print(message, "{\"reason\":\"%s\",\"message\":\"",
                                        artifact_reason_name(failure->reason));
    REQUIRE(result_is_ok(result));
    put_clipped(failure->message, message->maximum - strlen(end), message);
    REQUIRE(result_is_ok(buffer_append_text(message, end)));
}
