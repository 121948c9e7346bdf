#include "source/git_choice.h"

#include "core/digest.h"
#include "core/text.h"
#include "source/answer.h"

#include <stdlib.h>
#include <string.h>

#define HEADS "refs/heads/"
#define TAGS  "refs/tags/"

enum { SHORT_COMMIT = 7, VALUES = 4 };

/* ---- What the spec asks for ---- */

/* git-check-ref-format, with `*` let through in a pattern. */
static const char *name_fault(const char *name, bool may_match)
{
    for (const char *at = name; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == '\x7F' || strchr("~^:?[\\", *at)) {
            return "has a character that no ref's name has";
        }
        if (*at == '*' && !may_match) {
            return "has a * in it: only tag takes a pattern";
        }
    }
    if (text_starts_with(name, "refs/")) {
        return "is a whole ref: write what comes behind refs/heads/ or refs/tags/";
    }
    bool has_empty = name[0] == '\0' || name[0] == '/' || text_ends_with(name, "/") ||
                     strstr(name, "//");
    if (has_empty || strstr(name, "..") || strstr(name, "@{") || text_ends_with(name, ".lock")) {
        return "is no ref's name (git check-ref-format)";
    }
    return git_can_say(name) ? NULL : "is too long, or not UTF-8";
}

/* What stands before, between and behind the stars. */
static void split_pattern(struct arena *arena, struct git_choice *choice)
{
    const char *at = choice->name;
    choice->parts = arena_array(arena, const char *, strlen(at) + 1);
    for (;;) {
        size_t size = strcspn(at, "*");
        choice->parts[choice->part_count++] = arena_copy_bytes(arena, at, size);
        if (at[size] == '\0') {
            return;
        }
        at += size + 1;
    }
}

static struct result read_name(struct arena *arena, const char *field, const char *folder,
                               const char *name, struct git_choice *choice, struct error *error)
{
    bool is_tag = text_equal(field, "tag");
    const char *fault = name_fault(name, is_tag);
    if (!fault && !git_can_say(arena_print(arena, "%s%s", folder, name))) {
        fault = "is too long, or not UTF-8";
    }
    if (fault) {
        return error_set(error, ERROR_INVALID, "spec.git.%s: \"%s\" %s", field,
                         source_show(arena, name, strlen(name)), fault);
    }
    choice->kind = field;
    choice->name = arena_print(arena, "%s%s", folder, name);
    split_pattern(arena, choice);
    choice->prefix = choice->parts[0];
    return RESULT_OK;
}

struct result git_choice_read(struct arena *arena, const struct git_source *source,
                              struct git_choice *choice, struct error *error)
{
    struct git_choice read = {.kind = "tag", .name = TAGS "*", .prefix = TAGS};
    int count = (source->branch != NULL) + (source->tag != NULL) + (source->semver != NULL);
    if (count != 1) {
        return error_set(error, ERROR_INVALID,
                         "spec.git: write one of branch, tag and semver, not %d", count);
    }
    if (source->branch) {
        TRY(read_name(arena, "branch", HEADS, source->branch, &read, error));
    }
    if (source->tag) {
        TRY(read_name(arena, "tag", TAGS, source->tag, &read, error));
    }
    if (source->semver) {
        struct result result = semver_range_parse(arena, source->semver, &read.range, error);
        if (!result_is_ok(result)) {
            error_add_context(error, "spec.git.semver");
            return result;
        }
        read.range_text = source->semver;
    }
    *choice = read;
    return RESULT_OK;
}

/* ---- What is found ---- */

static void find_nothing(struct arena *arena, const char *summary, struct source_finding *finding)
{
    *finding = (struct source_finding){.verdict = SOURCE_ABSENT,
                                       .summary = source_clip_summary(arena, summary)};
}

static void add_value(struct name_value *values, size_t *count, const char *name, const char *value)
{
    values[*count].name = name;
    values[*count].value = value;
    (*count)++;
}

/* `version`: NULL when it was not chosen by one. */
static void find_ref(struct arena *arena, const struct git_choice *choice,
                     const struct git_ref *ref, const char *version, struct source_finding *finding)
{
    struct name_value *values = arena_array(arena, struct name_value, VALUES);
    const char *printable = source_printable(arena, ref->name);
    size_t count = 0;
    add_value(values, &count, "ref", ref->name);
    add_value(values, &count, "commit", ref->commit);
    const char *folder = text_equal(choice->kind, "branch") ? HEADS : TAGS;
    add_value(values, &count, choice->kind, ref->name + strlen(folder));
    if (version) {
        add_value(values, &count, "version", version);
    }
    *finding = (struct source_finding){
        .verdict = SOURCE_FOUND,
        .revision = arena_print(arena, "%s@%s", printable, ref->commit),
        .summary = source_clip_summary(
            arena, arena_print(arena, "commit %.*s of %s", SHORT_COMMIT, ref->commit, printable)),
        .values = values,
        .value_count = count};
}

static void choose_by_name(struct arena *arena, const struct git_choice *choice,
                           const struct git_refs *refs, struct source_finding *finding)
{
    for (size_t at = 0; at < refs->count; at++) {
        if (text_equal(refs->items[at].name, choice->name)) {
            find_ref(arena, choice, &refs->items[at], NULL, finding);
            return;
        }
    }
    find_nothing(
        arena,
        arena_print(arena, "the repository has no %s", source_printable(arena, choice->name)),
        finding);
}

/* ---- By version ---- */

static void choose_by_version(struct arena *arena, const struct git_choice *choice,
                              const struct git_refs *refs, struct source_finding *finding)
{
    const struct git_ref *best = NULL;
    struct semver best_version = {0};
    for (size_t at = 0; at < refs->count; at++) {
        const struct git_ref *ref = &refs->items[at];
        struct semver version;
        if (!semver_parse(arena, ref->name + strlen(TAGS), &version) ||
            !semver_range_contains(choice->range, &version)) {
            continue;
        }
        int order = best ? semver_compare(&version, &best_version) : 1;
        /* v1.0.0 and 1.0.0, or 1.0.0+a and 1.0.0+b: the same one each time */
        if (order > 0 || (order == 0 && text_compare(ref->name, best->name) > 0)) {
            best = ref;
            best_version = version;
        }
    }
    if (!best) {
        find_nothing(arena,
                     arena_print(arena, "none of %zu tags is a version in %s", refs->count,
                                 choice->range_text),
                     finding);
        return;
    }
    const char *tag = best->name + strlen(TAGS);
    find_ref(arena, choice, best, tag + (tag[0] == 'v' ? 1 : 0), finding);
}

/* ---- By a pattern ---- */

/* The first part at the front, the last one at the end, the others in their order between. */
static bool matches(const struct git_choice *choice, const char *name)
{
    const char *last = choice->parts[choice->part_count - 1];
    const char *at = name + strlen(choice->prefix);
    if (!text_starts_with(name, choice->prefix)) {
        return false;
    }
    for (size_t part = 1; part + 1 < choice->part_count; part++) {
        at = strstr(at, choice->parts[part]);
        if (!at) {
            return false;
        }
        at += strlen(choice->parts[part]);
    }
    return text_ends_with(at, last);
}

static size_t digits_at(const char *at)
{
    return strspn(at, "0123456789");
}

/* By bytes, but runs of digits by their value. */
static int compare_names(const char *a, const char *b)
{
    const char *whole_a = a;
    const char *whole_b = b;
    while (*a && *b) {
        if (digits_at(a) == 0 || digits_at(b) == 0) {
            if (*a != *b) {
                return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            }
            a++;
            b++;
            continue;
        }
        a += strspn(a, "0");
        b += strspn(b, "0");
        size_t a_size = digits_at(a);
        size_t b_size = digits_at(b);
        int order = a_size != b_size ? (a_size < b_size ? -1 : 1) : strncmp(a, b, a_size);
        if (order != 0) {
            return order;
        }
        a += a_size;
        b += b_size;
    }
    return *a || *b ? (*a != '\0') - (*b != '\0') : strcmp(whole_a, whole_b);
}

static int compare_refs(const void *a, const void *b)
{
    const struct git_ref *left = a;
    const struct git_ref *right = b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : strcmp(left->commit, right->commit);
}

/* "NAME COMMIT" of each, one a line. */
static const char *digest_refs(struct arena *arena, const struct git_refs *refs)
{
    char *hex = arena_allocate(arena, DIGEST_HEX_SIZE, 1);
    struct digest *digest = digest_new();
    for (size_t at = 0; at < refs->count; at++) {
        const struct git_ref *ref = &refs->items[at];
        digest_update(digest, ref->name, strlen(ref->name));
        digest_update(digest, " ", 1);
        digest_update(digest, ref->commit, strlen(ref->commit));
        digest_update(digest, "\n", 1);
    }
    digest_finish(digest, hex);
    (void)digest_free(digest);
    return hex;
}

static void choose_by_pattern(struct arena *arena, const struct git_choice *choice,
                              const struct git_refs *refs, struct source_finding *finding)
{
    struct git_refs matching = {.items = arena_array(arena, struct git_ref, refs->count)};
    const struct git_ref *last = NULL;
    for (size_t at = 0; at < refs->count; at++) {
        const struct git_ref *ref = &refs->items[at];
        if (matches(choice, ref->name)) {
            matching.items[matching.count++] = *ref;
            last = !last || compare_names(ref->name, last->name) > 0 ? ref : last;
        }
    }
    const char *pattern = source_printable(arena, choice->name);
    if (!last) {
        find_nothing(arena, arena_print(arena, "no tag matches %s", pattern), finding);
        return;
    }
    qsort(matching.items, matching.count, sizeof(*matching.items), compare_refs);
    find_ref(arena, choice, last, NULL, finding);
    finding->revision = arena_print(arena, "%s@%s", pattern, digest_refs(arena, &matching));
    finding->summary = source_clip_summary(
        arena, arena_print(arena, "tags that match %s: %zu, the last by name is %s", pattern,
                           matching.count, finding->summary));
}

void git_choose(struct arena *arena, const struct git_choice *choice, const struct git_refs *refs,
                struct source_finding *finding)
{
    if (choice->range) {
        choose_by_version(arena, choice, refs, finding);
    } else if (choice->part_count > 1) {
        choose_by_pattern(arena, choice, refs, finding);
    } else {
        choose_by_name(arena, choice, refs, finding);
    }
}
