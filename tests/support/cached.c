#include "support/cached.h"

#include "api/codec.h"
#include "support/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cached_put(struct cache *cache, enum api_kind kind, const char *format, ...)
{
    static char text[64 * 1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert_in_range(length, 0, sizeof(text) - 1);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct arena arena = {0};
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(&arena, kind, text, strlen(text), &object, &error))) {
        fail_msg("%s", error.message);
    }
    cache_put(cache, kind, &arena, object);
}
