#include "kube/egress.h"

#include "core/text.h"
#include "core/url.h"

#include <string.h>

#define SERVICE_SUFFIX ".svc"
#define CLUSTER_SUFFIX ".svc.cluster.local"

static bool is_named(const char *allowed, const char *host)
{
    const char *at = text_or(allowed, "");
    while (*at != '\0') {
        size_t size = strcspn(at, ",");
        size_t host_size = strlen(host);
        bool is_wild = size > 2 && at[0] == '*' && at[1] == '.';
        if (size == host_size && strncmp(at, host, size) == 0) {
            return true;
        }
        if (is_wild && host_size >= size &&
            strncmp(host + host_size - (size - 1), at + 1, size - 1) == 0) {
            return true;
        }
        at += size + (at[size] == ',' ? 1 : 0);
    }
    return false;
}

/* NAME, NAME.NAMESPACE.svc or that with the cluster's domain, as NAME.NAMESPACE.svc; else NULL. */
static const char *find_service(struct arena *arena, const char *host, const char *namespace)
{
    const char *dot = strchr(host, '.');
    if (!dot) {
        bool is_name = host[0] != '[';
        return is_name ? arena_print(arena, "%s.%s" SERVICE_SUFFIX, host, namespace) : NULL;
    }
    const char *own = arena_print(arena, ".%s" SERVICE_SUFFIX, namespace);
    const char *own_whole = arena_print(arena, ".%s" CLUSTER_SUFFIX, namespace);
    if (text_equal(dot, own) || text_equal(dot, own_whole)) {
        return arena_print(arena, "%.*s%s", (int)(dot - host), host, own);
    }
    return NULL;
}

struct result egress_judge(struct arena *arena, const char *text, const char *namespace,
                           const char *allowed, struct egress_target *target, struct error *error)
{
    struct url url;
    TRY(url_parse(arena, text, &url, error));
    const char *service = find_service(arena, url.host, namespace);
    if (!service && !is_named(allowed, url.host)) {
        return error_set(error, ERROR_DENIED,
                         "host \"%s\" is neither a Service of namespace %s (NAME or NAME.%s.svc) "
                         "nor named by the controller's --allow-egress",
                         url.host, namespace, namespace);
    }
    const char *colon = strrchr(url.authority, ':');
    const char *port = colon && !strchr(colon, ']') ? colon : "";
    const char *query = url.query ? arena_print(arena, "?%s", url.query) : "";
    *target = (struct egress_target){.url = arena_print(arena, "%s://%s%s%s%s", url.scheme,
                                                        service ? service : url.host, port,
                                                        url.path, query),
                                     .is_service = service != NULL};
    return RESULT_OK;
}
