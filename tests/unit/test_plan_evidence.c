/* What a Job and its pods tell of an attempt, and why a pod waits: a table, one row one world. */

#include "support/test.h"

#include "api/codec.h"
#include "core/text.h"
#include "plan/evidence.h"
#include "plan/reasons.h"

#include <string.h>

/* JSON with ' for ". */
static const void *make(struct arena *arena, enum api_kind kind, const char *format, const char *in)
{
    char *json = memcpy(arena_allocate(arena, 1, strlen(format) + strlen(in) + 1), format,
                        strlen(format));
    char *hole = strchr(json, '@'); /* `in` goes where the @ stands */
    char *whole = arena_print(arena, "%.*s%s%s", (int)(hole - json), json, in, hole + 1);
    for (char *at = whole; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct object *object = NULL;
    struct error error = {0};
    if (!result_is_ok(codec_decode(arena, kind, whole, strlen(whole), &object, &error))) {
        fail_msg("%s: %s", whole, error.message);
    }
    return object;
}

static const char job_form[] = "{'metadata':{'name':'j','uid':'1'},@}";
static const char pod_form[] =
    "{'metadata':{'name':'p','ownerReferences':[{'kind':'Job','name':'j','uid':'1','controller':"
    "true}]},'status':{@}}";

#define LIVE "'spec':{}"
#define ENDED(code, more)                                                                          \
    "'phase':'Failed','containerStatuses':[{'name':'step','state':{'terminated':{'exitCode':" code \
    ",'finishedAt':'2026-01-31T03:00:00Z'" more "}}}]"

struct evidence_row {
    const char *sentence;
    const char *job; /* what follows metadata; NULL: there is none */
    const char *pod; /* its status; NULL: there is none */
    enum attempt_state state;
    const char *reason;  /* NULL: none */
    const char *message; /* a part of it */
};

static const struct evidence_row rows[] = {
    {"without a Job there is no attempt", NULL, NULL, ATTEMPT_NONE, NULL, NULL},
    {"a Job without pods is under way", LIVE, NULL, ATTEMPT_UNDER_WAY, NULL, NULL},
    {"a pod that succeeded is a success, whatever its Job says",
     "'status':{'conditions':[{'type':'Failed','status':'True'}]}", "'phase':'Succeeded'",
     ATTEMPT_SUCCEEDED, NULL, NULL},
    {"a complete Job is a success", "'status':{'conditions':[{'type':'Complete','status':'True'}]}",
     NULL, ATTEMPT_SUCCEEDED, NULL, NULL},
    {"a condition that is not True says nothing",
     "'status':{'conditions':[{'type':'Failed','status':'False'}]}", NULL, ATTEMPT_UNDER_WAY, NULL,
     NULL},
    {"a failed Job is told in its own words",
     "'status':{'conditions':[{'type':'Failed','status':'True','reason':'PodFailurePolicy',"
     "'message':'Pod was bad'}]}",
     NULL, ATTEMPT_FAILED, REASON_STEP_FAILED, "Job j failed: Pod was bad"},
    {"a failed Job without words is told by its reason",
     "'status':{'conditions':[{'type':'Failed','status':'True','reason':'BackoffLimitExceeded'}]}",
     NULL, ATTEMPT_FAILED, REASON_STEP_FAILED, "Job j failed: BackoffLimitExceeded"},
    {"an exit code is told with the last words, on one line", LIVE,
     ENDED("3", ",'message':' Traceback \\n  KeyError:\\t7 \\n'"), ATTEMPT_FAILED,
     REASON_STEP_FAILED,
     "container step of pod p exited with code 3; its last words: Traceback KeyError: 7"},
    {"an exit code without words stands alone", LIVE, ENDED("137", ""), ATTEMPT_FAILED,
     REASON_STEP_FAILED, "container step of pod p exited with code 137"},
    {"too little memory is told as such", LIVE, ENDED("137", ",'reason':'OOMKilled'"),
     ATTEMPT_FAILED, REASON_STEP_FAILED,
     "container step of pod p was killed: it needs more memory than its limit (OOMKilled)"},
    {"the time limit is told as such", LIVE, "'phase':'Failed','reason':'DeadlineExceeded'",
     ATTEMPT_FAILED, REASON_STEP_TIMED_OUT, "pod p ran into its time limit"},
    {"an evicted pod is told in the kubelet's words", LIVE,
     "'phase':'Failed','reason':'Evicted','message':'The node was low on memory.'", ATTEMPT_FAILED,
     REASON_STEP_FAILED, "pod p failed: The node was low on memory."},
    {"a pod without words is told by its reason", LIVE, "'phase':'Failed','reason':'NodeLost'",
     ATTEMPT_FAILED, REASON_STEP_FAILED, "pod p failed: NodeLost"},
    {"a pod that says nothing is told so", LIVE, "'phase':'Failed'", ATTEMPT_FAILED,
     REASON_STEP_FAILED, "pod p failed: it does not say why"},
    {"a helper's reason and remedy are taken over", LIVE,
     "'phase':'Failed','initContainerStatuses':[{'name':'tidemill-prepare','state':{'terminated':{"
     "'exitCode':1,'message':'{\\\"reason\\\":\\\"InputMissing\\\",\\\"message\\\":\\\"no "
     "table\\\"}'"
     "}}}]",
     ATTEMPT_FAILED, "InputMissing", "no table"},
    {"a helper that gives a reason alone is told by it", LIVE,
     "'phase':'Failed','initContainerStatuses':[{'name':'tidemill-prepare','state':{'terminated':{"
     "'exitCode':1,'message':'{\\\"reason\\\":\\\"InputMissing\\\"}'}}}]",
     ATTEMPT_FAILED, "InputMissing", "InputMissing"},
    {"a helper that was cut off is told as any container", LIVE,
     "'phase':'Failed','initContainerStatuses':[{'name':'tidemill-prepare','state':{'terminated':{"
     "'exitCode':2,'message':'usage: tidemill'}}}]",
     ATTEMPT_FAILED, REASON_STEP_FAILED,
     "container tidemill-prepare of pod p exited with code 2; its last words: usage: tidemill"},
    {"a user's container can't pass for a helper", LIVE,
     ENDED("1", ",'message':'{\\\"reason\\\":\\\"X\\\"}'"), ATTEMPT_FAILED, REASON_STEP_FAILED,
     "exited with code 1"},
    {"a disrupted pod is replaced, not failed", LIVE,
     "'phase':'Failed','conditions':[{'type':'DisruptionTarget','status':'True'}]",
     ATTEMPT_UNDER_WAY, NULL, NULL},
    {"a suspended Job's pods are no failure", "'spec':{'suspend':true}", "'phase':'Failed'",
     ATTEMPT_UNDER_WAY, NULL, NULL},
    {"a pod that can't be placed says why", LIVE,
     "'conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable','message':"
     "'0/3 nodes are available'}]",
     ATTEMPT_UNDER_WAY, REASON_POD_WAITING,
     "pod p can't be placed on a node: 0/3 nodes are available"},
    {"a pod that can't be placed says at least the reason", LIVE,
     "'conditions':[{'type':'PodScheduled','status':'False','reason':'SchedulingGated'}]",
     ATTEMPT_UNDER_WAY, REASON_POD_WAITING, "pod p can't be placed on a node: SchedulingGated"},
    {"a placed pod that is starting needs no words", LIVE,
     "'conditions':[{'type':'PodScheduled','status':'True'}],'containerStatuses':[{'name':'step',"
     "'state':{'waiting':{'reason':'ContainerCreating'}}}],'initContainerStatuses':[{'name':'i',"
     "'state':{'waiting':{'reason':'PodInitializing'}}}]",
     ATTEMPT_UNDER_WAY, NULL, NULL},
    {"an init container's image is told", LIVE,
     "'initContainerStatuses':[{'name':'i','image':'x:1','state':{'waiting':{'reason':"
     "'ErrImageNeverPull'}}}]",
     ATTEMPT_UNDER_WAY, REASON_IMAGE_PULL,
     "image \"x:1\" of container i can't be pulled: ErrImageNeverPull; the kubelet goes on trying"},
    {"only the registry's words of a pull failure are kept", LIVE,
     "'containerStatuses':[{'name':'step','image':'x:1','state':{'waiting':{'reason':"
     "'ImagePullBackOff','message':'Back-off pulling image: ErrImagePull: not found'}}}]",
     ATTEMPT_UNDER_WAY, REASON_IMAGE_PULL,
     "image \"x:1\" of container step can't be pulled: not found; the kubelet goes on trying"},
    {"an image whose name is none is told", LIVE,
     "'containerStatuses':[{'name':'step','image':'X','state':{'waiting':{'reason':"
     "'InvalidImageName'}}}]",
     ATTEMPT_UNDER_WAY, REASON_IMAGE_PULL,
     "image \"X\" of container step can't be pulled: InvalidImageName"},
    {"any other wait is told in the kubelet's words", LIVE,
     "'containerStatuses':[{'name':'step','state':{'waiting':{'reason':'CreateContainerConfigError'"
     ",'message':'secret \\\"s\\\" not found'}}}]",
     ATTEMPT_UNDER_WAY, REASON_POD_WAITING,
     "container step of pod p waits: CreateContainerConfigError: secret \"s\" not found"},
    {"a wait without words is told by its reason", LIVE,
     "'containerStatuses':[{'name':'step','state':{'waiting':{'reason':'CrashLoopBackOff'}}}]",
     ATTEMPT_UNDER_WAY, REASON_POD_WAITING, "container step of pod p waits: CrashLoopBackOff"},
};

static void an_attempt_is_judged_by_its_pods_and_told_in_their_words(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(rows); at++) {
        const struct evidence_row *row = &rows[at];
        struct arena arena = {0};
        const struct job *job = row->job ? make(&arena, KIND_JOB, job_form, row->job) : NULL;
        const struct pod *pod = row->pod ? make(&arena, KIND_POD, pod_form, row->pod) : NULL;
        struct attempt_evidence evidence = attempt_judge(&arena, job, &pod, pod ? 1 : 0);
        if (evidence.state != row->state || !text_equal(evidence.reason, row->reason) ||
            (row->message && !strstr(text_or(evidence.message, ""), row->message))) {
            fail_msg("%s: state %d, %s: %s", row->sentence, (int)evidence.state,
                     text_or(evidence.reason, "no reason"), text_or(evidence.message, ""));
        }
        arena_free(&arena);
    }
}

static void pods_of_others_and_deleted_ones_do_not_count(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct job *job = make(&arena, KIND_JOB, job_form, LIVE);
    const struct pod *pods[] = {
        make(&arena, KIND_POD, "{'metadata':{'name':'foreign'},@}", "'status':{'phase':'Failed'}"),
        make(&arena, KIND_POD,
             "{'metadata':{'name':'going','deletionTimestamp':'2026-01-31T03:00:00Z',"
             "'ownerReferences':[{'uid':'1','controller':true}]},@}",
             "'status':{'phase':'Failed'}"),
    };
    struct attempt_evidence evidence = attempt_judge(&arena, job, pods, COUNT_OF(pods));
    assert_int_equal(evidence.state, ATTEMPT_UNDER_WAY);
    assert_ptr_equal(evidence.pod, pods[1]);
    arena_free(&arena);
}

static void last_words_are_cut_at_the_begin_of_a_character(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct container_status container = {
        .name = "step", .state.terminated.message = "lost \xE2\x82\xAC 5 left"};
    assert_string_equal(pod_last_words(&arena, &container, 9), "5 left");
    assert_string_equal(pod_last_words(&arena, &container, 10), "\xE2\x82\xAC 5 left");
    assert_string_equal(pod_last_words(&arena, NULL, 10), "");
    const struct container_status blank = {.name = "step", .state.terminated.message = " \n\t "};
    assert_string_equal(pod_last_words(&arena, &blank, 10), "");
    const struct container_status spaced = {.name = "step",
                                            .state.terminated.message = "\n lost \n it \n"};
    assert_string_equal(pod_last_words(&arena, &spaced, 99), "lost it");
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_attempt_is_judged_by_its_pods_and_told_in_their_words),
        cmocka_unit_test(pods_of_others_and_deleted_ones_do_not_count),
        cmocka_unit_test(last_words_are_cut_at_the_begin_of_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
