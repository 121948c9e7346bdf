#include "cache/resource_version.h"

#include "core/text.h"

#include <string.h>

static bool is_number(const char *text)
{
    if (text_is_empty(text) || text[0] == '0') {
        return false;
    }
    return text[strspn(text, "0123456789")] == '\0';
}

bool resource_version_compare(const char *a, const char *b, int *order)
{
    if (text_equal(a, b)) {
        *order = 0;
        return true;
    }
    if (!is_number(a) || !is_number(b)) {
        return false;
    }
    size_t a_length = strlen(a);
    size_t b_length = strlen(b);
    if (a_length != b_length) {
        *order = a_length < b_length ? -1 : 1;
    } else {
        *order = strcmp(a, b);
    }
    return true;
}

bool resource_version_is_older(const char *a, const char *b)
{
    int order;
    return resource_version_compare(a, b, &order) && order < 0;
}
