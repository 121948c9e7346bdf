#include "source/secret.h"

#include "core/encoding.h"
#include "core/text.h"

#include <string.h>

const char *source_secret_value(const struct source_secret *secret, const char *key)
{
    for (size_t at = 0; secret && at < secret->count; at++) {
        if (text_equal(secret->items[at].name, key)) {
            return secret->items[at].value;
        }
    }
    return NULL;
}

/* A line break at the end of a file that became a Secret is a mistake that costs hours. */
static struct result check_value(const char *value, const char *key, const char *field,
                                 struct error *error)
{
    for (const char *at = value; *at; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7F') {
            return error_set(error, ERROR_INVALID,
                             "%s: the Secret's %s has a control character in it, maybe a line "
                             "break at its end: write it without",
                             field, key);
        }
    }
    return RESULT_OK;
}

struct result source_basic_authorization(struct arena *arena, const struct source_secret *secret,
                                         const char *field, bool takes_token,
                                         const char **authorization, struct error *error)
{
    *authorization = NULL;
    if (!secret) {
        return RESULT_OK;
    }
    const char *token = takes_token ? source_secret_value(secret, "token") : NULL;
    const char *key = token ? "token" : "password";
    const char *user = source_secret_value(secret, "username");
    const char *password = source_secret_value(secret, key);
    user = !user && token ? "git" : user;
    if (text_is_empty(user) || text_is_empty(password)) {
        return error_set(error, ERROR_INVALID, "%s: the Secret needs the keys %s", field,
                         takes_token ? "username and password, or token" : "username and password");
    }
    TRY(check_value(user, "username", field, error));
    TRY(check_value(password, key, field, error));
    if (strchr(user, ':')) {
        return error_set(error, ERROR_INVALID, "%s: the Secret's username has a \":\" in it",
                         field);
    }
    const char *both = arena_print(arena, "%s:%s", user, password);
    *authorization = arena_print(arena, "Basic %s", base64_encode(arena, both, strlen(both)));
    return RESULT_OK;
}
