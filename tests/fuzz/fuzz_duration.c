/*
 * A duration is a bounded number of milliseconds, a time one within its calendar, or neither.
 * Input: the text.
 */

#include "fuzz/fuzz.h"

#include "api/quantity.h"
#include "core/civil.h"

/* 99999 of each unit: GEP-2257. */
#define DURATION_LARGEST (INT64_C(99999) * (3600000 + 60000 + 1000 + 1))

static void require_time(int64_t time)
{
    char text[CIVIL_TEXT_SIZE];
    struct civil civil = civil_from_unix(time);
    REQUIRE(civil_to_unix(&civil) == time);
    civil_format(time, text);
    int64_t again = 0;
    REQUIRE(civil.year < 0 || civil.year > 9999 || (civil_parse(text, &again) && again == time));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = fuzz_copy_text((struct fuzz_input){bytes, size});
    int64_t milliseconds = -1;
    int64_t time = 0;
    if (duration_parse(text, &milliseconds)) {
        REQUIRE(milliseconds >= 0 && milliseconds <= DURATION_LARGEST);
    } else {
        REQUIRE(milliseconds == -1);
    }
    if (civil_parse(text, &time)) {
        require_time(time);
    }
    (void)memory_free(text);
    return 0;
}
