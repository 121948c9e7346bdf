#ifndef TIDEMILL_SOURCE_WEBHOOK_H
#define TIDEMILL_SOURCE_WEBHOOK_H

/*
 * One delivery to a Trigger's webhook: is it signed, which one is it, does it count, what does it
 * say. Pure functions over what came; whoever listens bounds the body before it is here, answers,
 * and remembers deliveries. In this order:
 *
 *   webhook_verify   over the raw bytes, before anything of them is parsed
 *   webhook_id       a delivery that was seen is answered as before, and starts nothing
 *   webhook_read     events, filters, parameters
 *
 * What is told to the sender must not differ between a Trigger that does not exist and a signature
 * that is wrong (conformance X13): errors of webhook_verify are for the log alone. No text of these
 * functions has anything of the payload in it: they may go into a status.
 */

#include "api/trigger.h"
#include "core/arena.h"
#include "core/result.h"
#include "source/source.h"

enum {
    WEBHOOK_SECRETS_LIMIT = 8,          /* that are valid at once */
    WEBHOOK_TOLERANCE_SECONDS = 5 * 60, /* of a signed time, either way: Standard Webhooks */
    WEBHOOK_ID_LIMIT = 128,             /* bytes */
    WEBHOOK_PATH_LIMIT = 256,           /* bytes of a path into the payload */
    WEBHOOK_PARAMS_LIMIT = 64,
    WEBHOOK_PARAMS_BYTES = 4096 /* names and values of all parameters: they wait in the status */
};

/* As it came. Names of headers are in lower case; `now` is unix seconds. */
struct webhook_delivery {
    const struct name_value *headers;
    size_t header_count;
    const char *body; /* not NUL-terminated; not NULL */
    size_t body_size;
    int64_t now;
};

/*
 * Whether one of the Secret's keys signed it: `secret`, or any that begins with "secret-", so that
 * a new one can be valid beside the old one while the sender is changed over.
 *
 *   GitHub    X-Hub-Signature-256: sha256=HEX, HMAC-SHA256 over the body
 *   GitLab    X-Gitlab-Token: the secret itself
 *   Gitea     X-Gitea-Signature: HEX, the same HMAC
 *   Standard  webhook-id, webhook-timestamp, webhook-signature: "v1,BASE64 v1,BASE64...", the HMAC
 *             over ID.TIMESTAMP.BODY; the secret is whsec_BASE64 (standardwebhooks.com). A time
 *             that is more than 5 minutes away is refused
 *   HMAC      the header and prefix of the spec, then the HMAC over the body as hex or base64
 *
 * ERROR_DENIED with why not. All keys are tried whichever fits, and each comparison takes the same
 * time. `secret` may be NULL, or have no key: then the work is done all the same and denied, so
 * that a caller without a Trigger can take as long as one with it.
 */
MUST_CHECK struct result webhook_verify(struct arena *arena, const struct webhook_source *source,
                                        const struct source_secret *secret,
                                        const struct webhook_delivery *delivery,
                                        struct error *error);

/*
 * What is the same each time one delivery is sent: X-GitHub-Delivery, Idempotency-Key else
 * X-Gitlab-Event-UUID, webhook-id; where there is none that is printable and at most
 * WEBHOOK_ID_LIMIT bytes, and of Gitea's, "sha256:" and the body's digest. Only webhook-id is
 * signed: of the others, whoever could record a delivery could send it again under another name,
 * which TLS is there to prevent.
 */
const char *webhook_id(struct arena *arena, const struct webhook_source *source,
                       const struct webhook_delivery *delivery);

struct webhook_event {
    bool counts;
    const char *reason; /* why it does not count, e.g. "filter ref does not match"; else NULL */
    struct name_value *params; /* in the order of the spec; of a delivery that counts */
    size_t param_count;
};

/*
 * RESULT_OK when it could be judged. ERROR_INVALID: the payload is not JSON (application/json, any
 * +json, or a form with the field `payload`, as GitHub may send), or a parameter is an object or an
 * array; ERROR_LIMIT: more parameters, or longer, than may wait. A payload is read only when an
 * event, a filter or a parameter asks for it.
 *
 * A field that is absent or null matches no filter, and leaves its parameter to the Trigger's and
 * the Pipeline's defaults. Strings are taken as they are, numbers as they were written, booleans as
 * true and false. The name of the event is X-GitHub-Event, X-Gitlab-Event, X-Gitea-Event, of
 * Standard the payload's `type`; HMAC has none. GitHub's ping counts only where its event is asked
 * for, and Gitea's test delivery, a push whose `before` is its `after`, never.
 */
MUST_CHECK struct result webhook_read(struct arena *arena, const struct webhook_source *source,
                                      const struct webhook_delivery *delivery,
                                      struct webhook_event *event, struct error *error);

/*
 * NULL, or what is wrong with a spec, e.g. "spec.webhook.filters[0].path: ...": for the planner.
 * Whatever else the other functions are given is refused by them.
 */
const char *webhook_fault(struct arena *arena, const struct webhook_source *source);

#endif
