#include "support/fake_exchange.h"

#include "core/memory.h"
#include "core/text.h"

#include <string.h>

/* '*' stands for any text. */
static bool matches(const char *pattern, const char *text)
{
    while (*pattern != '\0' && *pattern != '*') {
        if (*pattern++ != *text++) {
            return false;
        }
    }
    if (*pattern == '\0') {
        return *text == '\0';
    }
    for (;; text++) {
        if (matches(pattern + 1, text)) {
            return true;
        }
        if (*text == '\0') {
            return false;
        }
    }
}

bool fake_request_matches(const struct fake_request *request, const char *method, const char *path)
{
    return (!method || text_equal(method, request->method)) && matches(path, request->path);
}

char *fake_bytes_copy(const void *bytes, size_t size)
{
    if (!bytes) {
        return NULL;
    }
    char *copy = memory_allocate(size + 1, 1);
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static void free_text(const char *text)
{
    union {
        const char *text;
        void *pointer;
    } owned = {.text = text};
    (void)memory_free(owned.pointer);
}

struct fake_answer fake_answer_copy(const struct fake_answer *answer)
{
    struct fake_answer copy = *answer;
    if (answer->body && copy.body_size == 0) {
        copy.body_size = strlen(answer->body);
    }
    copy.body = fake_bytes_copy(answer->body, copy.body_size);
    copy.message = memory_copy_text(answer->message);
    copy.content_type = memory_copy_text(answer->content_type);
    copy.warning = memory_copy_text(answer->warning);
    return copy;
}

void fake_answer_free(struct fake_answer *answer)
{
    free_text(answer->body);
    free_text(answer->message);
    free_text(answer->content_type);
    free_text(answer->warning);
    *answer = (struct fake_answer){0};
}

struct fake_request fake_request_copy(const struct fake_request *request)
{
    struct fake_request copy = *request;
    copy.method = memory_copy_text(request->method);
    copy.path = memory_copy_text(request->path);
    copy.content_type = memory_copy_text(request->content_type);
    copy.accept = memory_copy_text(request->accept);
    copy.body = fake_bytes_copy(request->body, request->body_size);
    return copy;
}

void fake_request_free(struct fake_request *request)
{
    free_text(request->method);
    free_text(request->path);
    free_text(request->content_type);
    free_text(request->accept);
    free_text(request->body);
    *request = (struct fake_request){0};
}

struct fake_script *fake_script_new(const char *method, const char *path,
                                    const struct fake_answer *answer, bool always)
{
    struct fake_script *script = memory_allocate(1, sizeof(*script));
    script->method = memory_copy_text(method);
    script->path = memory_copy_text(path);
    script->answer = fake_answer_copy(answer);
    script->always = always;
    return script;
}

void fake_script_free(struct fake_script *script)
{
    (void)memory_free(script->method);
    (void)memory_free(script->path);
    fake_answer_free(&script->answer);
    (void)memory_free(script);
}
