#ifndef TIDEMILL_CORE_LOG_H
#define TIDEMILL_CORE_LOG_H

/*
 * One line for each thing that happened, key=value or JSON, to standard error. The message says
 * what happens next. Where lines go and what time it is are set once by main: core reads no clock.
 *
 *   log_info("run admitted, creating its first jobs", LOG_TEXT("run", name), LOG_INTEGER("jobs",
 * n));
 */

#include "core/result.h"

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_field_type { LOG_FIELD_TEXT, LOG_FIELD_INTEGER };

struct log_field {
    const char *name;
    const char *text;
    int64_t integer;
    enum log_field_type type;
};

#define LOG_TEXT(field_name, value) \
    ((struct log_field){.name = (field_name), .text = (value), .type = LOG_FIELD_TEXT})
#define LOG_INTEGER(field_name, value) \
    ((struct log_field){.name = (field_name), .integer = (value), .type = LOG_FIELD_INTEGER})

/* `write` gets one whole line, newline included. `now_micros` gives unix microseconds. */
struct log_sink {
    void (*write)(const char *line, size_t size);
    int64_t (*now_micros)(void);
    enum log_level level; /* lines below are dropped */
    enum log_format format;
};

/* Until this is called, lines go to standard error as text without a time. */
void log_configure(struct log_sink sink);

bool log_enabled(enum log_level level);
void log_emit(enum log_level level, const char *message, const struct log_field *fields,
              size_t count);

#define LOG_AT_(level, message, ...)                                     \
    do {                                                                 \
        if (log_enabled(level)) {                                        \
            const struct log_field log_fields_[] = {{0}, ##__VA_ARGS__}; \
            log_emit(level, message, log_fields_ + 1,                    \
                     sizeof(log_fields_) / sizeof(log_fields_[0]) - 1);  \
        }                                                                \
    } while (0)

#define log_debug(message, ...)   LOG_AT_(LOG_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...)    LOG_AT_(LOG_INFO, message, ##__VA_ARGS__)
#define log_warning(message, ...) LOG_AT_(LOG_WARNING, message, ##__VA_ARGS__)
#define log_error(message, ...)   LOG_AT_(LOG_ERROR, message, ##__VA_ARGS__)

#endif
