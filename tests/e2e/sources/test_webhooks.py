"""Deliveries to webhooks, signed as the vendors sign, through the Service of the controller."""

from __future__ import annotations

import concurrent.futures
import hashlib
import hmac
import json
import time
from typing import Any

from harness import audit
from harness.objects import step
from sources import servers
from sources.test_sources import KEPT, SourceCase

KEY = "It's a Secret to Everybody"
PROXY_LIMIT_SECONDS = 30.0
SERVICE = "/api/v1/namespaces/tidemill-system/services/tidemill-webhooks:80/proxy/hooks"


class WebhookCase(SourceCase):
    def setUp(self) -> None:
        super().setUp()
        self.secret("key", {"secret": KEY})
        self.allow_secret("key")

    def send(self, trigger: str, body: bytes, headers: dict[str, str]) -> int:
        """The controller's status. What stands between may find no way to it for a moment, and says so by a Status."""
        deadline = time.monotonic() + PROXY_LIMIT_SECONDS
        while True:
            status, text = self.send_once(trigger, body, headers)
            if status != 503 or b'"ServiceUnavailable"' not in text:
                return status
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.5)

    def send_once(self, trigger: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and text. By way of the API server's proxy, which leaves body and headers alone."""
        connection = self.api._connect()
        try:
            connection.request("POST", f"{SERVICE}/{self.namespace}/{trigger}", body,
                               {**self.api._headers("application/json"), **headers})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def push(self, trigger: str, delivery: str, commit: str, key: str = KEY, ref: str = "refs/heads/main") -> int:
        """As GitHub sends it."""
        body = json.dumps({"ref": ref, "after": commit, "repository": {"full_name": "team/churn"}}).encode()
        digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return self.send(trigger, body, {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery,
                                         "X-Hub-Signature-256": f"sha256={digest}"})

    def hook(self, name: str, **webhook: Any) -> None:
        self.pipeline(name, step("one"), params=[{"name": "commit"}], history=KEPT)
        self.create("Trigger", name, {
            "pipelineRef": {"name": name}, "params": [{"name": "commit", "from": "commit"}],
            "webhook": {"type": "GitHub", "secretName": "key", "values": [{"name": "commit", "path": "after"}],
                        "filters": [{"path": "ref", "equals": "refs/heads/main"}], **webhook}})


class GitHub(WebhookCase):
    def test_push(self) -> None:
        """a signed push starts one run with what it says, however often it is sent; others start none"""
        self.hook("push")
        self.wait_condition("Trigger", "push", "True", "Watching")
        self.assertEqual(401, self.push("push", "d-0", "evil", key="another"))
        self.assertEqual(401, self.push("nobody", "d-0", "evil"))
        self.assertEqual(200, self.push("push", "d-1", "other", ref="refs/heads/side"))
        self.assertEqual(202, self.push("push", "d-2", "abc"))
        self.assertEqual("abc", self.param(self.wait_fired("push", 1), "commit"))
        for _ in range(3):
            self.assertEqual(200, self.push("push", "d-2", "abc"))
        self.assertEqual(202, self.push("push", "d-3", "abc"))
        self.wait_fired("push", 2)
        self.settle()
        self.assertEqual(2, len(self.runs_of("push")))

    def test_many(self) -> None:
        """deliveries at once, each twice, start one run each: what is not taken now is taken when it comes again"""
        count = 30
        self.hook("many")
        self.wait_condition("Trigger", "many", "True", "Watching")

        def deliver(number: int) -> None:
            deadline = time.monotonic() + 60
            while (status := self.push("many", f"d-{number}", f"c-{number}")) not in (200, 202):
                self.assertIn(status, (429, 503))
                self.assertLess(time.monotonic(), deadline)
                time.sleep(1)

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(deliver, number) for number in [*range(count), *range(count)]]:
                done.result()
        self.wait_fired("many", count)
        self.assertEqual({f"c-{number}" for number in range(count)},
                         {self.param(run, "commit") for run in self.runs_of("many")})

    def test_flood_costs_no_writes(self) -> None:
        """a hundred repetitions and as many that are not signed write nothing, and start nothing"""
        count = 100
        self.hook("flood")
        self.wait_condition("Trigger", "flood", "True", "Watching")
        self.assertEqual(202, self.push("flood", "d-1", "abc"))
        self.wait_fired("flood", 1)
        self.wait_phase(self.runs_of("flood")[0]["metadata"]["name"], "Succeeded")  # its end is a write too
        self.settle()
        start = audit.mark()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            again = [pool.submit(self.push, "flood", "d-1", "abc") for _ in range(count)]
            wrong = [pool.submit(self.push, "flood", f"w-{number}", "abc", key="another") for number in range(count)]
        self.assertEqual({200}, {done.result() for done in again})
        self.assertEqual({401}, {done.result() for done in wrong})
        self.assertEqual([], audit.controller_writes(start, self.namespace))
        self.assertEqual(1, len(self.runs_of("flood")))

    def test_secret_missing(self) -> None:
        """a webhook whose Secret is not there says so, and takes nothing"""
        self.hook("none", secretName="missing")
        said = self.wait_condition("Trigger", "none", "False", "SourceFailed")
        self.assert_says(said, "SourceFailed", "Secret missing")
        self.assertEqual(401, self.push("none", "d-1", "abc"))


class Poke(WebhookCase):
    def test_poke(self) -> None:
        """a webhook beside a source makes it be polled at once, and the source says what is new"""
        data = self.serve(servers.Documents(self.outside), "data")
        data.documents["/x"] = b"1"
        self.trigger("doc", http={"url": "http://data/x"}, interval="1h", webhook={"type": "GitHub", "secretName": "key"})
        self.wait_fired("doc", 1)
        data.documents["/x"] = b"2"
        self.assertEqual(202, self.push("doc", "d-1", "abc"))
        self.wait_fired("doc", 2)
        asked = data.asked
        self.assertEqual(202, self.push("doc", "d-2", "abc"))
        self.wait_for("it is polled again", lambda: data.asked > asked)
        self.settle()
        self.assertEqual(2, len(self.runs_of("doc")))
