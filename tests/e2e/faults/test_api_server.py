"""The API server killed in mid-watch, its history forgotten, and one of our kinds gone from it."""

from __future__ import annotations

import time

from faults import ledger
from faults.plane_case import PlaneCase, size
from harness import audit
from harness.api import KINDS
from harness.case import condition
from harness.cluster import ROOT

ABSENT_SECONDS = 30.0
# Pauses double from 0.8 s to 30 s; a list may take two requests. Once a second would be twice as many.
ASKED_IN_BACKOFF = 14
ASKED_EVERY_SECONDS = 15.0


class Server(PlaneCase):
    weight = 45

    def test_killed(self) -> None:
        """an API server that is killed in mid-watch, again and again, loses nothing"""
        kills = int(size(2, 10, "kills"))
        self.make_pipelines(takes="1s")
        self.losses.log_lacks_lines = True
        for _ in range(kills):
            self.make_runs(30)
            time.sleep(self.dice.uniform(0.2, 3.0))
            self.plane.kill_api_server()
            self.plane.up()
        self.close_account()

    def test_compacted(self) -> None:
        """a watch whose history is compacted away (410) lists again, and misses nothing"""
        self.make_pipelines(takes="1s")
        self.losses.log_lacks_lines = True
        self.make_runs(20)
        before = self.worker.outcomes().get("expired", 0)
        # Away while the world goes on; its place in history is forgotten by etcd, and by the API
        # server, whose own memory of events begins with its process.
        self.worker.pause()
        self.make_runs(20)
        time.sleep(3)
        self.plane.compact()
        self.plane.kill_api_server()
        self.plane.up()
        self.plane.compact()
        self.worker.go_on()
        self.close_account()
        self.assertGreater(self.worker.outcomes().get("expired", 0), before, "no watch was told 410")


class Upgrade(PlaneCase):
    """The CRD of runs is changed while they go: each time the API server ends their watches and begins a new cache."""

    weight = 30
    OWNERS = "/spec/versions/0/schema/openAPIV3Schema/properties/status/x-kubernetes-map-type"

    def change(self, **operation: str) -> None:
        path = self.api.path("CustomResourceDefinition", None, "pipelineruns.tidemill.dev")
        self.api.call("PATCH", path, [{"path": self.OWNERS, **operation}], "application/json-patch+json")

    def test_changed(self) -> None:
        """the CRD of runs is changed while they go, and back, again and again: each is done once, and a status has one owner at its end"""
        changes = int(size(2, 10, "changes and back"))
        self.make_pipelines(takes="1s")
        self.addCleanup(self.plane.install)
        for _ in range(changes):
            self.change(op="remove")  # as it was before there was one owner for all of a status
            self.make_runs(10)
            time.sleep(self.dice.uniform(0.5, 2.0))
            self.change(op="add", value="atomic")
            made = self.make_runs(10)
            time.sleep(self.dice.uniform(0.5, 2.0))
        self.close_account()
        entries = self.get("PipelineRun", made[-1])["metadata"]["managedFields"]
        self.assertEqual([{"f:status": {}}], [entry["fieldsV1"] for entry in entries if entry.get("subresource") == "status"])


class Kind(PlaneCase):
    """One of our kinds is gone from the API server for a while, and all its objects with it."""

    weight = 60

    def setUp(self) -> None:
        super().setUp()
        self.starts = self.worker.starts

    def take(self, kind: str) -> None:
        path = self.api.path("CustomResourceDefinition", None, f"{KINDS[kind][1]}.tidemill.dev")
        self.addCleanup(self.plane.install)
        self.taken, self.said = audit.mark(), self.worker.log.stat().st_size
        self.api.call("DELETE", path)
        self.wait_for("the CRD is not gone", lambda: not self.exists(path))
        self.gone = time.monotonic()

    def bring_back(self, kind: str) -> None:
        plural = KINDS[kind][1]
        self.plane.kubectl("apply", "--server-side", "-f", str(ROOT / f"crds/{plural}.yaml"))
        self.plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", f"crd/{plural}.tidemill.dev")
        # Established is told a moment before it is served.
        self.wait_for("the kind is not served", lambda: self.exists(self.api.path(kind, self.namespace)))

    def assert_patient(self, kind: str) -> None:
        """It asks for the kind that is missing, and seldom; says so; writes nothing; and is the same process."""
        self.settle()
        time.sleep(max(0.0, self.gone + ABSENT_SECONDS - time.monotonic()))
        asked, passed = audit.controller_reads(self.taken, KINDS[kind][1]), time.monotonic() - self.gone
        print(f"        {kind} was asked for {asked} times in {passed:.0f} s", flush=True)
        self.assertGreater(asked, 0)
        self.assertLessEqual(asked, ASKED_IN_BACKOFF + passed / ASKED_EVERY_SECONDS)
        with self.worker.log.open(errors="replace") as log:
            log.seek(self.said)
            said = [line for line in log if f"kind={kind} " in line and "404" in line and "listing again" in line]
        self.assertTrue(said, f"the log does not say that {kind} is missing")
        self.assertLessEqual(len(said), asked)
        self.assertIsNone(self.worker.process.poll())
        self.assertEqual(self.starts, self.worker.starts)

    def wait_jobs(self, count: int) -> None:
        self.wait_for(f"{count} Jobs are under way", lambda: len(self.list("Job")) >= count)

    def test_triggers(self) -> None:
        """a CRD that is gone for a while holds up only its own kind, and is watched again when it is back"""
        self.make_pipelines(takes="1s")
        self.make_runs(10)
        self.create("Trigger", "old", {"pipelineRef": {"name": "one"}, "schedule": {"cron": "0 0 1 1 *"}})
        self.wait_condition("Trigger", "old", "True")
        self.take("Trigger")
        self.make_runs(10)
        self.wait_ended()  # of all other kinds
        self.assert_patient("Trigger")
        self.bring_back("Trigger")
        self.create("Trigger", "new", {"pipelineRef": {"name": "one"}, "schedule": {"cron": "0 0 1 1 *"}})
        self.wait_condition("Trigger", "new", "True", limit=120)
        self.close_account()

    def test_runs(self) -> None:
        """the CRD of runs under way is deleted: their Jobs go, pipelines go on, and so do runs when it is back"""
        self.make_pipelines(takes="5s")
        self.make_runs(20, "one", "chain", "again")
        self.wait_jobs(15)
        self.take("PipelineRun")
        self.wait_for("the Jobs of runs that are gone stay", lambda: not self.list("Job"))
        self.assertEqual([], ledger.check_doomed(audit.controller_writes(self.start, self.namespace), len(self.of)))
        self.assert_patient("PipelineRun")
        self.namespace, self.of, self.start = self.make_namespace(), {}, audit.mark()
        self.make_pipelines(takes="1s")
        self.bring_back("PipelineRun")
        self.make_runs(10)
        self.close_account()

    def test_pipelines(self) -> None:
        """the CRD of pipelines is deleted: runs under way end by what pins them, new ones wait, and start when it is back"""
        self.make_pipelines(takes="5s")
        begun = self.make_runs(20, "one", "chain", "again")
        self.wait_jobs(15)
        self.take("Pipeline")
        self.wait_ended()
        # They need the revision that pins their spec, no pipeline. Collecting that takes the cluster a while: either comes first.
        ends = {condition(self.get("PipelineRun", name)).get("reason") for name in begun}
        self.assertLessEqual(ends, {"Succeeded", "RevisionMissing"})
        self.wait_for("Jobs go on after their runs", lambda: not any(job["status"].get("active") for job in self.list("Job")))
        self.assertEqual([], ledger.check_doomed(audit.controller_writes(self.start, self.namespace), len(self.of)))
        self.namespace, self.of, self.start = self.make_namespace(), {}, audit.mark()
        waiting = self.make_runs(5, "one")
        for name in waiting:
            self.wait_condition("PipelineRun", name, "Unknown", "PipelineNotFound")
        self.assert_patient("Pipeline")
        self.bring_back("Pipeline")
        self.make_pipelines(takes="1s")
        self.make_runs(10)
        self.close_account()
