#ifndef TIDEMILL_IO_ADDRESS_H
#define TIDEMILL_IO_ADDRESS_H

/*
 * Which addresses may be connected to for URLs that users give (conformance X5). Pure; used by
 * io/fetch, which judges the address that a name resolved to, at the moment of the connection, so
 * that no second resolution can lead elsewhere.
 */

#include "core/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_BYTES = 16, ADDRESS_RANGES_MAXIMUM = 64 };

/* Of IPv6; an IPv4 address is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct address_range {
    uint8_t bytes[ADDRESS_BYTES];
    unsigned bits;
};

struct address_ranges {
    struct address_range items[ADDRESS_RANGES_MAXIMUM];
    size_t count;
};

/* "10.0.0.0/8,fd00::/8", also single addresses. ERROR_INVALID names the part that is wrong. */
MUST_CHECK struct result address_ranges_parse(const char *text, struct address_ranges *ranges,
                                              struct error *error);

enum address_kind {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE,  /* RFC 1918, RFC 6598, RFC 4193: inside somebody's network */
    ADDRESS_FORBIDDEN /* loopback, link-local, multicast, unspecified, reserved: never */
};

enum address_kind address_judge(const struct sockaddr *address);

/* True when any of the ranges has it. */
bool address_is_in(const struct address_ranges *ranges, const struct sockaddr *address);

#endif
