"""manifests/argocd: what Argo CD says of each kind in each state, by its own script in Lua 5.1."""

import json
import pathlib
import re
import subprocess
import sys
import unittest
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "manifests" / "argocd"
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "harness"))

import kstatus  # noqa: E402

Json = dict[str, Any]
KINDS = ("Pipeline", "PipelineRun", "Model", "ModelVersion", "Trigger")
GENERATION = 3
LUA_LIMIT_SECONDS = 120

# What Argo CD gives to a script (util/lua/lua.go): the base and table libraries, no methods of strings, and obj.
RUNNER = """
getmetatable("").__index = nil
local script = assert(loadfile(arg[1]))
for at, object in ipairs(assert(loadfile(arg[2]))()) do
  setfenv(script, { obj = object, table = table, ipairs = ipairs, pairs = pairs, tostring = tostring, tonumber = tonumber,
                    type = type, next = next, error = error, pcall = pcall, select = select, unpack = unpack })
  local answer = script()
  io.write(answer.status, "\\t", answer.message, "\\n")
end
"""

HEALTHY, PROGRESSING, DEGRADED, SUSPENDED = "Healthy", "Progressing", "Degraded", "Suspended"


def thing(kind: str, ready: str = "", reason: str = "", message: str = "it says why", *, seen: int = GENERATION,
          spec: Json | None = None, phase: str = "", metadata: Json | None = None, **others: str) -> Json:
    """`others`: conditions by type, `STATUS REASON`, with a message of their own."""
    def condition(name: str, status: str, why: str, words: str) -> Json:
        return {"type": name, "status": status, "reason": why, "message": words, "observedGeneration": seen,
                "lastTransitionTime": "2026-01-31T03:00:00Z"}

    status: Json = {"observedGeneration": seen, "conditions": [condition("Ready", ready, reason, message)] if ready else []}
    for name, said in others.items():
        status["conditions"].append(condition(name, *said.split(), f"{name} says why"))
    if phase:
        status["phase"] = phase
    return {"apiVersion": "tidemill.dev/v1alpha1", "kind": kind,
            "metadata": {"name": "x", "generation": GENERATION, **(metadata or {})}, "spec": spec or {}, "status": status}


def stalled(kind: str, reason: str, **fields: Any) -> Json:
    return thing(kind, "False", reason, Stalled=f"True {reason}", **fields)


# Sentence, object, what Argo CD says; the message is that of Ready unless another one is given.
ROWS: list[tuple[Any, ...]] = [
    *((f"a {kind} that was just made", thing(kind, seen=-1), PROGRESSING, "waiting for the controller to see generation 3")
      for kind in KINDS),
    *((f"a {kind} whose spec was just changed", thing(kind, "True", "AsSpecified", seen=2), PROGRESSING,
       "waiting for the controller to see generation 3") for kind in KINDS),
    *((f"a {kind} without any status", {**thing(kind), "status": None}, PROGRESSING,
       "waiting for the controller to see generation 3") for kind in KINDS),
    *((f"a {kind} that is being deleted",
       thing(kind, "True", "AsSpecified", metadata={"deletionTimestamp": "2026-01-31T03:00:00Z"}), PROGRESSING, "being deleted")
      for kind in KINDS),
    *((f"a {kind} whose spec can't be read", stalled(kind, "SpecUnreadable"), DEGRADED) for kind in KINDS),

    ("a Pipeline that runs may use", thing("Pipeline", "True", "Accepted", TemplateChecked="True TemplateAccepted"), HEALTHY),
    ("a Pipeline with warnings", thing("Pipeline", "True", "Accepted", TemplateChecked="True TemplateWarned"), HEALTHY),
    ("a Pipeline whose graph is wrong", stalled("Pipeline", "GraphCycle"), DEGRADED),
    ("a Pipeline whose Jobs are refused", stalled("Pipeline", "TemplateRefused"), DEGRADED),
    ("a Pipeline whose claim is yet to come", thing("Pipeline", "False", "ClaimMissing"), PROGRESSING),
    ("a Pipeline that can't be pinned", thing("Pipeline", "False", "WriteRefused"), DEGRADED),

    ("a run that waits for its turn", thing("PipelineRun", "Unknown", "WaitingForTurn", phase="Pending"), PROGRESSING),
    ("a run whose Pipeline is yet to come", thing("PipelineRun", "Unknown", "PipelineNotFound", phase="Pending"), PROGRESSING),
    ("a run under way", thing("PipelineRun", "Unknown", "Running", phase="Running"), PROGRESSING),
    ("a run that is held up", thing("PipelineRun", "Unknown", "ImagePullFailed", phase="Running"), PROGRESSING),
    ("a run that is suspended", thing("PipelineRun", "Unknown", "Suspended", phase="Suspended", spec={"suspend": True}), SUSPENDED),
    ("a run that ends what it began before it is suspended",
     thing("PipelineRun", "Unknown", "Running", phase="Running", spec={"suspend": True}), PROGRESSING),
    ("a run that has succeeded", thing("PipelineRun", "True", "Succeeded", phase="Succeeded", spec={"suspend": True}), HEALTHY),
    ("a run that asks for retraining",
     thing("PipelineRun", "True", "Succeeded", phase="Succeeded", RetrainNeeded="True RetrainNeeded"), HEALTHY),
    ("a run that has failed", stalled("PipelineRun", "StepFailed", phase="Failed"), DEGRADED),
    ("a run that was cancelled", stalled("PipelineRun", "Cancelled", phase="Cancelled"), DEGRADED),

    ("a Model that serves", thing("Model", "True", "Serving", Degraded="False AsSpecified", Progressing="False AsSpecified"), HEALTHY),
    ("a Model without a version yet", thing("Model", "False", "NoVersion", Degraded="False AsSpecified"), PROGRESSING),
    ("a Model whose next version comes up", thing("Model", "Unknown", "RollingOut", Degraded="False AsSpecified",
                                                  Progressing="True RollingOut"), PROGRESSING),
    ("a Model whose pods are being started", thing("Model", "False", "RollingOut", Degraded="False AsSpecified"), PROGRESSING),
    ("a Model that serves, and whose newest version can't",
     thing("Model", "True", "DigestMismatch", Degraded="True DigestMismatch"), DEGRADED, "Degraded says why"),
    ("a Model whose server crashes", thing("Model", "False", "ServerFailing", Degraded="True ServerFailing"), DEGRADED,
     "Degraded says why"),
    ("a Model whose pods are late", thing("Model", "False", "ProgressDeadlineExceeded",
                                          Degraded="True ProgressDeadlineExceeded"), DEGRADED, "Degraded says why"),
    ("a Model that is pinned to nothing", stalled("Model", "PinnedVersionNotFound", Degraded="True PinnedVersionNotFound"), DEGRADED),
    ("a Model whose Service is somebody else's", stalled("Model", "NameTaken", Degraded="True NameTaken"), DEGRADED),

    ("a version that serves", thing("ModelVersion", "True", "Serving", phase="Serving", Verified="True DigestVerified"), HEALTHY),
    ("a version that was served before", thing("ModelVersion", "True", "Standby", phase="Ready"), HEALTHY),
    ("a version that drains", thing("ModelVersion", "True", "Draining", phase="Draining"), HEALTHY),
    ("a version that is being copied", thing("ModelVersion", "Unknown", "RollingOut", phase="Verifying",
                                             Verified="Unknown Copying"), PROGRESSING),
    ("a version whose Model is yet to come", thing("ModelVersion", "False", "NoServing", phase="Pending"), PROGRESSING),
    ("a version whose files are others", stalled("ModelVersion", "DigestMismatch", phase="Failed",
                                                 Verified="False DigestMismatch"), DEGRADED),
    ("a version whose files can't be had", thing("ModelVersion", "False", "ArtifactUnusable", phase="Verifying"), DEGRADED),

    ("a Trigger with a schedule", thing("Trigger", "True", "Scheduled"), HEALTHY),
    ("a Trigger that watches", thing("Trigger", "True", "Watching"), HEALTHY),
    ("a Trigger that waits until it may fire", thing("Trigger", "True", "Cooldown"), HEALTHY),
    ("a Trigger that asks for the first time", thing("Trigger", "False", "SourceAsked"), PROGRESSING),
    ("a Trigger whose source has nothing yet", thing("Trigger", "False", "SourceAbsent"), PROGRESSING),
    ("a Trigger whose Pipeline is yet to come", thing("Trigger", "False", "PipelineNotFound"), PROGRESSING),
    ("a Trigger whose source is down", thing("Trigger", "False", "SourceFailed"), DEGRADED),
    ("a Trigger whose breaker is open for a while", thing("Trigger", "False", "BreakerOpen"), DEGRADED),
    ("a Trigger whose breaker stays open", stalled("Trigger", "BreakerOpen"), DEGRADED),
    ("a Trigger that is suspended", thing("Trigger", "True", "Suspended", spec={"suspend": True}), SUSPENDED),
    ("a Trigger that is suspended and can't be read",
     stalled("Trigger", "BadSchedule", spec={"suspend": True}), DEGRADED),
]


def lua(value: Any) -> str:
    """As a Lua literal: nil for null, and objects and lists are tables."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{json.dumps(key)}]={lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(map(lua, value)) + "}"
    return "nil" if value is None else json.dumps(value)


class Health(unittest.TestCase):
    said: list[list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        build = ROOT / "build" / "argocd"
        build.mkdir(parents=True, exist_ok=True)
        (build / "runner.lua").write_text(RUNNER)
        (build / "objects.lua").write_text("return " + lua([row[1] for row in ROWS]))
        done = subprocess.run(["lua5.1", str(build / "runner.lua"), str(FOLDER / "health.lua"), str(build / "objects.lua")],
                              capture_output=True, text=True, check=False, timeout=LUA_LIMIT_SECONDS)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.said = [line.split("\t") for line in done.stdout.splitlines()]

    def test_each_kind_in_each_state_has_the_health_that_people_expect(self) -> None:
        self.assertEqual(len(ROWS), len(self.said))
        for (sentence, _, *expected), said in zip(ROWS, self.said, strict=True):
            with self.subTest(sentence):
                self.assertEqual([*expected, "it says why"][:2], said)

    def test_argo_cd_and_kstatus_do_not_contradict_each_other(self) -> None:
        fits = {kstatus.CURRENT: {HEALTHY, SUSPENDED, DEGRADED}, kstatus.FAILED: {DEGRADED},
                kstatus.IN_PROGRESS: {PROGRESSING, SUSPENDED, DEGRADED}, kstatus.TERMINATING: {PROGRESSING}}
        for (sentence, item, *_), said in zip(ROWS, self.said, strict=True):
            if item["status"]:
                with self.subTest(sentence):
                    self.assertIn(said[0], fits[kstatus.compute(item)])

    def test_each_reason_is_one_that_the_controller_gives(self) -> None:
        known = set(re.findall(r'^#define REASON_\w+\s+(?:\\\n\s*)?"(\w+)"', (ROOT / "controller/plan/reasons.h").read_text(),
                               re.MULTILINE))
        used = {condition["reason"] for row in ROWS for condition in (row[1]["status"] or {}).get("conditions", [])}
        waits = set(re.findall(r"^  (\w+) = true,$", (FOLDER / "health.lua").read_text(), re.MULTILINE))
        self.assertEqual((used | waits) - known, set())
        self.assertEqual(waits - used, set(), "each is tried above")

    def test_the_settings_have_a_key_for_each_kind_with_the_one_script(self) -> None:
        kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
        generator, = kustomization["configMapGenerator"]
        self.assertEqual(generator, {"name": "argocd-cm", "files": [
            f"resource.customizations.health.tidemill.dev_{kind}=health.lua" for kind in KINDS]})
        self.assertTrue(kustomization["generatorOptions"]["disableNameSuffixHash"], "Argo CD knows it by its name")
