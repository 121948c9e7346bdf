#ifndef TIDEMILL_SUPPORT_CACHED_H
#define TIDEMILL_SUPPORT_CACHED_H

#include "cache/cache.h"

/* The cache learns of an object, whose JSON has ' for ". Fails the test when it can't be read. */
void cached_put(struct cache *cache, enum api_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
