/* What the simulated API server refuses, in the words of a real one. */

#include "core/assert.h"
#include "core/text.h"
#include "sim/server_private.h"
#include "sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_answer sim_server_answer(int status, const json_t *body)
{
    return (struct sim_answer){.status = status, .body = json_dumps(body, JSON_COMPACT)};
}

static json_t *make_status(int code, const char *reason, const char *message)
{
    return json_pack("{s:s, s:s, s:{}, s:s, s:s, s:s, s:i}", "kind", "Status", "apiVersion", "v1",
                     "metadata", "status", "Failure", "reason", reason, "message", message, "code",
                     code);
}

static struct sim_answer take_status(int code, json_t *status)
{
    struct sim_answer refusal = sim_server_answer(code, status);
    json_decref(status);
    return refusal;
}

struct sim_answer sim_server_refuse(int code, const char *reason, const char *message)
{
    return take_status(code, make_status(code, reason, message));
}

/* "jobs.batch" of "jobs", "Job.batch" of "Job". */
static void qualify(char words[SIM_MESSAGE_SIZE], const char *word, const char *group)
{
    (void)snprintf(words, SIM_MESSAGE_SIZE, "%s%s%s", word, group[0] ? "." : "", group);
}

static struct sim_answer refuse_resource(const struct sim_target *target, int code,
                                         const char *reason, const char *before, const char *after)
{
    char resource[SIM_MESSAGE_SIZE];
    char message[3 * SIM_MESSAGE_SIZE];
    qualify(resource, target->plural, target->group);
    (void)snprintf(message, sizeof(message), "%s%s \"%s\"%s", before, resource, target->name,
                   after);
    return sim_server_refuse(code, reason, message);
}

struct sim_answer sim_server_refuse_missing(const struct sim_target *target)
{
    return refuse_resource(target, SIM_NOT_FOUND, "NotFound", "", " not found");
}

struct sim_answer sim_server_refuse_taken(const struct sim_target *target, const json_t *there)
{
    bool goes = tree_at(there, "metadata/deletionTimestamp") != NULL;
    return refuse_resource(target, SIM_CONFLICT, "AlreadyExists",
                           goes ? "object is being deleted: " : "", " already exists");
}

struct sim_answer sim_server_refuse_stale(const struct sim_target *target)
{
    return refuse_resource(target, SIM_CONFLICT, "Conflict", "Operation cannot be fulfilled on ",
                           ": the object has been modified; please apply your changes to the "
                           "latest version and try again");
}

struct sim_answer sim_server_refuse_resurrection(const struct sim_target *target, const char *uid)
{
    char words[SIM_MESSAGE_SIZE];
    (void)snprintf(words, sizeof(words),
                   ": uid mismatch: the provided object specified uid %s, and no existing object "
                   "was found",
                   uid);
    return refuse_resource(target, SIM_CONFLICT, "Conflict", "Operation cannot be fulfilled on ",
                           words);
}

struct sim_answer sim_server_refuse_release(const struct sim_target *target, const json_t *tree)
{
    char words[SIM_MESSAGE_SIZE];
    (void)snprintf(words, sizeof(words),
                   ": StorageError: invalid object, Code: 4, Key: /registry/%s/%s/%s, "
                   "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ResourceVersion "
                   "in precondition: , ResourceVersion in object meta: %s",
                   target->plural, target->namespace, target->name,
                   tree_text(tree, "metadata/resourceVersion"));
    return refuse_resource(target, SIM_CONFLICT, "Conflict", "Operation cannot be fulfilled on ",
                           words);
}

struct sim_answer sim_server_refuse_versioned_create(void)
{
    /* Tried: really 500, without a reason. */
    return sim_server_refuse(SIM_INTERNAL_ERROR, "",
                             "resourceVersion should not be set on objects to be created");
}

struct sim_answer sim_server_refuse_patch(void)
{
    return sim_server_refuse(SIM_INVALID, "Invalid",
                             "the server rejected our request due to an error in our request");
}

/* The same words twice are said once; more than one stand in brackets. */
static void print_causes(FILE *out, const json_t *causes)
{
    json_t *said = json_array();
    size_t at;
    const json_t *cause;
    json_array_foreach(causes, at, cause)
    {
        bool is_said = false;
        for (size_t other = 0; other < json_array_size(said) && !is_said; other++) {
            is_said = json_equal(json_array_get(said, other), cause) != 0;
        }
        if (!is_said) {
            json_array_append_new(said, json_deep_copy(cause));
        }
    }
    bool is_list = json_array_size(said) > 1;
    (void)fputs(is_list ? "[" : "", out);
    json_array_foreach(said, at, cause)
    {
        (void)fprintf(out, "%s%s: %s", at > 0 ? ", " : "", tree_text(cause, "field"),
                      tree_text(cause, "message"));
    }
    (void)fputs(is_list ? "]" : "", out);
    json_decref(said);
}

struct sim_answer sim_server_refuse_invalid(const struct sim_target *target, const json_t *causes)
{
    char kind[SIM_MESSAGE_SIZE];
    char *message = NULL;
    size_t size = 0;
    qualify(kind, target->kind_name, target->group);
    FILE *out = open_memstream(&message, &size);
    (void)fprintf(out, "%s \"%s\" is invalid: ", kind, target->name);
    print_causes(out, causes);
    (void)fclose(out);
    json_t *status = make_status(SIM_INVALID, "Invalid", message);
    tree_set(status, "details/causes", json_deep_copy(causes));
    free(message);
    return take_status(SIM_INVALID, status);
}

bool sim_server_fails_precondition(const struct sim_target *target, const json_t *tree,
                                   const json_t *options, struct sim_answer *ret_answer)
{
    static const struct {
        const char *path;
        const char *record;
        const char *name;
        const char *then;
    } checks[] = {
        {"preconditions/uid", "metadata/uid", "UID", "deleted and then recreated"},
        {"preconditions/resourceVersion", "metadata/resourceVersion", "ResourceVersion",
         "modified"},
    };
    for (size_t at = 0; at < COUNT_OF(checks); at++) {
        const char *wanted = tree_text(options, checks[at].path);
        const char *record = tree_text(tree, checks[at].record);
        if (wanted[0] && !text_equal(wanted, record)) {
            char kind[SIM_MESSAGE_SIZE];
            char message[3 * SIM_MESSAGE_SIZE];
            /* Events are of core here, wherever they were written. */
            qualify(kind, target->kind_name, target->is_event ? "" : target->group);
            (void)snprintf(message, sizeof(message),
                           "Operation cannot be fulfilled on %s \"%s\": the %s in the "
                           "precondition (%s) does not match the %s in record (%s). The object "
                           "might have been %s",
                           kind, target->name, checks[at].name, wanted, checks[at].name, record,
                           checks[at].then);
            *ret_answer = sim_server_refuse(SIM_CONFLICT, "Conflict", message);
            return true;
        }
    }
    return false;
}

struct sim_answer sim_server_tell_gone(const struct sim_target *target, const char *uid)
{
    json_t *status = json_pack("{s:s, s:s, s:{}, s:s, s:{s:s, s:s, s:s, s:s}}", "kind", "Status",
                               "apiVersion", "v1", "metadata", "status", "Success", "details",
                               "name", target->name, "group", target->group, "kind", target->plural,
                               "uid", uid);
    return take_status(SIM_OK, status);
}
