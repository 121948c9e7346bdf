#ifndef TIDEMILL_SUPPORT_FAKE_EXCHANGE_H
#define TIDEMILL_SUPPORT_FAKE_EXCHANGE_H

/* What goes to and fro in a fake_io: requests, answers and scripts, copied. For fake_io.c alone. */

#include "support/fake_io.h"

struct fake_script {
    struct fake_script *next;
    char *method;
    char *path;
    struct fake_answer answer; /* texts owned */
    bool always;
};

struct fake_script *fake_script_new(const char *method, const char *path,
                                    const struct fake_answer *answer, bool always);
void fake_script_free(struct fake_script *script);

/* Copies own their texts; NUL-terminated. NULL bytes stay NULL. */
char *fake_bytes_copy(const void *bytes, size_t size);
struct fake_answer fake_answer_copy(const struct fake_answer *answer);
void fake_answer_free(struct fake_answer *answer);
struct fake_request fake_request_copy(const struct fake_request *request);
void fake_request_free(struct fake_request *request);

/* A '*' in `path` stands for any text; `method` NULL for any method. */
bool fake_request_matches(const struct fake_request *request, const char *method, const char *path);

#endif
