#include "support/hook_world.h"

#include "support/cached.h"
#include "support/test.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define KEY_BASE64 "SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHk="

int hook_world_set_up(void **state)
{
    static struct hook_world world;
    world = (struct hook_world){.fake = fake_io_new(), .cache = cache_new()};
    world.hooks = hooks_new(fake_io_seam(world.fake), world.cache);
    *state = &world;
    return 0;
}

int hook_world_tear_down(void **state)
{
    struct hook_world *world = *state;
    (void)hooks_free(world->hooks);
    (void)cache_free(world->cache);
    (void)fake_io_free(world->fake);
    return 0;
}

void hook_put(struct hook_world *world, const char *spec, const char *status)
{
    cached_put(world->cache, KIND_TRIGGER,
               "{'metadata':{'namespace':'team','name':'hook','uid':'u','generation':1,"
               "'resourceVersion':'%d'},'spec':{'pipelineRef':{'name':'p'},%s},'status':{%s}}",
               ++world->version, spec, status);
}

static void on_answer(void *context, const struct hook_answer *answer)
{
    struct hook_world *world = context;
    assert_true(world->answer_count < HOOK_ANSWERS);
    world->answers[world->answer_count++] = answer->status;
}

void hook_deliver_signed(struct hook_world *world, const char *id, const char *body,
                         const char *key)
{
    unsigned char digest[32];
    char signature[80] = "sha256=";
    unsigned size = 0;
    assert_non_null(HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)body,
                         strlen(body), digest, &size));
    for (unsigned at = 0; at < size; at++) {
        (void)snprintf(signature + 7 + at * 2, 3, "%02x", digest[at]);
    }
    const struct name_value headers[] = {{"x-hub-signature-256", signature},
                                         {"x-github-delivery", id},
                                         {"x-github-event", "push"},
                                         {"content-type", "application/json"}};
    hooks_receive(world->hooks,
                  &(struct hook_delivery){.namespace = "team",
                                          .trigger = "hook",
                                          .sender = world->sender,
                                          .headers = headers,
                                          .header_count = COUNT_OF(headers),
                                          .body = body,
                                          .body_size = strlen(body)},
                  on_answer, world);
}

void hook_deliver(struct hook_world *world, const char *id, const char *commit)
{
    char body[256];
    (void)snprintf(body, sizeof(body), "{\"ref\":\"refs/heads/main\",\"after\":\"%s\"}", commit);
    hook_deliver_signed(world, id, body, HOOK_KEY);
}

void hook_script_secret(struct hook_world *world, int status)
{
    fake_io_script(world->fake, "GET", HOOK_SECRET_PATH,
                   (struct fake_answer){.status = status,
                                        .body = "{\"metadata\":{\"name\":\"key\"},\"data\":{"
                                                "\"secret\":\"" KEY_BASE64 "\"}}"});
}

void hook_script_write(struct hook_world *world, int status)
{
    fake_io_script(world->fake, "PATCH", HOOK_STATUS_PATH,
                   (struct fake_answer){.status = status, .body = "{\"metadata\":{}}"});
}

int hook_last_answer(const struct hook_world *world)
{
    return world->answer_count > 0 ? world->answers[world->answer_count - 1] : 0;
}

const char *hook_last_patch(struct hook_world *world)
{
    const char *body = "";
    for (size_t at = 0; at < fake_io_sent_count(world->fake); at++) {
        const struct fake_request *request = fake_io_sent(world->fake, at);
        body = strcmp(request->method, "PATCH") == 0 ? request->body : body;
    }
    return body;
}
