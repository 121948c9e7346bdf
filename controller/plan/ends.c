#include "plan/ends.h"

#include "core/civil.h"
#include "core/hash.h"
#include "core/text.h"
#include "plan/run_phase.h"

#include <inttypes.h>
#include <string.h>

enum { END_DIGITS = 8 };

bool ends_counts(const struct pipeline_run *run)
{
    return run_phase_is_final(run->status.phase) && run->status.completion_time != TIME_ABSENT;
}

static bool ended_after(const struct pipeline_run *a, const struct pipeline_run *b)
{
    if (a->status.completion_time != b->status.completion_time) {
        return a->status.completion_time > b->status.completion_time;
    }
    return strcmp(a->meta.uid, b->meta.uid) > 0;
}

void ends_add(struct ends *ends, const struct pipeline_run *run)
{
    size_t place = ends->count;
    while (place > 0 && ended_after(run, ends->items[place - 1])) {
        place--;
    }
    if (place == ENDS_KNOWN) {
        return;
    }
    size_t moved = (ends->count < ENDS_KNOWN ? ends->count : ENDS_KNOWN - 1) - place;
    memmove(&ends->items[place + 1], &ends->items[place], moved * sizeof(ends->items[0]));
    ends->items[place] = run;
    ends->count += ends->count < ENDS_KNOWN ? 1 : 0;
}

static const char *print_end(struct arena *arena, const struct pipeline_run *run)
{
    return arena_print(arena, "%08" PRIx32, (uint32_t)hash_text(HASH_SEED, run->meta.uid));
}

const char *ends_print(struct arena *arena, const struct ends *ends)
{
    if (ends->count == 0) {
        return NULL;
    }
    char time[CIVIL_TEXT_SIZE];
    civil_format(ends->items[0]->status.completion_time, time);
    const char *text = arena_print(arena, "%s ", time);
    for (size_t at = 0; at < ends->count; at++) {
        text = arena_print(arena, "%s%s", text, print_end(arena, ends->items[at]));
    }
    return text;
}

static bool is_named(struct arena *arena, const char *mark, const struct pipeline_run *run)
{
    const char *names = mark ? strchr(mark, ' ') : NULL;
    const char *wanted = print_end(arena, run);
    for (size_t at = 1; names && at + END_DIGITS <= strlen(names); at += END_DIGITS) {
        if (memcmp(names + at, wanted, END_DIGITS) == 0) {
            return true;
        }
    }
    return false;
}

static int64_t time_of_mark(struct arena *arena, const char *mark)
{
    int64_t time = TIME_ABSENT;
    const char *space = mark ? strchr(mark, ' ') : NULL;
    if (space) {
        (void)civil_parse(arena_copy_bytes(arena, mark, (size_t)(space - mark)), &time);
    }
    return time;
}

size_t ends_list_new(struct arena *arena, const struct ends *ends, const char *mark,
                     const struct pipeline_run *fresh[ENDS_KNOWN])
{
    int64_t known = time_of_mark(arena, mark);
    bool older_is_named = false;
    size_t count = 0;
    for (size_t at = ends->count; at > 0; at--) {
        const struct pipeline_run *run = ends->items[at - 1];
        if (is_named(arena, mark, run)) {
            older_is_named = true;
        } else if (older_is_named || known == TIME_ABSENT || run->status.completion_time > known) {
            fresh[count++] = run;
        }
    }
    return count;
}
