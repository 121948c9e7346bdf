#include "cli/backfill_report.h"

#include "cli/terminal.h"
#include "core/civil.h"
#include "core/text.h"

#include <string.h>

/* Bytes of a parameter's value in the table, and runs that are named one by one at the end. */
enum { VALUE_SHOWN = 64, RUNS_NAMED = 20 };

static const struct backfill_item *item_at(const struct backfill_report *report, size_t at)
{
    return &report->items[at];
}

size_t backfill_report_count(const struct backfill_report *report, enum backfill_state state)
{
    size_t count = 0;
    for (size_t at = 0; at < report->backfill->count; at++) {
        count += item_at(report, at)->state == state ? 1 : 0;
    }
    return count;
}

static void print_utc(FILE *out, int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    civil_format(time, text);
    (void)fputs(text, out);
}

static void print_padded(FILE *out, const char *text, size_t width)
{
    size_t size = strlen(text);
    terminal_print(out, text);
    (void)fprintf(out, "%*s", size < width ? (int)(width - size) : 0, "");
}

void backfill_report_head(const struct backfill_report *report)
{
    const struct backfill *backfill = report->backfill;
    const struct trigger *trigger = backfill->trigger;
    FILE *out = report->out;
    (void)fprintf(out, "Backfill of Trigger %s/%s (Pipeline %s): %zu time%s of \"",
                  trigger->meta.namespace, trigger->meta.name, backfill->pipeline->meta.name,
                  backfill->count, backfill->count == 1 ? "" : "s");
    terminal_print(out, trigger->spec.schedule.cron);
    (void)fprintf(out, "\" in %s, from ", zone_name(backfill->zone));
    print_utc(out, backfill->from);
    (void)fputs(" to before ", out);
    print_utc(out, backfill->to);
    (void)fputc('\n', out);
}

/* ---- The table ---- */

/* "would be created", "exists: Succeeded", "exists: Failed, with other parameters" */
static const char *describe(struct arena *arena, const struct backfill_item *item)
{
    switch (item->state) {
    case BACKFILL_ABSENT:
        return "would be created";
    case BACKFILL_TAKEN:
        return arena_print(arena, "name is taken: %s", item->note);
    default:
        return arena_print(arena, "exists: %s%s", text_or(item->phase, "Pending"),
                           item->is_outdated ? ", with other parameters" : "");
    }
}

static void print_params(FILE *out, const struct backfill_time *time)
{
    if (time->param_count == 0) {
        (void)fputc('-', out);
    }
    for (size_t at = 0; at < time->param_count; at++) {
        const struct name_value *param = &time->params[at];
        CLEANUP(arena_free) struct arena arena = {0};
        size_t shown = text_clip_utf8(param->value, VALUE_SHOWN);
        (void)fprintf(out, "%s%s=", at > 0 ? " " : "", param->name);
        terminal_print(out, arena_copy_bytes(&arena, param->value, shown));
        (void)fputs(param->value[shown] == '\0' ? "" : "...", out);
    }
}

struct widths {
    size_t local; /* 0: no such column, since the zone is UTC */
    size_t run;
    size_t state;
    size_t live;
};

static const char *print_local(struct arena *arena, const struct backfill *backfill, int64_t time)
{
    struct zone_period period = zone_period_at(backfill->zone, time);
    struct civil local = civil_from_unix(time + period.offset);
    return arena_print(arena, "%04lld-%02d-%02d %02d:%02d %s", (long long)local.year, local.month,
                       local.day, local.hour, local.minute, period.abbreviation);
}

static void widen(size_t *width, const char *text)
{
    size_t size = strlen(text);
    *width = size > *width ? size : *width;
}

static struct widths measure(struct arena *arena, const struct backfill_report *report)
{
    struct widths widths = {0};
    widen(&widths.run, "RUN");
    widen(&widths.state, "STATE");
    widen(&widths.live, "LIVE RUN");
    for (size_t at = 0; at < report->backfill->count; at++) {
        const struct backfill_item *item = item_at(report, at);
        if (report->backfill->zone != zone_utc()) {
            widen(&widths.local, print_local(arena, report->backfill, item->time->time));
        }
        widen(&widths.run, item->time->run);
        widen(&widths.state, describe(arena, item));
        widen(&widths.live, item->has_live ? item->time->live_run : "-");
    }
    return widths;
}

static void print_cells(FILE *out, const struct widths *widths, const char *const cells[])
{
    const size_t columns[] = {strlen("2026-01-31T03:00:00Z"), widths->local, widths->run,
                              widths->state, widths->live};
    for (size_t at = 0; at < sizeof(columns) / sizeof(columns[0]); at++) {
        if (columns[at] > 0) {
            print_padded(out, cells[at], columns[at]);
            (void)fputs("  ", out);
        }
    }
}

void backfill_report_table(const struct backfill_report *report)
{
    CLEANUP(arena_free) struct arena arena = {0};
    const struct widths widths = measure(&arena, report);
    static const char *const head[] = {"TIME", "LOCAL", "RUN", "STATE", "LIVE RUN"};
    print_cells(report->out, &widths, head);
    (void)fputs("PARAMETERS\n", report->out);
    for (size_t at = 0; at < report->backfill->count; at++) {
        const struct backfill_item *item = item_at(report, at);
        char time[CIVIL_TEXT_SIZE];
        civil_format(item->time->time, time);
        const char *const cells[] = {time, print_local(&arena, report->backfill, item->time->time),
                                     item->time->run, describe(&arena, item),
                                     item->has_live ? item->time->live_run : "-"};
        print_cells(report->out, &widths, cells);
        print_params(report->out, item->time);
        (void)fputc('\n', report->out);
    }
}

/* ---- Counts ---- */

/* "3 succeeded, 1 failed, 2 not made", but for one that goes without saying. */
static void print_counts(const struct backfill_report *report, enum backfill_state without)
{
    static const char *const words[BACKFILL_STATE_COUNT] = {
        [BACKFILL_SUCCEEDED] = "succeeded",       [BACKFILL_FAILED] = "failed",
        [BACKFILL_UNFINISHED] = "not ended yet",  [BACKFILL_DELETED] = "deleted",
        [BACKFILL_TAKEN] = "whose name is taken", [BACKFILL_ABSENT] = "not made",
    };
    static const enum backfill_state order[] = {BACKFILL_FAILED, BACKFILL_UNFINISHED,
                                                BACKFILL_DELETED, BACKFILL_TAKEN, BACKFILL_ABSENT};
    (void)fprintf(report->out, "%zu %s", backfill_report_count(report, BACKFILL_SUCCEEDED),
                  words[BACKFILL_SUCCEEDED]);
    for (size_t at = 0; at < sizeof(order) / sizeof(order[0]); at++) {
        size_t count = backfill_report_count(report, order[at]);
        if (count > 0 && order[at] != without) {
            (void)fprintf(report->out, ", %zu %s", count, words[order[at]]);
        }
    }
    (void)fputc('\n', report->out);
}

/* ---- On the way ---- */

void backfill_report_found(const struct backfill_report *report)
{
    size_t absent = backfill_report_count(report, BACKFILL_ABSENT);
    if (absent < report->backfill->count) {
        (void)fputs("from earlier calls: ", report->out);
        print_counts(report, BACKFILL_ABSENT);
    }
    (void)fflush(report->out);
}

static size_t count_ended(const struct backfill_report *report)
{
    return report->backfill->count - backfill_report_count(report, BACKFILL_ABSENT) -
           backfill_report_count(report, BACKFILL_UNFINISHED);
}

void backfill_report_line(const struct backfill_report *report, const struct backfill_item *item,
                          const char *what, const char *note)
{
    FILE *out = report->out;
    print_utc(out, item->time->time);
    (void)fprintf(out, "  %s  ", item->time->run);
    terminal_print(out, what);
    if (note) {
        (void)fputs(": ", out);
        terminal_print(out, note);
    }
    (void)fprintf(out, "  [%zu of %zu have ended]\n", count_ended(report), report->backfill->count);
    (void)fflush(out); /* somebody reads along, through a pipe or not */
}

/* ---- The end ---- */

/* "kubectl -n team delete pipelineruns a b c", as far as it is short enough to be read. */
static void print_deletion(const struct backfill_report *report,
                           bool (*is_meant)(const struct backfill_item *item))
{
    size_t named = 0;
    size_t more = 0;
    (void)fprintf(report->out, "  kubectl -n %s delete pipelineruns",
                  report->backfill->trigger->meta.namespace);
    for (size_t at = 0; at < report->backfill->count; at++) {
        const struct backfill_item *item = item_at(report, at);
        if (is_meant(item) && named < RUNS_NAMED) {
            (void)fprintf(report->out, " %s", item->time->run);
            named++;
        } else if (is_meant(item)) {
            more++;
        }
    }
    if (more > 0) {
        (void)fprintf(report->out, " (and %zu more)", more);
    }
    (void)fputc('\n', report->out);
}

static bool has_failed(const struct backfill_item *item)
{
    return item->state == BACKFILL_FAILED;
}

static bool is_outdated(const struct backfill_item *item)
{
    return item->is_outdated;
}

static size_t count_outdated(const struct backfill_report *report)
{
    size_t count = 0;
    for (size_t at = 0; at < report->backfill->count; at++) {
        count += item_at(report, at)->is_outdated ? 1 : 0;
    }
    return count;
}

void backfill_report_end(const struct backfill_report *report)
{
    FILE *out = report->out;
    size_t outdated = count_outdated(report);
    size_t left = backfill_report_count(report, BACKFILL_ABSENT) +
                  backfill_report_count(report, BACKFILL_UNFINISHED) +
                  backfill_report_count(report, BACKFILL_DELETED);
    (void)fprintf(out, "%zu time%s: ", report->backfill->count,
                  report->backfill->count == 1 ? "" : "s");
    print_counts(report, BACKFILL_STATE_COUNT);
    if (backfill_report_count(report, BACKFILL_FAILED) > 0) {
        (void)fputs("to make those that failed anew, delete them and give the same command "
                    "again:\n",
                    out);
        print_deletion(report, has_failed);
    }
    if (outdated > 0) {
        (void)fprintf(out,
                      "%zu had been made with other parameters than the Trigger gives now; to "
                      "make them anew, delete them and give the same command again:\n",
                      outdated);
        print_deletion(report, is_outdated);
    }
    if (left > 0) {
        (void)fputs("runs that are there go on by themselves; the same command again goes on from "
                    "here\n",
                    out);
    }
    (void)fflush(out);
}
