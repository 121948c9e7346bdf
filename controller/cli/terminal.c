#include "cli/terminal.h"

#include "core/text.h"

enum { FIRST_PRINTABLE = ' ', DELETE_CHARACTER = 0x7f };

void terminal_print(FILE *to, const char *text)
{
    for (const char *at = text_or(text, ""); *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        (void)fputc(c < FIRST_PRINTABLE || c == DELETE_CHARACTER ? '?' : c, to);
    }
}
