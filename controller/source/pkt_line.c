#include "source/pkt_line.h"

#include <string.h>

enum { LENGTH_DIGITS = 4, LENGTH_FLUSH = 0, LENGTH_DELIMITER = 1, LENGTH_RESPONSE_END = 2 };

/* -1 when there are no four hexadecimal digits. */
static int read_length(const char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    int length = 0;
    for (int at = 0; at < LENGTH_DIGITS; at++) {
        char lower = bytes[at] >= 'A' && bytes[at] <= 'F' ? (char)(bytes[at] - 'A' + 'a')
                                                          : bytes[at];
        const char *digit = lower ? strchr(digits, lower) : NULL;
        if (!digit) {
            return -1;
        }
        length = length * 16 + (int)(digit - digits);
    }
    return length;
}

enum pkt_type pkt_next(struct pkt_reader *reader, const char **line, size_t *size)
{
    size_t left = reader->size - reader->at;
    if (left == 0) {
        return PKT_END;
    }
    const char *start = reader->bytes + reader->at;
    int length = left < LENGTH_DIGITS ? -1 : read_length(start);
    if (length >= LENGTH_FLUSH && length <= LENGTH_RESPONSE_END) {
        reader->at += LENGTH_DIGITS;
        return length == LENGTH_FLUSH       ? PKT_FLUSH
               : length == LENGTH_DELIMITER ? PKT_DELIMITER
                                            : PKT_RESPONSE_END;
    }
    if (length < LENGTH_DIGITS || length > PKT_LINE_LIMIT || (size_t)length > left) {
        return PKT_BROKEN;
    }
    reader->at += (size_t)length;
    *line = start + LENGTH_DIGITS;
    *size = (size_t)length - LENGTH_DIGITS;
    if (*size > 0 && (*line)[*size - 1] == '\n') {
        (*size)--;
    }
    return PKT_DATA;
}

char *pkt_print(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + LENGTH_DIGITS;
    return size <= PKT_LINE_LIMIT ? arena_print(arena, "%04zx%s", size, text) : NULL;
}
