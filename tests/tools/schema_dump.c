/* Prints the field tables of a kind, one path and type on each line: for tests/structure. */

#include "api/schema.h"
#include "core/arena.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2 || kind_by_name(argv[1]) == KIND_COUNT) {
        (void)fprintf(stderr, "usage: schema_dump KIND\n");
        return 2;
    }
    struct arena arena = {0};
    (void)fputs(schema_describe(&arena, kind_by_name(argv[1])), stdout);
    arena_free(&arena);
    return 0;
}
