#include "source/authorization.h"

#include "core/text.h"
#include "source/secret.h"

/* RFC 6750, section 2.1, and what else is printable: a token with a space would be cut at it. */
static bool is_token(const char *token)
{
    for (; *token; token++) {
        if (*token <= ' ' || *token > '~') {
            return false;
        }
    }
    return true;
}

struct result source_authorization(struct arena *arena, const char *secret_name,
                                   const struct source_secret *secret, const char *field,
                                   const char **authorization, struct error *error)
{
    *authorization = NULL;
    if (!secret_name) {
        return RESULT_OK;
    }
    const char *token = source_secret_value(secret, "token");
    if (text_is_empty(token)) {
        bool has_both = source_secret_value(secret, "username") &&
                        source_secret_value(secret, "password");
        return has_both
                   ? source_basic_authorization(arena, secret, field, false, authorization, error)
                   : error_set(error, ERROR_INVALID,
                               "%s: the Secret needs the key token, or username and password",
                               field);
    }
    if (!is_token(token)) {
        return error_set(error, ERROR_INVALID,
                         "%s: the Secret's token has a character that is not printable, or a "
                         "space, maybe a line break at its end: write it without",
                         field);
    }
    *authorization = arena_print(arena, "Bearer %s", token);
    return RESULT_OK;
}
