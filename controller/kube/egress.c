#include "kube/egress.h"

#include "api/secret.h"
#include "core/text.h"
#include "core/url.h"

#include <string.h>

#define SERVICE_SUFFIX ".svc"
#define CLUSTER_SUFFIX ".svc.cluster.local"

/* `clear`: only names that say "http://" count, and otherwise only those that do not. */
static bool is_named(const char *allowed, const char *host, bool clear)
{
    static const char scheme[] = "http://";
    const char *at = text_or(allowed, "");
    while (*at != '\0') {
        at += strspn(at, " ");
        bool says_clear = text_starts_with(at, scheme);
        at += says_clear ? strlen(scheme) : 0;
        size_t size = strcspn(at, ", ");
        if (says_clear != clear) {
            at += size + strspn(at + size, ", ");
            continue;
        }
        size_t host_size = strlen(host);
        bool is_wild = size > 2 && at[0] == '*' && at[1] == '.';
        if (size == host_size && strncmp(at, host, size) == 0) {
            return true;
        }
        if (is_wild && host_size >= size &&
            strncmp(host + host_size - (size - 1), at + 1, size - 1) == 0) {
            return true;
        }
        at += size + strspn(at + size, ", ");
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
    if (!service && !is_named(allowed, url.host, false)) {
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
                                     .host = url.authority,
                                     .is_service = service != NULL};
    return RESULT_OK;
}

struct result egress_judge_secret(struct arena *arena, const struct egress_target *target,
                                  const char *secret, const char *allowed, struct error *error)
{
    struct url url;
    TRY(url_parse(arena, target->url, &url, error));
    bool is_clear = text_equal(url.scheme, "http");
    const char *dot = strchr(url.host, '.');
    const char *name = target->is_service && dot
                           ? arena_copy_bytes(arena, url.host, (size_t)(dot - url.host))
                           : url.host;
    if (is_named(allowed, url.host, is_clear) || is_named(allowed, name, is_clear)) {
        return RESULT_OK;
    }
    return error_set(error, ERROR_DENIED,
                     "Secret %s may not be sent to %s%s: its annotation " ANNOTATION_ALLOWED_HOSTS
                     " does not name \"%s%s\"%s",
                     secret, is_clear ? "http://" : "", url.host, is_clear ? "http://" : "", name,
                     is_clear ? ", which lets it go there in the clear" : "");
}
