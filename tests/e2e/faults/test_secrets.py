"""What a Trigger's source or webhook is let in by is shown nowhere, whatever comes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from faults import keeper
from faults.keeper import Keeper, basic
from faults.link import FAR
from faults.plane import START_LIMIT_SECONDS
from faults.plane_case import PlaneCase
from harness import secrets
from harness.api import Json, wait_until
from harness.case import SYSTEM_NAMESPACE, condition
from harness.objects import step

POLL = "10s"
FIRED_LIMIT_SECONDS = 90.0
DEBUG = "--log-level=debug"


def planted(name: str) -> str:
    return f"planted-{hashlib.sha256(name.encode()).hexdigest()[:20]}"


def sign(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()


class Secrets(PlaneCase):
    weight = 10

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(self.restart_with, list(self.worker.command))
        self.restart_with([*self.worker.command, DEBUG])
        self.log_begins = self.worker.log.stat().st_size
        self.planted: list[str] = []

    def restart_with(self, command: list[str]) -> None:
        self.worker.command = command
        self.worker.restart()
        self.worker.wait_ready(START_LIMIT_SECONDS)

    def plant(self, name: str, hosts: str | None = None, **values: str) -> None:
        self.planted += [value.strip() for key, value in values.items() if key not in ("username", "accessKey")]
        self.secret(name, {key.replace("_", "-"): value for key, value in values.items()}, hosts)
        self.allow_secret(name)

    def trigger(self, name: str, **spec: Any) -> None:
        self.create("Pipeline", name, {"steps": [step("one")]})
        self.create("Trigger", name, {"pipelineRef": {"name": name}, "interval": POLL, **spec})

    def assert_hidden(self) -> None:
        shown = secrets.objects_shown(self.api, self.namespace, SYSTEM_NAMESPACE)
        with self.worker.log.open(errors="replace") as log:
            log.seek(self.log_begins)
            shown["the log"] = log.read()
        for page in ("/metrics", "/healthz", "/readyz?verbose"):
            shown[page] = self.worker.get(page)[1]
        self.assertIn("level=debug", shown["the log"])
        self.assertIn("tidemill_", shown["/metrics"])
        self.assertIn("SourceFailed", shown[f"Event in {self.namespace}"])
        self.assertEqual([], secrets.found_in(shown, *self.planted))

    def wait_failed(self, name: str, *words: str) -> None:
        def fails(thing: Json) -> bool:
            said = condition(thing)
            return said.get("reason") == "SourceFailed" and all(word in said.get("message", "") for word in words)

        self.wait("Trigger", name, fails, f"it failed and says {words}")

    def test_sources(self) -> None:
        """the secrets of every kind of source are shown nowhere, at log level debug, refused, let in, or not to be used"""
        server = Keeper(self.plane.link.listen())
        self.addCleanup(server.close)
        hosts = f"http://{FAR}"
        specs: dict[str, Json] = {
            "http": {"http": {"url": f"{server.url}/http/x"}},
            "login": {"http": {"url": f"{server.url}/login/x"}},
            "metrics": {"prometheus": {"url": f"{server.url}/metrics", "query": "drift", "above": "5"}},
            "git": {"git": {"url": f"{server.url}/git", "branch": "main"}},
            "lake": {"bucket": {"endpoint": server.url, "bucket": "lake"}},
            "v2": {"image": {"repository": f"{server.url}/team/base", "tag": "stable"}},
        }
        words = {name: planted(name) for name in specs}
        self.planted.append(keeper.REGISTRY_TOKEN)
        self.plant("http", hosts, token=words["http"])
        self.plant("login", hosts, username="u", password=words["login"])
        self.plant("metrics", hosts, token=words["metrics"])
        self.plant("git", hosts, token=words["git"])
        self.plant("lake", hosts, accessKey="AKIDEXAMPLE", secretKey=words["lake"])
        self.plant("v2", hosts, username="user", password=words["v2"])
        server.expected = {"/http/": f"Bearer {words['http']}", "/login/": basic("u", words["login"]),
                           "/metrics/": f"Bearer {words['metrics']}", "/git/": basic("git", words["git"]),
                           "/lake": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/", "/token": basic("user", words["v2"]),
                           "/v2/": f"Bearer {keeper.REGISTRY_TOKEN}"}
        # Two that can't be used: what is said of them is about the value itself.
        self.plant("torn", hosts, token=planted("torn") + "\n")
        self.plant("elsewhere", "http://else.where", token=planted("elsewhere"))
        for name in ("torn", "elsewhere"):
            self.trigger(name, http={"url": f"{server.url}/http/x", "secretName": name})
        for name, spec in specs.items():
            (kind, fields), = spec.items()
            self.trigger(name, **{kind: {**fields, "secretName": name}})
        self.wait_failed("torn", "maybe a line break")
        self.wait_failed("elsewhere", "may not be sent to")
        for name in specs:
            self.wait_failed(name)
        self.assertEqual(set(), server.let_in)
        self.assert_hidden()
        server.is_open = True
        for name in specs:
            self.wait("Trigger", name, lambda thing: thing["status"].get("firings"), "it fired", FIRED_LIMIT_SECONDS)
        self.assertEqual(set(server.expected), server.let_in)
        self.assert_hidden()

    def test_webhooks(self) -> None:
        """the keys of every kind of webhook are shown nowhere, at log level debug, whether what came was signed or not"""
        body = b'{"ref": "refs/heads/main"}'
        keys = {name: planted(name) for name in ("GitHub", "GitLab", "Gitea", "Standard", "HMAC")}
        keys["Standard"] = "whsec_" + base64.b64encode(keys["Standard"].encode()).decode()
        for kind, key in keys.items():
            name = kind.lower()
            self.plant(name, secret=key, secret_old=planted(f"old {kind}"))
            more = {"header": "X-Signature"} if kind == "HMAC" else {}
            self.trigger(name, webhook={"type": kind, "secretName": name, **more})
        self.planted.append(planted("Standard"))
        self.trigger("missing", webhook={"type": "GitHub", "secretName": "nobody"})
        for name in map(str.lower, keys):
            self.wait_condition("Trigger", name, "True", "Watching")
        self.wait_failed("missing", "Secret nobody")
        self.assertEqual([401] * len(keys), [self.deliver(kind, body, planted("wrong")) for kind in keys])
        self.assertEqual([202] * len(keys), [self.deliver(kind, body, key) for kind, key in keys.items()])
        for name in map(str.lower, keys):
            self.wait("Trigger", name, lambda thing: thing["status"].get("firings") == 1, "it fired", FIRED_LIMIT_SECONDS)
        self.planted.append(planted("wrong"))
        self.assert_hidden()

    def deliver(self, kind: str, body: bytes, key: str) -> int:
        digest = sign(key.encode(), body)
        now = str(int(time.time()))
        raw = base64.b64decode(key.removeprefix("whsec_")) if key.startswith("whsec_") else key.encode()
        standard = base64.b64encode(sign(raw, b"d-1." + now.encode() + b"." + body)).decode()
        headers = {
            "GitHub": {"X-GitHub-Event": "push", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": f"sha256={digest.hex()}"},
            "GitLab": {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": "d-1", "X-Gitlab-Token": key},
            "Gitea": {"X-Gitea-Event": "push", "X-Gitea-Delivery": "d-1", "X-Gitea-Signature": digest.hex()},
            "Standard": {"webhook-id": "d-1", "webhook-timestamp": now, "webhook-signature": f"v1,{standard}"},
            "HMAC": {"X-Signature": digest.hex()},
        }[kind]
        status = [0]

        def answered() -> bool:
            status[0] = self.worker.deliver(f"/hooks/{self.namespace}/{kind.lower()}", body, headers)
            return status[0] not in (0, 429, 503)

        wait_until(answered, START_LIMIT_SECONDS)
        return status[0]
