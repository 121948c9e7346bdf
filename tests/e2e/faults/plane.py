"""A control plane with fake nodes, and the controller as a plain process beside it: the build with sanitizers.

Its cluster code is the bench's. Pods cost next to nothing there, so many runs go through in a short
time, and the controller can be killed, paused and cut off as often as one likes: what the kubelet
would add (backoff of a container that is killed often) is out of the way.
"""

from __future__ import annotations

import atexit
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from harness.api import Api
from harness.cluster import ROOT, say

sys.path.insert(0, str(ROOT / "bench"))

from measure.cluster import (  # noqa: E402
    ACCOUNT, SYSTEM, BenchCluster, Controller, free_port, issue_token, remove_cluster)

from faults.link import FAR, Link  # noqa: E402

TOOL = str(ROOT / "hack/cluster")
BUILD_LIMIT_SECONDS = 900
UP_LIMIT_SECONDS = 300
START_LIMIT_SECONDS = 60.0  # others may use the machine's cores
LOG_END_CHARACTERS = 3000
ETCD = "http://127.0.0.1:2379"  # inside the cluster's namespace


def build() -> pathlib.Path:
    """TIDEMILL_BUILD=release takes the one that users get."""
    name = os.environ.get("TIDEMILL_BUILD", "sanitized")
    subprocess.run(["make", "--no-print-directory", name], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL, timeout=BUILD_LIMIT_SECONDS)
    return ROOT / {"sanitized": "build/test/tidemill", "release": "build/release/tidemill"}[name]


class Worker(Controller):
    """The controller, in a network namespace of its own, with its token in a file."""

    def __init__(self, plane: Plane, binary: pathlib.Path, folder: pathlib.Path) -> None:
        self.link = plane.link
        self.token_file = folder / "token"
        self.starts = 0
        self.is_killed = False
        self.own_end = ""  # that nobody asked for
        self.hook_port = free_port()
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(issue_token(plane))
        super().__init__(plane, binary, folder)

    def user(self) -> dict[str, str]:
        return {"tokenFile": str(self.token_file)}

    def start(self) -> None:
        if self.starts == 0:
            self.command = self.link.enter(
                *self.command, "--webhook-address", f"127.0.0.1:{self.hook_port}",
                "--allow-egress", FAR, "--allow-egress-addresses", f"{FAR}/32")
        self.starts += 1
        super().start()
        self.is_killed = False

    def get(self, path: str) -> tuple[int, str]:
        return self.link.get(self.port, path)

    def deliver(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """To a webhook; the status, 0 when none came."""
        return self.link.request("POST", self.hook_port, path, body, headers)[0]

    def kill(self) -> None:
        """SIGKILL: nothing is said goodbye to."""
        self.note_end()
        self.process.kill()
        self.process.wait(UP_LIMIT_SECONDS)
        self.is_killed = True

    def note_end(self) -> None:
        code = self.process.poll()
        if code is not None and not self.is_killed:
            self.own_end = f"the controller ended by itself with {code}; its log ends with:\n{self.log_end()}"

    def raise_own_end(self) -> None:
        """A crash is a finding, also where the next start hides it."""
        self.note_end()
        said, self.own_end = self.own_end, ""
        if said:
            raise RuntimeError(said)

    def log_end(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_END_CHARACTERS:]

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def outcomes(self) -> dict[str, int]:
        """Ends of watches and lists by what they came to, over all kinds; none while it is not running."""
        found: dict[str, int] = {}
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith("tidemill_watch_restarts_total"):
                outcome = line.partition('reason="')[2].partition('"')[0]
                found[outcome] = found.get(outcome, 0) + int(float(line.rpartition(" ")[2]))
        return found


class Plane(BenchCluster):
    """Started for the first test that needs it, and ended with the process."""

    _one: Plane | None = None

    @classmethod
    def shared(cls) -> Plane:
        if cls._one is None:
            name = os.environ.get("TIDEMILL_PLANE", "tidemill-faults")
            # In this order, so that a plane that came up only in part goes too.
            atexit.register(remove_cluster, name)
            cls._one = cls(name)
            atexit.register(cls._one.close)
            # The limit of the stage ends it by SIGTERM: nothing may stay behind.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return cls._one

    def __init__(self, name: str) -> None:
        began = time.monotonic()
        binary = build()
        super().__init__(name, bodies=False)
        self.folder = tempfile.TemporaryDirectory()
        self.install()
        self.link = Link(name, self.access.host)
        self.outside_address = self.access.host.rpartition(".")[0] + ".1"  # this machine, for the API server
        self.api = Api(self.environment["KUBECONFIG"])
        self.worker = Worker(self, binary, pathlib.Path(self.folder.name))
        say(f"fake nodes and a controller: {time.monotonic() - began:.0f} s")

    def close(self) -> None:
        self.worker.kill()
        self.link.remove()
        self.folder.cleanup()

    # The API server and etcd

    def kill_api_server(self) -> None:
        os.kill(self.pids()["kube-apiserver"], signal.SIGKILL)

    def up(self) -> None:
        """Starts what was killed, and waits until the API server is ready."""
        subprocess.run([TOOL, "up", "--name", self.name, "--kwok"], check=True, capture_output=True,
                       timeout=UP_LIMIT_SECONDS)
        self.api.forget_connection()

    def _etcd(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            ["nsenter", f"--net=/run/netns/tm-{self.name}", "--", "curl", "-fsS", "--max-time", "20",
             "--data", json.dumps(body), f"{ETCD}/v3/{call}"],
            check=True, capture_output=True, text=True, timeout=30)
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def compact(self) -> None:
        """Forgets the history in etcd: no watch can begin before now."""
        revision = self._etcd("kv/range", {"key": "Lw=="})["header"]["revision"]
        self._etcd("kv/compaction", {"revision": revision, "physical": True})

    # Credentials

    def issue_token(self, secret: str) -> str:
        """A token of the controller that dies with this Secret."""
        path = f"api/v1/namespaces/{SYSTEM}/secrets"
        made = self.api.call("POST", path, {"metadata": {"name": secret}})
        reference = {"kind": "Secret", "apiVersion": "v1", "name": secret, "uid": made["metadata"]["uid"]}
        answer = self.api.call("POST", f"api/v1/namespaces/{SYSTEM}/serviceaccounts/{ACCOUNT}/token",
                               {"spec": {"boundObjectRef": reference, "expirationSeconds": 3600}})
        return str(answer["status"]["token"])

    def revoke_token(self, secret: str) -> None:
        self.api.call("DELETE", f"api/v1/namespaces/{SYSTEM}/secrets/{secret}")

    def give_token(self, token: str) -> None:
        """As the kubelet does: the file is there whole at every moment."""
        new = self.worker.token_file.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(token)
        new.replace(self.worker.token_file)

    def heal(self) -> None:
        """Whatever a test left broken."""
        self.link.heal()
        self.worker.note_end()
        if not self.worker.process.poll() is None:
            self.worker.start()
        self.worker.go_on()
        self.up()
        self.worker.wait_ready(START_LIMIT_SECONDS)
