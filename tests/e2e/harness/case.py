"""A test with a namespace of its own, and how it waits, looks and tells what it saw."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import threading
import time
import unittest
from collections.abc import Callable
from typing import Any

from harness import audit, kstatus
from harness.api import JSON_PATCH, MERGE_PATCH, Api, ApiError, Json, KINDS, TIDEMILL, wait_until
from harness.objects import claim_spec, pipeline_spec, run_spec

# A step's Job, pod and two containers take about 3 s on an idle machine; many tests share two cores.
RUN_LIMIT_SECONDS = 120.0
STATE_LIMIT_SECONDS = 60.0
EVENT_LIMIT_SECONDS = 30.0
QUIET_SECONDS = 10.0
LOG_TAIL_LINES = 30

FINAL_PHASES = ("Succeeded", "Failed", "Cancelled")
SYSTEM_NAMESPACE = "tidemill-system"

_names_lock = threading.Lock()
_names: dict[str, int] = {}


def _unique(stem: str) -> str:
    with _names_lock:
        _names[stem] = _names.get(stem, 0) + 1
        return f"e2e-{stem}-{os.getpid()}-{_names[stem]}"


def condition(thing: Json | None, kind: str = "Ready") -> Json:
    for found in (thing or {}).get("status", {}).get("conditions", []):
        if found["type"] == kind:
            return found
    return {}


def step_status(run: Json, name: str) -> Json:
    for found in run.get("status", {}).get("steps", []):
        if found["name"] == name:
            return found
    return {}


def api_version(kind: str) -> str:
    return KINDS[kind][0].split("/", 1)[1]


class ClusterCase(unittest.TestCase):
    """Tests run side by side; one that disturbs the others says `serial = True`."""

    serial = False
    own_plane = False  # True: it brings its own API server, see faults/plane.py
    weight = 10  # about how long it takes, in seconds: long ones start first
    pod_security = "restricted"
    api: Api  # set by the runner
    maxDiff = None

    def setUp(self) -> None:
        self.namespace = self.make_namespace()

    # Namespaces

    def make_namespace(self) -> str:
        stem = re.sub(r"[^a-z0-9]+", "-", self._testMethodName.removeprefix("test_").lower())[:30].strip("-")
        name = _unique(stem)
        labels = {"tidemill.dev/e2e": "true", "pod-security.kubernetes.io/enforce": self.pod_security}
        self.api.call("POST", "api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.addCleanup(self.forget_namespace, name)
        # Pods are refused until it exists.
        path = self.api.path("ServiceAccount", name, "default")
        if not wait_until(lambda: self.exists(path), STATE_LIMIT_SECONDS):
            raise AssertionError(f"namespace {name} has got no ServiceAccount within {STATE_LIMIT_SECONDS} s")
        return name

    def forget_namespace(self, name: str) -> None:
        if os.environ.get("TIDEMILL_E2E_KEEP") != "1":
            self.api.call("DELETE", f"api/v1/namespaces/{name}", {"propagationPolicy": "Background"})

    # Objects

    def exists(self, path: str) -> bool:
        return self.api.exists(path)

    def create(self, kind: str, name: str, spec: Json | None = None, *, dry_run: bool = False,
               namespace: str | None = None, metadata: Json | None = None, **other: Any) -> Json:
        body: Json = {"apiVersion": api_version(kind), "kind": kind,
                      "metadata": {"name": name, **(metadata or {})}, **other}
        if spec is not None:
            body["spec"] = spec
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self.api.call("POST", self.api.path(kind, namespace or self.namespace), body, **query)

    def get(self, kind: str, name: str, namespace: str | None = None) -> Json | None:
        try:
            return self.api.call("GET", self.api.path(kind, namespace or self.namespace, name))
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def list(self, kind: str, namespace: str | None = None, **query: str) -> list[Json]:
        return self.api.call("GET", self.api.path(kind, namespace or self.namespace), **query)["items"]

    def merge(self, kind: str, name: str, patch: Json, sub: str | None = None, **query: str) -> Json:
        return self.api.call("PATCH", self.api.path(kind, self.namespace, name, sub), patch, MERGE_PATCH, **query)

    def json_patch(self, kind: str, name: str, *operations: Json, **query: str) -> Json:
        return self.api.call("PATCH", self.api.path(kind, self.namespace, name), list(operations), JSON_PATCH, **query)

    def delete(self, kind: str, name: str) -> None:
        self.api.call("DELETE", self.api.path(kind, self.namespace, name), {"propagationPolicy": "Background"})

    def pipeline(self, name: str, *steps: Json, **fields: Any) -> Json:
        return self.create("Pipeline", name, pipeline_spec(*steps, **fields))

    def run_of(self, pipeline: str, name: str, **params: str) -> Json:
        return self.create("PipelineRun", name, run_spec(pipeline, **params))

    def claim(self, name: str = "artifacts") -> str:
        self.create("PersistentVolumeClaim", name, claim_spec())
        return name

    def secret(self, name: str, values: dict[str, str], allowed_hosts: str | None = None) -> None:
        """A Secret that may be sent to these hosts."""
        annotations = {} if allowed_hosts is None else {"tidemill.dev/allowed-hosts": allowed_hosts}
        self.api.call("POST", f"api/v1/namespaces/{self.namespace}/secrets", {
            "metadata": {"name": name, "annotations": annotations}, "stringData": values})

    def allow_secret(self, name: str) -> None:
        """The controller may get this one Secret."""
        rbac = f"apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}"
        self.api.call("POST", f"{rbac}/roles", {"metadata": {"name": name}, "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [name], "verbs": ["get"]}]})
        self.api.call("POST", f"{rbac}/rolebindings", {
            "metadata": {"name": name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "tidemill-controller", "namespace": "tidemill-system"}]})

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """What it prints; when it may fail, its complaints too."""
        command = ["kubectl", "--namespace", self.namespace, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            self.fail(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    # Waiting

    def wait(self, kind: str, name: str, holds: Callable[[Json], Any], what: str,
             limit: float = STATE_LIMIT_SECONDS) -> Json:
        """Until the object exists and `holds`; every version seen must make sense to kstatus."""
        seen: list[Json | None] = [None]

        def look() -> bool:
            seen[0] = self.get(kind, name)
            if seen[0] is None:
                return False
            self.assert_sane(seen[0])
            return bool(holds(seen[0]))

        if not wait_until(look, limit):
            self.fail(f"waited {limit:.0f} s for {kind} {name}: {what}")
        assert seen[0] is not None
        return seen[0]

    def wait_gone(self, kind: str, name: str, limit: float = STATE_LIMIT_SECONDS) -> None:
        if not wait_until(lambda: self.get(kind, name) is None, limit):
            self.fail(f"waited {limit:.0f} s for {kind} {name} to go")

    def wait_for(self, what: str, holds: Callable[[], Any], limit: float = STATE_LIMIT_SECONDS) -> Any:
        answer = wait_until(holds, limit)
        if not answer:
            self.fail(f"waited {limit:.0f} s: {what}")
        return answer

    def wait_condition(self, kind: str, name: str, status: str, reason: str | None = None,
                       condition_type: str = "Ready", limit: float = STATE_LIMIT_SECONDS) -> Json:
        def holds(thing: Json) -> bool:
            found = condition(thing, condition_type)
            current = thing.get("status", {}).get("observedGeneration") == thing["metadata"]["generation"]
            return current and found.get("status") == status and reason in (None, found.get("reason"))

        return self.wait(kind, name, holds, f"condition {condition_type}={status} {reason or ''}", limit)

    def wait_phase(self, run: str, *phases: str, limit: float = RUN_LIMIT_SECONDS) -> Json:
        """A run's phase; a final phase that was not asked for ends the wait at once."""
        def holds(thing: Json) -> bool:
            phase = thing.get("status", {}).get("phase")
            if phase in FINAL_PHASES and phase not in phases:
                self.fail(f"run {run} ended as {phase}, expected {' or '.join(phases)}")
            return phase in phases

        return self.wait("PipelineRun", run, holds, f"phase {' or '.join(phases)}", limit)

    def wait_step(self, run: str, name: str, *phases: str, limit: float = RUN_LIMIT_SECONDS) -> Json:
        return self.wait("PipelineRun", run, lambda thing: step_status(thing, name).get("phase") in phases,
                         f"step {name} {' or '.join(phases)}", limit)

    def run_to(self, phase: str, pipeline: str, name: str, **params: str) -> Json:
        self.run_of(pipeline, name, **params)
        return self.wait_phase(name, phase)

    # Events

    def events_about(self, kind: str, name: str, namespace: str | None = None) -> list[Json]:
        return [event for event in self.list("Event", namespace)
                if event.get("regarding", {}).get("kind") == kind and event["regarding"].get("name") == name]

    def wait_event(self, kind: str, name: str, reason: str, says: str = "") -> Json:
        def find() -> Json | None:
            for event in self.events_about(kind, name):
                if event.get("reason") == reason and says in event.get("note", ""):
                    return event
            return None

        event = self.wait_for(f"no event {reason} about {kind} {name} that says {says!r}", find, EVENT_LIMIT_SECONDS)
        self.assertTrue(event.get("action"), "an event has an action")
        self.assertTrue(event.get("reportingController"), "an event has a reporting controller")
        return event

    # What must hold

    def assert_says(self, thing: Json, reason: str, *words: str, condition_type: str = "Ready") -> None:
        found = condition(thing, condition_type)
        self.assertEqual(reason, found.get("reason"), found.get("message"))
        for word in words:
            self.assertIn(word, found.get("message", ""))

    def assert_sane(self, thing: Json) -> None:
        """Never Current before it is done; conditions are about the generation that they name."""
        if thing.get("apiVersion") != "tidemill.dev/v1alpha1":
            return
        name = f"{thing['kind']} {thing['metadata']['name']}"
        status = thing.get("status", {})
        verdict = kstatus.compute(thing)
        observed = status.get("observedGeneration")
        self.assertIsNotNone(observed, f"{name} has a status from the first moment")
        self.assertLessEqual(observed, thing["metadata"]["generation"], name)
        if verdict == kstatus.CURRENT:
            self.assertEqual("True", condition(thing).get("status"), f"{name} looks done and is not: {status}")
            if thing["kind"] == "PipelineRun":
                self.assertEqual("Succeeded", status.get("phase"), f"{name} looks done in phase {status.get('phase')}")
        if thing["kind"] == "PipelineRun" and status.get("phase") in ("Failed", "Cancelled"):
            self.assertEqual(kstatus.FAILED, verdict, f"{name} has ended and does not look failed")
        for found in status.get("conditions", []):
            self.assertLessEqual(found.get("observedGeneration", observed), thing["metadata"]["generation"], name)
            self.assertTrue(found["message"], f"{name}: condition {found['type']} says nothing")

    def settle(self, limit: float = 60.0, allow_refused: bool = False) -> None:
        """Waits until the controller has written nothing here for 10 s: no loop."""
        deadline = time.monotonic() + limit
        start = audit.mark()
        quiet_since = time.monotonic()
        last: list[audit.Request] = []
        while time.monotonic() - quiet_since < QUIET_SECONDS:
            time.sleep(0.5)
            writes = [write for write in audit.controller_writes(start, self.namespace)
                      if not (allow_refused and write.code >= 400)]
            if writes:
                last = (last + writes)[-20:]
                start = audit.mark()
                quiet_since = time.monotonic()
            if time.monotonic() >= deadline:
                shown = "\n".join(map(str, last))
                self.fail(f"the controller goes on writing after {limit:.0f} s:\n{shown}")

    def assert_others_run(self) -> None:
        """Another run, in another namespace, is not held up by what is wrong in this one."""
        other = self.make_namespace()
        here, self.namespace = self.namespace, other
        try:
            self.pipeline("other", {"name": "only", "image": "tidemill/examples:dev", "command": ["true"]})
            self.run_to("Succeeded", "other", "other")
        finally:
            self.namespace = here

    def jobs_of(self, run: str) -> list[Json]:
        return [job for job in self.list("Job")
                if any(owner["kind"] == "PipelineRun" and owner["name"] == run
                       for owner in job["metadata"].get("ownerReferences", []))]

    # What is told when a test fails

    def describe(self) -> str:
        parts = []
        for kind in ("Pipeline", "PipelineRun", "Model", "ModelVersion", "Trigger"):
            parts += [self._short(thing) for thing in self._try_list(kind)]
        for kind in ("Job", "Deployment", "Pod"):
            parts += [self._short(thing, ("status",)) for thing in self._try_list(kind)]
        events = sorted(self._try_list("Event"), key=lambda event: event["metadata"]["creationTimestamp"])
        parts += [f"event {event['metadata']['creationTimestamp']} {event.get('type')} {event.get('reason')} "
                  f"{event.get('regarding', {}).get('kind')}/{event.get('regarding', {}).get('name')}: "
                  f"{event.get('note')}" for event in events]
        return "\n".join(parts + [self._controller_log()])

    def _try_list(self, kind: str) -> list[Json]:
        try:
            return self.list(kind)
        except (ApiError, OSError):
            return []

    @staticmethod
    def _short(thing: Json, fields: tuple[str, ...] = ("spec", "status")) -> str:
        kept = copy.deepcopy({field: thing.get(field) for field in fields})
        return f"{thing.get('kind', '')} {thing['metadata']['name']} {json.dumps(kept)}"

    def _controller_log(self) -> str:
        path = os.environ.get("TIDEMILL_E2E_CONTROLLER_LOG")
        if path:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        else:
            text = subprocess.run(
                ["kubectl", "logs", "--namespace", SYSTEM_NAMESPACE, "deployment/tidemill-controller", "--tail=4000"],
                capture_output=True, text=True, timeout=60,
            ).stdout
        lines = [line for line in text.splitlines() if self.namespace in line] or text.splitlines()
        return "controller log:\n" + "\n".join(lines[-LOG_TAIL_LINES:])


class DryRunCase(ClusterCase):
    """Rows that the API server alone judges share one namespace."""

    weight = 1
    _shared: dict[type, str] = {}
    _lock = threading.Lock()

    def setUp(self) -> None:
        with DryRunCase._lock:
            if type(self) not in self._shared:
                name = _unique("refused")
                self.api.call("POST", "api/v1/namespaces",
                              {"metadata": {"name": name, "labels": {"tidemill.dev/e2e": "true"}}})
                self._shared[type(self)] = name
            self.namespace = self._shared[type(self)]

    @classmethod
    def forget_shared(cls, api: Api) -> None:
        for name in cls._shared.values():
            api.call("DELETE", f"api/v1/namespaces/{name}", {"propagationPolicy": "Background"})
        cls._shared.clear()


def refuse_rows(case: type[DryRunCase], rows: list[tuple[Any, ...]], check: Callable[..., None]) -> None:
    """A test of each row; the first item of a row is its sentence."""
    for number, (sentence, *rest) in enumerate(rows):
        def test(self: DryRunCase, rest: tuple[Any, ...] = tuple(rest)) -> None:
            check(self, *rest)

        test.__doc__ = sentence
        name = f"test_{number:03d}_" + re.sub(r"[^a-z0-9]+", "_", sentence.lower())[:60]
        setattr(case, name, test)


__all__ = [
    "ClusterCase", "DryRunCase", "refuse_rows", "condition", "step_status", "ApiError", "TIDEMILL", "api_version",
]
