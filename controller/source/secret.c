#include "source/secret.h"

#include "core/encoding.h"
#include "core/text.h"

#include <string.h>

enum { HIDDEN_LEAST = 4 /* bytes of a value: a shorter one is in every sentence */ };

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

/* Each occurrence of `value` becomes "[name]". */
static const char *hide(struct arena *arena, const char *text, const char *value, const char *name)
{
    if (!value || strlen(value) < HIDDEN_LEAST) {
        return text;
    }
    size_t from = 0;
    for (const char *found; (found = strstr(text + from, value)) != NULL;) {
        size_t before = (size_t)(found - text);
        text = arena_print(arena, "%.*s[%s]%s", (int)before, text, name, found + strlen(value));
        from = before + strlen(name) + strlen("[]");
    }
    return text;
}

const char *source_hide_secret(struct arena *arena, const struct source_secret *secret,
                               const struct source_request *request, const char *text)
{
    for (size_t at = 0; text && at < request->header_count; at++) {
        if (text_equal(request->headers[at].name, "authorization")) {
            const char *blank = strchr(request->headers[at].value, ' ');
            text = hide(arena, text, blank ? blank + 1 : NULL, "authorization");
        }
    }
    for (size_t at = 0; text && secret && at < secret->count; at++) {
        const struct name_value *item = &secret->items[at];
        bool is_name = text_equal(item->name, "username") || text_equal(item->name, "accessKey");
        text = is_name ? text : hide(arena, text, item->value, item->name);
    }
    return text;
}
