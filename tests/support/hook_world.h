#ifndef TIDEMILL_SUPPORT_HOOK_WORLD_H
#define TIDEMILL_SUPPORT_HOOK_WORLD_H

/* Hooks (kube/hooks.h) with one Trigger, team/hook, in front of scripted answers. */

#include "kube/hooks.h"
#include "support/fake_io.h"

enum { SECOND = 1000, HOOK_ANSWERS = 4096 };

#define HOOK_SECRET_PATH "/api/v1/namespaces/team/secrets/key"
#define HOOK_STATUS_PATH "*/namespaces/team/triggers/hook/status"
#define HOOK_KEY         "It's a Secret to Everybody"

/* The spec of a webhook for pushes to main; ' stands for ". */
#define HOOK_GITHUB                                                                              \
    "'webhook':{'type':'GitHub','secretName':'key','values':[{'name':'commit','path':'after'}]," \
    "'filters':[{'path':'ref','equals':'refs/heads/main'}]}"

struct hook_world {
    struct fake_io *fake;
    struct cache *cache;
    struct hooks *hooks;
    int version;
    int answers[HOOK_ANSWERS]; /* statuses, in the order of answering */
    size_t answer_count;
    const char *sender;
};

/* For cmocka: *state is a struct hook_world. */
int hook_world_set_up(void **state);
int hook_world_tear_down(void **state);

/* The cache learns of the Trigger; ' stands for ". `status`: its members. */
void hook_put(struct hook_world *world, const char *spec, const char *status);

/* A push with this commit, signed with HOOK_KEY; or any body, with any key. */
void hook_deliver(struct hook_world *world, const char *id, const char *commit);
void hook_deliver_signed(struct hook_world *world, const char *id, const char *body,
                         const char *key);

/* How the next read of the Secret, the next patch of the status is answered. */
void hook_script_secret(struct hook_world *world, int status);
void hook_script_write(struct hook_world *world, int status);

/* 0: none. What is not accepted is told after a while. */
int hook_last_answer(const struct hook_world *world);
/* "": none. */
const char *hook_last_patch(struct hook_world *world);

#endif
