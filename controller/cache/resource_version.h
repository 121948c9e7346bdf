#ifndef TIDEMILL_CACHE_RESOURCE_VERSION_H
#define TIDEMILL_CACHE_RESOURCE_VERSION_H

/*
 * How resourceVersions compare (conformance C7, KEP-5504): two that are digits only, without a
 * leading zero, are numbers of any length. Of any other two it is only known whether they are
 * equal. Pure; used by cache/ and kube/.
 */

#include <stdbool.h>

/*
 * <0, 0 or >0 in *order. False, and nothing written, when the order is not known: they differ and
 * one of them is no number in the above sense. NULL is no number; two NULLs are equal.
 */
bool resource_version_compare(const char *a, const char *b, int *order);

/* True when it is certain that `a` is older than `b`. */
bool resource_version_is_older(const char *a, const char *b);

#endif
