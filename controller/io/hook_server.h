#ifndef TIDEMILL_IO_HOOK_SERVER_H
#define TIDEMILL_IO_HOOK_SERVER_H

/*
 * Where webhooks are delivered: POST /hooks/NAMESPACE/TRIGGER, on an address of its own
 * (conformance X13), by TLS or, where something in front of it ends TLS (an Ingress, a Gateway), in
 * the clear. A body is bounded before anything else looks at it; kube/hooks judges what came.
 */

#include "core/result.h"
#include "kube/hooks.h"

struct certificate;
struct hook_server;
struct loop;

struct hook_server_options {
    const char *address; /* as io/serve.h */
    struct loop *loop;
    const struct certificate *certificate; /* NULL: in the clear. All borrowed until it is closed */
    /* NULL while the controller knows nothing yet: senders are told to come again. */
    struct hooks *(*find_hooks)(void *context);
    void *context;
};

MUST_CHECK struct result hook_server_open(const struct hook_server_options *options,
                                          struct hook_server **server, struct error *error);

uint16_t hook_server_port(const struct hook_server *server);

/* After hooks_free(): nobody answers any more. Accepts NULL; returns NULL. */
struct hook_server *hook_server_close(struct hook_server *server);

#endif
