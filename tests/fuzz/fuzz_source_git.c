/*
 * Whatever a Git server answers, the conversation ends, with a finding that can be kept or with an
 * error that can be shown. Input: what the spec asks for (b, t or s, then the text), a NUL, and the
 * answers' bodies with "\n\n" between, since they have NULs themselves.
 */

#include "fuzz/fuzz_source.h"

#include "source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const types[] = {"application/x-git-upload-pack-advertisement",
                                        "application/x-git-upload-pack-result"};
    struct fuzz_input input = {bytes, size};
    uint8_t kind = fuzz_take_byte(&input);
    char *text = fuzz_copy_text(fuzz_take_part(&input));
    struct trigger trigger = {.spec.git = {.url = "https://git.example/a.git",
                                           .branch = kind == 'b' ? text : NULL,
                                           .tag = kind == 't' ? text : NULL,
                                           .semver = kind != 'b' && kind != 't' ? text : NULL}};
    struct fuzz_talk talk;
    bool asks = fuzz_talk_begin(&talk, &trigger, NULL);
    for (size_t at = 0; asks; at++) {
        REQUIRE(at < COUNT_OF(types)); /* two requests are enough for any server */
        struct name_value type = {"content-type", types[at]};
        struct source_answer answer = {.status = 200, .headers = &type, .header_count = 1};
        asks = fuzz_talk_answer(&talk, &answer, fuzz_take_body(&input));
    }
    fuzz_talk_end(&talk);
    (void)memory_free(text);
    return 0;
}
