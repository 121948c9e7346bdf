/*
 * Whatever a registry answers, the conversation ends, no header breaks out of its line, and the
 * Secret goes nowhere but to the registry and where it says its tokens come from, over TLS. Input:
 * t or s, then the tag or range, a NUL; then answers with "\n\n" between: three digits of a status,
 * headers a line each, "\n\n", and the body.
 */

#include "fuzz/fuzz_source.h"

#include "source/source.h"

enum { HEADERS_MAXIMUM = 8, STATUS_DIGITS = 3 };

/* A line of the head without its end. */
static char *take_line(struct fuzz_input *head)
{
    const uint8_t *end = head->size > 0 ? memchr(head->bytes, '\n', head->size) : NULL;
    struct fuzz_input line = {head->bytes, end ? (size_t)(end - head->bytes) : head->size};
    size_t taken = line.size + (end ? 1 : 0);
    head->bytes += taken;
    head->size -= taken;
    return fuzz_copy_text(line);
}

static int take_status(struct fuzz_input *head)
{
    char *line = take_line(head);
    int64_t status = 0;
    bool is_status = strlen(line) == STATUS_DIGITS && text_parse_integer(line, &status);
    (void)memory_free(line);
    return is_status ? (int)status : 200;
}

static size_t take_headers(struct fuzz_input head, char **lines, struct name_value *headers)
{
    size_t count = 0;
    while (head.size > 0 && count < HEADERS_MAXIMUM) {
        lines[count] = take_line(&head);
        char *colon = strstr(lines[count], ": ");
        if (colon) {
            *colon = '\0';
        }
        headers[count].name = lines[count];
        headers[count].value = colon ? colon + 2 : "";
        count++;
    }
    return count;
}

static bool answer_one(struct fuzz_talk *talk, struct fuzz_input *input)
{
    char *lines[HEADERS_MAXIMUM];
    struct name_value headers[HEADERS_MAXIMUM];
    struct fuzz_input head = fuzz_take_body(input);
    struct source_answer answer = {.status = take_status(&head), .headers = headers};
    answer.header_count = take_headers(head, lines, headers);
    bool asks = fuzz_talk_answer(talk, &answer, fuzz_take_body(input));
    for (size_t at = 0; at < answer.header_count; at++) {
        (void)memory_free(lines[at]);
    }
    return asks;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct name_value items[] = {{"username", "u"}, {"password", "p"}};
    static const struct source_secret secret = {items, COUNT_OF(items)};
    struct fuzz_input input = {bytes, size};
    uint8_t kind = fuzz_take_byte(&input);
    char *text = fuzz_copy_text(fuzz_take_part(&input));
    struct trigger trigger = {.spec.image = {.repository = "registry.example/team/model",
                                             .tag = kind == 't' ? text : NULL,
                                             .semver = kind == 't' ? NULL : text}};
    struct fuzz_talk talk;
    bool asks = fuzz_talk_begin(&talk, &trigger, &secret);
    while (asks && input.size > 0) {
        asks = answer_one(&talk, &input);
    }
    fuzz_talk_end(&talk);
    (void)memory_free(text);
    return 0;
}
