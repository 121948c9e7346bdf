#include "source/bucket_list.h"

#include "core/civil.h"
#include "core/encoding.h"
#include "core/text.h"
#include "source/source.h"
#include "source/xml.h"

#include <string.h>

/* ---- The head of a page: servers write it before its objects, after them, or both ---- */

struct page_head {
    struct arena *arena;
    bool is_listing;
    bool is_escaped;
    bool is_truncated;
    const char *token;
};

static void take_head(void *context, const char *path, const char *text)
{
    struct page_head *head = context;
    if (!text_starts_with(path, "ListBucketResult")) {
        return;
    }
    const char *name = path + strlen("ListBucketResult");
    if (name[0] == '\0') {
        head->is_listing = true;
    } else if (text_equal(name, "/EncodingType")) {
        head->is_escaped = text_equal(text, "url");
    } else if (text_equal(name, "/IsTruncated")) {
        head->is_truncated = text_equal(text, "true");
    } else if (text_equal(name, "/NextContinuationToken") && !head->token) {
        head->token = arena_copy_text(head->arena, text);
    }
}

static struct result read_head(struct page_head *head, const char *bytes, size_t size,
                               struct error *error)
{
    TRY(xml_read(bytes, size, take_head, head, error));
    if (!head->is_listing) {
        return error_set(error, ERROR_INVALID,
                         "the answer is no listing of S3: see spec.bucket.endpoint");
    }
    if (head->is_truncated && text_is_empty(head->token)) {
        return error_set(error, ERROR_INVALID, "the listing is cut and has no token to go on");
    }
    if (head->is_truncated && strlen(head->token) > BUCKET_TOKEN_LIMIT) {
        return error_set(error, ERROR_LIMIT, "the listing's token is longer than %d bytes",
                         BUCKET_TOKEN_LIMIT);
    }
    return RESULT_OK;
}

/* ---- Its objects ---- */

struct page {
    struct bucket_listing *listing;
    struct arena scratch; /* of one object */
    bool is_escaped;
    bool is_broken;
    const char *key;
    const char *etag;
    const char *size;
    const char *modified;
};

/* Spaces are "+", as in forms; what is no escape after all stands for itself. */
static const char *unescape_key(struct arena *arena, const char *text)
{
    char *copy = arena_copy_text(arena, text);
    for (char *at = copy; *at; at++) {
        *at = *at == '+' ? ' ' : *at;
    }
    return text_or(percent_decode(arena, copy), text);
}

/* Adds to the sum: 256 bits, last byte first. */
static void add_digest(struct bucket_listing *listing, const unsigned char raw[DIGEST_SIZE])
{
    unsigned carry = 0;
    for (size_t at = DIGEST_SIZE; at-- > 0;) {
        carry += (unsigned)listing->sum[at] + raw[at];
        listing->sum[at] = (unsigned char)(carry & 0xFFU);
        carry >>= 8;
    }
}

static bool is_newer(const struct bucket_object *object, int64_t modified, const char *key)
{
    return modified != object->modified ? modified > object->modified
                                        : strcmp(key, object->key) < 0;
}

/* Control characters would break lists and lines. */
static bool can_be_named(const char *key)
{
    for (; *key; key++) {
        if ((unsigned char)*key < ' ' || *key == 0x7F) {
            return false;
        }
    }
    return true;
}

static void keep_newest(struct bucket_top *top, const struct page *page, const char *key,
                        int64_t modified)
{
    size_t place = top->count;
    while (place > 0 && is_newer(&top->items[place - 1], modified, key)) {
        place--;
    }
    if (place == BUCKET_NEWEST || !can_be_named(key)) {
        return;
    }
    top->count += top->count < BUCKET_NEWEST ? 1 : 0;
    memmove(&top->items[place + 1], &top->items[place],
            (top->count - 1 - place) * sizeof(top->items[0]));
    struct bucket_object *object = &top->items[place];
    *object = (struct bucket_object){.modified = modified};
    memcpy(object->key, key, strlen(key));
    if (strlen(page->etag) <= BUCKET_ETAG_LIMIT) {
        memcpy(object->etag, page->etag, strlen(page->etag));
    }
}

/* `raw`: the digest of key, version and size. */
static void count_object(struct page *page, const char *key, const unsigned char raw[DIGEST_SIZE])
{
    struct bucket_listing *listing = page->listing;
    int64_t modified = TIME_ABSENT;
    if (!civil_parse(page->modified, &modified)) {
        modified = TIME_ABSENT;
    }
    add_digest(listing, raw);
    listing->count++;
    keep_newest(&listing->newest, page, key, modified);
    bucket_mark_add(&listing->mark, raw, modified);
    if (bucket_mark_is_new(&listing->before, raw, modified)) {
        listing->fresh_count++;
        keep_newest(&listing->fresh, page, key, modified);
    }
}

static bool is_wanted(const struct bucket_listing *listing, const char *key)
{
    if (!text_starts_with(key, listing->prefix)) {
        return false;
    }
    const char *rest = key + strlen(listing->prefix);
    return !listing->pattern || glob_matches(listing->pattern, rest, strlen(rest));
}

static void add_object(struct page *page)
{
    struct bucket_listing *listing = page->listing;
    const char *key = page->is_escaped ? unescape_key(&page->scratch, page->key) : page->key;
    if (key[0] == '\0' || strlen(key) > BUCKET_KEY_LIMIT) {
        page->is_broken = true;
        return;
    }
    if (!is_wanted(listing, key)) {
        return;
    }
    unsigned char raw[DIGEST_SIZE];
    /* With their lengths, or one key could look like another one and its ETag. */
    const char *version = page->etag[0] ? page->etag : page->modified;
    const char *line = arena_print(&page->scratch, "%zu:%s %zu:%s %s", strlen(key), key,
                                   strlen(version), version, page->size);
    digest_raw(line, strlen(line), raw);
    count_object(page, key, raw);
}

static void take_object(void *context, const char *path, const char *text)
{
    struct page *page = context;
    static const char folder[] = "ListBucketResult/Contents";
    if (page->is_broken || !text_starts_with(path, folder)) {
        return;
    }
    const char *name = path + sizeof(folder) - 1;
    const char **member = text_equal(name, "/Key")            ? &page->key
                          : text_equal(name, "/ETag")         ? &page->etag
                          : text_equal(name, "/Size")         ? &page->size
                          : text_equal(name, "/LastModified") ? &page->modified
                                                              : NULL;
    if (member) {
        *member = arena_copy_text(&page->scratch, text);
    } else if (name[0] == '\0') {
        add_object(page);
        page->key = page->etag = page->size = page->modified = "";
        arena_reset(&page->scratch);
    }
}

struct result bucket_read_page(struct arena *arena, struct bucket_listing *listing,
                               const char *bytes, size_t size, const char **token,
                               struct error *error)
{
    struct page_head head = {.arena = arena};
    *token = NULL;
    if (size == 0) {
        return error_set(error, ERROR_INVALID, "the answer is empty");
    }
    TRY(read_head(&head, bytes, size, error));
    struct page page = {.listing = listing,
                        .is_escaped = head.is_escaped,
                        .key = "",
                        .etag = "",
                        .size = "",
                        .modified = ""};
    struct result result = xml_read(bytes, size, take_object, &page, error);
    arena_free(&page.scratch);
    TRY(result);
    if (page.is_broken) {
        return error_set(error, ERROR_INVALID,
                         "the listing has an object without a key, or with one over %d bytes",
                         BUCKET_KEY_LIMIT);
    }
    *token = head.is_truncated ? head.token : NULL;
    return RESULT_OK;
}

/* ---- What it all comes to ---- */

const char *bucket_digest(struct arena *arena, const struct bucket_listing *listing)
{
    char hex[DIGEST_HEX_SIZE];
    digest_format(listing->sum, hex);
    return arena_copy_text(arena, hex);
}

/* Keys, newest first, as many as fit. */
static const char *join_keys(struct arena *arena, const struct bucket_top *top)
{
    char *joined = arena_allocate(arena, 1, SOURCE_VALUE_LIMIT + 1);
    size_t used = 0;
    for (size_t at = 0; at < top->count; at++) {
        size_t size = strlen(top->items[at].key);
        size_t line = at > 0 ? 1 : 0;
        if (used + line + size > SOURCE_VALUE_LIMIT) {
            break;
        }
        memcpy(joined + used, "\n", line);
        memcpy(joined + used + line, top->items[at].key, size);
        used += line + size;
    }
    return joined;
}

/* Of the newest one. */
static size_t newest_values(struct arena *arena, const struct bucket_object *newest,
                            struct name_value *values)
{
    size_t count = 0;
    if (newest->etag[0]) {
        values[count++] = (struct name_value){"newest-etag", arena_copy_text(arena, newest->etag)};
    }
    if (newest->modified != TIME_ABSENT) {
        char *time = arena_allocate(arena, 1, CIVIL_TEXT_SIZE);
        civil_format(newest->modified, time);
        values[count++] = (struct name_value){"newest-time", time};
    }
    return count;
}

size_t bucket_values(struct arena *arena, const struct bucket_listing *listing,
                     struct name_value *values)
{
    size_t count = 0;
    values[count++] = (struct name_value){"count", arena_print(arena, "%zu", listing->count)};
    if (listing->newest.count > 0) {
        const struct bucket_object *newest = &listing->newest.items[0];
        values[count++] = (struct name_value){"newest", arena_copy_text(arena, newest->key)};
        values[count++] = (struct name_value){"objects", join_keys(arena, &listing->newest)};
        count += newest_values(arena, newest, values + count);
    }
    values[count++] = (struct name_value){"new-count",
                                          arena_print(arena, "%zu", listing->fresh_count)};
    values[count++] = (struct name_value){"new-objects", join_keys(arena, &listing->fresh)};
    values[count++] = (struct name_value){
        "revision", arena_print(arena, "sha256:%s", bucket_digest(arena, listing))};
    return count;
}

struct error_reader {
    struct arena *arena;
    struct bucket_error found;
};

static void take_error(void *context, const char *path, const char *text)
{
    struct error_reader *reader = context;
    if (text_equal(path, "Error/Code")) {
        reader->found.code = arena_copy_text(reader->arena, text);
    } else if (text_equal(path, "Error/Message")) {
        reader->found.message = arena_copy_text(reader->arena, text);
    }
}

bool bucket_read_error(struct arena *arena, const char *bytes, size_t size,
                       struct bucket_error *refusal)
{
    struct error_reader reader = {.arena = arena, .found = {.message = ""}};
    if (!result_is_ok(xml_read(bytes, size, take_error, &reader, NULL)) || !reader.found.code) {
        return false;
    }
    *refusal = reader.found;
    return true;
}
