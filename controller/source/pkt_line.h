#ifndef TIDEMILL_SOURCE_PKT_LINE_H
#define TIDEMILL_SOURCE_PKT_LINE_H

/*
 * The lines of Git's protocols (gitprotocol-common, "pkt-line"; gitprotocol-v2, "Packet-Line
 * Framing"): four hexadecimal digits of a length that counts themselves, then bytes.
 */

#include "core/arena.h"

#include <stddef.h>

enum { PKT_LINE_LIMIT = 65520 /* bytes with the four digits; gitprotocol-common */ };

enum pkt_type {
    PKT_DATA,
    PKT_FLUSH,        /* 0000: the end of a message */
    PKT_DELIMITER,    /* 0001: the end of a section */
    PKT_RESPONSE_END, /* 0002 */
    PKT_END,          /* no bytes are left */
    PKT_BROKEN        /* no length, one over the limit, or one that the bytes don't have */
};

struct pkt_reader {
    const char *bytes;
    size_t size;
    size_t at;
};

/* Of PKT_DATA: the line in the reader's bytes, without a line feed at its end. */
enum pkt_type pkt_next(struct pkt_reader *reader, const char **line, size_t *size);

/* `text` as one line; NULL when it is too long for one. */
char *pkt_print(struct arena *arena, const char *text);

#endif
