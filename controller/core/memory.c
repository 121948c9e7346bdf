#include "core/memory.h"

#include "core/assert.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

static void require_memory(const void *pointer, size_t count, size_t size)
{
    if (!pointer) {
        (void)fprintf(stderr, "tidemill: out of memory asking for %zu x %zu bytes; ending\n", count,
                      size);
        abort();
    }
}

void *memory_allocate(size_t count, size_t size)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    require_memory(pointer, count, size);
    return pointer;
}

void *memory_resize(void *pointer, size_t count, size_t size)
{
    void *resized = reallocarray(pointer, count ? count : 1, size ? size : 1);
    require_memory(resized, count, size);
    return resized;
}

void *memory_grow(void *pointer, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return pointer;
    }
    size_t grown = *capacity ? *capacity : FIRST_CAPACITY;
    while (grown < needed) {
        REQUIRE(grown <= SIZE_MAX / 2);
        grown *= 2;
    }
    *capacity = grown;
    return memory_resize(pointer, grown, size);
}

char *memory_copy_text(const char *text)
{
    if (!text) {
        return NULL;
    }
    size_t size = strlen(text) + 1;
    char *copy = memory_allocate(1, size);
    memcpy(copy, text, size);
    return copy;
}

char *memory_join(const char *first, char between, const char *second)
{
    size_t first_size = strlen(first);
    size_t second_size = strlen(second) + 1;
    char *text = memory_resize(NULL, 1, first_size + 1 + second_size);
    memcpy(text, first, first_size);
    text[first_size] = between;
    memcpy(text + first_size + 1, second, second_size);
    return text;
}

char *memory_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    require_memory(length < 0 ? NULL : text, 1, 1);
    return text;
}

void *memory_free(void *pointer)
{
    free(pointer);
    return NULL;
}

void memory_free_indirect(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    free(pointer);
}

void memory_wipe(void *pointer, size_t size)
{
    if (pointer) {
        explicit_bzero(pointer, size);
    }
}

void memory_give_back(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
