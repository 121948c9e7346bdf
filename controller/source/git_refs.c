#include "source/git_refs.h"

#include "core/text.h"
#include "source/answer.h"
#include "source/pkt_line.h"

#include <string.h>

struct refs_reader {
    struct arena *arena;
    struct pkt_reader lines;
    const char *prefix;
    size_t hash_size;
    struct git_refs *refs;
    struct error *error;
};

static struct result fail(struct refs_reader *reader, const char *what)
{
    return error_set(reader->error, ERROR_INVALID,
                     "the server's list of refs is broken at byte %zu: %s", reader->lines.at, what);
}

bool git_can_say(const char *name)
{
    size_t printed = 0;
    for (const char *at = name; *at;) {
        size_t size = text_utf8_size(at, strlen(at));
        if (size == 0) {
            return false;
        }
        printed += size == 1 && *at > ' ' && *at <= '~' && *at != '%' ? 1 : size * strlen("%XX");
        at += size;
    }
    return printed <= GIT_NAME_LIMIT;
}

/* ---- One line ---- */

static bool is_hash(const char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        bool is_digit = (bytes[at] >= '0' && bytes[at] <= '9') ||
                        (bytes[at] >= 'a' && bytes[at] <= 'f');
        if (!is_digit) {
            return false;
        }
    }
    return true;
}

static bool begins_with(const char *bytes, size_t size, const char *prefix)
{
    return size >= strlen(prefix) && memcmp(bytes, prefix, strlen(prefix)) == 0;
}

/* git-check-ref-format, as far as it keeps what is shown and compared unambiguous. */
static bool is_name(const char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        if ((unsigned char)bytes[at] <= ' ' || bytes[at] == '\x7F') {
            return false;
        }
    }
    return size > 0;
}

/* NULL when the list is full. */
static struct git_ref *add_ref(struct refs_reader *reader)
{
    struct git_refs *refs = reader->refs;
    if (refs->count == GIT_REFS_LIMIT) {
        return NULL;
    }
    enum { FIRST_CAPACITY = 16 };
    bool is_full = refs->count == 0 ||
                   (refs->count >= FIRST_CAPACITY && (refs->count & (refs->count - 1)) == 0);
    if (is_full) {
        size_t capacity = refs->count == 0 ? FIRST_CAPACITY : refs->count * 2;
        struct git_ref *items = arena_array(reader->arena, struct git_ref, capacity);
        if (refs->count > 0) {
            memcpy(items, refs->items, refs->count * sizeof(*items));
        }
        refs->items = items;
    }
    return &refs->items[refs->count++];
}

static struct result keep_ref(struct refs_reader *reader, const char *name, size_t name_size,
                              const char *commit)
{
    if (!is_name(name, name_size)) {
        return fail(reader, "a name that no ref has");
    }
    reader->refs->seen++;
    if (!begins_with(name, name_size, reader->prefix) || name_size > GIT_NAME_LIMIT) {
        return RESULT_OK;
    }
    const char *copy = arena_copy_bytes(reader->arena, name, name_size);
    if (!git_can_say(copy)) {
        return RESULT_OK;
    }
    struct git_ref *ref = add_ref(reader);
    if (!ref) {
        return error_set(reader->error, ERROR_LIMIT, "more than %d refs begin with %s",
                         GIT_REFS_LIMIT, reader->prefix);
    }
    ref->name = copy;
    ref->commit = arena_copy_bytes(reader->arena, commit, reader->hash_size);
    return RESULT_OK;
}

/* The hash behind " peeled:" among the attributes; NULL when there is none that is whole. */
static const char *find_peeled(struct refs_reader *reader, const char *at, const char *end)
{
    static const char mark[] = "peeled:";
    while (at < end) {
        const char *next = memchr(at, ' ', (size_t)(end - at));
        const char *stop = next ? next : end;
        if (begins_with(at, (size_t)(stop - at), mark)) {
            at += strlen(mark);
            bool is_whole = (size_t)(stop - at) == reader->hash_size &&
                            is_hash(at, reader->hash_size);
            return is_whole ? at : NULL;
        }
        at = stop + 1;
    }
    return NULL;
}

/* gitprotocol-v2, ls-refs: obj-id SP refname *(SP ref-attribute). */
static struct result read_ref(struct refs_reader *reader, const char *line, size_t size)
{
    size_t hash_size = reader->hash_size;
    if (begins_with(line, size, "unborn ")) {
        return RESULT_OK;
    }
    if (size <= hash_size + 1 || !is_hash(line, hash_size) || line[hash_size] != ' ') {
        return fail(reader, "a line that does not begin with an object's name");
    }
    const char *name = line + hash_size + 1;
    const char *end = line + size;
    const char *space = memchr(name, ' ', (size_t)(end - name));
    const char *peeled = space ? find_peeled(reader, space + 1, end) : NULL;
    return keep_ref(reader, name, (size_t)((space ? space : end) - name), peeled ? peeled : line);
}

/* gitprotocol-pack, Reference Discovery: obj-id SP refname, and refname^{} behind its tag. */
static struct result read_old_ref(struct refs_reader *reader, const char *line, size_t size)
{
    static const char peeled[] = "^{}";
    size_t hash_size = reader->hash_size;
    if (begins_with(line, size, "shallow ")) {
        return RESULT_OK;
    }
    if (size <= hash_size + 1 || !is_hash(line, hash_size) || line[hash_size] != ' ') {
        return fail(reader, "a line that does not begin with an object's name");
    }
    const char *name = line + hash_size + 1;
    size_t name_size = size - hash_size - 1;
    size_t bare_size = name_size - strlen(peeled);
    bool is_peeled = name_size > strlen(peeled) &&
                     begins_with(name + bare_size, strlen(peeled), peeled);
    if (!is_peeled) {
        return keep_ref(reader, name, name_size, line);
    }
    struct git_ref *last = reader->refs->count > 0 ? &reader->refs->items[reader->refs->count - 1]
                                                   : NULL;
    if (last && strlen(last->name) == bare_size && memcmp(last->name, name, bare_size) == 0) {
        last->commit = arena_copy_bytes(reader->arena, line, hash_size);
    }
    return RESULT_OK;
}

/* ---- Whole answers ---- */

static struct result fail_line(struct refs_reader *reader, enum pkt_type type)
{
    return fail(reader, type == PKT_END ? "it ends too early" : "no length of a line");
}

/* "ERR ..." takes any line's place (gitprotocol-pack). */
static struct result check_refusal(struct refs_reader *reader, const char *line, size_t size)
{
    if (!begins_with(line, size, "ERR ")) {
        return RESULT_OK;
    }
    return error_set(reader->error, ERROR_INVALID, "the Git server says: \"%s\"",
                     source_show(reader->arena, line + 4, size - 4));
}

static struct result read_format(struct refs_reader *reader, const char *name, size_t size)
{
    if (size == strlen("sha1") && memcmp(name, "sha1", size) == 0) {
        reader->hash_size = GIT_HASH_SHA1;
        return RESULT_OK;
    }
    if (size == strlen("sha256") && memcmp(name, "sha256", size) == 0) {
        reader->hash_size = GIT_HASH_SHA256;
        return RESULT_OK;
    }
    return error_set(reader->error, ERROR_INVALID,
                     "the repository names its objects by \"%s\": only sha1 and sha256 are known",
                     source_show(reader->arena, name, size));
}

static const char object_format[] = "object-format=";

/* Capabilities of protocol 2, a line each. */
static struct result read_capabilities(struct refs_reader *reader)
{
    const char *line = NULL;
    size_t size = 0;
    bool has_refs = false;
    enum pkt_type type;
    while ((type = pkt_next(&reader->lines, &line, &size)) == PKT_DATA) {
        TRY(check_refusal(reader, line, size));
        if (begins_with(line, size, object_format)) {
            TRY(read_format(reader, line + strlen(object_format), size - strlen(object_format)));
        }
        has_refs = has_refs || (begins_with(line, size, "ls-refs") &&
                                (size == strlen("ls-refs") || line[strlen("ls-refs")] == '='));
    }
    if (type != PKT_FLUSH) {
        return fail_line(reader, type);
    }
    return has_refs ? RESULT_OK : fail(reader, "the server can't do ls-refs");
}

/* Of protocol 0: words with spaces between, behind a NUL in the first line. */
static struct result read_old_capabilities(struct refs_reader *reader, const char *at, size_t size)
{
    const char *end = at + size;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space ? space : end;
        if (begins_with(at, (size_t)(stop - at), object_format)) {
            at += strlen(object_format);
            TRY(read_format(reader, at, (size_t)(stop - at)));
        }
        at = stop + 1;
    }
    return RESULT_OK;
}

/* All refs, the first of which is `line` and has the capabilities. */
static struct result read_old_refs(struct refs_reader *reader, const char *line, size_t size)
{
    const char *nul = memchr(line, '\0', size);
    size_t first_size = nul ? (size_t)(nul - line) : size;
    if (nul) {
        TRY(read_old_capabilities(reader, nul + 1, size - first_size - 1));
    }
    bool is_empty = first_size > reader->hash_size &&
                    begins_with(line + reader->hash_size, first_size - reader->hash_size,
                                " capabilities^{}");
    if (!is_empty) {
        TRY(read_old_ref(reader, line, first_size));
    }
    enum pkt_type type;
    while ((type = pkt_next(&reader->lines, &line, &size)) == PKT_DATA) {
        TRY(check_refusal(reader, line, size));
        TRY(read_old_ref(reader, line, size));
    }
    return type == PKT_FLUSH ? RESULT_OK : fail_line(reader, type);
}

static bool is_line(const char *line, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(line, text, size) == 0;
}

/* Past "# service=..." and the flush behind it, which protocol 2 may leave out. */
static struct result open_advertisement(struct refs_reader *reader, enum pkt_type *type,
                                        const char **line, size_t *size)
{
    *type = pkt_next(&reader->lines, line, size);
    if (*type != PKT_DATA || !begins_with(*line, *size, "# service=")) {
        return RESULT_OK;
    }
    if (!is_line(*line, *size, "# service=git-upload-pack") ||
        pkt_next(&reader->lines, line, size) != PKT_FLUSH) {
        return fail(reader, "another service than git-upload-pack");
    }
    *type = pkt_next(&reader->lines, line, size);
    return RESULT_OK;
}

struct result git_parse_advertisement(struct arena *arena, const char *bytes, size_t size,
                                      const char *prefix, struct git_advertisement *advertisement,
                                      struct error *error)
{
    struct git_refs refs = {0};
    struct refs_reader reader = {.arena = arena,
                                 .lines = {.bytes = bytes, .size = size},
                                 .prefix = prefix,
                                 .hash_size = GIT_HASH_SHA1,
                                 .refs = &refs,
                                 .error = error};
    enum pkt_type type = PKT_END;
    const char *line = NULL;
    size_t line_size = 0;
    TRY(open_advertisement(&reader, &type, &line, &line_size));
    if (type == PKT_DATA && is_line(line, line_size, "version 1")) {
        type = pkt_next(&reader.lines, &line, &line_size);
    }
    bool is_version_2 = type == PKT_DATA && is_line(line, line_size, "version 2");
    if (type != PKT_DATA && type != PKT_FLUSH) {
        return fail_line(&reader, type);
    }
    if (type == PKT_DATA) {
        TRY(check_refusal(&reader, line, line_size));
        TRY(is_version_2 ? read_capabilities(&reader) : read_old_refs(&reader, line, line_size));
    }
    *advertisement = (struct git_advertisement){
        .is_version_2 = is_version_2, .hash_size = reader.hash_size, .refs = refs};
    return RESULT_OK;
}

struct result git_parse_refs(struct arena *arena, const char *bytes, size_t size,
                             const char *prefix, size_t hash_size, struct git_refs *refs,
                             struct error *error)
{
    struct git_refs found = {0};
    struct refs_reader reader = {.arena = arena,
                                 .lines = {.bytes = bytes, .size = size},
                                 .prefix = prefix,
                                 .hash_size = hash_size,
                                 .refs = &found,
                                 .error = error};
    const char *line = NULL;
    size_t line_size = 0;
    enum pkt_type type;
    while ((type = pkt_next(&reader.lines, &line, &line_size)) == PKT_DATA) {
        TRY(check_refusal(&reader, line, line_size));
        TRY(read_ref(&reader, line, line_size));
    }
    if (type != PKT_FLUSH) {
        return fail_line(&reader, type);
    }
    *refs = found;
    return RESULT_OK;
}
