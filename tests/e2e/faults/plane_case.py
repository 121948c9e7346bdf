"""A test on the plane with fake nodes: runs are made, a fault is injected, the account is taken."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from faults import ledger
from faults.ledger import CLAIM, Course, Losses, Observer
from faults.plane import Plane
from harness import audit
from harness.api import Api
from harness.case import ClusterCase
from harness.objects import claim_spec, run_spec

SEED = int(os.environ.get("FAULTS_SEED", "20261124"))
FULL = os.environ.get("FAULTS_FULL") == "1"
END_LIMIT_SECONDS = 300.0
MIX = ("one", "chain", "again", "broken", "publish")


def size(bounded: float, full: float, what: str) -> float:
    """FAULTS_FULL=1 takes the full size; which one it was is printed."""
    chosen = full if FULL else bounded
    print(f"        {what}: {chosen:g} (FAULTS_FULL=1: {full:g}), seed {SEED}", flush=True)
    return chosen


class PlaneCase(ClusterCase):
    serial = True
    own_plane = True
    weight = 30
    pod_security = "privileged"

    def setUp(self) -> None:
        self.plane = Plane.shared()
        self.worker = self.plane.worker
        self.dice = random.Random(f"{SEED} {self.id()}")
        self.api: Api = self.plane.api
        # They are alone in their process: the environment leads to the plane for a while.
        self._lead_to(KUBECONFIG=self.plane.environment["KUBECONFIG"], TIDEMILL_AUDIT_LOG=str(self.plane.audit_log),
                      TIDEMILL_E2E_CONTROLLER_LOG=str(self.worker.log), PATH=self.plane.environment["PATH"])
        self.addCleanup(self.worker.raise_own_end)  # after it is healed
        self.addCleanup(self.plane.heal)
        super().setUp()
        self.start = audit.mark()
        self.of: dict[str, str] = {}
        self.losses = Losses()
        self.courses: dict[str, Course] = {}
        self.observer = Observer(self.api, self.namespace)
        self.addCleanup(self._end_observer)

    def _lead_to(self, **variables: str) -> None:
        for name, value in variables.items():
            before = os.environ.get(name)
            os.environ[name] = value
            self.addCleanup(lambda name=name, before=before:
                            os.environ.pop(name) if before is None else os.environ.update({name: before}))

    def _end_observer(self) -> None:
        self.observer.ended = True

    # Load

    def make_pipelines(self, takes: str = "0s") -> None:
        self.courses = ledger.courses(takes)
        self.create("PersistentVolumeClaim", CLAIM, claim_spec())
        for name, course in self.courses.items():
            self.create("Pipeline", name, course.spec())
        for name in self.courses:
            self.wait_condition("Pipeline", name, "True")

    def make_runs(self, count: int, *pipelines: str) -> list[str]:
        """A mix of the pipelines, or of all."""
        chosen = pipelines or MIX
        made = []
        for number in range(count):
            pipeline = chosen[number % len(chosen)]
            name = f"{pipeline}-{len(self.of):03d}"
            self.of[name] = pipeline
            made.append(name)
            self.create("PipelineRun", name, run_spec(pipeline))
        return made

    # What must hold

    def ended(self) -> bool:
        return ledger.unfinished(self.api, self.namespace) == 0

    def wait_ended(self, limit: float = END_LIMIT_SECONDS, meanwhile: Callable[[], None] | None = None) -> None:
        deadline = time.monotonic() + limit
        while not self.ended():
            if time.monotonic() >= deadline:
                left = ledger.unfinished(self.api, self.namespace)
                self.fail(f"{left} of {len(self.of)} runs have not ended after {limit:.0f} s")
            if meanwhile:
                meanwhile()
            else:
                time.sleep(0.5)

    def close_account(self, settle: bool = True) -> None:
        """Every run at its right end, every Job and version explained, and then silence."""
        self.wait_ended()
        account = ledger.take_account(self.api, self.namespace, audit.controller_writes(self.start, self.namespace))
        wrong = ledger.check(account, self.of, self.courses, self.losses) + self.observer.wrong
        self.assertEqual([], wrong, f"seed {SEED}")
        if settle:
            self.settle()
