#include "api/json_part.h"

#include "api/codec_read.h"

#include <string.h>

enum { NAME_SIZE = 64 };

bool json_part_open(const char *bytes, size_t size, struct span *value)
{
    struct reader reader = {.text = {bytes, size}};
    struct span found;
    bool is_value = read_peek(&reader) != READ_NOTHING &&
                    result_is_ok(read_skip(&reader, &found)) && result_is_ok(read_end(&reader));
    if (is_value) {
        *value = found;
    }
    return is_value;
}

bool json_part_find(struct span value, const char *path, struct span *found)
{
    for (;;) {
        char name[NAME_SIZE];
        size_t size = strcspn(path, ".");
        if (size >= sizeof(name)) {
            return false;
        }
        memcpy(name, path, size);
        name[size] = '\0';
        if (!scan_find(value, name, &value)) {
            return false;
        }
        if (path[size] == '\0') {
            *found = value;
            return true;
        }
        path += size + 1;
    }
}

const char *json_part_text(struct arena *arena, struct span value)
{
    return read_span_text(arena, value);
}

const char *json_part_find_text(struct arena *arena, struct span value, const char *path)
{
    struct span found;
    return json_part_find(value, path, &found) ? json_part_text(arena, found) : NULL;
}

bool json_part_integer(struct span value, int64_t *integer)
{
    struct reader reader = {.text = value};
    int64_t read = 0;
    bool is_integer = read_peek(&reader) == READ_INTEGER &&
                      result_is_ok(read_integer(&reader, &read)) && result_is_ok(read_end(&reader));
    if (is_integer) {
        *integer = read;
    }
    return is_integer;
}
