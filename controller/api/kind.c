#include "api/kind.h"

#include "core/assert.h"
#include "core/text.h"

#include <string.h>

#define PREFIX_TIDEMILL "/apis/tidemill.dev/v1alpha1"

/* labelSelector=app.kubernetes.io/managed-by=tidemill, as it stands in a URL's query. */
#define SELECTOR_MANAGED "app.kubernetes.io%2Fmanaged-by%3Dtidemill"

#define OURS(kind_text, plural_text)                                                \
    {                                                                               \
        .kind = (kind_text), .api_version = API_VERSION, .prefix = PREFIX_TIDEMILL, \
        .plural = (plural_text), .ours = true                                       \
    }

#define UPSTREAM(kind_text, version, path, plural_text, selector)                                 \
    {                                                                                             \
        .kind = (kind_text), .api_version = (version), .prefix = (path), .plural = (plural_text), \
        .list_selector = (selector)                                                               \
    }

#define BY_PROTOBUF(kind_text, version, path, plural_text)                                        \
    {                                                                                             \
        .kind = (kind_text), .api_version = (version), .prefix = (path), .plural = (plural_text), \
        .list_selector = SELECTOR_MANAGED, .by_protobuf = true                                    \
    }

static const struct kind_info kinds[KIND_COUNT] = {
    [KIND_PIPELINE] = OURS("Pipeline", "pipelines"),
    [KIND_PIPELINE_RUN] = OURS("PipelineRun", "pipelineruns"),
    [KIND_MODEL] = OURS("Model", "models"),
    [KIND_MODEL_VERSION] = OURS("ModelVersion", "modelversions"),
    [KIND_TRIGGER] = OURS("Trigger", "triggers"),
    /* Most bytes of a run's watches are these two's. */
    [KIND_JOB] = BY_PROTOBUF("Job", "batch/v1", "/apis/batch/v1", "jobs"),
    [KIND_POD] = BY_PROTOBUF("Pod", "v1", "/api/v1", "pods"),
    [KIND_DEPLOYMENT] = UPSTREAM("Deployment", "apps/v1", "/apis/apps/v1", "deployments",
                                 SELECTOR_MANAGED),
    [KIND_SERVICE] = UPSTREAM("Service", "v1", "/api/v1", "services", SELECTOR_MANAGED),
    [KIND_CONTROLLER_REVISION] = UPSTREAM("ControllerRevision", "apps/v1", "/apis/apps/v1",
                                          "controllerrevisions", SELECTOR_MANAGED),
    /* Claims are the users': no label of ours is on them. */
    [KIND_CLAIM] = UPSTREAM("PersistentVolumeClaim", "v1", "/api/v1", "persistentvolumeclaims",
                            NULL),
};

const struct kind_info *kind_info(enum api_kind kind)
{
    REQUIRE((unsigned)kind < KIND_COUNT);
    return &kinds[kind];
}

enum api_kind kind_by_name(const char *kind)
{
    for (unsigned at = 0; at < KIND_COUNT; at++) {
        if (text_equal(kinds[at].kind, kind)) {
            return (enum api_kind)at;
        }
    }
    return KIND_COUNT;
}

/* RFC 3986, section 2.3: everything but unreserved characters is escaped in a path segment. */
static bool is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

/* "." and ".." would be taken for steps in the tree, so their dots are escaped too. */
static bool is_dots(const char *segment)
{
    return strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

static const char *escape_segment(struct arena *arena, const char *segment)
{
    static const char hex[] = "0123456789ABCDEF";
    enum { ESCAPED_SIZE = 3 };
    char *escaped = arena_allocate(arena, strlen(segment) + 1, ESCAPED_SIZE);
    bool dots = is_dots(segment);
    char *at = escaped;
    for (; *segment != '\0'; segment++) {
        unsigned char byte = (unsigned char)*segment;
        if (is_unreserved(*segment) && !dots) {
            *at++ = *segment;
            continue;
        }
        *at++ = '%';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 0xFU];
    }
    return escaped;
}

const char *kind_path(struct arena *arena, enum api_kind kind, const char *namespace,
                      const char *name, const char *subresource)
{
    const struct kind_info *info = kind_info(kind);
    const char *path = info->prefix;
    if (namespace) {
        path = arena_join(arena, path, "/namespaces/", escape_segment(arena, namespace));
    }
    path = arena_join(arena, path, "/", info->plural);
    if (name) {
        path = arena_join(arena, path, "/", escape_segment(arena, name));
    }
    if (name && subresource) {
        path = arena_join(arena, path, "/", escape_segment(arena, subresource));
    }
    return path;
}
