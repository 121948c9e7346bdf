/*
 * Any Trigger, Pipeline and range give an error with a message, or times in order and in the range,
 * no more than may be, whose runs are told for what they are when they are read again. Input: zone,
 * then --from, --to, the Trigger and the Pipeline as JSON, with a NUL behind each.
 */

#include "fuzz/fuzz_clock.h"

#include "api/codec.h"
#include "core/text.h"
#include "plan/backfill.h"
#include "plan/cron.h"

enum { NOW = 1893456000 }; /* 2030-01-01T00:00:00Z */

static const struct object *decode(struct arena *arena, enum api_kind kind,
                                   struct fuzz_input *input)
{
    struct fuzz_input part = fuzz_take_part(input);
    char *json = fuzz_copy_bytes(part);
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, kind, json, part.size, &object, &error);
    (void)memory_free(json);
    return result_is_ok(result) ? object : NULL;
}

static void require_run(struct arena *arena, const struct backfill *backfill,
                        const struct backfill_time *time)
{
    const char *body = backfill_render(arena, backfill, time);
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, KIND_PIPELINE_RUN, body, strlen(body), &object,
                                        &error);
    REQUIRE(result_is_ok(result));
    const struct pipeline_run *run = (const struct pipeline_run *)object;
    REQUIRE(text_equal(run->meta.name, time->run) && run->meta.owner_count == 0);
    REQUIRE(!text_map_get(&run->meta.annotations, ANNOTATION_TRIGGER_UID));
    REQUIRE(!backfill_find_stranger(arena, backfill, time, run));
    REQUIRE(backfill_is_current(time, run));
}

static void require_backfill(struct arena *arena, const struct backfill *backfill)
{
    REQUIRE(backfill->from < backfill->to && backfill->to <= NOW);
    REQUIRE(backfill->count <= BACKFILL_TIMES_MAXIMUM);
    const struct cron *cron = NULL;
    struct result result = cron_parse(arena, backfill->trigger->spec.schedule.cron, &cron, NULL);
    REQUIRE(result_is_ok(result));
    struct cron_window window;
    cron_count_between(cron, backfill->zone, backfill->from - 1, backfill->to - 1, &window);
    REQUIRE(window.count == (int64_t)backfill->count);
    for (size_t at = 0; at < backfill->count; at++) {
        const struct backfill_time *time = &backfill->times[at];
        REQUIRE(time->time >= backfill->from && time->time < backfill->to);
        REQUIRE(at == 0 || time->time > backfill->times[at - 1].time);
        REQUIRE(at == 0 || !text_equal(time->run, backfill->times[at - 1].run));
        REQUIRE(!text_equal(time->run, time->live_run));
    }
    if (backfill->count > 0) {
        require_run(arena, backfill, &backfill->times[0]);
    }
    for (size_t at = 0; at < backfill->warning_count; at++) {
        REQUIRE(!text_is_empty(backfill->warnings[at]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz_input input = {bytes, size};
    struct arena arena = {0};
    const struct zone *zone = fuzz_load_zone(&arena, fuzz_take_byte(&input));
    char *from = fuzz_copy_text(fuzz_take_part(&input));
    char *to = fuzz_copy_text(fuzz_take_part(&input));
    const struct trigger *trigger = (const struct trigger *)decode(&arena, KIND_TRIGGER, &input);
    const struct backfill_request request = {
        .trigger = trigger,
        .pipeline = (const struct pipeline *)decode(&arena, KIND_PIPELINE, &input),
        .zone = zone,
        .from = from,
        .to = to,
        .now = NOW};
    struct backfill backfill;
    struct error error = {0};
    if (trigger && result_is_ok(backfill_plan(&arena, &request, &backfill, &error))) {
        require_backfill(&arena, &backfill);
    } else if (trigger) {
        fuzz_require_message(&error);
    }
    arena_free(&arena);
    (void)memory_free(from);
    (void)memory_free(to);
    return 0;
}
