"""The API server killed in mid-watch, its history forgotten, and one of our kinds gone from it."""

from __future__ import annotations

import time

from faults.plane_case import PlaneCase, size
from harness.api import ApiError, wait_until
from harness.cluster import ROOT


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


class Kind(PlaneCase):
    weight = 35

    def test_absent(self) -> None:
        """a CRD that is gone for a while holds up only its own kind, and is watched again when it is back"""
        self.make_pipelines(takes="1s")
        self.make_runs(10)
        path = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/triggers.tidemill.dev"
        self.addCleanup(self.plane.install)
        self.create("Trigger", "old", {"pipelineRef": {"name": "one"}, "schedule": {"cron": "0 0 1 1 *"}})
        self.wait_condition("Trigger", "old", "True")
        self.plane.api.call("DELETE", path)
        self.wait_for("the CRD is not gone", lambda: not self.exists(path))
        self.make_runs(10)
        self.wait_ended()  # of all other kinds
        self.plane.kubectl("apply", "--server-side", "-f", str(ROOT / "crds/triggers.yaml"))
        self.plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/triggers.tidemill.dev")

        def made() -> bool:
            try:
                self.create("Trigger", "new", {"pipelineRef": {"name": "one"}, "schedule": {"cron": "0 0 1 1 *"}})
                return True
            except ApiError:
                return False

        self.assertTrue(wait_until(made, 30))
        self.wait_condition("Trigger", "new", "True", limit=120)
        self.close_account()
