#include "io/process.h"

#include "core/buffer.h"
#include "core/text.h"
#include "io/file.h"
#include "obs/controller_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    STAT_MAXIMUM = 4096,
    MICROSECONDS_PER_SECOND = 1000000,
    NANOSECONDS_PER_MICROSECOND = 1000,
    START_TIME_FIELD = 22, /* of /proc/self/stat, proc(5); counted from 1 */
    COMMAND_FIELD = 2,
};

static int64_t micros_of(struct timeval time)
{
    return (int64_t)time.tv_sec * MICROSECONDS_PER_SECOND + time.tv_usec;
}

static void set_resident(struct controller_metrics *set)
{
    struct buffer text = BUFFER_INIT(STAT_MAXIMUM);
    long long pages;
    if (result_is_ok(file_read("/proc/self/statm", &text, NULL)) &&
        sscanf(buffer_text(&text), "%*s %lld", &pages) == 1) {
        metric_set(set->process_resident, NO_LABELS, pages * (int64_t)sysconf(_SC_PAGESIZE));
    }
    buffer_free(&text);
}

static void set_open_files(struct controller_metrics *set)
{
    DIR *folder = opendir("/proc/self/fd");
    if (!folder) {
        return;
    }
    int64_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    /* Not counted: "." and "..", and the descriptor of this very listing. */
    metric_set(set->process_open_files, NO_LABELS, count - 3);
}

static void collect(void *context)
{
    struct controller_metrics *set = context;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        metric_set(set->process_cpu, NO_LABELS,
                   micros_of(usage.ru_utime) + micros_of(usage.ru_stime));
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metric_set(set->process_maximum_files, NO_LABELS, (int64_t)limit.rlim_cur);
    }
    set_resident(set);
    set_open_files(set);
}

/* Clock ticks after the boot; the command before it may hold spaces, but ends at the last ')'. */
static bool read_start_ticks(long long *ticks)
{
    struct buffer text = BUFFER_INIT(STAT_MAXIMUM);
    bool found = false;
    if (result_is_ok(file_read("/proc/self/stat", &text, NULL))) {
        const char *at = strrchr(buffer_text(&text), ')');
        for (int field = COMMAND_FIELD; at && field < START_TIME_FIELD; field++) {
            at = strchr(at + 1, ' ');
        }
        found = at && sscanf(at, "%lld", ticks) == 1;
    }
    buffer_free(&text);
    return found;
}

static void set_start(struct controller_metrics *set)
{
    long long ticks;
    struct timespec now;
    struct timespec since_boot;
    if (!read_start_ticks(&ticks) || clock_gettime(CLOCK_REALTIME, &now) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
        return;
    }
    int64_t boot_micros = (int64_t)(now.tv_sec - since_boot.tv_sec) * MICROSECONDS_PER_SECOND +
                          (now.tv_nsec - since_boot.tv_nsec) / NANOSECONDS_PER_MICROSECOND;
    int64_t per_tick = MICROSECONDS_PER_SECOND / sysconf(_SC_CLK_TCK);
    metric_set(set->process_start, NO_LABELS, boot_micros + ticks * per_tick);
}

void process_register(struct metrics *metrics, struct controller_metrics *set)
{
    set_start(set);
    metrics_add_collector(metrics, collect, set);
}
