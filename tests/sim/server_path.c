#include "sim/server.h"

#include "core/assert.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT_SIZE = 512, HEX = 16 };

#define BY_REGARDING "regarding.uid="

static int hex_value(char digit)
{
    const char *digits = "0123456789ABCDEF0123456789abcdef";
    const char *found = strchr(digits, digit);
    return found ? (int)((found - digits) % HEX) : 0;
}

/* %XX to bytes. */
static void copy_unescaped(char *to, size_t size, const char *from, size_t length)
{
    size_t used = 0;
    for (size_t at = 0; at < length && used + 1 < size; at++) {
        if (from[at] == '%' && at + 2 < length) {
            to[used++] = (char)(hex_value(from[at + 1]) * HEX + hex_value(from[at + 2]));
            at += 2;
        } else {
            to[used++] = from[at];
        }
    }
    to[used] = '\0';
}

/* The next segment of a path behind its '/', up to '/', '?' or the end. */
static const char *take_segment(const char *path, char segment[SEGMENT_SIZE])
{
    segment[0] = '\0';
    if (*path != '/') {
        return path;
    }
    size_t length = strcspn(path + 1, "/?");
    copy_unescaped(segment, SEGMENT_SIZE, path + 1, length);
    return path + 1 + length;
}

static void read_parameter(struct sim_target *target, const char *name, const char *value)
{
    if (text_equal(name, "labelSelector") && text_starts_with(value, LABEL_JOB_NAME "=")) {
        (void)snprintf(target->job_name, sizeof(target->job_name), "%s",
                       value + sizeof(LABEL_JOB_NAME "=") - 1);
    } else if (text_equal(name, "labelSelector")) {
        REQUIRE(text_equal(value, LABEL_MANAGED_BY "=" LABEL_MANAGED_BY_VALUE));
        target->managed_only = true;
    } else if (text_equal(name, "watch")) {
        target->is_watch = text_equal(value, "true") || text_equal(value, "1");
    } else if (text_equal(name, "resourceVersion")) {
        target->resource_version = strtoll(value, NULL, 10);
    } else if (text_equal(name, "timeoutSeconds")) {
        target->timeout_seconds = strtoll(value, NULL, 10);
    } else if (text_equal(name, "limit")) {
        target->limit = strtoll(value, NULL, 10);
    } else if (text_equal(name, "continue")) {
        (void)snprintf(target->continue_token, sizeof(target->continue_token), "%s", value);
    } else if (text_equal(name, "dryRun")) {
        target->is_dry_run = text_equal(value, "All");
    } else if (text_equal(name, "fieldSelector")) {
        REQUIRE(text_starts_with(value, BY_REGARDING));
        (void)snprintf(target->regarding, sizeof(target->regarding), "%s",
                       value + sizeof(BY_REGARDING) - 1);
    } else if (text_equal(name, "sendInitialEvents")) {
        target->wants_bookmark_of_list = text_equal(value, "true");
    }
}

static void read_query(struct sim_target *target, const char *query)
{
    while (*query) {
        char pair[SEGMENT_SIZE];
        size_t length = strcspn(query, "&");
        char name[SEGMENT_SIZE];
        const char *equals = memchr(query, '=', length);
        size_t name_length = equals ? (size_t)(equals - query) : length;
        copy_unescaped(name, sizeof(name), query, name_length);
        pair[0] = '\0';
        if (equals) {
            copy_unescaped(pair, sizeof(pair), equals + 1, length - name_length - 1);
        }
        read_parameter(target, name, pair);
        query += length;
        query += *query == '&';
    }
}

static void take_group(struct sim_target *target, const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    size_t length = slash ? (size_t)(slash - api_version) : 0;
    (void)snprintf(target->group, sizeof(target->group), "%.*s", (int)length, api_version);
}

static void take_kind(struct sim_target *target, const char *prefix, const char *plural)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct kind_info *info = kind_info(kind);
        if (text_equal(info->prefix, prefix) && text_equal(info->plural, plural)) {
            target->known = true;
            target->kind = (enum api_kind)kind;
            target->plural = info->plural;
            target->kind_name = info->kind;
            take_group(target, info->api_version);
        }
    }
}

/* `path` is behind the prefix. */
static void read_resource(struct sim_target *target, const char *prefix, const char *path)
{
    char segment[SEGMENT_SIZE];
    path = take_segment(path, segment);
    if (text_equal(segment, "namespaces")) {
        path = take_segment(path, segment);
        (void)snprintf(target->namespace, sizeof(target->namespace), "%.63s", segment);
        path = take_segment(path, segment);
    }
    take_kind(target, prefix, segment);
    path = take_segment(path, segment);
    (void)snprintf(target->name, sizeof(target->name), "%.255s", segment);
    (void)take_segment(path, segment);
    target->is_status = text_equal(segment, "status");
}

/* Of kinds that the controller writes and does not watch. */
static void read_other(struct sim_target *target, const char *path)
{
    static const struct sim_target others[] = {
        {.is_event = true, .plural = "events", .kind_name = "Event", .group = "events.k8s.io"},
        {.is_lease = true,
         .plural = "leases",
         .kind_name = "Lease",
         .group = "coordination.k8s.io"},
    };
    for (size_t at = 0; at < COUNT_OF(others); at++) {
        char prefix[SEGMENT_SIZE];
        (void)snprintf(prefix, sizeof(prefix), "/apis/%s/v1/", others[at].group);
        if (text_starts_with(path, prefix)) {
            *target = others[at];
            read_resource(target, "", path + strlen(prefix) - 1);
        }
    }
}

struct sim_target sim_server_target(const struct sim_request *request)
{
    struct sim_target target = {0};
    const char *path = request->path;
    read_other(&target, path);
    for (int kind = 0; kind < KIND_COUNT && !target.known; kind++) {
        const char *prefix = kind_info(kind)->prefix;
        if (text_starts_with(path, prefix) && path[strlen(prefix)] == '/') {
            read_resource(&target, prefix, path + strlen(prefix));
        }
    }
    const char *query = strchr(path, '?');
    if (query) {
        read_query(&target, query + 1);
    }
    return target;
}
