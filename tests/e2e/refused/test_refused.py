"""What the API server refuses on apply, naming the field and what is wrong with it."""

from __future__ import annotations

import copy
import json
from typing import Any

from harness.api import Json
from harness.case import ApiError, DryRunCase, api_version, refuse_rows
from harness.objects import IMAGE

DIGEST = "sha256:" + "0" * 64
LONG = "x" * 5000
TEMPLATE: Json = {"spec": {"containers": [{"name": "server", "image": IMAGE}]}}

GOOD: dict[str, Json] = {
    "Pipeline": {"steps": [{"name": "one", "image": IMAGE}]},
    "PipelineRun": {"pipelineRef": {"name": "some"}},
    "Model": {"serving": {"podTemplate": TEMPLATE}},
    "ModelVersion": {"model": "some", "artifact": {"uri": "pvc://claim/path", "digest": DIGEST}},
    "Trigger": {"pipelineRef": {"name": "some"}, "schedule": {"cron": "0 3 * * *"}},
}


def with_value(spec: Json, path: str, value: Any) -> Json:
    """A copy with one field set: "steps.0.name"; a value of None takes the field away."""
    result = copy.deepcopy(spec)
    *parents, last = path.split(".")
    place: Any = result
    for index, word in enumerate(parents):
        following = [] if (parents + [last])[index + 1].isdigit() else {}
        if isinstance(place, list):
            if int(word) == len(place):
                place.append(following)
            place = place[int(word)]
        else:
            place = place.setdefault(word, following)
    if isinstance(place, list):
        place[int(last):int(last) + 1] = [value]
    elif value is None:
        del place[last]
    else:
        place[last] = value
    return result


def step_with(**fields: Any) -> Json:
    return {"name": "one", "image": IMAGE, **fields}


def names(count: int, stem: str = "n") -> list[Json]:
    return [{"name": f"{stem}{index}"} for index in range(count)]


DURATION = "spec.{}: Invalid value"

# sentence, kind, path, value, words that the refusal has
FIELDS: list[tuple[str, str, str, Any, list[str]]] = [
    # Pipeline: params
    ("a parameter without a name is refused", "Pipeline", "params", [{"type": "string"}], ["spec.params[0].name", "Required"]),
    ("a parameter's name that is no variable's name is refused", "Pipeline", "params", [{"name": "1x"}], ["spec.params[0].name"]),
    ("a parameter's name that is too long is refused", "Pipeline", "params", [{"name": "x" * 64}], ["spec.params[0].name", "63"]),
    ("a parameter of an unknown type is refused", "Pipeline", "params", [{"name": "x", "type": "float"}], ["spec.params[0].type", "integer"]),
    ("two parameters of one name are refused", "Pipeline", "params", [{"name": "x"}, {"name": "x"}], ["spec.params[1]", "Duplicate"]),
    ("65 parameters are refused", "Pipeline", "params", names(65), ["spec.params", "64"]),
    ("a default that is too long is refused", "Pipeline", "params", [{"name": "x", "default": LONG}], ["spec.params[0].default", "4096"]),
    ("a parameter's description that is too long is refused", "Pipeline", "params", [{"name": "x", "description": LONG}], ["spec.params[0].description"]),
    ("a value twice in an enum is refused", "Pipeline", "params", [{"name": "x", "enum": ["a", "a"]}], ["spec.params[0].enum[1]", "Duplicate"]),
    ("an enum of 65 values is refused", "Pipeline", "params", [{"name": "x", "enum": [str(i) for i in range(65)]}], ["spec.params[0].enum", "64"]),
    ("a minimum on a string parameter is refused", "Pipeline", "params", [{"name": "x", "minimum": "1"}], ["spec.params[0]", "minimum and maximum need type integer or number"]),
    ("a maximum on a boolean parameter is refused", "Pipeline", "params", [{"name": "x", "type": "boolean", "maximum": "1"}], ["spec.params[0]", "minimum and maximum need type integer or number"]),
    ("a minimum that is no decimal is refused", "Pipeline", "params", [{"name": "x", "type": "number", "minimum": "one"}], ["spec.params[0].minimum"]),
    ("a maximum that is no decimal is refused", "Pipeline", "params", [{"name": "x", "type": "number", "maximum": "1,5"}], ["spec.params[0].maximum"]),
    ("a minimum that is a number and not text is refused", "Pipeline", "params", [{"name": "x", "type": "number", "minimum": 1}], ["spec.params[0].minimum", "string"]),
    ("an empty pattern is refused", "Pipeline", "params", [{"name": "x", "pattern": ""}], ["spec.params[0].pattern"]),
    ("a pattern that is too long is refused", "Pipeline", "params", [{"name": "x", "pattern": "x" * 257}], ["spec.params[0].pattern", "256"]),
    # Pipeline: the rest above the steps
    ("artifacts without a claim are refused", "Pipeline", "artifacts", {}, ["spec.artifacts.volumeClaim", "Required"]),
    ("a claim without a name is refused", "Pipeline", "artifacts", {"volumeClaim": {}}, ["spec.artifacts.volumeClaim.claimName", "Required"]),
    ("a claim's name in capitals is refused", "Pipeline", "artifacts", {"volumeClaim": {"claimName": "Data"}}, ["spec.artifacts.volumeClaim.claimName"]),
    ("maxConcurrentRuns of 0 is refused", "Pipeline", "maxConcurrentRuns", 0, ["spec.maxConcurrentRuns", "greater than or equal to 1"]),
    ("maxConcurrentRuns of 1001 is refused", "Pipeline", "maxConcurrentRuns", 1001, ["spec.maxConcurrentRuns", "1000"]),
    ("a negative history limit is refused", "Pipeline", "history", {"succeeded": -1}, ["spec.history.succeeded", "greater than or equal to 0"]),
    ("a history limit that is too large is refused", "Pipeline", "history", {"failed": 10001}, ["spec.history.failed", "10000"]),
    ("a timeout in days is refused", "Pipeline", "timeout", "30d", ["spec.timeout"]),
    ("a timeout that is a number is refused", "Pipeline", "timeout", 30, ["spec.timeout", "string"]),
    ("an unknown field of a pipeline is refused", "Pipeline", "stepz", [], ["unknown field", "spec.stepz"]),
    # Pipeline: steps
    ("a pipeline without steps is refused", "Pipeline", "steps", [], ["spec.steps", "at least 1"]),
    ("a pipeline without the field steps is refused", "Pipeline", "steps", None, ["spec.steps", "Required"]),
    ("1001 steps are refused", "Pipeline", "steps", [{**name, "image": "x"} for name in names(1001)], ["spec.steps", "1000"]),
    ("two steps of one name are refused", "Pipeline", "steps", [step_with(), step_with()], ["spec.steps[1]", "Duplicate"]),
    ("a step without a name is refused", "Pipeline", "steps.0.name", None, ["spec.steps[0].name", "Required"]),
    ("a step's name in capitals is refused", "Pipeline", "steps.0.name", "Train", ["spec.steps[0].name"]),
    ("a step's name with an underscore is refused", "Pipeline", "steps.0.name", "train_it", ["spec.steps[0].name"]),
    ("a step's name that is too long is refused", "Pipeline", "steps.0.name", "x" * 64, ["spec.steps[0].name", "63"]),
    ("a step without an image is refused", "Pipeline", "steps.0.image", None, ["spec.steps[0].image", "Required"]),
    ("a step with an empty image is refused", "Pipeline", "steps.0.image", "", ["spec.steps[0].image"]),
    ("a step's image that is too long is refused", "Pipeline", "steps.0.image", "x" * 1025, ["spec.steps[0].image", "1024"]),
    ("an unknown field of a step is refused", "Pipeline", "steps.0.imagee", "x", ["unknown field", "spec.steps[0].imagee"]),
    ("a command that is one text is refused", "Pipeline", "steps.0.command", "true", ["spec.steps[0].command", "array"]),
    ("a command of 257 words is refused", "Pipeline", "steps.0.command", ["x"] * 257, ["spec.steps[0].command", "256"]),
    ("257 arguments are refused", "Pipeline", "steps.0.args", ["x"] * 257, ["spec.steps[0].args", "256"]),
    ("a word of a command that is too long is refused", "Pipeline", "steps.0.command", ["x" * 32769], ["spec.steps[0].command[0]", "32768"]),
    ("an argument that is too long is refused", "Pipeline", "steps.0.args", ["x" * 32769], ["spec.steps[0].args[0]", "32768"]),
    ("an environment variable that starts with a digit is refused", "Pipeline", "steps.0.env", [{"name": "1X", "value": ""}], ["spec.steps[0].env[0].name"]),
    ("an environment variable that is set twice is refused", "Pipeline", "steps.0.env", [{"name": "X"}, {"name": "X"}], ["spec.steps[0].env[1]", "Duplicate"]),
    ("65 environment variables are refused", "Pipeline", "steps.0.env", names(65), ["spec.steps[0].env", "64"]),
    ("an environment variable's value that is too long is refused", "Pipeline", "steps.0.env", [{"name": "X", "value": LONG}], ["spec.steps[0].env[0].value"]),
    ("an input without from is refused", "Pipeline", "steps.0.inputs", [{"name": "x"}], ["spec.steps[0].inputs[0].from", "Required"]),
    ("an input whose from is no STEP.ARTIFACT is refused", "Pipeline", "steps.0.inputs", [{"name": "x", "from": "ingest"}], ["spec.steps[0].inputs[0].from"]),
    ("an input's name with a slash is refused", "Pipeline", "steps.0.inputs", [{"name": "../x", "from": "a.b"}], ["spec.steps[0].inputs[0].name"]),
    ("an input twice is refused", "Pipeline", "steps.0.inputs", [{"name": "x", "from": "a.b"}] * 2, ["spec.steps[0].inputs[1]", "Duplicate"]),
    ("33 inputs are refused", "Pipeline", "steps.0.inputs", [{**name, "from": "a.b"} for name in names(33)], ["spec.steps[0].inputs", "32"]),
    ("runAfter with a name that no step can have is refused", "Pipeline", "steps.0.runAfter", ["A"], ["spec.steps[0].runAfter[0]"]),
    ("runAfter that names a step twice is refused", "Pipeline", "steps.0.runAfter", ["a", "a"], ["spec.steps[0].runAfter[1]", "Duplicate"]),
    ("runAfter of 65 steps is refused", "Pipeline", "steps.0.runAfter", [f"s{i}" for i in range(65)], ["spec.steps[0].runAfter", "64"]),
    ("an artifact's name with a slash is refused", "Pipeline", "steps.0.outputs", {"artifacts": [{"name": "a/b"}]}, ["spec.steps[0].outputs.artifacts[0].name"]),
    ("an artifact twice is refused", "Pipeline", "steps.0.outputs", {"artifacts": names(1) * 2}, ["spec.steps[0].outputs.artifacts[1]", "Duplicate"]),
    ("17 artifacts of a step are refused", "Pipeline", "steps.0.outputs", {"artifacts": names(17)}, ["spec.steps[0].outputs.artifacts", "16"]),
    ("a result of an unknown type is refused", "Pipeline", "steps.0.outputs", {"results": [{"name": "x", "type": "list"}]}, ["spec.steps[0].outputs.results[0].type"]),
    ("a result's name with a dot is refused", "Pipeline", "steps.0.outputs", {"results": [{"name": "a.b"}]}, ["spec.steps[0].outputs.results[0].name"]),
    ("a result twice is refused", "Pipeline", "steps.0.outputs", {"results": names(1) * 2}, ["spec.steps[0].outputs.results[1]", "Duplicate"]),
    ("33 results of a step are refused", "Pipeline", "steps.0.outputs", {"results": names(33)}, ["spec.steps[0].outputs.results", "32"]),
    ("a check without bounds is refused", "Pipeline", "steps.0.checks", [{"result": "x"}], ["spec.steps[0].checks[0]", "a check needs min, max or equals"]),
    ("a check without a result is refused", "Pipeline", "steps.0.checks", [{"max": "1"}], ["spec.steps[0].checks[0].result", "Required"]),
    ("a check with a bound that is no decimal is refused", "Pipeline", "steps.0.checks", [{"result": "x", "max": "2%"}], ["spec.steps[0].checks[0].max"]),
    ("a check with a lower bound that is no decimal is refused", "Pipeline", "steps.0.checks", [{"result": "x", "min": ".5"}], ["spec.steps[0].checks[0].min"]),
    ("a check with an unknown verdict is refused", "Pipeline", "steps.0.checks", [{"result": "x", "max": "1", "onFailure": "Ignore"}], ["spec.steps[0].checks[0].onFailure", "Stop"]),
    ("33 checks are refused", "Pipeline", "steps.0.checks", [{"result": "x", "max": "1"}] * 33, ["spec.steps[0].checks", "32"]),
    ("a negative retry limit is refused", "Pipeline", "steps.0.retry", {"limit": -1}, ["spec.steps[0].retry.limit"]),
    ("a retry limit of 101 is refused", "Pipeline", "steps.0.retry", {"limit": 101}, ["spec.steps[0].retry.limit", "100"]),
    ("a backoff that is no duration is refused", "Pipeline", "steps.0.retry", {"backoff": {"initial": "soon"}}, ["spec.steps[0].retry.backoff.initial"]),
    ("a backoff with a factor of 0 is refused", "Pipeline", "steps.0.retry", {"backoff": {"factor": 0}}, ["spec.steps[0].retry.backoff.factor"]),
    ("a backoff with a factor of 11 is refused", "Pipeline", "steps.0.retry", {"backoff": {"factor": 11}}, ["spec.steps[0].retry.backoff.factor"]),
    ("a longest backoff that is no duration is refused", "Pipeline", "steps.0.retry", {"backoff": {"max": "1d"}}, ["spec.steps[0].retry.backoff.max"]),
    ("a step's timeout that is no duration is refused", "Pipeline", "steps.0.timeout", "1.5h", ["spec.steps[0].timeout"]),
    ("a pod template that is a text is refused", "Pipeline", "steps.0.podTemplate", "spec: {}", ["spec.steps[0].podTemplate", "object"]),
    ("publish without an artifact is refused", "Pipeline", "publish", {"model": "m"}, ["spec.publish.artifact", "Required"]),
    ("publish without a model is refused", "Pipeline", "publish", {"artifact": "a.b"}, ["spec.publish.model", "Required"]),
    ("publish to a model whose name starts with a digit is refused", "Pipeline", "publish", {"model": "1m", "artifact": "a.b"}, ["spec.publish.model"]),
    ("publish to a model whose name is too long is refused", "Pipeline", "publish", {"model": "m" * 53, "artifact": "a.b"}, ["spec.publish.model", "52"]),
    ("publish of what is no STEP.ARTIFACT is refused", "Pipeline", "publish", {"model": "m", "artifact": "train"}, ["spec.publish.artifact"]),
    ("metricsFrom that names a step twice is refused", "Pipeline", "publish", {"model": "m", "artifact": "a.b", "metricsFrom": ["a", "a"]}, ["spec.publish.metricsFrom[1]", "Duplicate"]),
    # PipelineRun
    ("a run without a pipeline is refused", "PipelineRun", "pipelineRef", None, ["spec.pipelineRef", "Required"]),
    ("a run of a pipeline whose name has a slash is refused", "PipelineRun", "pipelineRef.name", "other/some", ["spec.pipelineRef.name"]),
    ("a run of a pipeline with an empty name is refused", "PipelineRun", "pipelineRef.name", "", ["spec.pipelineRef.name"]),
    ("a parameter without a value is refused", "PipelineRun", "params", [{"name": "x"}], ["spec.params[0].value", "Required"]),
    ("a parameter's value that is a number is refused", "PipelineRun", "params", [{"name": "x", "value": 7}], ["spec.params[0].value", "string"]),
    ("a parameter's value that is too long is refused", "PipelineRun", "params", [{"name": "x", "value": LONG}], ["spec.params[0].value", "4096"]),
    ("a parameter that is given twice is refused", "PipelineRun", "params", [{"name": "x", "value": "1"}] * 2, ["spec.params[1]", "Duplicate"]),
    ("a cause of an unknown kind is refused", "PipelineRun", "cause", {"kind": "Cron"}, ["spec.cause.kind", "Manual"]),
    ("a cause's revision that is too long is refused", "PipelineRun", "cause", {"revision": "x" * 1025}, ["spec.cause.revision", "1024"]),
    ("a cause's message that is too long is refused", "PipelineRun", "cause", {"message": "x" * 1025}, ["spec.cause.message", "1024"]),
    ("a cause's name that is too long is refused", "PipelineRun", "cause", {"name": "x" * 254}, ["spec.cause.name", "253"]),
    ("cancel that is a text is refused", "PipelineRun", "cancel", "true", ["spec.cancel", "boolean"]),
    ("suspend that is a text is refused", "PipelineRun", "suspend", "yes", ["spec.suspend", "boolean"]),
    ("an unknown field of a run is refused", "PipelineRun", "pipeline", "x", ["unknown field", "spec.pipeline"]),
    # Model
    ("serving without a pod template is refused", "Model", "serving", {"port": 8080}, ["spec.serving.podTemplate", "Required"]),
    ("port 0 is refused", "Model", "serving.port", 0, ["spec.serving.port", "greater than or equal to 1"]),
    ("port 65536 is refused", "Model", "serving.port", 65536, ["spec.serving.port", "65535"]),
    ("negative replicas are refused", "Model", "serving.replicas", -1, ["spec.serving.replicas"]),
    ("1001 replicas are refused", "Model", "serving.replicas", 1001, ["spec.serving.replicas", "1000"]),
    ("a pinned version that is no name is refused", "Model", "pinnedVersion", "V1", ["spec.pinnedVersion"]),
    ("a pinned version that is empty is refused", "Model", "pinnedVersion", "", ["spec.pinnedVersion"]),
    ("an unknown field of a model is refused", "Model", "gates", [], ["unknown field", "spec.gates"]),
    # ModelVersion
    ("a version without a model is refused", "ModelVersion", "model", None, ["spec.model", "Required"]),
    ("a version of a model whose name starts with a digit is refused", "ModelVersion", "model", "1st", ["spec.model"]),
    ("a version without an artifact is refused", "ModelVersion", "artifact", None, ["spec.artifact", "Required"]),
    ("a version without a digest is refused", "ModelVersion", "artifact.digest", None, ["spec.artifact.digest", "Required"]),
    ("a digest that is too short is refused", "ModelVersion", "artifact.digest", "sha256:abc", ["spec.artifact.digest"]),
    ("a digest of another algorithm is refused", "ModelVersion", "artifact.digest", "md5:" + "0" * 32, ["spec.artifact.digest"]),
    ("a digest in capitals is refused", "ModelVersion", "artifact.digest", "sha256:" + "A" * 64, ["spec.artifact.digest"]),
    ("a uri of another scheme is refused", "ModelVersion", "artifact.uri", "s3://bucket/path", ["spec.artifact.uri"]),
    ("a uri without a path is refused", "ModelVersion", "artifact.uri", "pvc://claim/", ["spec.artifact.uri"]),
    ("a uri that climbs out of the claim is refused", "ModelVersion", "artifact.uri", "pvc://claim/a/../../b", ["spec.artifact", "must not contain . or .. segments"]),
    ("a uri with a segment of one dot is refused", "ModelVersion", "artifact.uri", "pvc://claim/./b", ["spec.artifact", "must not contain . or .. segments"]),
    ("a uri that is too long is refused", "ModelVersion", "artifact.uri", "pvc://claim/" + "x" * 2048, ["spec.artifact.uri", "2048"]),
    ("a metric that is no decimal is refused", "ModelVersion", "metrics", [{"name": "accuracy", "value": "high"}], ["spec.metrics[0].value"]),
    ("a metric without a value is refused", "ModelVersion", "metrics", [{"name": "accuracy"}], ["spec.metrics[0].value", "Required"]),
    ("257 metrics are refused", "ModelVersion", "metrics", [{**name, "value": "1"} for name in names(257)], ["spec.metrics", "256"]),
    ("a lineage's parameter without a value is refused", "ModelVersion", "lineage", {"params": [{"name": "x"}]}, ["spec.lineage.params[0].value", "Required"]),
    ("a lineage's image without a step is refused", "ModelVersion", "lineage", {"images": [{"image": "x"}]}, ["spec.lineage.images[0].step", "Required"]),
    ("an unknown field of a lineage is refused", "ModelVersion", "lineage", {"commit": "x"}, ["unknown field", "spec.lineage.commit"]),
    ("a version's serving without a pod template is refused", "ModelVersion", "serving", {}, ["spec.serving.podTemplate", "Required"]),
    ("a version's port that is too large is refused", "ModelVersion", "serving", {"podTemplate": {}, "port": 70000}, ["spec.serving.port", "65535"]),
    # Trigger
    ("a trigger without a pipeline is refused", "Trigger", "pipelineRef", None, ["spec.pipelineRef", "Required"]),
    ("a trigger without a source is refused", "Trigger", "schedule", None, ["exactly one source is needed"]),
    ("a trigger with two sources is refused", "Trigger", "http", {"url": "http://data/x"}, ["exactly one source is needed"]),
    ("a schedule with an interval of polling is refused", "Trigger", "interval", "1m", ["only a source that is polled has one"]),
    ("a schedule with a debounce is refused", "Trigger", "debounce", "1m", ["does not change any more"]),
    ("a webhook beside a schedule is refused", "Trigger", "webhook", {"type": "GitHub", "secretName": "key"},
     ["asks that this one be polled now"]),
    ("a cooldown that is no duration is refused", "Trigger", "cooldown", "1d", ["spec.cooldown"]),
    ("a budget without a number is refused", "Trigger", "budget", {}, ["spec.budget.runs", "Required"]),
    ("a parameter with a value and a source's is refused", "Trigger", "params", [{"name": "x", "value": "1", "from": "y"}],
     ["exactly one of value and from"]),
    ("a schedule without an expression is refused", "Trigger", "schedule", {}, ["spec.schedule.cron", "Required"]),
    ("an empty cron expression is refused", "Trigger", "schedule.cron", "", ["spec.schedule.cron"]),
    ("a cron expression that is too long is refused", "Trigger", "schedule.cron", "* " * 200, ["spec.schedule.cron", "256"]),
    ("a time zone that climbs out of its folder is refused", "Trigger", "schedule.timeZone", "../etc/passwd", ["spec.schedule.timeZone"]),
    ("a time zone with four parts is refused", "Trigger", "schedule.timeZone", "a/b/c/d", ["spec.schedule.timeZone"]),
    ("an unknown catch-up policy is refused", "Trigger", "schedule.catchUp", {"policy": "Some"}, ["spec.schedule.catchUp.policy", "Latest"]),
    ("a catch-up of 0 times is refused", "Trigger", "schedule.catchUp", {"max": 0}, ["spec.schedule.catchUp.max"]),
    ("a catch-up of 101 times is refused", "Trigger", "schedule.catchUp", {"max": 101}, ["spec.schedule.catchUp.max", "100"]),
    ("a starting deadline that is no duration is refused", "Trigger", "schedule.startingDeadline", "-5m", ["spec.schedule.startingDeadline"]),
    ("an unknown concurrency policy is refused", "Trigger", "concurrencyPolicy", "Wait", ["spec.concurrencyPolicy", "Forbid"]),
    ("a trigger's parameter that is given twice is refused", "Trigger", "params", [{"name": "x", "value": "1"}] * 2, ["spec.params[1]", "Duplicate"]),
    ("an unknown field of a trigger is refused", "Trigger", "retries", "1h", ["unknown field", "spec.retries"]),
]

# sentence, kind, name, words
NAMES: list[tuple[str, str, str, list[str]]] = [
    ("a trigger's name of 53 characters is refused", "Trigger", "t" * 53, ["metadata.name: at most 52 characters"]),
    ("a run's name of 201 characters is refused", "PipelineRun", "r" * 201, ["metadata.name: at most 200 characters"]),
    ("a model's name that starts with a digit is refused", "Model", "1st", ["becomes the name of a Service"]),
    ("a model's name with a dot is refused", "Model", "a.b", ["becomes the name of a Service"]),
    ("a model's name of 53 characters is refused", "Model", "m" * 53, ["at most 52 characters"]),
    ("a version's name that starts with a digit is refused", "ModelVersion", "1st", ["becomes the name of a Service"]),
    ("a version's name of 64 characters is refused", "ModelVersion", "v" * 64, ["at most 63 characters"]),
]


class Refused(DryRunCase):
    """A bad manifest is refused by the API server: nothing of it is stored."""

    def check_field(self, kind: str, path: str, value: Any, words: list[str]) -> None:
        self.check_refused(kind, "some", with_value(GOOD[kind], path, value), words)

    def check_name(self, kind: str, name: str, words: list[str]) -> None:
        self.check_refused(kind, name, GOOD[kind], words)

    def check_refused(self, kind: str, name: str, spec: Json, words: list[str]) -> None:
        with self.assertRaises(ApiError) as caught:
            self.create(kind, name, spec, dry_run=True)
        self.assertIn(caught.exception.code, (400, 422))
        for word in words:
            self.assertIn(word, caught.exception.message)

    def check_good(self, kind: str) -> None:
        self.create(kind, "some", GOOD[kind], dry_run=True)


refuse_rows(Refused, FIELDS, Refused.check_field)


class RefusedNames(Refused):
    pass


class Taken(Refused):
    """The base of all rows is good, or they would prove nothing."""


for table, case, check in (
    (NAMES, RefusedNames, Refused.check_name),
    ([(f"the {kind} that the bad ones are made from is taken", kind) for kind in GOOD], Taken, Refused.check_good),
):
    for attribute in [name for name in dir(case) if name.startswith("test_")]:
        setattr(case, attribute, None)  # only the rows of its own
    refuse_rows(case, table, check)
del case

FULL: dict[str, Json] = {
    "PipelineRun": {
        "pipelineRef": {"name": "some"}, "params": [{"name": "x", "value": "1"}],
        "cause": {"kind": "Manual", "message": "first"}, "cancel": True,
    },
    "ModelVersion": {
        **GOOD["ModelVersion"], "metrics": [{"name": "accuracy", "value": "0.9"}],
        "lineage": {"pipeline": "some"},
        "serving": {"podTemplate": TEMPLATE},
    },
}

# sentence, kind, JSON Patch operations, words; without words the change is taken
CHANGES: list[tuple[str, str, list[Json], list[str]]] = [
    ("a run's pipeline can't be changed", "PipelineRun", [{"op": "replace", "path": "/spec/pipelineRef/name", "value": "other"}], ["pipelineRef is immutable"]),
    ("a run's parameter can't be changed", "PipelineRun", [{"op": "replace", "path": "/spec/params/0/value", "value": "2"}], ["params are immutable"]),
    ("a run can't be given another parameter", "PipelineRun", [{"op": "add", "path": "/spec/params/-", "value": {"name": "y", "value": "2"}}], ["params are immutable"]),
    ("a run's parameters can't be taken away", "PipelineRun", [{"op": "remove", "path": "/spec/params"}], ["params are immutable"]),
    ("a run's cause can't be changed", "PipelineRun", [{"op": "replace", "path": "/spec/cause/message", "value": "x"}], ["cause is immutable"]),
    ("a run's cause can't be taken away", "PipelineRun", [{"op": "remove", "path": "/spec/cause"}], ["cause is immutable"]),
    ("cancel can't be set to false again", "PipelineRun", [{"op": "replace", "path": "/spec/cancel", "value": False}], ["cancel can't be taken back"]),
    ("cancel can't be taken away", "PipelineRun", [{"op": "remove", "path": "/spec/cancel"}], ["cancel can't be taken back"]),
    ("a run can be suspended", "PipelineRun", [{"op": "add", "path": "/spec/suspend", "value": True}], []),
    ("a version's model can't be changed", "ModelVersion", [{"op": "replace", "path": "/spec/model", "value": "other"}], ["model is immutable"]),
    ("a version's files can't be changed", "ModelVersion", [{"op": "replace", "path": "/spec/artifact/uri", "value": "pvc://other/path"}], ["artifact is immutable"]),
    ("a version's digest can't be changed", "ModelVersion", [{"op": "replace", "path": "/spec/artifact/digest", "value": "sha256:" + "1" * 64}], ["artifact is immutable"]),
    ("a version's metrics can't be changed", "ModelVersion", [{"op": "replace", "path": "/spec/metrics/0/value", "value": "1"}], ["metrics is immutable"]),
    ("a version's metrics can't be taken away", "ModelVersion", [{"op": "remove", "path": "/spec/metrics"}], ["metrics is immutable"]),
    ("a version's lineage can't be changed", "ModelVersion", [{"op": "replace", "path": "/spec/lineage/pipeline", "value": "x"}], ["lineage is immutable"]),
    ("a version's lineage can't be taken away", "ModelVersion", [{"op": "remove", "path": "/spec/lineage"}], ["lineage is immutable"]),
    ("a version's serving can be changed", "ModelVersion", [{"op": "add", "path": "/spec/serving/replicas", "value": 2}], []),
]


class Changes(DryRunCase):
    """What identifies a run or a version never changes."""

    def check_change(self, kind: str, operations: list[Json], words: list[str]) -> None:
        name = "full"
        with DryRunCase._lock:
            if not self.get(kind, name):
                self.create(kind, name, FULL[kind])
        if not words:
            self.json_patch(kind, name, *operations, dryRun="All")
            return
        with self.assertRaises(ApiError) as caught:
            self.json_patch(kind, name, *operations, dryRun="All")
        self.assertEqual(422, caught.exception.code)
        for word in words:
            self.assertIn(word, caught.exception.message)


refuse_rows(Changes, CHANGES, Changes.check_change)


class AsKubectlSaysIt(DryRunCase):
    def test_kubectl(self) -> None:
        """kubectl apply names the field and the reason of a bad manifest"""
        body = {"apiVersion": api_version("Pipeline"), "kind": "Pipeline", "metadata": {"name": "bad"},
                "spec": {"timeout": "30d", "steps": [{"name": "Train", "image": IMAGE, "checks": [{"result": "x"}]}]}}
        said = self.kubectl("apply", "--validate=strict", "-f", "-", stdin=json.dumps(body), check=False)
        for word in ("spec.timeout", "spec.steps[0].name", "a check needs min, max or equals"):
            self.assertIn(word, said)
        self.assertIsNone(self.get("Pipeline", "bad"))
