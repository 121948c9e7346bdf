#ifndef TIDEMILL_CORE_ARENA_H
#define TIDEMILL_CORE_ARENA_H

/*
 * Memory that is freed all at once. One arena for each reconcile, one for each cached object.
 * Invariant: nothing in an arena is freed on its own, and nothing outlives its arena.
 */

#include "core/result.h"

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out, alignment included */
    size_t reserved;            /* bytes taken from the heap */
    size_t first_block_size;    /* 0: the default of 4 KiB */
    size_t largest_block_size;  /* blocks double up to it; 0: the default of 256 KiB */
};

/* `struct arena arena = {0};` is a ready arena. */

/* Zeroed, aligned for any type; never NULL, also for size 0. */
void *arena_allocate(struct arena *arena, size_t count, size_t size);

/* Typed forms: arena_new(arena, struct op), arena_array(arena, struct op, n). */
#define arena_new(arena, type)          ((type *)arena_allocate((arena), 1, sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_allocate((arena), (count), sizeof(type)))

/* NUL-terminated copies. NULL text stays NULL. */
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_copy_bytes(struct arena *arena, const void *bytes, size_t size);

/* FIRST BETWEEN SECOND; NULL stands for "". */
char *arena_join(struct arena *arena, const char *first, const char *between, const char *second);

char *arena_print(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_print_list(struct arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

/* Forgets everything, keeps the newest block for use again. */
void arena_reset(struct arena *arena);

/* As arena_free(), with zeros over all of it first: something secret was in it. */
void arena_wipe(struct arena *arena);

/* Gives all memory back; the arena is ready for use again. */
void arena_free(struct arena *arena);

#endif
