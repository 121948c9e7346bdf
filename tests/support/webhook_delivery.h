#ifndef TIDEMILL_SUPPORT_WEBHOOK_DELIVERY_H
#define TIDEMILL_SUPPORT_WEBHOOK_DELIVERY_H

/* Deliveries to a webhook (source/webhook.h), for tests of how they are judged. */

#include "source/webhook.h"

enum { WEBHOOK_HEADERS = 4 };

/*
 * With these headers, as many as have a name and at most WEBHOOK_HEADERS, which are borrowed. The
 * body is in a block of exactly its size, so that ASan sees what reads behind it.
 */
struct webhook_delivery webhook_deliver(const struct name_value *headers, const char *body);
void webhook_drop(const struct webhook_delivery *delivery);

#endif
