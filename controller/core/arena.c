#include "core/arena.h"

#include "core/assert.h"
#include "core/memory.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Blocks double up to this size; larger requests get a block of their own. */
enum { ARENA_FIRST_BLOCK = 4096, ARENA_LARGEST_BLOCK = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static size_t round_up(size_t size)
{
    size_t alignment = alignof(max_align_t);
    REQUIRE(size <= SIZE_MAX - alignment);
    return (size + alignment - 1) / alignment * alignment;
}

static struct arena_block *add_block(struct arena *arena, size_t needed)
{
    size_t size = arena->first_block_size ? arena->first_block_size : ARENA_FIRST_BLOCK;
    if (arena->blocks) {
        size = arena->blocks->size * 2;
    }
    size_t largest = arena->largest_block_size ? arena->largest_block_size : ARENA_LARGEST_BLOCK;
    if (size > largest) {
        size = largest;
    }
    if (size < needed) {
        size = needed;
    }
    struct arena_block *block = memory_resize(NULL, 1, sizeof(*block) + size);
    block->size = size;
    block->used = 0;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->reserved += size;
    return block;
}

/* Not zeroed. */
static void *take(struct arena *arena, size_t size)
{
    size_t bytes = round_up(size ? size : 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < bytes) {
        block = add_block(arena, bytes);
    }
    void *pointer = block->bytes + block->used;
    block->used += bytes;
    arena->used += bytes;
    return pointer;
}

void *arena_allocate(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    REQUIRE(!__builtin_mul_overflow(count, size, &bytes));
    return memset(take(arena, bytes), 0, bytes);
}

char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t size)
{
    REQUIRE(size < SIZE_MAX);
    char *copy = take(arena, size + 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    copy[size] = '\0';
    return copy;
}

char *arena_copy_text(struct arena *arena, const char *text)
{
    return text ? arena_copy_bytes(arena, text, strlen(text)) : NULL;
}

char *arena_print_list(struct arena *arena, const char *format, va_list arguments)
{
    enum { USUAL = 256 };
    char usual[USUAL];
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(usual, sizeof(usual), format, arguments);
    REQUIRE(length >= 0);
    char *text = take(arena, (size_t)length + 1);
    if (length < USUAL) {
        memcpy(text, usual, (size_t)length + 1);
    } else {
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

char *arena_join(struct arena *arena, const char *first, const char *between, const char *second)
{
    const char *const parts[] = {first ? first : "", between ? between : "", second ? second : ""};
    enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
    size_t sizes[PARTS];
    size_t size = 1;
    for (size_t at = 0; at < PARTS; at++) {
        sizes[at] = strlen(parts[at]);
        size += sizes[at];
    }
    char *text = arena_allocate(arena, 1, size);
    char *end = text;
    for (size_t at = 0; at < PARTS; at++) {
        memcpy(end, parts[at], sizes[at]);
        end += sizes[at];
    }
    return text;
}

char *arena_print(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_print_list(arena, format, arguments);
    va_end(arguments);
    return text;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        (void)memory_free(block);
        block = next;
    }
}

void arena_reset(struct arena *arena)
{
    struct arena_block *newest = arena->blocks;
    if (!newest) {
        return;
    }
    free_blocks(newest->next);
    newest->next = NULL;
    newest->used = 0;
    arena->used = 0;
    arena->reserved = newest->size;
}

void arena_wipe(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block; block = block->next) {
        memory_wipe(block->bytes, block->used);
    }
    arena_free(arena);
}

void arena_free(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->used = 0;
    arena->reserved = 0;
}
