/* What a pipeline's spec may not say, and values of parameters and results: tables. */

#include "support/test.h"

#include "api/codec.h"
#include "core/text.h"
#include "plan/pattern.h"
#include "plan/pipeline_check.h"
#include "plan/reasons.h"
#include "plan/values.h"

#include <string.h>

/* JSON with ' for ". */
static const struct pipeline_spec *make_spec(struct arena *arena, const char *spec)
{
    char *json = arena_print(arena, "{'metadata':{'name':'p'},'spec':{%s}}", spec);
    for (char *at = json; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct object *object = NULL;
    struct error error = {0};
    struct result result = codec_decode(arena, KIND_PIPELINE, json, strlen(json), &object, &error);
    if (!result_is_ok(result)) {
        fail_msg("%s: %s", spec, error.message);
    }
    return &((struct pipeline *)object)->spec;
}

#define CLAIM "'artifacts':{'volumeClaim':{'claimName':'c'}},"

struct check_row {
    const char *sentence;
    const char *spec;
    const char *reason; /* NULL: the spec is fine */
    const char *message;
};

static const struct check_row check_rows[] = {
    {"one step that names an image is a pipeline", "'steps':[{'name':'a','image':'i'}]", NULL,
     NULL},
    {"no step is no pipeline", "'timeout':'1h'", REASON_INVALID_SPEC,
     "spec.steps: at least one step is needed"},
    {"a step without an image has nothing to run", "'steps':[{'name':'a'}]", REASON_INVALID_SPEC,
     "spec.steps[0].image: step \"a\" has no image to run"},
    {"an empty image is none", "'steps':[{'name':'a','image':''}]", REASON_INVALID_SPEC,
     "spec.steps[0].image: step \"a\" has no image to run"},
    {"two steps of one name can't be told apart",
     "'steps':[{'name':'a','image':'i'},{'name':'b','image':'i'},{'name':'a','image':'i'}]",
     REASON_INVALID_SPEC, "spec.steps: two steps are named \"a\"; rename one"},
    {"a step that waits for itself is a cycle",
     "'steps':[{'name':'a','image':'i','runAfter':['a']}]", REASON_GRAPH_CYCLE,
     "spec.steps: steps wait for each other: a -> a; remove one of these runAfter or inputs"},
    {"a cycle is named, what only leads to it is not",
     CLAIM "'steps':[{'name':'z','image':'i','runAfter':['a']},"
           "{'name':'a','image':'i','inputs':[{'name':'x','from':'b.m'}]},"
           "{'name':'b','image':'i','runAfter':['c'],'outputs':{'artifacts':[{'name':'m'}]}},"
           "{'name':'c','image':'i','runAfter':['d','a']},{'name':'d','image':'i'}]",
     REASON_GRAPH_CYCLE,
     "spec.steps: steps wait for each other: a -> b -> c -> a; remove one of these runAfter or "
     "inputs"},
    {"what a cycle waits for beside itself is not named",
     "'steps':[{'name':'d','image':'i'},{'name':'a','image':'i','runAfter':['d','b']},"
     "{'name':'b','image':'i','runAfter':['d','a']}]",
     REASON_GRAPH_CYCLE,
     "spec.steps: steps wait for each other: a -> b -> a; remove one of these runAfter or inputs"},
    {"an input comes from STEP.ARTIFACT",
     CLAIM "'steps':[{'name':'a','image':'i','inputs':[{'name':'x','from':'b'}]}]",
     REASON_UNKNOWN_STEP,
     "spec.steps[0].inputs[0].from of step \"a\": \"b\" must be STEP.ARTIFACT of a step of this "
     "pipeline; there is no step \"b\""},
    {"the step of an input must be there",
     CLAIM "'steps':[{'name':'a','image':'i','inputs':[{'name':'x','from':'b.m'}]}]",
     REASON_UNKNOWN_STEP,
     "spec.steps[0].inputs[0].from of step \"a\": \"b.m\" must be STEP.ARTIFACT of a step of this "
     "pipeline; there is no step \"b\""},
    {"a step alone is no input",
     CLAIM "'steps':[{'name':'a','image':'i'},"
           "{'name':'b','image':'i','inputs':[{'name':'x','from':'a'}]}]",
     REASON_UNKNOWN_STEP,
     "spec.steps[1].inputs[0].from of step \"b\": \"a\" must be STEP.ARTIFACT of a step of this "
     "pipeline"},
    {"the step of an input must declare the artifact",
     CLAIM "'steps':[{'name':'a','image':'i'},"
           "{'name':'b','image':'i','inputs':[{'name':'x','from':'a.m'}]}]",
     REASON_UNKNOWN_ARTIFACT,
     "spec.steps[1].inputs[0].from of step \"b\": step \"a\" declares no artifact \"m\" in "
     "outputs.artifacts"},
    {"artifacts need a claim",
     "'steps':[{'name':'a','image':'i','outputs':{'artifacts':[{'name':'m'}]}}]",
     REASON_INVALID_SPEC,
     "spec.artifacts.volumeClaim.claimName: step \"a\" has artifacts, so the pipeline needs a "
     "claim for them"},
    {"a pattern must be a regular expression",
     "'params':[{'name':'p','type':'string','pattern':'(a'}],'steps':[{'name':'a','image':'i'}]",
     REASON_INVALID_SPEC, "spec.params[0].pattern of \"p\": Unmatched ( or \\("},
    {"a default must be of the parameter's type",
     "'params':[{'name':'p','type':'integer','default':'x'}],'steps':[{'name':'a','image':'i'}]",
     REASON_PARAM_INVALID, "spec.params[0].default: parameter \"p\": \"x\" is no integer"},
    {"two parameters of one variable",
     "'params':[{'name':'a-b'},{'name':'a_b'}],'steps':[{'name':'a','image':'i'}]",
     REASON_ENV_COLLISION,
     "two parameters or results of this pipeline become the environment variable PARAM_A_B; "
     "rename one"},
    {"two results of one variable",
     "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'b-c'}]}},"
     "{'name':'a-b','image':'i','outputs':{'results':[{'name':'c'}]}}]",
     REASON_ENV_COLLISION,
     "two parameters or results of this pipeline become the environment variable RESULT_A_B_C; "
     "rename one"},
    {"what $(PARAM_X) names must be a parameter",
     "'steps':[{'name':'a','image':'i','args':['--x=$(PARAM_X)']}]", REASON_UNKNOWN_PARAM,
     "$(PARAM_X) names no parameter or result of this pipeline; write $$(PARAM_X) for the "
     "characters"},
    {"what $(RESULT_X) names must be a result",
     "'steps':[{'name':'a','image':'i','command':['sh','$(RESULT_A_X)']}]", REASON_UNKNOWN_RESULT,
     "$(RESULT_A_X) names no parameter or result of this pipeline"},
    {"characters and variables of others are left alone",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','args':['$$(PARAM_Y)',"
     "'$(HOME)','$(PARAM_X)','$','$(PARAM_Y','$PARAM_Y']}]",
     NULL, NULL},
    {"a parameter is no program text",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','command':['sh',"
     "'-ec','echo $(PARAM_X)']}]",
     REASON_UNSAFE_PARAM, "$(PARAM_X) would become part of a program after \"-ec\""},
    {"program text may stand in args too",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','command':['sh','-c'],"
     "'args':['echo $(PARAM_X)']}]",
     REASON_UNSAFE_PARAM, "$(PARAM_X) would become part of a program after \"-c\""},
    {"what is run may be a parameter",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','command':["
     "'$(PARAM_X)']}]",
     NULL, NULL},
    {"an option that ends in another letter takes no program",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','args':['-x',"
     "'$(PARAM_X)','','$(PARAM_X)']}]",
     NULL, NULL},
    {"a long option that ends in c takes no program",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','args':['--sync',"
     "'$(PARAM_X)']}]",
     NULL, NULL},
    {"Tidemill's variables are its own",
     "'steps':[{'name':'a','image':'i','env':[{'name':'TIDEMILL_RUN','value':'x'}]}]", "",
     "TIDEMILL_RUN"},
    {"a step's variable may not hide a parameter",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','env':["
     "{'name':'HOME','value':'/tmp'},{'name':'PARAM_X','value':'2'}]}]",
     REASON_ENV_COLLISION,
     "spec.steps[0].env[1] of step \"a\": PARAM_X is set by Tidemill; choose another name"},
    {"a step's variable may not hide a result",
     "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'auc'}]}},"
     "{'name':'b','image':'i','env':[{'name':'RESULT_A_AUC','value':'1'}]}]",
     REASON_ENV_COLLISION,
     "spec.steps[1].env[0] of step \"b\": RESULT_A_AUC is set by Tidemill; choose another name"},
    {"variables that begin like ours and are none are the step's own",
     "'params':[{'name':'x','default':'1'}],'steps':[{'name':'a','image':'i','env':["
     "{'name':'PARAM_Y','value':'2'}]}]",
     NULL, NULL},
    {"a check is about a result of its own step",
     "'steps':[{'name':'a','image':'i','checks':[{'result':'r','min':'1'}]}]",
     REASON_UNKNOWN_RESULT,
     "spec.steps[0].checks[0] of step \"a\": the step declares no result \"r\" in outputs.results"},
    {"it may be any of them",
     "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'q','type':'string'},"
     "{'name':'r','type':'integer'}]},'checks':[{'result':'r','max':'1'}]}]",
     NULL, NULL},
    {"a text is compared",
     "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'r','type':'string'}]},"
     "'checks':[{'result':'r','equals':'x'}]}]",
     NULL, NULL},
    {"only numbers have bounds",
     "'steps':[{'name':'a','image':'i','outputs':{'results':[{'name':'r','type':'string'}]},"
     "'checks':[{'result':'r','max':'1'}]}]",
     REASON_INVALID_SPEC,
     "spec.steps[0].checks[0] of step \"a\": min and max need a result of type integer or number; "
     "\"r\" is a string"},
    {"a template's container may not be named as ours",
     "'podDefaults':{'spec':{'containers':[{'name':'tidemill-x'}]}},'steps':[{'name':'a','image':"
     "'i'}]",
     REASON_INVALID_SPEC,
     "spec.podDefaults.spec.containers[0].name: \"tidemill-x\": names that begin with tidemill-"},
    {"a step's template must be one", "'steps':[{'name':'a','image':'i','podTemplate':{'spec':7}}]",
     REASON_INVALID_SPEC, "spec.steps[0].podTemplate: must be an object with metadata and spec"},
    {"what is published must be an artifact",
     "'steps':[{'name':'a','image':'i'}],'publish':{'model':'m','artifact':'a.m'}",
     REASON_UNKNOWN_ARTIFACT,
     "spec.publish.artifact: step \"a\" declares no artifact \"m\" in outputs.artifacts"},
    {"what is published must be named",
     "'steps':[{'name':'a','image':'i'}],'publish':{'model':'m'}", REASON_UNKNOWN_STEP,
     "spec.publish.artifact: \"\" must be STEP.ARTIFACT"},
    {"metrics come from steps that are there",
     CLAIM "'steps':[{'name':'a','image':'i','outputs':{'artifacts':[{'name':'m'}]}}],"
           "'publish':{'model':'m','artifact':'a.m','metricsFrom':['a','b']}",
     REASON_UNKNOWN_STEP, "spec.publish.metricsFrom[1]: there is no step \"b\""},
};

static void a_spec_that_cannot_be_carried_out_is_refused_with_field_and_reason(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(check_rows); at++) {
        const struct check_row *row = &check_rows[at];
        struct arena arena = {0};
        struct graph graph;
        struct spec_fault fault = {0};
        bool ok = pipeline_check(&arena, make_spec(&arena, row->spec), &graph, &fault);
        if (ok != (row->reason == NULL)) {
            fail_msg("%s: %s", row->sentence, ok ? "accepted" : fault.message);
        }
        if (!ok && ((row->reason[0] != '\0' && !text_equal(fault.reason, row->reason)) ||
                    strstr(fault.message, row->message) == NULL)) {
            fail_msg("%s: %s: %s", row->sentence, fault.reason, fault.message);
        }
        arena_free(&arena);
    }
}

static void a_step_that_is_named_twice_is_waited_for_once(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct graph graph;
    struct spec_fault fault = {0};
    const struct pipeline_spec *spec = make_spec(
        &arena,
        CLAIM "'steps':[{'name':'z','image':'i'},"
              "{'name':'a','image':'i','outputs':{'artifacts':[{'name':'m'},{'name':'n'}]}},"
              "{'name':'b','image':'i','runAfter':['a','z','a'],"
              "'inputs':[{'name':'x','from':'a.n'}]}]");
    assert_true(pipeline_check(&arena, spec, &graph, &fault));
    assert_int_equal(graph.steps[2].wait_count, 2);
    assert_int_equal(graph.steps[2].waits_for[0], 0);
    assert_int_equal(graph.steps[2].waits_for[1], 1);
    arena_free(&arena);
}

/* ---- patterns ---- */

static const struct {
    const char *pattern;
    const char *fault; /* NULL: it is run */
} pattern_rows[] = {
    {"[a-z]+", NULL},
    {"([a-z]{1,63}\\.)*[a-z]{1,63}", NULL},
    {"\\{.*\\}", NULL},
    {"\\\\1", NULL}, /* a backslash and a 1 */
    {"[]{}()+*]+", NULL},
    {"[^]]*", NULL},
    {"[[:alpha:]][[:alnum:]_]*", NULL},
    {"(a|b|)+c?", NULL},
    {".{0,255}", NULL},
    {"a{,3}", NULL},
    {"[[.-.]][[=a=]]", NULL},
    {"[[a]]", NULL},
    {"((((((((((((((((a))))))))))))))))", NULL},
    {"(((((((((((((((((a)))))))))))))))))", "groups stand in groups more than 16 deep"},
    {"(a)\\1", "backreferences are not supported"},
    {"(ab){2}", "a counted repeat ({n,m}) must follow a single character or bracket"},
    {"a{2}{2}", "a counted repeat ({n,m}) must follow a single character or bracket"},
    {"a*{2}", "a counted repeat ({n,m}) must follow a single character or bracket"},
    {"a|{2}", "a counted repeat ({n,m}) must follow a single character or bracket"},
    {"{2}", "a counted repeat ({n,m}) must follow a single character or bracket"},
    {"a{256}", "counted repeats go up to 255"},
    {"a{1,99999}", "counted repeats go up to 255"},
    {"a++", "a repeat of a repeat, such as a++, is not supported; repeat once"},
    {"a{2}+", "a repeat of a repeat"},
    {"a**", "a repeat of a repeat"},
    /* Found by fuzzing: a gigabyte, from forty bytes. */
    {"ooooooooooooooo++++++++++++++++++++++*n", "a repeat of a repeat"},
    {"((a*)+)+", NULL},
    {"([a-z]+(-[a-z0-9]+)*)?", NULL},
    /* Seconds of compiling, from seventeen bytes. */
    {"(((((a*)+)+)+)+)+", "repeats stand in repeated groups more than 3 deep"},
    {"(((a*)?)?b)*", "repeats stand in repeated groups more than 3 deep"},
    {"((((((((((((a)+)+)+)+)+)+)+)+)+)+)+)+", "repeats stand in repeated groups more than 3 deep"},
    {".{255}.{255}.{255}.{255}", "it is longer than 1000 characters; shorten it"},
    {"(.{255}.{255})+", "it is longer than 1000 characters; shorten it"},
    {"a)", "a ) stands without its (; write \\) for the character"},
    {"a)|b", "a ) stands without its ("}, /* would end the group that is put around it */
    {"[[", "Unmatched [, [^, [:, [., or [="},
    {"[a", "Unmatched [, [^, [:, [., or [="},
    {"a{2", "Unmatched \\{"},
    {"a\\", "Trailing backslash"},
};

static void a_pattern_is_run_only_when_it_is_cheap_for_every_value(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(pattern_rows); at++) {
        struct arena arena = {0};
        const char *fault = pattern_fault(&arena, pattern_rows[at].pattern);
        const char *expected = pattern_rows[at].fault;
        if ((fault == NULL) != (expected == NULL) || (fault && !strstr(fault, expected))) {
            fail_msg("%s: %s", pattern_rows[at].pattern, text_or(fault, "accepted"));
        }
        if (fault) {
            assert_false(pattern_matches(&arena, pattern_rows[at].pattern, "a"));
        }
        arena_free(&arena);
    }
}

/* `count` parameters with this pattern; the last one's name is "pCOUNT-1". */
static const char *spec_of_patterns(struct arena *arena, size_t count, const char *pattern)
{
    const char *params = "";
    for (size_t at = 0; at < count; at++) {
        params = arena_print(arena, "%s%s{'name':'p%zu','type':'string','pattern':'%s'}", params,
                             at > 0 ? "," : "", at, pattern);
    }
    return arena_print(arena, "'params':[%s],'steps':[{'name':'a','image':'i'}]", params);
}

static const struct {
    const char *sentence;
    size_t count;
    const char *pattern;
    const char *field; /* that is refused; NULL: the pipeline is fine */
} total_rows[] = {
    {"as many parameters as there may be, each a name", 64, "[a-z][a-z0-9]*", NULL},
    {"patterns that come to the limit", 8, ".{249}", NULL},
    {"one pattern more than the limit", 9, ".{249}", "spec.params[8].pattern of \"p8\""},
    {"repeats count as they are written out", 10, "(a{99})+", "spec.params[9].pattern of \"p9\""},
    {"what is refused by itself is told by itself", 64, "a++", "spec.params[0].pattern of \"p0\""},
};

static void all_patterns_of_a_pipeline_together_are_cheap(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(total_rows); at++) {
        struct arena arena = {0};
        struct graph graph;
        struct spec_fault fault = {0};
        const struct pipeline_spec *spec = make_spec(
            &arena, spec_of_patterns(&arena, total_rows[at].count, total_rows[at].pattern));
        bool ok = pipeline_check(&arena, spec, &graph, &fault);
        const char *field = total_rows[at].field;
        if (ok != (field == NULL) || (field && !strstr(fault.message, field))) {
            fail_msg("%s: %s", total_rows[at].sentence, ok ? "accepted" : fault.message);
        }
        arena_free(&arena);
    }
}

/* ---- parameters ---- */

static const struct {
    const char *param;
    const char *value; /* NULL: none is given */
    const char *fault; /* NULL: it is taken */
} param_rows[] = {
    {"'type':'string'", "anything at all", NULL},
    {"'type':'integer'", "-7", NULL},
    {"'type':'integer'", "7.5", "parameter \"p\": \"7.5\" is no integer"},
    {"'type':'number'", "1e-3", NULL},
    {"'type':'number'", "0x10", "parameter \"p\": \"0x10\" is no number"},
    {"'type':'boolean'", "true", NULL},
    {"'type':'boolean'", "false", NULL},
    {"'type':'boolean'", "yes", "parameter \"p\": \"yes\" is neither true nor false"},
    {"'type':'string','enum':['a','b']", "b", NULL},
    {"'type':'string','enum':['a','b']", "c",
     "parameter \"p\": \"c\" is none of the values in its enum"},
    {"'type':'string','pattern':'[0-9]+'", "12", NULL},
    {"'type':'string','pattern':'[0-9]+'", "12a",
     "parameter \"p\": \"12a\" does not match the pattern [0-9]+"},
    {"'type':'integer','minimum':'1','maximum':'3'", "1", NULL},
    {"'type':'integer','minimum':'1','maximum':'3'", "3.0", NULL},
    {"'type':'integer','minimum':'1','maximum':'3'", "0",
     "parameter \"p\": 0 is below the minimum 1"},
    {"'type':'integer','minimum':'1','maximum':'3'", "4",
     "parameter \"p\": 4 is above the maximum 3"},
    {"'type':'string','minimum':'1'", "x", "parameter \"p\": x is below the minimum 1"},
    {"'type':'string','maximum':'1'", "x", "parameter \"p\": x is above the maximum 1"},
    {"'type':'string','default':'d'", NULL, NULL},
    {"'type':'string'", NULL, "parameter \"p\": it has no default, so the run must give a value"},
};

static void a_pipeline_has_as_many_artifacts_as_a_version_can_list(void **state)
{
    (void)state;
    enum { STEPS = 100, EACH = 10 };
    for (int more = 0; more < 2; more++) {
        struct arena arena = {0};
        const char *steps = "";
        for (int step = 0; step < STEPS; step++) {
            const char *made = "";
            for (int at = 0; at < EACH + (step == 0 ? more : 0); at++) {
                made = arena_print(&arena, "%s%s{'name':'m%d'}", made, at ? "," : "", at);
            }
            steps = arena_print(&arena,
                                "%s%s{'name':'s%d','image':'i','outputs':{'artifacts':[%s]}}",
                                steps, step ? "," : "", step, made);
        }
        const struct pipeline_spec *spec = make_spec(
            &arena, arena_print(&arena, CLAIM "'steps':[%s]", steps));
        struct graph graph;
        struct spec_fault fault = {0};
        assert_int_equal(pipeline_check(&arena, spec, &graph, &fault), more == 0);
        if (more) {
            assert_string_equal(fault.reason, REASON_INVALID_SPEC);
            assert_non_null(strstr(fault.message, "1001 artifacts together, at most 1000"));
        }
        arena_free(&arena);
    }
}

static void a_value_that_the_parameter_does_not_allow_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT_OF(param_rows); at++) {
        struct arena arena = {0};
        const struct pipeline_spec *spec = make_spec(
            &arena, arena_print(&arena, "'params':[{'name':'p',%s}]", param_rows[at].param));
        const struct name_value given = {"p", param_rows[at].value};
        struct name_value *values = NULL;
        struct spec_fault fault = {0};
        size_t count = given.value ? 1 : 0;
        bool ok = params_resolve(&arena, spec, &given, count, &values, &fault);
        if (ok != (param_rows[at].fault == NULL)) {
            fail_msg("%s of %s: %s", text_or(given.value, "nothing"), param_rows[at].param,
                     ok ? "taken" : fault.message);
        }
        if (ok) {
            assert_string_equal(values[0].value, text_or(given.value, "d"));
        } else {
            assert_string_equal(fault.reason, REASON_PARAM_INVALID);
            assert_string_equal(fault.message, param_rows[at].fault);
        }
        arena_free(&arena);
    }
}

static void a_value_for_no_parameter_is_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct pipeline_spec *spec = make_spec(
        &arena, "'params':[{'name':'p','type':'string','default':'d'}]");
    const struct name_value given[] = {{"p", "1"}, {"q", "2"}};
    struct name_value *values = NULL;
    struct spec_fault fault = {0};
    assert_false(params_resolve(&arena, spec, given, COUNT_OF(given), &values, &fault));
    assert_string_equal(fault.message,
                        "parameter \"q\": the pipeline declares none of this name in spec.params");
    arena_free(&arena);
}

/* ---- checks ---- */

static const struct {
    const char *checks;
    enum verdict verdict;
    const char *message; /* NULL: all pass */
    const char *retrain; /* of those with Retrain */
} verdict_rows[] = {
    {"{'result':'n','min':'0.3','max':'0.31'}", VERDICT_PASS, NULL, NULL},
    {"{'result':'n','equals':'0.310'}", VERDICT_PASS, NULL, NULL}, /* as numbers */
    {"{'result':'t','equals':'abc'}", VERDICT_PASS, NULL, NULL},
    {"{'result':'n','max':'0.02','onFailure':'Stop'}", VERDICT_STOP,
     "result n is 0.31, allowed at most 0.02", NULL},
    {"{'result':'n','min':'1','onFailure':'Warn'}", VERDICT_WARN,
     "result n is 0.31, required at least 1", NULL},
    {"{'result':'t','equals':'x'}", VERDICT_STOP, "result t is abc, expected x", NULL},
    {"{'result':'n','equals':'0.32'}", VERDICT_STOP, "result n is 0.31, expected 0.32", NULL},
    {"{'result':'t','min':'1'}", VERDICT_STOP, "result t is abc, required at least 1", NULL},
    {"{'result':'t','max':'1'}", VERDICT_STOP, "result t is abc, allowed at most 1", NULL},
    {"{'result':'gone','min':'1','onFailure':'Warn'}", VERDICT_WARN, "result gone was not written",
     NULL},
    {"{'result':'n','max':'0','onFailure':'Stop'},{'result':'n','min':'1','onFailure':'Warn'}",
     VERDICT_STOP, "result n is 0.31, allowed at most 0; result n is 0.31, required at least 1",
     NULL},
    {"{'result':'n','max':'0','onFailure':'Retrain'}", VERDICT_RETRAIN,
     "result n is 0.31, allowed at most 0", "result n is 0.31, allowed at most 0"},
    {"{'result':'n','max':'0','onFailure':'Retrain'},{'result':'t','equals':'x'}", VERDICT_STOP,
     "result n is 0.31, allowed at most 0; result t is abc, expected x",
     "result n is 0.31, allowed at most 0"},
    {"{'result':'t','equals':'x','onFailure':'Warn'},{'result':'n','max':'0','onFailure':'Retrain'}"
     ","
     "{'result':'gone','min':'1','onFailure':'Retrain'}",
     VERDICT_RETRAIN,
     "result t is abc, expected x; result n is 0.31, allowed at most 0; result gone was not "
     "written",
     "result n is 0.31, allowed at most 0; result gone was not written"},
};

static void the_worst_check_decides_and_each_that_fails_says_so(void **state)
{
    (void)state;
    const struct name_value results[] = {{"n", "0.31"}, {"t", "abc"}};
    for (size_t at = 0; at < COUNT_OF(verdict_rows); at++) {
        struct arena arena = {0};
        const struct pipeline_spec *spec = make_spec(
            &arena,
            arena_print(&arena, "'steps':[{'name':'a','checks':[%s]}]", verdict_rows[at].checks));
        const struct judgement found = checks_judge(&arena, &spec->steps[0], results,
                                                    COUNT_OF(results));
        if (found.verdict != verdict_rows[at].verdict ||
            !text_equal(found.message, verdict_rows[at].message) ||
            !text_equal(found.retrain, verdict_rows[at].retrain)) {
            fail_msg("%s: %d %s [%s]", verdict_rows[at].checks, (int)found.verdict,
                     text_or(found.message, "-"), text_or(found.retrain, "-"));
        }
        arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_that_cannot_be_carried_out_is_refused_with_field_and_reason),
        cmocka_unit_test(a_step_that_is_named_twice_is_waited_for_once),
        cmocka_unit_test(a_pattern_is_run_only_when_it_is_cheap_for_every_value),
        cmocka_unit_test(all_patterns_of_a_pipeline_together_are_cheap),
        cmocka_unit_test(a_pipeline_has_as_many_artifacts_as_a_version_can_list),
        cmocka_unit_test(a_value_that_the_parameter_does_not_allow_is_refused),
        cmocka_unit_test(a_value_for_no_parameter_is_refused),
        cmocka_unit_test(the_worst_check_decides_and_each_that_fails_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
