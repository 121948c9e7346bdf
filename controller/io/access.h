#ifndef TIDEMILL_IO_ACCESS_H
#define TIDEMILL_IO_ACCESS_H

/*
 * Which API server to talk to and as whom: found in kubeconfig files or in the service account of
 * this pod. Nothing is connected here, and certificate files are read later (io/credentials.h).
 * Invariant: all text lives in the arena that was given; it may hold secrets, so it is never
 * logged.
 */

#include "core/arena.h"
#include "core/result.h"

#include <stddef.h>

/* Bytes inside the kubeconfig, or a file to read and to read again. `data` wins. */
struct access_material {
    const char *data; /* PEM; NULL: none */
    size_t size;
    const char *file; /* path; NULL: none */
};

struct access_variable {
    const char *name;
    const char *value;
};

/* client.authentication.k8s.io/v1 */
struct access_plugin {
    const char *api_version;
    const char *command;
    const char *const *arguments; /* NULL-terminated, the command not among them */
    const struct access_variable *variables;
    size_t variable_count;
    const char *install_hint; /* shown when the command is missing */
    bool provide_cluster_info;
};

struct access {
    const char *server;          /* "https://host:port/prefix", without a slash at its end */
    const char *tls_server_name; /* NULL: the server's host */
    const char *proxy_url;       /* NULL: as the environment says (HTTPS_PROXY, NO_PROXY) */
    bool insecure;               /* the server's certificate is not verified */
    struct access_material authority;
    struct access_material certificate;
    struct access_material key;
    const char *token; /* used until token_file was read */
    const char *token_file;
    const struct access_plugin *plugin; /* NULL: none */
    const char *namespace_name;         /* "default" when nothing says otherwise */
    const char *source;                 /* for people: "context x of /home/me/.kube/config" */
};

struct access_options {
    const char *kubeconfig; /* --kubeconfig; NULL: see access_find() */
    const char *context;    /* --context; NULL: the current one */
    /* --namespace; NULL: that of the context or the pod. */
    const char *namespace_name;
};

/*
 * In this order: options->kubeconfig; the files of $KUBECONFIG (several, separated by ':', merged
 * as kubectl does: the first to say something wins); ~/.kube/config if it is there; the service
 * account of the pod. ERROR_NOT_FOUND when there is none of them, ERROR_INVALID with file, line and
 * field when one is wrong, ERROR_IO when one cannot be read.
 */
MUST_CHECK struct result access_find(struct arena *arena, const struct access_options *options,
                                     const struct access **access, struct error *error);

/* The pod's service account, $KUBERNETES_SERVICE_HOST and _PORT. */
MUST_CHECK struct result access_in_cluster(struct arena *arena, const struct access **access,
                                           struct error *error);

/* The same with everything given: for tests. */
MUST_CHECK struct result access_from_service_account(struct arena *arena, const char *folder,
                                                     const char *host, const char *port,
                                                     const struct access **access,
                                                     struct error *error);

#endif
