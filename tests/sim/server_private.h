#ifndef TIDEMILL_SIM_SERVER_PRIVATE_H
#define TIDEMILL_SIM_SERVER_PRIVATE_H

/* Between the files of the simulated API server. */

#include "sim/server.h"

enum {
    SIM_OK = 200,
    SIM_CREATED = 201,
    SIM_BAD_REQUEST = 400,
    SIM_NOT_FOUND = 404,
    SIM_NOT_ALLOWED = 405,
    SIM_CONFLICT = 409,
    SIM_GONE = 410,
    SIM_UNSUPPORTED = 415,
    SIM_INVALID = 422,
    SIM_INTERNAL_ERROR = 500
};

enum { SIM_MESSAGE_SIZE = 1200, SIM_VERSION_SIZE = 32 };

struct sim_answer sim_server_answer(int status, const json_t *body);

/* server_refuse.c */

struct sim_answer sim_server_refuse_missing(const struct sim_target *target);
/* There is one of this name. */
struct sim_answer sim_server_refuse_taken(const struct sim_target *target, const json_t *there);
struct sim_answer sim_server_refuse_stale(const struct sim_target *target);
struct sim_answer sim_server_refuse_versioned_create(void);
/* A JSON Patch that can't be applied. */
struct sim_answer sim_server_refuse_patch(void);
/* `causes` of rules.h. */
struct sim_answer sim_server_refuse_invalid(const struct sim_target *target, const json_t *causes);
/* What an apply with a uid gets where there is no object. */
struct sim_answer sim_server_refuse_resurrection(const struct sim_target *target, const char *uid);
/* False: `options` of a DELETE let it happen; else what is answered. */
bool sim_server_fails_precondition(const struct sim_target *target, const json_t *tree,
                                   const json_t *options, struct sim_answer *ret_answer);
/*
 * A DELETE that is locked by a version and takes the last finalizer of the garbage collector: the
 * API server looks at the version again where there is none.
 */
struct sim_answer sim_server_refuse_release(const struct sim_target *target, const json_t *tree);
struct sim_answer sim_server_tell_gone(const struct sim_target *target, const char *uid);

/* server_write.c: POST, PATCH and DELETE of what is watched. */

struct sim_answer sim_server_write(struct sim_store *store, struct sim_target *target,
                                   const struct sim_request *request, json_t *body);
/* A resourceVersion in the new object is what the writer believes to be the newest (C27, C28). */
bool sim_server_is_newest(const json_t *before, const json_t *after);

/* server_other.c: Leases and Events. */

struct sim_answer sim_server_serve_other(struct sim_store *store, struct sim_target *target,
                                         const struct sim_request *request, const json_t *body);

#endif
