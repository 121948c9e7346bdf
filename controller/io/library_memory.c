#include "io/library_memory.h"

#include "core/memory.h"

static void *allocate(size_t size)
{
    return memory_resize(NULL, 1, size);
}

static void *allocate_zeroed(size_t count, size_t size)
{
    return memory_allocate(count, size);
}

static void *resize(void *pointer, size_t size)
{
    return memory_resize(pointer, 1, size);
}

static void release(void *pointer)
{
    (void)memory_free(pointer);
}

CURLcode library_memory_init_curl(void)
{
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, allocate, release, resize, memory_copy_text,
                                allocate_zeroed);
}

static void *allocate_for(size_t size, void *context)
{
    (void)context;
    return allocate(size);
}

static void *allocate_zeroed_for(size_t count, size_t size, void *context)
{
    (void)context;
    return allocate_zeroed(count, size);
}

static void *resize_for(void *pointer, size_t size, void *context)
{
    (void)context;
    return resize(pointer, size);
}

static void release_for(void *pointer, void *context)
{
    (void)context;
    release(pointer);
}

nghttp2_mem *library_memory_nghttp2(void)
{
    static nghttp2_mem memory = {.malloc = allocate_for,
                                 .free = release_for,
                                 .calloc = allocate_zeroed_for,
                                 .realloc = resize_for};
    return &memory;
}
