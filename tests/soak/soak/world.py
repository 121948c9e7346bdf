"""One round of the soak: a namespace, its pipelines and runs, and the account at its end."""

from __future__ import annotations

import http.client
import random
import time
from typing import Any

from faults import ledger
from faults.ledger import CLAIM, Course, Losses, Observer
from faults.plane import Plane
from faults.users import User
from harness import audit
from harness.api import Api, ApiError, Json
from harness.case import api_version
from harness.objects import claim_spec, run_spec

END_LIMIT_SECONDS = 480.0  # a Job whose pod was taken away after its end is waited for 300 s
READY_LIMIT_SECONDS = 120.0
GONE_LIMIT_SECONDS = 300.0
QUIET_SECONDS = 5.0
QUIET_LIMIT_SECONDS = 90.0
TRIES = 30
TICKER = "ticker"


class Round:
    def __init__(self, plane: Plane, number: int, dice: random.Random) -> None:
        self.plane, self.dice = plane, dice
        self.api: Api = plane.api
        self.namespace = f"soak-{number:03d}"
        self.takes = dice.choice(("0s", "1s", "3s"))
        self.courses: dict[str, Course] = ledger.courses(self.takes)
        self.of: dict[str, str] = {}
        self.losses = Losses()
        self.doomed: list[Round] = []  # that were deleted in mid-flight while this one went on
        self.start = audit.mark()
        self.starts = plane.worker.starts
        self.api.call("POST", "api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self._make_pipelines()
        self.observer = Observer(self.api, self.namespace)
        self.user = User(self.api, self.namespace, self.losses, dice)

    def create(self, kind: str, name: str, spec: Json) -> None:
        """Again until it is there: the API server may be away."""
        body: Json = {"apiVersion": api_version(kind), "kind": kind, "metadata": {"name": name}, "spec": spec}
        for _ in range(TRIES):
            try:
                self.api.call("POST", self.api.path(kind, self.namespace), body)
                return
            except ApiError as error:
                if error.code == 409 and error.reason == "AlreadyExists":
                    return
                if error.code < 500 and error.code != 429:
                    raise
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(1.0)
        raise RuntimeError(f"{kind} {name} could not be created")

    def _make_pipelines(self) -> None:
        self.create("PersistentVolumeClaim", CLAIM, claim_spec())
        for name, course in self.courses.items():
            self.create("Pipeline", name, course.spec())
        self.create("Pipeline", TICKER, {"history": {"succeeded": 100}, **self.courses["one"].spec()})
        self.create("Trigger", TICKER, {"pipelineRef": {"name": TICKER}, "schedule": {"cron": "* * * * *"}})

    def make_runs(self, count: int) -> None:
        for _ in range(count):
            pipeline = self.dice.choice(sorted(self.courses))
            name = f"{pipeline}-{len(self.of):04d}"
            self.of[name] = pipeline
            self.create("PipelineRun", name, run_spec(pipeline))

    def stop_ticker(self) -> None:
        """No more firings; the last one may be under way."""
        path = self.api.path("Trigger", self.namespace, TICKER)
        self.api.call("PATCH", path, {"spec": {"suspend": True}}, "application/merge-patch+json")
        deadline = time.monotonic() + READY_LIMIT_SECONDS
        while (found := self.api.call("GET", path)).get("status", {}).get("pending") or \
                found["status"].get("observedGeneration") != found["metadata"]["generation"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.namespace}: the Trigger is not suspended within {READY_LIMIT_SECONDS:.0f} s")
            time.sleep(0.5)

    def wait_ended(self) -> bool:
        deadline = time.monotonic() + END_LIMIT_SECONDS
        while ledger.unfinished(self.api, self.namespace) != 0:
            if time.monotonic() > deadline:
                return False
            time.sleep(1.0)
        return True

    def settle(self) -> list[str]:
        """What it goes on writing, when it does."""
        deadline = time.monotonic() + QUIET_LIMIT_SECONDS
        while time.monotonic() < deadline:
            place = audit.mark()
            time.sleep(QUIET_SECONDS)
            writes = audit.controller_writes(place, self.namespace)
            if not writes:
                return []
        return [f"it goes on writing: {write}" for write in writes[:5]]

    def _check_ticker(self, account: ledger.Account) -> list[str]:
        fired = [run for run in account.runs if run["spec"].get("cause", {}).get("name") == TICKER]
        for run in fired:
            self.of[run["metadata"]["name"]] = "one"
        times = [run["spec"]["cause"]["revision"] for run in fired]
        wrong = [f"the Trigger fired twice for {moment}" for moment in set(times) if times.count(moment) > 1]
        status = self.api.call("GET", self.api.path("Trigger", self.namespace, TICKER))["status"]
        deleted = [name for name in self.losses.runs if name.startswith(f"{TICKER}-")]
        self.of.update({name: "one" for name in deleted})
        if status.get("firings", 0) != len(fired) + len(deleted):
            wrong.append(f"the Trigger counts {status.get('firings', 0)} firings, {len(fired) + len(deleted)} runs are known")
        return wrong

    def close(self) -> tuple[list[str], dict[str, Any]]:
        """What is wrong, and figures."""
        self.stop_ticker()
        wrong = [] if self.wait_ended() else [f"runs have not ended after {END_LIMIT_SECONDS:.0f} s"]
        wrong += self.settle()
        self.observer.ended = True
        writes = audit.controller_writes(self.start, self.namespace)
        account = ledger.take_account(self.api, self.namespace, writes)
        wrong += self._check_ticker(account)
        wrong += ledger.check(account, self.of, self.courses, self.losses) + self.observer.wrong
        for doomed in self.doomed:
            wrong += doomed.close_doomed()
        ends: dict[str, int] = {}
        for run in account.runs:
            phase = run.get("status", {}).get("phase", "none")
            ends[phase] = ends.get(phase, 0) + 1
        if self.losses.runs:
            ends["deleted by users"] = len(self.losses.runs)
        figures = {"ends": ends, "jobs": len(account.jobs), "versions": len(account.versions),
                   "writes": [(w.verb, w.resource + (f"/{w.subresource}" if w.subresource else ""), w.code) for w in writes]}
        return [f"{self.namespace}: {line}" for line in wrong], figures

    def close_doomed(self) -> list[str]:
        """It goes, and nothing is tried there in a loop. Each start of the controller may try everything once more."""
        deadline = time.monotonic() + GONE_LIMIT_SECONDS
        path = self.api.path("Namespace", None, self.namespace)
        while self.api.exists(path):
            if time.monotonic() > deadline:
                return [f"namespace {self.namespace} has not gone after {GONE_LIMIT_SECONDS:.0f} s"]
            time.sleep(0.5)
        wrong = ledger.check_doomed(audit.controller_writes(self.start, self.namespace), len(self.of),
                                    1 + self.plane.worker.starts - self.starts)
        return [f"{self.namespace}, deleted: {line}" for line in wrong + self.settle()]

    def forget(self) -> None:
        self.api.call("DELETE", f"api/v1/namespaces/{self.namespace}")
