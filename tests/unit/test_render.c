/* Bodies of Jobs and of what serves, as far as no golden plan shows them. */

#include "support/test.h"

#include "api/codec_tree.h"
#include "api/render.h"
#include "api/render_parts.h"
#include "core/text.h"

#include <string.h>

/* ---- What a template of a user may not say ---- */

struct fault_row {
    const char *sentence;
    const char *pod_template;
    const char *fault; /* NULL: it is good */
};

#define NO_OBJECT ": must be an object with metadata and spec"
#define RESTART_FAULT                                                                        \
    ".spec.restartPolicy: must be Never: a failed attempt is retried as spec.steps[].retry " \
    "says, in a new pod"

static const struct fault_row job_rows[] = {
    {"no template", NULL, NULL},
    {"an empty template", "{}", NULL},
    {"a restartPolicy of Never", "{\"spec\":{\"restartPolicy\":\"Never\"}}", NULL},
    {"one that would lose attempts", "{\"spec\":{\"restartPolicy\":\"OnFailure\"}}", RESTART_FAULT},
    {"one that Jobs may not have", "{\"spec\":{\"restartPolicy\":\"Always\"}}", RESTART_FAULT},
    {"an empty restartPolicy", "{\"spec\":{\"restartPolicy\":\"\"}}", RESTART_FAULT},
    {"of two faults the shape is told",
     "{\"spec\":{\"restartPolicy\":\"Always\",\"containers\":{}}}",
     ".spec.containers: must be a list"},
    {"a list", "[]", NO_OBJECT},
    {"a spec that is a text", "{\"spec\":\"x\"}", NO_OBJECT},
    {"a container without a name", "{\"spec\":{\"containers\":[{\"name\":\"a\"},{}]}}",
     ".spec.containers[1]: must be an object with a name"},
    {"a volume of a name of ours", "{\"spec\":{\"volumes\":[{\"name\":\"tidemill-artifacts\"}]}}",
     ".spec.volumes[0].name: \"tidemill-artifacts\": names that begin with tidemill- are "
     "Tidemill's own; choose another"},
};

#define NO_SERVER                                                                              \
    ".spec.containers: a container named server with an image must be among them: it answers " \
    "the requests"

static const struct fault_row serving_rows[] = {
    {"no template", NULL, NO_OBJECT},
    {"a server", "{\"spec\":{\"containers\":[{\"name\":\"server\",\"image\":\"i\"}]}}", NULL},
    {"a server that says that it does not end",
     "{\"spec\":{\"restartPolicy\":\"Always\",\"containers\":"
     "[{\"name\":\"server\",\"image\":\"i\"}]}}",
     NULL},
    {"no server", "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\"}]}}", NO_SERVER},
    {"a server without an image", "{\"spec\":{\"containers\":[{\"name\":\"server\"}]}}", NO_SERVER},
    {"a server that ends",
     "{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"server\",\"image\":\"i\"}]"
     "}}",
     ".spec.restartPolicy: must be Always, or be left out: a server runs for ever"},
};

static void require_fault(const struct fault_row *row, const char *fault)
{
    if (!text_equal(fault, row->fault)) {
        fail_msg("%s: %s", row->sentence, text_or(fault, "is good"));
    }
}

static void a_template_s_fault_is_named_by_its_path(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (size_t at = 0; at < COUNT_OF(job_rows); at++) {
        const struct raw_json raw = {.text = job_rows[at].pod_template};
        require_fault(&job_rows[at], render_template_fault(&arena, &raw));
    }
    for (size_t at = 0; at < COUNT_OF(serving_rows); at++) {
        const struct raw_json raw = {.text = serving_rows[at].pod_template};
        require_fault(&serving_rows[at], render_serving_fault(&arena, &raw));
    }
    arena_free(&arena);
}

/* ---- Jobs ---- */

static const struct render_owner run = {.kind = KIND_PIPELINE_RUN, .name = "run", .uid = "5f1c"};
static const struct render_input table = {
    .name = "table", .path = "run/ingest/table", .digest = "sha256:1"};

/* A member of a container as text; "" where it is not. */
static const char *container_member(struct arena *arena, const char *body, const char *list,
                                    const char *container, const char *member)
{
    CLEANUP(tree_release) json_t *tree = json_loads(body, 0, NULL);
    const json_t *pod_template = json_object_get(json_object_get(tree, "spec"), "template");
    const json_t *found = pod_template_container(pod_template, list, container);
    assert_non_null(found);
    const json_t *value = json_object_get(found, member);
    return value ? tree_print(arena, value) : "";
}

static const char *step_job(struct arena *arena, const struct pipeline_spec *spec,
                            const struct step_spec *step)
{
    static struct name_value params[] = {{"PARAM_COST", "5$"}};
    return render_step_job(arena, &(struct render_step_job){.namespace = "team",
                                                            .name = "job",
                                                            .owner = run,
                                                            .pipeline = "churn",
                                                            .revision = "churn-1",
                                                            .attempt = 2,
                                                            .spec = spec,
                                                            .step = step,
                                                            .env = params,
                                                            .env_count = COUNT_OF(params),
                                                            .inputs = &table,
                                                            .input_count = 1,
                                                            .out_path = "run/train",
                                                            .active_deadline_seconds = 60,
                                                            .helper_image = "tidemill:test"});
}

static void a_step_runs_with_its_own_words_and_variables(void **state)
{
    (void)state;
    static const char *command[] = {"python", "train.py"};
    static const char *args[] = {"--cost=$(PARAM_COST)", ""};
    static struct name_value env[] = {{"OWN", "$(PARAM_COST)"}, {"LAST", ""}};
    struct arena arena = {0};
    const struct pipeline_spec spec = {.artifacts = {{"churn"}}};
    const struct step_spec step = {.name = "train",
                                   .image = "example/train:1",
                                   .command = command,
                                   .command_count = COUNT_OF(command),
                                   .args = args,
                                   .arg_count = COUNT_OF(args),
                                   .env = env,
                                   .env_count = COUNT_OF(env)};
    const char *body = step_job(&arena, &spec, &step);
    assert_string_equal(container_member(&arena, body, "containers", CONTAINER_STEP, "command"),
                        "[\"python\",\"train.py\"]");
    assert_string_equal(container_member(&arena, body, "containers", CONTAINER_STEP, "args"),
                        "[\"--cost=$(PARAM_COST)\",\"\"]");
    assert_string_equal(container_member(&arena, body, "containers", CONTAINER_STEP, "env"),
                        "[{\"name\":\"TIDEMILL_RESULTS_MAX\",\"value\":\"4096\"},"
                        "{\"name\":\"TIDEMILL_RUN\",\"value\":\"run\"},"
                        "{\"name\":\"TIDEMILL_PIPELINE\",\"value\":\"churn\"},"
                        "{\"name\":\"TIDEMILL_STEP\",\"value\":\"train\"},"
                        "{\"name\":\"TIDEMILL_ATTEMPT\",\"value\":\"2\"},"
                        "{\"name\":\"TIDEMILL_RESULTS\",\"value\":\"/dev/termination-log\"},"
                        "{\"name\":\"TIDEMILL_POD_UID\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":"
                        "\"metadata.uid\"}}},"
                        "{\"name\":\"PARAM_COST\",\"value\":\"5$$\"},"
                        "{\"name\":\"OWN\",\"value\":\"$(PARAM_COST)\"},"
                        "{\"name\":\"LAST\",\"value\":\"\"}]");
    arena_free(&arena);
}

static void a_step_without_words_of_its_own_leaves_them_to_its_image(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct pipeline_spec spec = {.artifacts = {{"churn"}}};
    const struct step_spec step = {.name = "train", .image = "example/train:1"};
    const char *body = step_job(&arena, &spec, &step);
    assert_string_equal(container_member(&arena, body, "containers", CONTAINER_STEP, "command"),
                        "");
    assert_string_equal(container_member(&arena, body, "containers", CONTAINER_STEP, "args"), "");
    arena_free(&arena);
}

static void a_step_gets_no_token_unless_its_template_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *pod_template;
        const char *expected;
    } rows[] = {
        {NULL, "\"automountServiceAccountToken\":false"},
        {"{\"spec\":{\"automountServiceAccountToken\":true}}",
         "\"automountServiceAccountToken\":true"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const struct pipeline_spec spec = {.artifacts = {{"churn"}}};
        const struct step_spec step = {
            .name = "train", .image = "i", .pod_template = {.text = rows[at].pod_template}};
        assert_non_null(strstr(step_job(&arena, &spec, &step), rows[at].expected));
        arena_free(&arena);
    }
}

#define SECURITY  "{\"runAsUser\":1000}"
#define RESOURCES "{\"limits\":{\"memory\":\"1Gi\"}}"
#define INHERITED "\"securityContext\":" SECURITY ",\"resources\":" RESOURCES

static void require_inherited(struct arena *arena, const char *body, const char *list,
                              const char *container)
{
    assert_string_equal(container_member(arena, body, list, container, "securityContext"),
                        SECURITY);
    assert_string_equal(container_member(arena, body, list, container, "resources"), RESOURCES);
    assert_string_equal(container_member(arena, body, list, container, "tty"), "");
}

/* Else a namespace's policy that lets the step run could refuse the pod for our container. */
static void helpers_run_as_the_step_beside_them(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct pipeline_spec spec = {
        .artifacts = {{"churn"}},
        .pod_defaults = {"{\"spec\":{\"containers\":[{\"name\":\"step\",\"tty\":true," INHERITED
                         "}]}}"}};
    const struct pipeline_spec plain = {.artifacts = {{"churn"}}};
    const struct step_spec of_defaults = {.name = "train", .image = "i"};
    const struct step_spec of_its_own = {
        .name = "train", .image = "i", .pod_template = spec.pod_defaults};
    const struct render_seal_job seal = {.attempt = 1,
                                         .namespace = "team",
                                         .name = "seal",
                                         .owner = run,
                                         .pipeline = "churn",
                                         .revision = "churn-1",
                                         .spec = &spec,
                                         .input = table,
                                         .helper_image = "tidemill:test"};
    require_inherited(&arena, step_job(&arena, &spec, &of_defaults), "initContainers",
                      CONTAINER_PREPARE);
    require_inherited(&arena, step_job(&arena, &plain, &of_its_own), "initContainers",
                      CONTAINER_PREPARE);
    require_inherited(&arena, render_seal_job(&arena, &seal), "containers", CONTAINER_SEAL);
    const char *body = step_job(&arena, &plain, &of_defaults);
    assert_string_equal(
        container_member(&arena, body, "initContainers", CONTAINER_PREPARE, "securityContext"), "");
    arena_free(&arena);
}

/* ---- Serving ---- */

static const char *deployment(struct arena *arena, const char *server)
{
    const struct serving_spec serving = {
        .pod_template = {arena_print(
            arena, "{\"spec\":{\"containers\":[{\"name\":\"server\",\"image\":\"i\"%s}]}}",
            server)},
        .port = 8080,
        .replicas = 2};
    return render_serving_deployment(
        arena,
        &(struct render_serving){
            .namespace = "team",
            .name = "churn-1",
            .owner = {.kind = KIND_MODEL_VERSION, .name = "churn-1", .uid = "77"},
            .model = "churn",
            .version = 3,
            .serving = &serving,
            .claim = "churn",
            .path = "run/train/model",
            .digest = "sha256:1",
            .helper_image = "tidemill:test"},
        NULL);
}

static void what_copies_a_model_runs_as_its_server(void **state)
{
    (void)state;
    struct arena arena = {0};
    require_inherited(&arena, deployment(&arena, ",\"tty\":true," INHERITED), "initContainers",
                      CONTAINER_COPY);
    arena_free(&arena);
}

#define DEFAULT_PROBE                                                                          \
    "{\"failureThreshold\":3,\"httpGet\":{\"path\":\"/v2/models/churn/ready\",\"port\":8080}," \
    "\"periodSeconds\":2}"
#define DEFAULT_LIFECYCLE "{\"preStop\":{\"sleep\":{\"seconds\":10}}}"

/* Merged, a probe would have two handlers, which the API server refuses. */
static void a_server_s_own_probe_and_lifecycle_stand_alone(void **state)
{
    (void)state;
    static const struct {
        const char *server;
        const char *probe;
        const char *lifecycle;
    } rows[] = {
        {"", DEFAULT_PROBE, DEFAULT_LIFECYCLE},
        {",\"readinessProbe\":{\"exec\":{\"command\":[\"ok\"]}}",
         "{\"exec\":{\"command\":[\"ok\"]}}", DEFAULT_LIFECYCLE},
        {",\"lifecycle\":{\"preStop\":{\"exec\":{\"command\":[\"bye\"]}}}", DEFAULT_PROBE,
         "{\"preStop\":{\"exec\":{\"command\":[\"bye\"]}}}"},
        {",\"lifecycle\":{},\"readinessProbe\":{}", "{}", "{}"},
        {",\"lifecycle\":null,\"readinessProbe\":null", "", ""},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        const char *body = deployment(&arena, rows[at].server);
        assert_string_equal(
            container_member(&arena, body, "containers", CONTAINER_SERVER, "readinessProbe"),
            rows[at].probe);
        assert_string_equal(
            container_member(&arena, body, "containers", CONTAINER_SERVER, "lifecycle"),
            rows[at].lifecycle);
        arena_free(&arena);
    }
}

/* ---- Parts ---- */

static void a_label_without_a_value_is_left_out(void **state)
{
    (void)state;
    struct arena arena = {0};
    json_t *labels = render_labels();
    render_set_label(labels, LABEL_MODEL, NULL);
    render_set_label(labels, LABEL_RUN, "");
    render_set_label(labels, LABEL_STEP, "train");
    assert_string_equal(json_to_text(&arena, labels),
                        "{\"app.kubernetes.io/managed-by\":\"tidemill\",\"tidemill.dev/run\":\"\","
                        "\"tidemill.dev/step\":\"train\"}");
    arena_free(&arena);
}

/* A cut in the middle of a character, say: a body is made all the same. */
static void a_text_that_is_no_utf_8_is_left_empty(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_string_equal(json_to_text(&arena, render_env("A", "\xc3\xa4")),
                        "{\"name\":\"A\",\"value\":\"\xc3\xa4\"}");
    assert_string_equal(json_to_text(&arena, render_env("A", "a\xc3")),
                        "{\"name\":\"A\",\"value\":\"\"}");
    arena_free(&arena);
}

static void a_delete_is_locked_by_what_is_known_of_its_object(void **state)
{
    (void)state;
    static const struct {
        const char *uid;
        const char *resource_version;
        const char *preconditions;
    } rows[] = {
        {"5f1c", "12", "{\"resourceVersion\":\"12\",\"uid\":\"5f1c\"}"},
        {"5f1c", NULL, "{\"uid\":\"5f1c\"}"},
        {NULL, "12", "{\"resourceVersion\":\"12\"}"},
        {NULL, NULL, "{}"},
    };
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct arena arena = {0};
        assert_string_equal(
            render_delete_options(&arena, rows[at].uid, rows[at].resource_version),
            arena_print(&arena,
                        "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"preconditions\":%s,"
                        "\"propagationPolicy\":\"Background\"}",
                        rows[at].preconditions));
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_s_fault_is_named_by_its_path),
        cmocka_unit_test(a_step_runs_with_its_own_words_and_variables),
        cmocka_unit_test(a_step_without_words_of_its_own_leaves_them_to_its_image),
        cmocka_unit_test(a_step_gets_no_token_unless_its_template_says_so),
        cmocka_unit_test(helpers_run_as_the_step_beside_them),
        cmocka_unit_test(what_copies_a_model_runs_as_its_server),
        cmocka_unit_test(a_server_s_own_probe_and_lifecycle_stand_alone),
        cmocka_unit_test(a_label_without_a_value_is_left_out),
        cmocka_unit_test(a_text_that_is_no_utf_8_is_left_empty),
        cmocka_unit_test(a_delete_is_locked_by_what_is_known_of_its_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
