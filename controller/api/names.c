#include "api/names.h"

#include "core/assert.h"
#include "core/hash.h"
#include "core/text.h"

#include <stdbool.h>
#include <string.h>

/*
 * Of a Job's readable part, what its step's name gets at most: the run's name, which may be 253
 * long, must not push the step out of sight.
 */
enum { STEP_PART_LIMIT = 22 };

/* Conformance K3: longer names of Triggers leave no room for "-" and the minutes. */
enum { TRIGGER_PART_LIMIT = 52, MINUTE_SECONDS = 60 };

/* The same with BACKFILL_SUFFIX behind them. */
#define BACKFILL_SUFFIX "-backfill"
enum { BACKFILL_PART_LIMIT = TRIGGER_PART_LIMIT - (sizeof(BACKFILL_SUFFIX) - 1) };

static bool is_lower_alphanumeric(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_alphanumeric(char byte)
{
    return is_lower_alphanumeric(byte) || (byte >= 'A' && byte <= 'Z');
}

static char to_label_byte(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte - 'A' + 'a');
    }
    return is_lower_alphanumeric(byte) ? byte : '-';
}

/* At most `limit` bytes of `text` as a DNS label (RFC 1123), without '-' at either end. */
static char *clean_label(struct arena *arena, const char *text, size_t limit)
{
    while (*text != '\0' && to_label_byte(*text) == '-') {
        text++;
    }
    size_t size = strnlen(text, limit);
    char *label = arena_copy_bytes(arena, text, size);
    for (size_t at = 0; at < size; at++) {
        label[at] = to_label_byte(label[at]);
    }
    while (size > 0 && label[size - 1] == '-') {
        label[--size] = '\0';
    }
    return label;
}

const char *name_with_hash(struct arena *arena, const char *prefix, uint64_t hash, size_t limit)
{
    REQUIRE(limit > HASH_NAME_LENGTH + 1);
    char suffix[HASH_NAME_LENGTH + 1];
    hash_format_name(hash, suffix);
    const char *label = clean_label(arena, text_or(prefix, ""), limit - HASH_NAME_LENGTH - 1);
    return label[0] == '\0' ? arena_copy_text(arena, suffix)
                            : arena_join(arena, label, "-", suffix);
}

/* A name for each purpose: the first word keeps the hashes of two purposes apart. */
static uint64_t hash_purpose(const char *purpose, const char *uid)
{
    return hash_text(hash_text(HASH_SEED, purpose), text_or(uid, ""));
}

const char *name_step_job(struct arena *arena, const char *run_name, const char *run_uid,
                          const char *step, int64_t attempt)
{
    uint64_t hash = hash_text(hash_purpose("step", run_uid), step);
    hash = hash_text(hash, arena_print(arena, "%lld", (long long)attempt));
    const char *step_part = clean_label(arena, step, STEP_PART_LIMIT);
    size_t run_limit = NAME_LIMIT_JOB - HASH_NAME_LENGTH - 1 - strlen(step_part) - 1;
    const char *run_part = clean_label(arena, run_name, run_limit);
    return name_with_hash(arena, arena_join(arena, run_part, "-", step_part), hash, NAME_LIMIT_JOB);
}

const char *name_seal_job(struct arena *arena, const char *run_name, const char *run_uid,
                          int64_t attempt)
{
    static const char seal_part[] = "-seal";
    size_t run_limit = NAME_LIMIT_JOB - HASH_NAME_LENGTH - sizeof(seal_part);
    const char *run_part = clean_label(arena, run_name, run_limit);
    uint64_t hash = hash_purpose("seal", run_uid);
    if (attempt > 1) {
        hash = hash_text(hash, arena_print(arena, "%lld", (long long)attempt));
    }
    return name_with_hash(arena, arena_join(arena, run_part, "", seal_part), hash, NAME_LIMIT_JOB);
}

const char *name_revision(struct arena *arena, const char *pipeline, const char *pipeline_uid,
                          const char *spec_json)
{
    uint64_t hash = hash_text(hash_purpose("revision", pipeline_uid), spec_json);
    return name_with_hash(arena, pipeline, hash, NAME_LIMIT_LABEL);
}

const char *name_model_version(struct arena *arena, const char *model, const char *run_uid,
                               const char *step)
{
    uint64_t hash = hash_text(hash_purpose("version", run_uid), step);
    return name_with_hash(arena, model, hash, NAME_LIMIT_SERVICE);
}

static const char *trigger_part(struct arena *arena, const char *trigger, size_t limit)
{
    return strlen(trigger) > limit
               ? name_with_hash(arena, trigger, hash_purpose("trigger", trigger), limit)
               : trigger;
}

static long long minutes_of(int64_t scheduled_time)
{
    return scheduled_time / MINUTE_SECONDS - (scheduled_time % MINUTE_SECONDS < 0);
}

const char *name_scheduled_run(struct arena *arena, const char *trigger, int64_t scheduled_time)
{
    return arena_print(arena, "%s-%lld", trigger_part(arena, trigger, TRIGGER_PART_LIMIT),
                       minutes_of(scheduled_time));
}

const char *name_backfill_run(struct arena *arena, const char *trigger, int64_t scheduled_time)
{
    return arena_print(arena, "%s-%lld" BACKFILL_SUFFIX,
                       trigger_part(arena, trigger, BACKFILL_PART_LIMIT),
                       minutes_of(scheduled_time));
}

const char *name_fired_run(struct arena *arena, const char *trigger, const char *trigger_uid,
                           int64_t number)
{
    enum { WHOLE = 63 };
    const char *part = trigger_part(arena, trigger, TRIGGER_PART_LIMIT);
    uint64_t hash = hash_purpose("firing", trigger_uid);
    return arena_print(arena, "%s-%lld", name_with_hash(arena, part, hash, WHOLE),
                       (long long)number);
}

/* https://kubernetes.io/docs/concepts/overview/working-with-objects/labels, "Syntax". */
static bool is_label_value(const char *text)
{
    size_t size = strlen(text);
    if (size == 0) {
        return true;
    }
    if (size > NAME_LIMIT_LABEL || !is_alphanumeric(text[0]) || !is_alphanumeric(text[size - 1])) {
        return false;
    }
    for (size_t at = 0; at < size; at++) {
        if (!is_alphanumeric(text[at]) && !strchr("-_.", text[at])) {
            return false;
        }
    }
    return true;
}

const char *name_as_label(struct arena *arena, const char *name)
{
    const char *text = text_or(name, "");
    return is_label_value(text)
               ? arena_copy_text(arena, text)
               : name_with_hash(arena, text, hash_purpose("label", text), NAME_LIMIT_LABEL);
}

const char *name_environment(struct arena *arena, const char *prefix, const char *name)
{
    char *text = arena_print(arena, "%s%s", prefix, name);
    for (char *at = text + strlen(prefix); *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') {
            *at = (char)(*at - 'a' + 'A');
        } else if (!is_alphanumeric(*at)) {
            *at = '_';
        }
    }
    return text;
}
