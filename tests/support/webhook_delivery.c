#include "support/webhook_delivery.h"

#include "core/memory.h"

#include <string.h>

struct webhook_delivery webhook_deliver(const struct name_value *headers, const char *body)
{
    struct webhook_delivery delivery = {
        .headers = headers, .body = memory_allocate(1, strlen(body)), .body_size = strlen(body)};
    memcpy((char *)(uintptr_t)delivery.body, body, delivery.body_size);
    while (delivery.header_count < WEBHOOK_HEADERS && headers[delivery.header_count].name) {
        delivery.header_count++;
    }
    return delivery;
}

void webhook_drop(const struct webhook_delivery *delivery)
{
    (void)memory_free((char *)(uintptr_t)delivery->body);
}
