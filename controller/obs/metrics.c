#include "obs/metrics.h"

#include "core/assert.h"
#include "core/map.h"
#include "core/memory.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS_PER_SECOND = 1000000, KEY_MAXIMUM = 4096, COLLECTORS_MAXIMUM = 16 };

/* What all sets of label values beyond the maximum are counted under. */
#define OVERFLOW_VALUE "_other"

/* Between label values in a key: no UTF-8 text holds it. */
#define KEY_SEPARATOR "\xFF"

enum metric_type { TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM };

static const char *const type_names[] = {
    [TYPE_COUNTER] = "counter", [TYPE_GAUGE] = "gauge", [TYPE_HISTOGRAM] = "histogram"};

struct series {
    char *values[METRIC_LABELS_MAXIMUM];
    int64_t value;     /* of a histogram: the sum */
    uint64_t count;    /* of a histogram */
    uint64_t *buckets; /* of a histogram: not cumulated, +Inf last */
};

struct metric {
    struct metric *next; /* by name */
    char *name;
    char *help;
    enum metric_type type;
    enum metric_unit unit;
    char *labels[METRIC_LABELS_MAXIMUM];
    size_t label_count;
    int64_t bounds[METRIC_BUCKETS_MAXIMUM];
    size_t bound_count;
    struct map series; /* key: values joined; struct series * */
    struct buffer key; /* of the series that was asked for last; kept for its memory */
};

struct collector {
    void (*collect)(void *context);
    void *context;
};

struct metrics {
    struct metric *first;
    struct collector collectors[COLLECTORS_MAXIMUM];
    size_t collector_count;
};

/* ---- The registry ---- */

struct metrics *metrics_new(void)
{
    return memory_allocate(1, sizeof(struct metrics));
}

static void free_series(struct series *series)
{
    for (size_t at = 0; at < METRIC_LABELS_MAXIMUM; at++) {
        memory_free(series->values[at]);
    }
    memory_free(series->buckets);
    memory_free(series);
}

static void free_metric(struct metric *metric)
{
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&metric->series, &at)) != NULL;) {
        free_series(entry->value);
    }
    map_free(&metric->series);
    buffer_free(&metric->key);
    for (size_t at = 0; at < metric->label_count; at++) {
        memory_free(metric->labels[at]);
    }
    memory_free(metric->name);
    memory_free(metric->help);
    memory_free(metric);
}

struct metrics *metrics_free(struct metrics *metrics)
{
    while (metrics && metrics->first) {
        struct metric *metric = metrics->first;
        metrics->first = metric->next;
        free_metric(metric);
    }
    return memory_free(metrics);
}

/* The data model's rule for names; labels have no colon. */
static bool is_name(const char *text, bool colon)
{
    for (const char *at = text; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
        bool digit = *at >= '0' && *at <= '9' && at != text;
        if (!letter && !digit && !(colon && *at == ':')) {
            return false;
        }
    }
    return text[0] != '\0';
}

static struct series *find_series(struct metric *metric, const char *const *labels);

static struct metric *add_metric(struct metrics *metrics, enum metric_type type, const char *name,
                                 const char *help, enum metric_unit unit, const char *const *labels)
{
    REQUIRE(is_name(name, true));
    REQUIRE(type != TYPE_COUNTER || text_ends_with(name, "_total"));
    struct metric *metric = memory_allocate(1, sizeof(*metric));
    metric->key = (struct buffer)BUFFER_INIT(KEY_MAXIMUM);
    metric->name = memory_copy_text(name);
    metric->help = memory_copy_text(help);
    metric->type = type;
    metric->unit = unit;
    for (size_t at = 0; labels && labels[at]; at++) {
        REQUIRE(at < METRIC_LABELS_MAXIMUM && is_name(labels[at], false));
        metric->labels[metric->label_count++] = memory_copy_text(labels[at]);
    }
    struct metric **place = &metrics->first;
    while (*place && strcmp((*place)->name, name) < 0) {
        place = &(*place)->next;
    }
    REQUIRE(!*place || strcmp((*place)->name, name) != 0);
    metric->next = *place;
    *place = metric;
    return metric;
}

static struct metric *with_first_series(struct metric *metric)
{
    if (metric->label_count == 0) {
        (void)find_series(metric, NO_LABELS);
    }
    return metric;
}

struct metric *metrics_add_counter(struct metrics *metrics, const char *name, const char *help,
                                   enum metric_unit unit, const char *const *labels)
{
    return with_first_series(add_metric(metrics, TYPE_COUNTER, name, help, unit, labels));
}

struct metric *metrics_add_gauge(struct metrics *metrics, const char *name, const char *help,
                                 enum metric_unit unit, const char *const *labels)
{
    return with_first_series(add_metric(metrics, TYPE_GAUGE, name, help, unit, labels));
}

struct metric *metrics_add_histogram(struct metrics *metrics, const char *name, const char *help,
                                     enum metric_unit unit, const char *const *labels,
                                     const int64_t *bounds, size_t bound_count)
{
    REQUIRE(bound_count > 0 && bound_count <= METRIC_BUCKETS_MAXIMUM);
    struct metric *metric = add_metric(metrics, TYPE_HISTOGRAM, name, help, unit, labels);
    for (size_t at = 0; at < bound_count; at++) {
        REQUIRE(at == 0 || bounds[at] > bounds[at - 1]);
        metric->bounds[at] = bounds[at];
    }
    metric->bound_count = bound_count;
    return with_first_series(metric);
}

void metrics_add_collector(struct metrics *metrics, void (*collect)(void *context), void *context)
{
    REQUIRE(metrics->collector_count < COLLECTORS_MAXIMUM);
    metrics->collectors[metrics->collector_count++] = (struct collector){collect, context};
}

/* ---- Values ---- */

/* Borrowed until the next call; NULL when the values are too long to be told apart. */
static const char *make_key(struct metric *metric, const char *const *labels)
{
    bool fits = true;
    buffer_clear(&metric->key);
    for (size_t at = 0; at < metric->label_count; at++) {
        REQUIRE(labels && labels[at]);
        fits = fits && result_is_ok(buffer_append_text(&metric->key, labels[at])) &&
               result_is_ok(buffer_append_text(&metric->key, KEY_SEPARATOR));
    }
    REQUIRE(metric->label_count == 0 ? !labels : !labels[metric->label_count]);
    return fits ? buffer_text(&metric->key) : NULL;
}

static struct series *add_series(struct metric *metric, const char *const *labels, const char *key)
{
    struct series *series = memory_allocate(1, sizeof(*series));
    for (size_t at = 0; at < metric->label_count; at++) {
        series->values[at] = memory_copy_text(labels[at]);
    }
    if (metric->type == TYPE_HISTOGRAM) {
        series->buckets = memory_allocate(metric->bound_count + 1, sizeof(series->buckets[0]));
    }
    (void)map_put(&metric->series, key, series);
    return series;
}

static struct series *find_series(struct metric *metric, const char *const *labels)
{
    const char *key = make_key(metric, labels);
    struct series *series = key ? map_get(&metric->series, key) : NULL;
    bool has_room = metric->series.count < METRIC_SERIES_MAXIMUM;
    if (!series && key && has_room) {
        series = add_series(metric, labels, key);
    }
    if (series) {
        return series;
    }
    const char *other[METRIC_LABELS_MAXIMUM + 1] = {0};
    for (size_t at = 0; at < metric->label_count; at++) {
        other[at] = OVERFLOW_VALUE;
    }
    series = map_get(&metric->series, OVERFLOW_VALUE);
    return series ? series : add_series(metric, other, OVERFLOW_VALUE);
}

void metric_add(struct metric *metric, const char *const *labels, int64_t amount)
{
    if (metric) {
        REQUIRE(metric->type == TYPE_GAUGE || (metric->type == TYPE_COUNTER && amount >= 0));
        find_series(metric, labels)->value += amount;
    }
}

void metric_set(struct metric *metric, const char *const *labels, int64_t value)
{
    if (metric) {
        REQUIRE(metric->type != TYPE_HISTOGRAM);
        find_series(metric, labels)->value = value;
    }
}

void metric_observe(struct metric *metric, const char *const *labels, int64_t value)
{
    if (!metric) {
        return;
    }
    REQUIRE(metric->type == TYPE_HISTOGRAM);
    struct series *series = find_series(metric, labels);
    size_t bucket = 0;
    while (bucket < metric->bound_count && value > metric->bounds[bucket]) {
        bucket++;
    }
    series->buckets[bucket]++;
    series->count++;
    series->value += value;
}

void metric_remove(struct metric *metric, const char *const *labels)
{
    if (!metric) {
        return;
    }
    const char *key = make_key(metric, labels);
    struct series *series = key ? map_remove(&metric->series, key) : NULL;
    if (series) {
        free_series(series);
    }
}

/* ---- The text ---- */

/* The first failure (the text is full) is kept; the rest is not written. */
struct writer {
    struct buffer *text;
    struct result result;
};

static void put(struct writer *writer, const char *text)
{
    if (result_is_ok(writer->result)) {
        writer->result = buffer_append_text(writer->text, text);
    }
}

static void put_escaped(struct writer *writer, const char *text, bool quotes)
{
    for (; *text; text++) {
        char one[2] = {*text, '\0'};
        if (*text == '\\') {
            put(writer, "\\\\");
        } else if (*text == '\n') {
            put(writer, "\\n");
        } else if (*text == '"' && quotes) {
            put(writer, "\\\"");
        } else {
            put(writer, one);
        }
    }
}

/* Micros as seconds, exactly: 1500000 is "1.5". */
static void put_seconds(struct writer *writer, int64_t micros)
{
    char number[48];
    uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    int length = snprintf(number, sizeof(number), "%s%" PRIu64 ".%06" PRIu64, micros < 0 ? "-" : "",
                          size / MICROSECONDS_PER_SECOND, size % MICROSECONDS_PER_SECOND);
    while (number[length - 1] == '0') {
        number[--length] = '\0';
    }
    if (number[length - 1] == '.') {
        number[--length] = '\0';
    }
    put(writer, number);
}

static void put_value(struct writer *writer, const struct metric *metric, int64_t value)
{
    if (metric->unit == METRIC_MICROSECONDS) {
        put_seconds(writer, value);
    } else if (result_is_ok(writer->result)) {
        writer->result = buffer_print(writer->text, "%" PRId64, value);
    }
}

static void put_count(struct writer *writer, uint64_t count)
{
    if (result_is_ok(writer->result)) {
        writer->result = buffer_print(writer->text, "%" PRIu64 "\n", count);
    }
}

/* name_suffix{label="value",...} , then a space, or the beginning of le="bound". */
static void put_labels(struct writer *writer, const struct metric *metric,
                       const struct series *series, const char *suffix, bool has_bound)
{
    put(writer, metric->name);
    put(writer, suffix);
    if (metric->label_count > 0 || has_bound) {
        put(writer, "{");
    }
    for (size_t at = 0; at < metric->label_count; at++) {
        put(writer, at > 0 ? "," : "");
        put(writer, metric->labels[at]);
        put(writer, "=\"");
        put_escaped(writer, series->values[at], true);
        put(writer, "\"");
    }
    if (has_bound) {
        put(writer, metric->label_count > 0 ? ",le=\"" : "le=\"");
    } else {
        put(writer, metric->label_count > 0 ? "} " : " ");
    }
}

static void put_histogram(struct writer *writer, const struct metric *metric,
                          const struct series *series)
{
    uint64_t cumulated = 0;
    for (size_t at = 0; at <= metric->bound_count; at++) {
        cumulated += series->buckets[at];
        put_labels(writer, metric, series, "_bucket", true);
        if (at < metric->bound_count) {
            put_value(writer, metric, metric->bounds[at]);
        } else {
            put(writer, "+Inf");
        }
        put(writer, "\"} ");
        put_count(writer, cumulated);
    }
    put_labels(writer, metric, series, "_sum", false);
    put_value(writer, metric, series->value);
    put(writer, "\n");
    put_labels(writer, metric, series, "_count", false);
    put_count(writer, series->count);
}

static void put_series(struct writer *writer, const struct metric *metric,
                       const struct series *series)
{
    if (metric->type == TYPE_HISTOGRAM) {
        put_histogram(writer, metric, series);
        return;
    }
    put_labels(writer, metric, series, "", false);
    put_value(writer, metric, series->value);
    put(writer, "\n");
}

static int compare_series(const void *left, const void *right)
{
    const struct series *a = *(const struct series *const *)left;
    const struct series *b = *(const struct series *const *)right;
    for (size_t at = 0; at < METRIC_LABELS_MAXIMUM; at++) {
        int order = text_compare(a->values[at], b->values[at]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static void put_metric(struct writer *writer, const struct metric *metric)
{
    put(writer, "# HELP ");
    put(writer, metric->name);
    put(writer, " ");
    put_escaped(writer, metric->help, false);
    put(writer, "\n# TYPE ");
    put(writer, metric->name);
    put(writer, " ");
    put(writer, type_names[metric->type]);
    put(writer, "\n");
    size_t count = 0;
    struct series **sorted = memory_allocate(metric->series.count, sizeof(sorted[0]));
    const struct map_entry *entry;
    for (size_t at = 0; (entry = map_next(&metric->series, &at)) != NULL;) {
        sorted[count++] = entry->value;
    }
    qsort(sorted, count, sizeof(sorted[0]), compare_series);
    for (size_t at = 0; at < count; at++) {
        put_series(writer, metric, sorted[at]);
    }
    memory_free(sorted);
}

struct result metrics_render(struct metrics *metrics, struct buffer *text)
{
    for (size_t at = 0; at < metrics->collector_count; at++) {
        metrics->collectors[at].collect(metrics->collectors[at].context);
    }
    struct writer writer = {.text = text, .result = RESULT_OK};
    for (const struct metric *metric = metrics->first; metric; metric = metric->next) {
        put_metric(&writer, metric);
    }
    return writer.result;
}
