#include "source/sigv4.h"

#include "core/civil.h"
#include "core/digest.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

void sigv4_format_time(int64_t now, char text[SIGV4_TIME_SIZE])
{
    struct civil civil = civil_from_unix(now);
    (void)snprintf(text, SIGV4_TIME_SIZE, "%04d%02d%02dT%02d%02d%02dZ", (int)civil.year % 10000,
                   civil.month, civil.day, civil.hour, civil.minute, civil.second);
}

/* "host;x-amz-date" */
static const char *signed_names(struct arena *arena, const struct sigv4_request *request)
{
    const char *names = "";
    for (size_t at = 0; at < request->header_count; at++) {
        names = arena_print(arena, "%s%s%s", names, at > 0 ? ";" : "", request->headers[at].name);
    }
    return names;
}

static const char *canonical_request(struct arena *arena, const struct sigv4_request *request)
{
    const char *headers = "";
    for (size_t at = 0; at < request->header_count; at++) {
        headers = arena_print(arena, "%s%s:%s\n", headers, request->headers[at].name,
                              request->headers[at].value);
    }
    return arena_print(arena, "%s\n%s\n%s\n%s\n%s\n%s", request->method, request->path,
                       request->query, headers, signed_names(arena, request),
                       request->payload_digest);
}

/* HMAC after HMAC: of the date, the region, the service, a fixed word. */
static void signing_key(struct arena *arena, const struct sigv4_key *key, const char *date,
                        unsigned char raw[DIGEST_SIZE])
{
    const char *const words[] = {date, key->region, key->service, "aws4_request"};
    char *first = arena_print(arena, "AWS4%s", key->secret);
    unsigned char current[DIGEST_SIZE];
    digest_hmac(first, strlen(first), words[0], strlen(words[0]), raw);
    memory_wipe(first, strlen(first));
    for (size_t at = 1; at < sizeof(words) / sizeof(words[0]); at++) {
        memcpy(current, raw, sizeof(current));
        digest_hmac(current, sizeof(current), words[at], strlen(words[at]), raw);
    }
    memory_wipe(current, sizeof(current));
}

char *sigv4_authorize(struct arena *arena, const struct sigv4_key *key,
                      const struct sigv4_request *request, int64_t now)
{
    char time[SIGV4_TIME_SIZE];
    char date[SIGV4_DATE_SIZE] = "";
    char hex[DIGEST_HEX_SIZE];
    unsigned char raw[DIGEST_SIZE];
    unsigned char signature[DIGEST_SIZE];
    sigv4_format_time(now, time);
    memcpy(date, time, SIGV4_DATE_SIZE - 1);
    const char *canonical = canonical_request(arena, request);
    digest_bytes(canonical, strlen(canonical), hex);
    const char *scope = arena_print(arena, "%s/%s/%s/aws4_request", date, key->region,
                                    key->service);
    const char *text = arena_print(arena, "AWS4-HMAC-SHA256\n%s\n%s\n%s", time, scope, hex);
    signing_key(arena, key, date, raw);
    digest_hmac(raw, sizeof(raw), text, strlen(text), signature);
    memory_wipe(raw, sizeof(raw));
    digest_format(signature, hex);
    return arena_print(arena, "AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s",
                       key->access, scope, signed_names(arena, request), hex);
}
