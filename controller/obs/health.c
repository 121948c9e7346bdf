#include "obs/health.h"

#include "core/memory.h"

struct health_check {
    struct health_check *next; /* in the order they were added */
    unsigned endpoints;
    char *name;
    char *reason; /* NULL: passing */
};

struct health {
    struct health_check *first;
};

struct health *health_new(void)
{
    return memory_allocate(1, sizeof(struct health));
}

struct health *health_free(struct health *health)
{
    while (health && health->first) {
        struct health_check *check = health->first;
        health->first = check->next;
        memory_free(check->name);
        memory_free(check->reason);
        memory_free(check);
    }
    return memory_free(health);
}

struct health_check *health_add_check(struct health *health, unsigned endpoints, const char *name,
                                      const char *reason)
{
    struct health_check **place = &health->first;
    while (*place) {
        place = &(*place)->next;
    }
    struct health_check *check = memory_allocate(1, sizeof(*check));
    check->endpoints = endpoints;
    check->name = memory_copy_text(name);
    check->reason = memory_copy_text(reason);
    *place = check;
    return check;
}

void health_pass(struct health_check *check)
{
    check->reason = memory_free(check->reason);
}

void health_fail(struct health_check *check, const char *reason)
{
    char *copy = memory_copy_text(reason);
    memory_free(check->reason);
    check->reason = copy;
}

bool health_is_passing(const struct health *health, enum health_endpoint endpoint)
{
    for (const struct health_check *check = health->first; check; check = check->next) {
        if ((check->endpoints & endpoint) != 0 && check->reason) {
            return false;
        }
    }
    return true;
}

struct result health_render(const struct health *health, enum health_endpoint endpoint,
                            bool verbose, struct buffer *text)
{
    bool passing = health_is_passing(health, endpoint);
    if (passing && !verbose) {
        return buffer_append_text(text, "ok");
    }
    for (const struct health_check *check = health->first; check; check = check->next) {
        if ((check->endpoints & endpoint) == 0) {
            continue;
        }
        if (check->reason) {
            TRY(buffer_print(text, "[-]%s failed: %s\n", check->name, check->reason));
        } else {
            TRY(buffer_print(text, "[+]%s ok\n", check->name));
        }
    }
    return buffer_print(text, "%s check %s\n", endpoint == HEALTH_LIVE ? "healthz" : "readyz",
                        passing ? "passed" : "failed");
}
