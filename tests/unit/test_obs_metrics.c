#include "support/test.h"

#include "core/text.h"
#include "obs/controller_metrics.h"
#include "obs/metrics.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAXIMUM = 1024 * 1024 };

static void assert_renders(struct metrics *metrics, const char *expected)
{
    struct buffer text = BUFFER_INIT(TEXT_MAXIMUM);
    assert_true(result_is_ok(metrics_render(metrics, &text)));
    assert_string_equal(buffer_text(&text), expected);
    buffer_free(&text);
}

static void every_kind_of_metric_is_written_in_the_text_format(void **state)
{
    (void)state;
    static const int64_t bounds[] = {1000, 500000, 2000000};
    struct metrics *metrics = metrics_new();
    struct metric *seconds = metrics_add_histogram(metrics, "c_seconds", "How long.",
                                                   METRIC_MICROSECONDS, LABELS("kind"), bounds,
                                                   COUNT_OF(bounds));
    struct metric *requests = metrics_add_counter(metrics, "b_total", "Line\nbreak, back\\slash.",
                                                  METRIC_COUNT, LABELS("method", "code"));
    struct metric *depth = metrics_add_gauge(metrics, "a_depth", "How deep.", METRIC_COUNT,
                                             NO_LABELS);
    metric_add(requests, LABELS("POST", "201"), 2);
    metric_add(requests, LABELS("GET", "a\"b\\c\nd"), 1);
    metric_add(requests, LABELS("POST", "201"), 3);
    metric_set(depth, NO_LABELS, -4);
    metric_observe(seconds, LABELS("run"), 1000);
    metric_observe(seconds, LABELS("run"), 1001);
    metric_observe(seconds, LABELS("run"), 9000000);
    assert_renders(metrics, "# HELP a_depth How deep.\n"
                            "# TYPE a_depth gauge\n"
                            "a_depth -4\n"
                            "# HELP b_total Line\\nbreak, back\\\\slash.\n"
                            "# TYPE b_total counter\n"
                            "b_total{method=\"GET\",code=\"a\\\"b\\\\c\\nd\"} 1\n"
                            "b_total{method=\"POST\",code=\"201\"} 5\n"
                            "# HELP c_seconds How long.\n"
                            "# TYPE c_seconds histogram\n"
                            "c_seconds_bucket{kind=\"run\",le=\"0.001\"} 1\n"
                            "c_seconds_bucket{kind=\"run\",le=\"0.5\"} 2\n"
                            "c_seconds_bucket{kind=\"run\",le=\"2\"} 2\n"
                            "c_seconds_bucket{kind=\"run\",le=\"+Inf\"} 3\n"
                            "c_seconds_sum{kind=\"run\"} 9.002001\n"
                            "c_seconds_count{kind=\"run\"} 3\n");
    (void)metrics_free(metrics);
}

static void a_metric_without_labels_is_there_from_the_start(void **state)
{
    (void)state;
    static const int64_t bounds[] = {5};
    struct metrics *metrics = metrics_new();
    (void)metrics_add_counter(metrics, "x_total", "X.", METRIC_COUNT, NO_LABELS);
    (void)metrics_add_histogram(metrics, "y", "Y.", METRIC_COUNT, NO_LABELS, bounds, 1);
    (void)metrics_add_counter(metrics, "z_total", "Z.", METRIC_COUNT, LABELS("a"));
    assert_renders(metrics, "# HELP x_total X.\n# TYPE x_total counter\nx_total 0\n"
                            "# HELP y Y.\n# TYPE y histogram\n"
                            "y_bucket{le=\"5\"} 0\ny_bucket{le=\"+Inf\"} 0\ny_sum 0\ny_count 0\n"
                            "# HELP z_total Z.\n# TYPE z_total counter\n");
    (void)metrics_free(metrics);
}

static void microseconds_are_exact_seconds(void **state)
{
    (void)state;
    static const struct {
        int64_t micros;
        const char *seconds;
    } rows[] = {
        {0, "0"},
        {1, "0.000001"},
        {100000, "0.1"},
        {300000, "0.3"},
        {1000000, "1"},
        {10000000, "10"},
        {-1500000, "-1.5"},
        {1234567, "1.234567"},
        {INT64_MAX, "9223372036854.775807"},
        {INT64_MIN, "-9223372036854.775808"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct metrics *metrics = metrics_new();
        struct metric *gauge = metrics_add_gauge(metrics, "g", "G.", METRIC_MICROSECONDS,
                                                 NO_LABELS);
        metric_set(gauge, NO_LABELS, rows[at].micros);
        char expected[128];
        (void)snprintf(expected, sizeof(expected), "# HELP g G.\n# TYPE g gauge\ng %s\n",
                       rows[at].seconds);
        assert_renders(metrics, expected);
        (void)metrics_free(metrics);
    }
}

static size_t count_lines(const char *text, const char *prefix)
{
    size_t count = 0;
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n' ? 1 : 0;
        count += text_starts_with(line, prefix) ? 1 : 0;
    }
    return count;
}

static void label_values_are_bounded(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *counter = metrics_add_counter(metrics, "x_total", "X.", METRIC_COUNT,
                                                 LABELS("a", "b"));
    for (int at = 0; at < METRIC_SERIES_MAXIMUM + 500; at++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "v%d", at);
        metric_add(counter, LABELS(value, "b"), 1);
    }
    metric_add(counter, LABELS("v0", "b"), 1); /* those known are still told apart */
    char wide[8192];
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    metric_add(counter, LABELS(wide, "b"), 1);
    struct buffer text = BUFFER_INIT(TEXT_MAXIMUM);
    assert_true(result_is_ok(metrics_render(metrics, &text)));
    assert_int_equal(count_lines(buffer_text(&text), "x_total{"), METRIC_SERIES_MAXIMUM + 1);
    assert_non_null(strstr(buffer_text(&text), "x_total{a=\"_other\",b=\"_other\"} 501\n"));
    assert_non_null(strstr(buffer_text(&text), "x_total{a=\"v0\",b=\"b\"} 2\n"));
    buffer_free(&text);
    (void)metrics_free(metrics);
}

static void values_are_not_mixed_up_across_labels(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *gauge = metrics_add_gauge(metrics, "x", "X.", METRIC_COUNT, LABELS("a", "b"));
    metric_set(gauge, LABELS("p", "qr"), 1);
    metric_set(gauge, LABELS("pq", "r"), 2);
    metric_set(gauge, LABELS("", "pqr"), 3);
    metric_remove(gauge, LABELS("pq", "r"));
    metric_remove(gauge, LABELS("never", "there"));
    assert_renders(metrics, "# HELP x X.\n# TYPE x gauge\n"
                            "x{a=\"\",b=\"pqr\"} 3\nx{a=\"p\",b=\"qr\"} 1\n");
    (void)metrics_free(metrics);
}

static void set_it(void *context)
{
    metric_set(context, NO_LABELS, 42);
}

static void a_collector_is_asked_at_each_rendering(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric *gauge = metrics_add_gauge(metrics, "x", "X.", METRIC_COUNT, NO_LABELS);
    metrics_add_collector(metrics, set_it, gauge);
    assert_renders(metrics, "# HELP x X.\n# TYPE x gauge\nx 42\n");
    (void)metrics_free(metrics);
}

static void a_text_over_the_limit_is_an_error(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    (void)metrics_add_gauge(metrics, "x", "X.", METRIC_COUNT, NO_LABELS);
    struct buffer text = BUFFER_INIT(10);
    assert_int_equal(metrics_render(metrics, &text).kind, ERROR_LIMIT);
    buffer_free(&text);
    (void)metrics_free(metrics);
}

static void a_metric_that_is_not_there_counts_nothing(void **state)
{
    (void)state;
    metric_add(NULL, LABELS("x"), 1);
    metric_set(NULL, NO_LABELS, 1);
    metric_observe(NULL, NO_LABELS, 1);
    metric_remove(NULL, NO_LABELS);
}

/* Prometheus' conventions: a unit in the name, _total for counters, our prefix. */
static void the_controller_s_metrics_are_named_by_convention(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct controller_metrics set = {0};
    controller_metrics_register(&set, metrics, "1.2.3");
    metric_add(set.requests, LABELS("GET", "pods", "200"), 1);
    metric_observe(set.reconcile_duration, LABELS("PipelineRun"), 1500);
    struct buffer text = BUFFER_INIT(TEXT_MAXIMUM);
    assert_true(result_is_ok(metrics_render(metrics, &text)));
    static const char *const lines[] = {
        "\ntidemill_build_info{version=\"1.2.3\"} 1\n",
        "\ntidemill_requests_total{method=\"GET\",resource=\"pods\",code=\"200\"} 1\n",
        "\ntidemill_reconcile_duration_seconds_sum{kind=\"PipelineRun\"} 0.0015\n",
        "\ntidemill_queue_depth 0\n",
        "\ntidemill_steps_running 0\n",
        "\ntidemill_writes_held_back_total 0\n",
        "\n# TYPE tidemill_watch_events_total counter\n",
        "\n# TYPE tidemill_reconcile_errors_total counter\n",
        "\n# TYPE tidemill_runs_total counter\n",
        "\n# TYPE process_cpu_seconds_total counter\n",
        "\nprocess_resident_memory_bytes 0\n",
        "\nprocess_open_fds 0\n",
        "\nprocess_start_time_seconds 0\n",
    };
    for (size_t at = 0; at < COUNT_OF(lines); at++) {
        if (!strstr(buffer_text(&text), lines[at])) {
            fail_msg("not there: %s", lines[at]);
        }
    }
    buffer_free(&text);
    (void)metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_metric_is_written_in_the_text_format),
        cmocka_unit_test(a_metric_without_labels_is_there_from_the_start),
        cmocka_unit_test(microseconds_are_exact_seconds),
        cmocka_unit_test(label_values_are_bounded),
        cmocka_unit_test(values_are_not_mixed_up_across_labels),
        cmocka_unit_test(a_collector_is_asked_at_each_rendering),
        cmocka_unit_test(a_text_over_the_limit_is_an_error),
        cmocka_unit_test(a_metric_that_is_not_there_counts_nothing),
        cmocka_unit_test(the_controller_s_metrics_are_named_by_convention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
