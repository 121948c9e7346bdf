/* What a version's Deployment and pods tell of its health: a table, one row one world. */

#include "support/test.h"

#include "core/text.h"
#include "support/model_world.h"

struct health_row {
    const char *sentence;
    const char *deployment; /* its conditions */
    const char *pod;        /* its status; NULL: there is no pod */
    const char *expected;   /* begin of Ready of the version */
};

#define SERVER(state) "{'phase':'Running','containerStatuses':[{'name':'server'," state "}]}"

static const struct health_row rows[] = {
    {"a Deployment that is young says nothing yet", "[]", NULL,
     "Unknown RollingOut: its files are being copied and checked; then its pods start"},
    {"a quota that refuses pods is told",
     "[{'type':'ReplicaFailure','status':'True','message':'pods is forbidden: exceeded quota: q'}]",
     NULL, "False QuotaExceeded: its pods can't be created: pods is forbidden: exceeded quota: q"},
    {"pods that are refused otherwise are told",
     "[{'type':'ReplicaFailure','status':'True','reason':'FailedCreate'}]", NULL,
     "False NoPodYet: its pods can't be created: FailedCreate"},
    {"what is True of something else is no failure",
     "[{'type':'ReplicaFailure','status':'False'},{'type':'Available','status':'True'}]", NULL,
     "Unknown RollingOut"},
    {"pods that were not ready in time are told",
     "[{'type':'Progressing','status':'False','reason':'ProgressDeadlineExceeded'}]", NULL,
     "False ProgressDeadlineExceeded: its pods did not become ready in time"},
    {"and why they were not",
     "[{'type':'Progressing','status':'False','reason':'ProgressDeadlineExceeded'}]",
     SERVER("'image':'x','state':{'waiting':{'reason':'ErrImagePull','message':'no such image'}}"),
     "False ProgressDeadlineExceeded: its pods did not become ready in time: image \"x\" of "
     "container server can't be pulled: no such image; the kubelet goes on trying"},
    {"a server that ended is told with its last words", "[]",
     SERVER("'state':{'terminated':{'exitCode':2,'message':'no such\\nmodel'}}"),
     "False ServerFailing: container server exited with code 2; its last words: no such model"},
    {"a server that waits to be started again tells of its last end", "[]",
     SERVER("'state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{"
            "'exitCode':1}}"),
     "False ServerFailing: container server exited with code 1"},
    {"a server that runs again is not failing", "[]",
     SERVER("'state':{'running':{'startedAt':'2026-11-23T12:00:00Z'}},'lastState':{'terminated':{"
            "'exitCode':1}}"),
     "Unknown RollingOut"},
    {"a server that can't be placed says why", "[]",
     "{'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','message':'no node "
     "has a GPU'}]}",
     "False PodWaiting: pod churn-0-pod can't be placed on a node: no node has a GPU"},
    {"what holds a Deployment up for another reason is said by its pods alone",
     "[{'type':'Progressing','status':'False','reason':'ReplicaSetCreateError'}]", NULL,
     "Unknown RollingOut"},
    {"files that were copied are no trouble", "[]",
     "{'phase':'Pending','initContainerStatuses':[{'name':'tidemill-copy','state':{'terminated':{"
     "'exitCode':0,'message':'{\\\"digest\\\":\\\"sha256:1\\\"}'}}}]}",
     "Unknown RollingOut"},
    {"a copy that was killed says nothing of the files", "[]",
     "{'phase':'Pending','initContainerStatuses':[{'name':'tidemill-copy','state':{'waiting':{"
     "'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'exitCode':137}}}]}",
     "False PodWaiting: container tidemill-copy of pod churn-0-pod waits: CrashLoopBackOff"},
    {"nor does a copy's failure without a reason", "[]",
     "{'phase':'Pending','initContainerStatuses':[{'name':'tidemill-copy','state':{'waiting':{"
     "'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'exitCode':1,'message':'{"
     "\\\"digest\\\":\\\"sha256:1\\\"}'}}}]}",
     "False PodWaiting: container tidemill-copy of pod churn-0-pod waits: CrashLoopBackOff"},
    {"nor do words of a copy that are no report", "[]",
     "{'phase':'Pending','initContainerStatuses':[{'name':'tidemill-copy','state':{'waiting':{"
     "'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'exitCode':1,'message':'exec format "
     "error'}}}]}",
     "False PodWaiting: container tidemill-copy of pod churn-0-pod waits: CrashLoopBackOff"},
    {"files that can't be read yet are told", "[]",
     "{'phase':'Pending','initContainerStatuses':[{'name':'tidemill-copy','state':{'waiting':{"
     "'reason':'CrashLoopBackOff'}},'lastState':{'terminated':{'exitCode':1,'message':'{\\\"reason"
     "\\\":\\\"ArtifactIO\\\",\\\"message\\\":\\\"the disk is gone\\\"}'}}}]}",
     "False ArtifactUnusable: the disk is gone"},
};

/* Version churn-0 is there, with a Deployment that nobody has done anything about. */
static void set_up(struct world *world)
{
    model_world_init(world);
    (void)model_world_publish(world, 0);
}

static void a_version_that_does_not_come_up_says_why(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        struct world world;
        set_up(&world);
        world_merge(&world, KIND_DEPLOYMENT, "churn-0",
                    "{'status':{'observedGeneration':1,'conditions':%s}}", rows[at].deployment);
        if (rows[at].pod) {
            model_world_set_pod(&world, "churn-0", rows[at].pod);
        }
        model_world_rest(&world);
        const char *ready = model_world_version_ready(&world, "churn-0");
        if (!text_starts_with(ready, rows[at].expected)) {
            fail_msg("%s: %s", rows[at].sentence, ready);
        }
        /* All the others may pass by themselves. */
        bool is_final = text_starts_with(rows[at].expected, "False ProgressDeadlineExceeded");
        if (is_final !=
            (world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Stalled")[0] != '\0')) {
            fail_msg("%s: Stalled is %s", rows[at].sentence, is_final ? "missing" : "there");
        }
        world_free(&world);
    }
}

static void what_did_not_come_up_in_time_and_comes_up_later_is_not_stalled_any_more(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    world_merge(&world, KIND_DEPLOYMENT, "churn-0",
                "{'status':{'observedGeneration':1,'conditions':[{'type':'Progressing',"
                "'status':'False','reason':'ProgressDeadlineExceeded'}]}}");
    model_world_rest(&world);
    assert_true(text_starts_with(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Stalled"),
                                 "True ProgressDeadlineExceeded"));
    model_world_bring_up(&world, "churn-0");
    model_world_rest(&world);
    assert_string_equal(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Stalled"), "");
    world_free(&world);
}

static void a_candidate_says_what_comes_next(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    assert_string_equal(model_world_version_ready(&world, "churn-0"),
                        "Unknown RollingOut: its files are being copied and checked; then its pods "
                        "start");
    model_world_set_pod(&world, "churn-0",
                        "{'phase':'Running','initContainerStatuses':[{'name':'tidemill-copy',"
                        "'state':{'terminated':{'exitCode':0,'message':'{\\\"digest\\\":"
                        "\\\"sha256:00\\\"}'}}}]}");
    model_world_rest(&world);
    assert_string_equal(model_world_version_ready(&world, "churn-0"),
                        "Unknown RollingOut: its pods are starting; it takes over when they "
                        "answer");
    world_free(&world);
}

/* One that was rolled over, or evicted: the one in its place tells how things are. */
static void a_pod_that_is_being_deleted_holds_nothing_up(void **state)
{
    (void)state;
    struct world world;
    set_up(&world);
    model_world_set_pod(&world, "churn-0", SERVER("'state':{'terminated':{'exitCode':2}}"));
    model_world_rest(&world);
    assert_string_equal(model_world_version_ready(&world, "churn-0"),
                        "False ServerFailing: container server exited with code 2");
    world_merge(&world, KIND_POD, "churn-0-pod",
                "{'metadata':{'deletionTimestamp':'2026-11-23T12:00:00Z'}}");
    model_world_rest(&world);
    assert_true(
        text_starts_with(model_world_version_ready(&world, "churn-0"), "Unknown RollingOut: "));
    world_free(&world);
}

/* ---- what the API server refuses ---- */

static const struct {
    const char *sentence;
    enum error_kind error;
    const char *said;
    const char *expected; /* of the version's Ready */
} refusals[] = {
    {"a quota", ERROR_DENIED, "exceeded quota: small",
     "False QuotaExceeded: Deployment churn-0 is refused by the API server: exceeded quota: small; "
     "it is tried again"},
    {"a webhook", ERROR_DENIED, "a webhook says no",
     "False WriteRefused: Deployment churn-0 is refused by the API server: a webhook says no; it "
     "is "
     "tried again"},
    {"a template that is wrong", ERROR_INVALID, NULL,
     "False WriteRefused: Deployment churn-0 is refused by the API server: no reason given; it is "
     "tried again"},
    {"a name that is taken", ERROR_EXISTS, "it is controlled by nobody",
     "False NameTaken: Deployment churn-0 can't be made: it is controlled by nobody; rename one of "
     "the two, it is tried again"},
};

static void a_deployment_that_is_refused_is_told_in_the_api_server_s_words(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(refusals); at++) {
        struct world world;
        model_world_init(&world);
        (void)model_world_add_version(&world, 0);
        world_add_fact(&world, OPERATION_APPLY, KIND_DEPLOYMENT, "churn-0", refusals[at].error,
                       refusals[at].said);
        model_world_step_only(&world, OPERATION_PATCH_STATUS, KIND_MODEL_VERSION);
        const char *ready = model_world_version_ready(&world, "churn-0");
        if (!text_equal(ready, refusals[at].expected)) {
            fail_msg("%s: %s", refusals[at].sentence, ready);
        }
        world_free(&world);
    }
}

/* ---- what can't be served ---- */

static const struct {
    const char *sentence;
    const char *serving; /* of the Model */
    const char *expected;
} servings[] = {
    {"nobody says how", "{}",
     "False NoServing: neither the Model nor the version has spec.serving: say how to serve it"},
    {"a template without a server", "{'podTemplate':{'spec':{'containers':[]}}}",
     "False InvalidSpec: spec.serving.podTemplate.spec.containers: a container named server with "
     "an image must be among them: it answers the requests (in the Model)"},
    {"a server without an image", "{'podTemplate':{'spec':{'containers':[{'name':'server'}]}}}",
     "False InvalidSpec: spec.serving.podTemplate.spec.containers: a container named server"},
    {"containers that are no list", "{'podTemplate':{'spec':{'containers':7}}}",
     "False InvalidSpec: spec.serving.podTemplate.spec.containers: must be a list (in the Model)"},
    {"a container without a name", "{'podTemplate':{'spec':{'containers':[{'image':'i'}]}}}",
     "False InvalidSpec: spec.serving.podTemplate.spec.containers[0]: must be an object with a "
     "name"},
    {"a server that would end",
     "{'podTemplate':{'spec':{'restartPolicy':'Never','containers':[{'name':'server','image':'i'}]"
     "}}}",
     "False InvalidSpec: spec.serving.podTemplate.spec.restartPolicy: must be Always"},
};

static void what_can_t_be_served_is_refused_with_its_field(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(servings); at++) {
        struct world world;
        model_world_init(&world);
        (void)model_world_add_version(&world, 0);
        world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':null}}");
        world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':%s}}",
                    servings[at].serving);
        model_world_rest(&world);
        assert_false(model_world_runs(&world, "churn-0"));
        const char *ready = model_world_version_ready(&world, "churn-0");
        if (!text_starts_with(ready, servings[at].expected)) {
            fail_msg("%s: %s", servings[at].sentence, ready);
        }
        assert_true(text_starts_with(
            world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Stalled"), "True "));
        world_free(&world);
    }
}

/* ---- versions whose files can't be served ---- */

static const struct {
    const char *sentence;
    const char *artifact;
    const char *expected;
} artifacts[] = {
    {"files elsewhere", "{'uri':'s3://lake/model','digest':'sha256:00'}",
     "False InvalidSpec: spec.artifact.uri: \"s3://lake/model\": only pvc://CLAIM/PATH can be "
     "read; "
     "publish a new version"},
    {"a claim without a path", "{'uri':'pvc://claim','digest':'sha256:00'}",
     "False InvalidSpec: spec.artifact.uri: \"pvc://claim\": only"},
    {"a path without a claim", "{'uri':'pvc:///model','digest':'sha256:00'}",
     "False InvalidSpec: spec.artifact.uri: \"pvc:///model\": only"},
    {"the whole claim", "{'uri':'pvc://claim/','digest':'sha256:00'}",
     "False InvalidSpec: spec.artifact.uri: \"pvc://claim/\": only"},
    {"files nowhere", "{'digest':'sha256:00'}", "False InvalidSpec: spec.artifact.uri: \"\": only"},
    {"files that nobody can check", "{'uri':'pvc://claim/model'}",
     "False InvalidSpec: spec.artifact.digest: must be sha256:HEX, since nothing serves that was "
     "not checked; publish a new version"},
    {"files that are checked by another hash", "{'uri':'pvc://claim/model','digest':'md5:00'}",
     "False InvalidSpec: spec.artifact.digest: must be sha256:HEX"},
};

static void a_version_whose_files_can_t_be_served_is_told_which_and_never_brought_up(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(artifacts); at++) {
        struct world world;
        model_world_init(&world);
        (void)model_world_add_version(&world, 0);
        world_merge(&world, KIND_MODEL_VERSION, "churn-0", "{'spec':{'artifact':null}}");
        world_merge(&world, KIND_MODEL_VERSION, "churn-0", "{'spec':{'artifact':%s}}",
                    artifacts[at].artifact);
        model_world_rest(&world);
        assert_false(model_world_runs(&world, "churn-0"));
        const char *ready = model_world_version_ready(&world, "churn-0");
        if (!text_starts_with(ready, artifacts[at].expected)) {
            fail_msg("%s: %s", artifacts[at].sentence, ready);
        }
        assert_true(text_starts_with(
            world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Stalled"), "True InvalidSpec"));
        world_free(&world);
    }
}

/* The pod of fail_copy() under another name, which another one may have after it. */
static void keep_failed_pod(struct world *world, const char *name, const char *reason,
                            const char *message)
{
    model_world_fail_copy(world, "churn-0", reason, message);
    world_merge(world, KIND_POD, "churn-0-pod", "{'metadata':{'name':'%s','uid':'uid-%s'}}", name,
                name);
}

static void of_what_two_pods_say_the_gravest_counts_whichever_comes_first(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"pod-a", "pod-b"}, {"pod-b", "pod-a"}};
    for (size_t at = 0; at < COUNT_OF(names); at++) {
        struct world world;
        set_up(&world);
        keep_failed_pod(&world, names[at][0], "ArtifactIO", "the disk is gone");
        keep_failed_pod(&world, names[at][1], "DigestMismatch", "other files");
        model_world_rest(&world);
        assert_true(
            text_starts_with(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"),
                             "False DigestMismatch: other files"));
        world_free(&world);

        set_up(&world);
        keep_failed_pod(&world, names[at][0], "ArtifactIO", "it is away");
        keep_failed_pod(&world, names[at][1], "ArtifactIO", "the disk is gone");
        model_world_rest(&world);
        assert_string_equal(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"),
                            "False ArtifactUnusable: ArtifactIO: it is away; it is tried again");
        world_free(&world);
    }
}

/* Its pod is replaced by one that has not copied yet; it is said of the newest spec too. */
static void what_was_found_in_the_files_is_said_until_a_pod_finds_something_else(void **state)
{
    (void)state;
    static const char found[] = "False ArtifactUnusable: ArtifactIO: the copy failed; it is tried "
                                "again";
    struct world world;
    set_up(&world);
    model_world_fail_copy(&world, "churn-0", "ArtifactIO", "the copy failed");
    model_world_rest(&world);
    assert_string_equal(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"), found);
    model_world_set_pod(&world, "churn-0", "{'phase':'Pending'}");
    world_merge(&world, KIND_MODEL_VERSION, "churn-0", "{'metadata':{'generation':2}}");
    model_world_rest(&world);
    assert_string_equal(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"), found);
    size_t at;
    json_t *item;
    json_array_foreach(world_get(&world, KIND_MODEL_VERSION, "churn-0", "status/conditions"), at,
                       item)
    {
        assert_int_equal(json_integer_value(json_object_get(item, "observedGeneration")), 2);
    }
    assert_true(at > 0);
    model_world_bring_up(&world, "churn-0");
    model_world_rest(&world);
    assert_string_equal(
        world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"),
        "True DigestVerified: what was copied to serve has the digest that was published");
    world_free(&world);
}

/* Its files were right once. Those on the claim were changed since, and a pod starts anew. */
static void files_that_change_after_they_were_checked_hold_a_pod_up_and_take_nothing_back(
    void **state)
{
    (void)state;
    struct world world;
    model_world_init_serving(&world);
    assert_true(text_starts_with(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"),
                                 "True DigestVerified"));
    model_world_fail_copy(&world, "churn-0", "DigestMismatch", "other files");
    world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'status':{'availableReplicas':0}}");
    model_world_rest(&world);
    assert_true(text_starts_with(world_condition(&world, KIND_MODEL_VERSION, "churn-0", "Verified"),
                                 "True DigestVerified"));
    assert_string_equal(model_world_version_ready(&world, "churn-0"),
                        "False ArtifactUnusable: other files");
    assert_true(model_world_runs(&world, "churn-0"));
    assert_string_equal(model_world_selected(&world), "churn-0");
    world_free(&world);
}

/* ---- events ---- */

/* Of the next planning, about Ready of churn-0. NULL: none. */
static const struct operation *next_event(struct world *world)
{
    const struct plan plan = world_plan_model(world, MODEL_NAME);
    return plan_find_named(&plan, OPERATION_EVENT, KIND_MODEL_VERSION, "churn-0");
}

static void expect_event(struct world *world, const char *reason, bool is_warning)
{
    const struct operation *event = next_event(world);
    assert_string_equal(event ? event->reason : "none", reason);
    assert_int_equal(event->warning, is_warning);
    model_world_rest(world);
    assert_null(next_event(world));
}

static void what_holds_a_version_up_is_a_warning_also_while_it_serves(void **state)
{
    (void)state;
    struct world world;
    model_world_init(&world);
    world_merge(&world, KIND_MODEL, MODEL_NAME, "{'spec':{'serving':{'replicas':2}}}");
    (void)model_world_add_version(&world, 0);
    expect_event(&world, "RollingOut", false);
    model_world_make_available(&world, "churn-0");
    expect_event(&world, "Serving", false);
    model_world_set_pod(&world, "churn-0", SERVER("'state':{'terminated':{'exitCode':2}}"));
    world_merge(&world, KIND_DEPLOYMENT, "churn-0", "{'status':{'availableReplicas':1}}");
    expect_event(&world, "ServerFailing", true);
    world_remove(&world, KIND_MODEL, MODEL_NAME);
    expect_event(&world, "NoServing", true);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_that_does_not_come_up_says_why),
        cmocka_unit_test(what_did_not_come_up_in_time_and_comes_up_later_is_not_stalled_any_more),
        cmocka_unit_test(a_candidate_says_what_comes_next),
        cmocka_unit_test(a_pod_that_is_being_deleted_holds_nothing_up),
        cmocka_unit_test(a_deployment_that_is_refused_is_told_in_the_api_server_s_words),
        cmocka_unit_test(what_can_t_be_served_is_refused_with_its_field),
        cmocka_unit_test(a_version_whose_files_can_t_be_served_is_told_which_and_never_brought_up),
        cmocka_unit_test(of_what_two_pods_say_the_gravest_counts_whichever_comes_first),
        cmocka_unit_test(what_was_found_in_the_files_is_said_until_a_pod_finds_something_else),
        cmocka_unit_test(
            files_that_change_after_they_were_checked_hold_a_pod_up_and_take_nothing_back),
        cmocka_unit_test(what_holds_a_version_up_is_a_warning_also_while_it_serves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
