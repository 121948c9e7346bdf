/*
 * An expression is a schedule or an error with its place; next, count and newest agree, and cost
 * does not grow with the number of firings. Input: zone, four bytes of a time, the expression.
 */

#include "fuzz/fuzz_clock.h"

#include "plan/cron.h"

#include <time.h>

enum { FIRINGS = 24, SPAN_DAYS = 800, DAY_SECONDS = 86400, BUDGET_MS = 1000 };

static int64_t cpu_ms(void)
{
    struct timespec now;
    REQUIRE(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void require_agreement(const struct cron *cron, const struct zone *zone, int64_t after)
{
    int64_t until = after + (int64_t)SPAN_DAYS * DAY_SECONDS;
    int64_t times[FIRINGS];
    struct cron_window window;
    cron_count_between(cron, zone, after, until, &window);
    size_t newest = cron_newest(cron, zone, after, until, times, FIRINGS);
    int64_t first = 0;
    bool found = cron_next(cron, zone, after, &first) && first <= until;
    REQUIRE(window.count >= 0 && found == (window.count > 0));
    REQUIRE(newest == (window.count < FIRINGS ? (size_t)window.count : FIRINGS));
    REQUIRE(!found || (window.oldest == first && window.newest == times[newest - 1]));
    for (size_t at = 1; at < newest; at++) {
        int64_t next = 0;
        REQUIRE(cron_next(cron, zone, times[at - 1], &next) && next == times[at]);
    }
}

static void require_place(struct fuzz_input text, const struct cron_place *place)
{
    REQUIRE(place->field && place->column >= 1 && place->length >= 1);
    REQUIRE(place->column - 1 <= text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    uint8_t zone = fuzz_take_byte(&input);
    int64_t after = 0;
    for (int at = 0; at < 4; at++) {
        after = after * 256 + fuzz_take_byte(&input);
    }
    struct arena arena = {0};
    char *expression = fuzz_copy_text(input);
    const struct cron *cron = NULL;
    struct cron_place place = {0};
    struct error error = {0};
    int64_t start = cpu_ms();
    if (!result_is_ok(cron_parse_placed(&arena, expression, &cron, &place, &error))) {
        fuzz_require_message(&error);
        require_place(input, &place);
        for (const char *at = error.message; *at; at++) {
            REQUIRE(*at >= ' ' && *at <= '~');
        }
    } else {
        require_agreement(cron, fuzz_load_zone(&arena, zone), after);
    }
    REQUIRE(cpu_ms() - start < BUDGET_MS);
    arena_free(&arena);
    (void)memory_free(expression);
    return 0;
}
