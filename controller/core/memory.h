#ifndef TIDEMILL_CORE_MEMORY_H
#define TIDEMILL_CORE_MEMORY_H

/*
 * The allocator of the whole program. Out of memory ends the process: everything is
 * level-triggered, so a restart loses nothing, and every input is bounded, so no user can cause it.
 */

#include "core/result.h"

#include <stddef.h>

/* Zeroed memory for `count` items of `size` bytes; never NULL. Freed with memory_free(). */
void *memory_allocate(size_t count, size_t size);

/* Like realloc(); bytes beyond the old size are undefined. Never NULL. */
void *memory_resize(void *pointer, size_t count, size_t size);

/* Makes room for `needed` items in a growing array: doubles `*capacity`. Returns the array. */
void *memory_grow(void *pointer, size_t *capacity, size_t needed, size_t size);

/* A copy of NUL-terminated `text`; NULL stays NULL. Freed with memory_free(). */
char *memory_copy_text(const char *text);

/* FIRST BETWEEN SECOND in fresh memory: keys are made all the time, and printf takes long for that.
 */
char *memory_join(const char *first, char between, const char *second);

/* printf into fresh memory. */
char *memory_print(const char *format, ...) PRINTF_LIKE(1, 2);

/* Accepts NULL; returns NULL so that `x = memory_free(x)` leaves nothing dangling. */
void *memory_free(void *pointer);

/* For CLEANUP(memory_free_indirect) on a `char *` or `void *`. */
void memory_free_indirect(void *pointer_to_pointer);

/* After much was freed at once: lets the kernel have what is free. Takes about a millisecond. */
void memory_give_back(void);

/* Wipes secrets in a way that the compiler keeps. */
void memory_wipe(void *pointer, size_t size);

#endif
