#include "io/address.h"

#include "core/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { BYTE_BITS = 8, V4_OFFSET = 12, V4_BITS = 96, ALL_BITS = 128, TEXT_SIZE = 64 };

static const uint8_t v4_prefix[V4_OFFSET] = {[10] = 0xff, [11] = 0xff};

/* False: neither IPv4 nor IPv6. */
static bool bytes_of(const struct sockaddr *address, uint8_t bytes[ADDRESS_BYTES])
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(bytes, v4_prefix, sizeof(v4_prefix));
        memcpy(bytes + V4_OFFSET, &v4->sin_addr, ADDRESS_BYTES - V4_OFFSET);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(bytes, &v6->sin6_addr, ADDRESS_BYTES);
        return true;
    }
    return false;
}

static bool is_within(const uint8_t bytes[ADDRESS_BYTES], const struct address_range *range)
{
    unsigned whole = range->bits / BYTE_BITS;
    unsigned rest = range->bits % BYTE_BITS;
    if (memcmp(bytes, range->bytes, whole) != 0) {
        return false;
    }
    unsigned mask = rest == 0 ? 0 : (0xffU << (BYTE_BITS - rest)) & 0xffU;
    return rest == 0 || ((unsigned)(bytes[whole] ^ range->bytes[whole]) & mask) == 0;
}

#define V4(a, b, c, d, prefix)                                                               \
    {                                                                                        \
        .bytes = {[10] = 0xff, [11] = 0xff, [12] = (a), [13] = (b), [14] = (c), [15] = (d)}, \
        .bits = V4_BITS + (prefix)                                                           \
    }

/* IANA's special-purpose registries (RFC 6890), as far as something can answer there. */
static const struct address_range forbidden[] = {
    V4(0, 0, 0, 0, 8),               /* this network */
    V4(127, 0, 0, 0, 8),             /* loopback */
    V4(169, 254, 0, 0, 16),          /* link-local; clouds' metadata servers */
    V4(192, 0, 0, 0, 24),            /* protocol assignments; clouds' metadata servers */
    V4(224, 0, 0, 0, 4),             /* multicast */
    V4(240, 0, 0, 0, 4),             /* reserved, broadcast */
    {.bytes = {0}, .bits = V4_BITS}, /* ::, ::1, and IPv4-compatible ones */
    {.bytes = {0xfe, 0x80}, .bits = 10},
    {.bytes = {0xff}, .bits = 8},
    /* These carry an IPv4 address that a translator would go to: NAT64, 6to4, Teredo. */
    {.bytes = {0x00, 0x64, 0xff, 0x9b}, .bits = 96},
    {.bytes = {0x20, 0x02}, .bits = 16},
    {.bytes = {0x20, 0x01, 0x00, 0x00}, .bits = 32},
};

static const struct address_range private[] = {
    V4(10, 0, 0, 0, 8),    V4(172, 16, 0, 0, 12),        V4(192, 168, 0, 0, 16),
    V4(100, 64, 0, 0, 10), {.bytes = {0xfc}, .bits = 7}, {.bytes = {0xfe, 0xc0}, .bits = 10},
    V4(198, 18, 0, 0, 15),
};

static bool is_in_any(const uint8_t bytes[ADDRESS_BYTES], const struct address_range *ranges,
                      size_t count)
{
    for (size_t at = 0; at < count; at++) {
        if (is_within(bytes, &ranges[at])) {
            return true;
        }
    }
    return false;
}

enum address_kind address_judge(const struct sockaddr *address)
{
    uint8_t bytes[ADDRESS_BYTES];
    if (!bytes_of(address, bytes) ||
        is_in_any(bytes, forbidden, sizeof(forbidden) / sizeof(forbidden[0]))) {
        return ADDRESS_FORBIDDEN;
    }
    return is_in_any(bytes, private, sizeof(private) / sizeof(private[0])) ? ADDRESS_PRIVATE
                                                                           : ADDRESS_PUBLIC;
}

bool address_is_in(const struct address_ranges *ranges, const struct sockaddr *address)
{
    uint8_t bytes[ADDRESS_BYTES];
    return bytes_of(address, bytes) && is_in_any(bytes, ranges->items, ranges->count);
}

static bool parse_range(const char *text, struct address_range *range)
{
    char address[TEXT_SIZE];
    const char *slash = strchr(text, '/');
    size_t size = slash ? (size_t)(slash - text) : strlen(text);
    int64_t prefix = 0;
    if (size == 0 || size >= sizeof(address) ||
        (slash && !text_parse_integer(slash + 1, &prefix))) {
        return false;
    }
    memcpy(address, text, size);
    address[size] = '\0';
    memcpy(range->bytes, v4_prefix, sizeof(v4_prefix));
    bool is_v4 = inet_pton(AF_INET, address, range->bytes + V4_OFFSET) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, range->bytes) != 1) {
        return false;
    }
    int64_t most = is_v4 ? ALL_BITS - V4_BITS : ALL_BITS;
    prefix = slash ? prefix : most;
    range->bits = (unsigned)(prefix + (is_v4 ? V4_BITS : 0));
    return prefix >= 0 && prefix <= most;
}

struct result address_ranges_parse(const char *text, struct address_ranges *ranges,
                                   struct error *error)
{
    *ranges = (struct address_ranges){0};
    while (*text != '\0') {
        char part[TEXT_SIZE];
        size_t size = strcspn(text, ",");
        if (ranges->count == ADDRESS_RANGES_MAXIMUM) {
            return error_set(error, ERROR_LIMIT, "more than %d ranges", ADDRESS_RANGES_MAXIMUM);
        }
        if (size >= sizeof(part)) {
            return error_set(error, ERROR_INVALID, "a range is longer than any address");
        }
        memcpy(part, text, size);
        part[size] = '\0';
        if (!parse_range(part, &ranges->items[ranges->count++])) {
            return error_set(error, ERROR_INVALID,
                             "\"%s\" is neither an address nor a range such as 10.1.0.0/16", part);
        }
        text += size + (text[size] == ',' ? 1 : 0);
    }
    return RESULT_OK;
}
