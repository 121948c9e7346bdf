"""Sources that misbehave and deliveries that are repeated, while the controller is killed: each change one run."""

from __future__ import annotations

import concurrent.futures
import hashlib
import hmac
import json
import time
from typing import Any

from faults.plane_case import PlaneCase, size
from faults.source import Source
from harness.api import Json
from harness.objects import step

KEY = "kills and replays"
KILL_SECONDS = (0.3, 1.5)
READY_LIMIT_SECONDS = 60.0
LOOKED_SECONDS = 1.0  # of a life that looks, after it is ready
DEALT_LIMIT_SECONDS = 120.0
DELIVERED_LIMIT_SECONDS = 180.0
SENDERS = 4
KEPT = {"succeeded": 1000, "failed": 1000}


class TriggerCase(PlaneCase):
    def trigger(self, name: str, params: list[Json], **spec: Any) -> None:
        self.create("Pipeline", name, {"steps": [step("one")], "history": KEPT,
                                       "params": [{"name": param["name"]} for param in params]})
        self.create("Trigger", name, {"pipelineRef": {"name": name}, "params": params, **spec})
        self.wait_condition("Pipeline", name, "True")

    def kill(self) -> None:
        """Two lives of any length, then one that is ready for a while."""
        if self.worker.starts % 3 == 0:
            self.worker.wait_ready(READY_LIMIT_SECONDS)
            time.sleep(LOOKED_SECONDS)
        time.sleep(self.dice.uniform(*KILL_SECONDS))
        self.worker.restart()

    def fired(self, name: str) -> list[Json]:
        """In the order of their firings."""
        runs = [run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == name]
        return sorted(runs, key=lambda run: int(run["metadata"]["name"].rpartition("-")[2]))

    def values(self, name: str) -> list[str]:
        return [run["spec"]["params"][0]["value"] for run in self.fired(name)]


class Sources(TriggerCase):
    weight = 25

    def kill_until_dealt_with(self, revision: str) -> None:
        deadline = time.monotonic() + DEALT_LIMIT_SECONDS
        while self.get("Trigger", "t")["status"].get("observedRevision") != f'etag:"{revision}"':
            self.assertLess(time.monotonic(), deadline, f"{revision} was not dealt with")
            self.kill()

    def test_source(self) -> None:
        """each change of a source that lies, hangs and fails starts one run, in order, while the controller is killed"""
        count = int(size(5, 40, "changes"))
        source = Source(self.plane.link.listen(), self.dice)
        self.addCleanup(source.close)
        self.trigger("t", [{"name": "etag", "from": "etag"}], http={"url": source.url}, interval="10s")
        source.share = 0.3
        expected = [source.revision]
        self.kill_until_dealt_with(source.revision)
        for number in range(count):
            source.revision = ("a", "b", "a", "c")[number % 4] + str(number // 4)  # also back to what it was
            expected.append(source.revision)
            self.kill_until_dealt_with(source.revision)
        self.worker.wait_ready(READY_LIMIT_SECONDS)
        source.share = 0.0
        self.wait("Trigger", "t", lambda thing: not thing["status"].get("pending", {}).get("run"), "nothing is pending")
        self.assertEqual([f'"{revision}"' for revision in expected], self.values("t"))
        for revision in ("x", "y", "x", "z"):  # faster than anybody looks
            source.revision = revision
            time.sleep(self.dice.uniform(0.1, 0.5))
            self.worker.restart()
        self.worker.wait_ready(READY_LIMIT_SECONDS)
        self.wait("Trigger", "t", lambda thing: thing["status"].get("observedRevision") == 'etag:"z"', "the newest is dealt with")
        self.wait("Trigger", "t", lambda thing: not thing["status"].get("pending", {}).get("run"), "nothing is pending")
        self.wait_ended()
        runs = self.values("t")
        told = [f'"{revision}"' for revision in source.told]
        self.assertEqual('"z"', runs[-1])
        self.assertLessEqual(len(runs), len(told), f"{runs} of {told}")
        self.assertEqual([], [run for run, after in zip(runs, runs[1:]) if run == after], "two runs for one revision")
        print(f"        {len(runs)} runs, {self.worker.starts} lives, answers: {source.ways}", flush=True)
        self.settle()


class Deliveries(TriggerCase):
    weight = 30

    def deliver(self, number: int) -> int:
        body = json.dumps({"number": f"d{number}"}).encode()
        digest = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        return self.worker.deliver(f"/hooks/{self.namespace}/t", body, {
            "X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": "push", "X-GitHub-Delivery": f"id-{number}"})

    def deliver_until_taken(self, number: int) -> None:
        """As a sender does that comes again until it is told that it was heard."""
        deadline = time.monotonic() + DELIVERED_LIMIT_SECONDS
        while (status := self.deliver(number)) not in (200, 202):
            self.assertIn(status, (0, 429, 503))
            self.assertLess(time.monotonic(), deadline, f"delivery {number} was never taken")
            time.sleep(0.3)

    def test_deliveries(self) -> None:
        """each delivery starts one run, repeated, out of order and again later, while the controller is killed"""
        count = int(size(25, 200, "deliveries"))
        self.secret("key", {"secret": KEY})
        self.allow_secret("key")
        self.trigger("t", [{"name": "number", "from": "number"}],
                     webhook={"type": "GitHub", "secretName": "key", "values": [{"name": "number", "path": "number"}]})
        self.wait_condition("Trigger", "t", "True", "Watching")
        order = [*range(count), *range(count)]
        self.dice.shuffle(order)
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            sent = [pool.submit(self.deliver_until_taken, number) for number in order]
            while not all(one.done() for one in sent):
                self.kill()
            for one in sent:
                one.result()
        self.worker.wait_ready(READY_LIMIT_SECONDS)
        self.wait("Trigger", "t", lambda thing: not thing["status"].get("deliveries") and
                  not thing["status"].get("pending", {}).get("run"), "nothing waits")
        for number in range(count):
            self.deliver_until_taken(number)
        self.wait_ended()
        self.settle()
        self.assertEqual(sorted(f"d{number}" for number in range(count)), sorted(self.values("t")))
