"""What only the controller can see is wrong with a spec: a condition and an event, and no loop."""

from __future__ import annotations

from typing import Any

from harness.api import Json
from harness.case import ClusterCase, condition
from harness.objects import IMAGE, artifacts, pipeline_spec, results, step

CLAIM = {"claim": "artifacts"}

# sentence, steps and other fields, reason, words of the message
SPECS: list[tuple[str, list[Json], Json, str, list[str]]] = [
    ("a cycle is told with the steps that are in it", [step("a", runAfter=["c"]), step("b", runAfter=["a"]), step("c", runAfter=["b"])], {}, "GraphCycle", ["a", "b", "c"]),
    ("a step that waits for itself is told", [step("a", runAfter=["a"])], {}, "GraphCycle", ["a"]),
    ("an unknown step in runAfter is told", [step("a", runAfter=["nobody"])], {}, "UnknownStep", ["spec.steps[0].runAfter[0]", '"nobody"']),
    ("an unknown step in an input is told", [step("a", inputs=[{"name": "x", "from": "nobody.table"}])], CLAIM, "UnknownStep", ["spec.steps[0].inputs[0].from", '"nobody"']),
    ("an unknown artifact in an input is told", [step("a", outputs=artifacts("table")), step("b", inputs=[{"name": "x", "from": "a.tables"}])], CLAIM, "UnknownArtifact", ["spec.steps[1].inputs[0].from", '"tables"']),
    ("an unknown artifact in publish is told", [step("a", outputs=artifacts("model"))], {**CLAIM, "publish": {"model": "m", "artifact": "a.other"}}, "UnknownArtifact", ["spec.publish.artifact"]),
    ("an unknown step in publish is told", [step("a")], {**CLAIM, "publish": {"model": "m", "artifact": "z.other"}}, "UnknownStep", ["spec.publish.artifact"]),
    ("an unknown step in metricsFrom is told", [step("a", outputs=artifacts("model"))], {**CLAIM, "publish": {"model": "m", "artifact": "a.model", "metricsFrom": ["z"]}}, "UnknownStep", ["spec.publish.metricsFrom[0]"]),
    ("a check of an unknown result is told", [step("a", outputs=results(rows="integer"), checks=[{"result": "row", "min": "1"}])], {}, "UnknownResult", ["spec.steps[0].checks[0]", '"row"']),
    ("bounds on a result that is text are told", [step("a", outputs=results(word="string"), checks=[{"result": "word", "min": "1"}])], {}, "InvalidSpec", ["spec.steps[0].checks[0]", "integer or number"]),
    ("an unknown parameter in a command is told", [{"name": "a", "image": IMAGE, "command": ["echo", "$(PARAM_SEED)"]}], {}, "UnknownParam", ["spec.steps[0].command[1]", "PARAM_SEED"]),
    ("an unknown result in an argument is told", [{"name": "a", "image": IMAGE, "args": ["$(RESULT_X_Y)"]}], {}, "UnknownResult", ["spec.steps[0].args[0]", "RESULT_X_Y"]),
    ("a parameter inside the program of a shell is told, with the remedy", [step("a", "echo $(PARAM_SEED)")], {"params": [{"name": "seed", "default": "7"}]}, "UnsafeParam", ["spec.steps[0].command[2]", '"$PARAM_SEED"']),
    ("two names that become one variable are told", [step("a")], {"params": [{"name": "a-b", "default": ""}, {"name": "a_b", "default": ""}]}, "EnvironmentCollision", ["PARAM_A_B"]),
    ("a variable that Tidemill sets itself is told", [step("a", env=[{"name": "TIDEMILL_RUN", "value": "x"}])], {}, "EnvironmentCollision", ["spec.steps[0].env[0]", "TIDEMILL_RUN"]),
    ("a default that is none of the enum is told", [step("a")], {"params": [{"name": "p", "enum": ["a"], "default": "b"}]}, "ParamInvalid", ["spec.params[0].default", '"b"']),
    ("a pattern that is no expression is told", [step("a")], {"params": [{"name": "p", "pattern": "(", "default": "b"}]}, "InvalidSpec", ["spec.params[0].pattern"]),
    ("artifacts without a claim are told", [step("a", outputs=artifacts("x"))], {}, "InvalidSpec", ["spec.artifacts.volumeClaim.claimName"]),
]


class BadPipelines(ClusterCase):
    weight = 25

    def test_all(self) -> None:
        """a pipeline that can't be carried out says field and reason, and writes nothing more"""
        for number, (sentence, steps, fields, reason, words) in enumerate(SPECS):
            name = f"p{number}"
            self.create("Pipeline", name, pipeline_spec(*steps, **fields))
            with self.subTest(sentence):
                thing = self.wait_condition("Pipeline", name, "False", reason)
                self.assert_says(thing, reason, *words)
                self.assertEqual("True", condition(thing, "Stalled").get("status"))
                self.wait_event("Pipeline", name, reason)
        # A run of one of them waits and says what for; corrected, it goes on by itself.
        self.run_of("p0", "waits")
        run = self.wait_condition("PipelineRun", "waits", "Unknown", "PipelineNotReady")
        self.assert_says(run, "PipelineNotReady", '"p0"')
        self.assert_others_run()
        self.settle()
        self.merge("Pipeline", "p0", {"spec": pipeline_spec(step("a"))})
        self.wait_phase("waits", "Succeeded")


class RunsThatWait(ClusterCase):
    weight = 25

    def test_pipeline(self) -> None:
        """a run of an unknown pipeline waits, says so, and goes on when the pipeline is created"""
        self.run_of("later", "run")
        run = self.wait_condition("PipelineRun", "run", "Unknown", "PipelineNotFound")
        self.assert_says(run, "PipelineNotFound", "spec.pipelineRef.name", '"later"')
        self.wait_event("PipelineRun", "run", "PipelineNotFound", '"later"')
        self.settle()
        self.pipeline("later", step("one"))
        self.wait_phase("run", "Succeeded")

    def test_claim(self) -> None:
        """a pipeline whose claim is missing says so, and its run goes on when the claim is created"""
        self.pipeline("p", step("one", "echo x >/tidemill/out/x", outputs=artifacts("x")), claim="later")
        self.run_of("p", "run")
        thing = self.wait_condition("Pipeline", "p", "False", "ClaimMissing")
        self.assert_says(thing, "ClaimMissing", "spec.artifacts.volumeClaim.claimName", '"later"')
        self.wait_event("Pipeline", "p", "ClaimMissing")
        self.wait("PipelineRun", "run", lambda run: condition(run).get("reason") == "PipelineNotReady"
                  and '"later"' in condition(run)["message"], "it waits for the claim")
        self.settle()
        self.claim("later")
        self.wait_phase("run", "Succeeded")

    def test_access_mode(self) -> None:
        """a claim that only one pod may use is refused in words"""
        self.create("PersistentVolumeClaim", "single", {"accessModes": ["ReadWriteOncePod"],
                                                        "resources": {"requests": {"storage": "1Mi"}}})
        self.pipeline("p", step("one", outputs=artifacts("x")), claim="single")
        thing = self.wait_condition("Pipeline", "p", "False", "ClaimUnsuitable")
        self.assert_says(thing, "ClaimUnsuitable", "ReadWriteOncePod")


# sentence, parameters of the run, words
PARAMS: list[tuple[str, dict[str, str], list[str]]] = [
    ("unknown", {"nobody": "1"}, ['"nobody"', "declares none"]),
    ("no integer", {"seed": "1.5"}, ['"seed"', "no integer"]),
    ("too small", {"seed": "-1"}, ['"seed"', "below the minimum 0"]),
    ("too large", {"seed": "11"}, ['"seed"', "above the maximum 10"]),
    ("no match", {"word": "A1"}, ['"word"', "pattern"]),
    ("none of the enum", {"colour": "green"}, ['"colour"', "enum"]),
    ("no boolean", {"flag": "yes"}, ['"flag"', "neither true nor false"]),
]


class BadParams(ClusterCase):
    weight = 20

    def test_params(self) -> None:
        """a run with a bad parameter fails at once, naming it"""
        self.pipeline("p", step("one"), params=[
            {"name": "seed", "type": "integer", "default": "1", "minimum": "0", "maximum": "10"},
            {"name": "word", "pattern": "[a-z]+", "default": "a"},
            {"name": "colour", "enum": ["red", "blue"], "default": "red"},
            {"name": "flag", "type": "boolean", "default": "true"},
        ])
        self.pipeline("q", step("one"), params=[{"name": "must"}])
        rows: list[tuple[str, str, dict[str, str], list[str]]] = [("p", *row) for row in PARAMS]
        rows.append(("q", "missing", {}, ['"must"', "no default"]))
        for number, (pipeline, sentence, params, words) in enumerate(rows):
            self.run_of(pipeline, f"r{number}", **params)
        for number, (_, sentence, params, words) in enumerate(rows):
            with self.subTest(sentence):
                run = self.wait_phase(f"r{number}", "Failed")
                self.assert_says(run, "ParamInvalid", *words)
                self.wait_event("PipelineRun", f"r{number}", "ParamInvalid")
        self.assertEqual([], self.list("Job"), "nothing was started")
        self.settle()


