#include "plan/trigger_due.h"

#include "core/text.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What came at or before this instant is too late to start. */
static int64_t deadline_border(const struct due_rules *rules)
{
    if (rules->deadline_seconds == INTEGER_ABSENT) {
        return rules->after;
    }
    int64_t border = rules->now - rules->deadline_seconds - 1;
    return border > rules->after ? border : rules->after;
}

static int64_t limit_kept(const struct due_rules *rules, const struct cron_window *eligible)
{
    const struct catch_up_spec *catch_up = rules->catch_up;
    if (text_equal(catch_up->policy, "None")) {
        return eligible->newest >= rules->now - TRIGGER_LIVE_SECONDS ? 1 : 0;
    }
    if (!text_equal(catch_up->policy, "All") || rules->newest_only) {
        return 1;
    }
    return catch_up->max > 0 ? smaller(catch_up->max, CATCH_UP_MAXIMUM) : CATCH_UP_DEFAULT;
}

/* The kept times, and the newest one that is not. */
static void name_times(struct arena *arena, const struct due_rules *rules, int64_t border,
                       struct due_times *due)
{
    size_t wanted = (size_t)due->kept + 1;
    int64_t *times = arena_array(arena, int64_t, wanted);
    size_t found = cron_newest(rules->cron, rules->zone, border, rules->now, times, wanted);
    if (due->kept > 0) {
        due->first = times[found - (size_t)due->kept];
        due->newest = times[found - 1];
    }
    if (due->skipped > 0) {
        due->newest_dropped = times[0];
    } else if (due->late > 0) {
        (void)cron_newest(rules->cron, rules->zone, rules->after, border, &due->newest_dropped, 1);
    }
}

struct due_times due_times_find(struct arena *arena, const struct due_rules *rules)
{
    struct due_times due = {0};
    struct cron_window all;
    cron_count_between(rules->cron, rules->zone, rules->after, rules->now, &all);
    if (all.count == 0) {
        return due;
    }
    int64_t border = deadline_border(rules);
    struct cron_window eligible = all;
    if (border > rules->after) {
        cron_count_between(rules->cron, rules->zone, border, rules->now, &eligible);
    }
    due.late = all.count - eligible.count;
    due.kept = eligible.count > 0 ? smaller(limit_kept(rules, &eligible), eligible.count) : 0;
    due.skipped = eligible.count - due.kept;
    due.oldest_dropped = all.oldest;
    name_times(arena, rules, border, &due);
    return due;
}
