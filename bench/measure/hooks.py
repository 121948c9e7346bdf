"""What floods of deliveries to webhooks cost: answers, latency, CPU, memory, requests, runs started.

Each mix has a Trigger in a namespace of its own. While it is delivered, runs of another pipeline in
another namespace are made one after the other, to see whether the controller still does its work.
"""

import collections
import dataclasses
import json
import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from measure import audit, load, processes
from measure.api import Client, Failure, run_is_done
from measure.cluster import ACCOUNT, SYSTEM, BenchCluster, Controller

KEY = "bench-secret"
KEY_BASE64 = "YmVuY2gtc2VjcmV0"
TRIGGER = "hook"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
DRAIN_LIMIT_S = 600
DELIVER_GRACE_S = 60
POLL_S = 0.2
OTHER_LIMIT_S = 60
KNOWN = 20  # ids that were delivered before their replay
FIRST_RATE = 5  # a second, of those


@dataclasses.dataclass(frozen=True)
class Mix:
    """How one flood is made: options of bench-deliver (bench/deliver.c)."""

    name: str
    what: str
    arguments: tuple[str, ...]
    trigger: str = TRIGGER


MIXES = (
    Mix("duplicates", "one delivery, again and again", ("--ids", "1")),
    Mix("replays", f"{KNOWN} deliveries that were taken before, in turn", ("--ids", str(KNOWN))),
    Mix("wrong", "signed with another key", ("--wrong",)),
    Mix("storm", "each one new and signed", ()),
    Mix("unknown", "for a Trigger that does not exist", (), "nobody"),
    Mix("fresh", "duplicates, a connection for each", ("--ids", "1", "--fresh")),
)


@dataclasses.dataclass
class Result:
    """One mix; bytes, seconds, and numbers of deliveries and requests."""

    mix: str
    rate: float  # asked for, in a second
    reached: float
    statuses: dict[str, int]
    broken: int
    p50_ms: float
    p99_ms: float
    most_ms: float
    load_cpu_s: float  # of the load generator
    cpu_s: float  # of the controller, while it was delivered
    seconds: float
    others_cpu: float  # of the machine, spent by nothing of the bench: a share of its cores
    resident_before: int
    peak: int
    requests: dict[str, int]  # of the controller for the Trigger: "verb resource" -> number
    secret_reads: int  # of those
    taken: int
    writes: int
    runs: int
    other_seconds: list[float]  # of the runs of the other pipeline meanwhile


class Others:
    """Runs of another pipeline, one after the other, until it is closed."""

    def __init__(self, cluster: BenchCluster, namespace: str) -> None:
        self.seconds: list[float] = []
        self.failure = ""
        self._path = f"{load.API}/{namespace}/pipelineruns"
        self._client = Client(cluster.access)
        self._client.create(f"{load.API}/{namespace}/pipelines", load.pipeline("other", 1, "bench"))
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._is_closing:
                self.seconds.append(self._one(f"other-{len(self.seconds)}"))
                time.sleep(1)
        except (Failure, OSError) as error:
            self.failure = str(error)

    def _one(self, name: str) -> float:
        began = time.monotonic()
        run = self._client.create(self._path, load.pipeline_run(name, "other"))
        while run_is_done(run) is None:
            if time.monotonic() - began > OTHER_LIMIT_S:
                raise Failure(f"run {name} did not end within {OTHER_LIMIT_S} s of a flood")
            time.sleep(POLL_S)
            run = self._client.get(f"{self._path}/{name}")
        return time.monotonic() - began

    def close(self) -> None:
        self._is_closing = True
        self._thread.join()
        self._client.close()
        if self.failure:
            raise Failure(self.failure)


def make_objects(client: Client, namespace: str) -> None:
    """The Secret, the right to it, the pipeline and its Trigger."""
    client.create(f"/api/v1/namespaces/{namespace}/secrets",
                  {"metadata": {"name": "key"}, "data": {"secret": KEY_BASE64}})
    client.create(f"{RBAC}/{namespace}/roles", {"metadata": {"name": "key"}, "rules": [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["key"], "verbs": ["get"]}]})
    client.create(f"{RBAC}/{namespace}/rolebindings", {
        "metadata": {"name": "key"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "key"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM}]})
    pipeline = load.pipeline("hooked", 1, "bench")
    pipeline["spec"]["params"] = [{"name": "commit"}]
    client.create(f"{load.API}/{namespace}/pipelines", pipeline)
    client.create(f"{load.API}/{namespace}/triggers", {
        "apiVersion": "tidemill.dev/v1alpha1", "kind": "Trigger", "metadata": {"name": TRIGGER},
        "spec": {"pipelineRef": {"name": "hooked"}, "concurrencyPolicy": "Allow",
                 "params": [{"name": "commit", "from": "commit"}],
                 "webhook": {"type": "GitHub", "secretName": "key", "values": [{"name": "commit", "path": "after"}],
                             "filters": [{"path": "ref", "equals": "refs/heads/main"}]}}})


def wait_until(what: str, limit_s: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {limit_s:.0f} s")
        time.sleep(POLL_S)


class Flood:
    """One mix against a controller, in namespaces of its own."""

    def __init__(self, bench: load.Bench, program: pathlib.Path, port: int, mix: Mix, rate: float, seconds: float) -> None:
        self.bench, self.program, self.port, self.mix = bench, program, port, mix
        self.rate, self.seconds = rate, seconds
        self.namespace = f"hooks-{mix.name}-{int(time.time()) % 100000}"
        for name in (self.namespace, f"{self.namespace}-others"):
            bench.cluster.create_namespace(name)
        self.client = Client(bench.cluster.access)
        make_objects(self.client, self.namespace)
        self.wait_for_trigger("Ready", lambda status: "conditions" in status)

    def wait_for_trigger(self, what: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        path = f"{load.API}/{self.namespace}/triggers/{TRIGGER}"
        wait_until(f"the Trigger is {what}", DRAIN_LIMIT_S,
                   lambda: holds(self.client.get(path).get("status", {})))

    def deliver(self, rate: float, seconds: float, *arguments: str, trigger: str = TRIGGER) -> dict[str, Any]:
        command = [str(self.program), "--port", str(self.port), "--path", f"/hooks/{self.namespace}/{trigger}",
                   "--key", KEY, "--rate", str(rate), "--seconds", str(seconds), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + DELIVER_GRACE_S)
        if done.returncode != 0:
            raise Failure(f"bench-deliver: {done.stderr}")
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def prepare(self) -> int:
        """Deliveries before the flood, each of which is taken; their number."""
        if self.mix.name != "replays":
            return 0
        taken = self.deliver(FIRST_RATE, KNOWN / FIRST_RATE)["taken"]
        if len(taken) != KNOWN:
            raise Failure(f"{len(taken)} of {KNOWN} deliveries were taken at {FIRST_RATE} a second")
        self.wait_for_trigger("done", lambda status: not status.get("deliveries") and not status.get("pending"))
        return KNOWN

    def runs(self) -> list[str]:
        """The commits of all runs that the Trigger made."""
        return [next(p["value"] for p in run["spec"]["params"] if p["name"] == "commit")
                for run in self.client.list(f"{load.API}/{self.namespace}/pipelineruns")]

    def measure(self) -> Result:
        controller = self.bench.controller
        before = self.prepare()
        self.bench.log.requests(self.namespace)
        others = Others(self.bench.cluster, f"{self.namespace}-others")
        processes.forget_peak(controller.pid)
        resident, writes = controller.memory().resident, hook_writes(controller)
        began, cpu = self.bench.snapshot(), processes.cpu_fine_seconds(controller.pid)
        told = self.deliver(self.rate, self.seconds, *self.mix.arguments, trigger=self.mix.trigger)
        cpu_s = processes.cpu_fine_seconds(controller.pid) - cpu
        others_cpu = others_share(self.bench, began, told["cpu_s"])
        peak = controller.memory().peak
        others.close()
        self.wait_for_trigger("done", lambda status: not status.get("deliveries") and not status.get("pending"))
        commits = self.runs()
        self.check(before, told, commits)
        requests = own_requests(self.bench.log.requests(self.namespace), self.namespace)
        self.client.close()
        return Result(
            mix=self.mix.name, rate=self.rate, reached=told["done"] / told["seconds"], statuses=told["statuses"],
            broken=told["broken"], p50_ms=told["p50_ms"], p99_ms=told["p99_ms"], most_ms=told["most_ms"],
            load_cpu_s=told["cpu_s"], cpu_s=cpu_s, seconds=told["seconds"], others_cpu=others_cpu,
            resident_before=resident, peak=peak,
            requests=requests, secret_reads=requests.get("get secrets", 0), taken=len(told["taken"]),
            writes=hook_writes(controller) - writes, runs=len(commits) - before, other_seconds=others.seconds)

    def check(self, before: int, told: dict[str, Any], commits: list[str]) -> None:
        """Each delivery that was taken started exactly one run, and no other did."""
        wanted = {f"{number:020d}" for number in [*range(before), *told["taken"]]}
        if len(commits) != len(set(commits)) or set(commits) != wanted:
            raise Failure(f"{self.mix.name}: {len(commits)} runs of {len(set(commits))} commits for {len(wanted)} "
                          "that were taken")


def others_share(bench: load.Bench, began: load.Snapshot, load_cpu_s: float) -> float:
    ended = bench.snapshot()
    own = sum(bench.spent(began, ended).values()) + load_cpu_s + ended.bench - began.bench
    cores = len(os.sched_getaffinity(0))
    return (ended.machine - began.machine - own) / (ended.at - began.at) / cores


def hook_writes(controller: Controller) -> int:
    """Patches of Triggers' statuses that deliveries caused, by the controller's own count."""
    for line in controller.metrics().splitlines():
        if line.startswith("tidemill_webhook_writes_total "):
            return int(float(line.rpartition(" ")[2]))
    return 0


def own_requests(requests: list[audit.Request], namespace: str) -> dict[str, int]:
    own = collections.Counter(
        f"{r.verb} {r.resource}" + ("" if r.code < 400 else f" {r.code}")
        for r in requests if r.user == audit.CONTROLLER and r.namespace == namespace and r.verb != "watch")
    return dict(sorted(own.items()))


def lines_of(results: list[Result]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("mix", "a second", "answers", "p50 ms", "p99 ms", "most ms", "CPU us each",
                                    "load CPU", "resident MiB", "peak MiB", "taken", "runs", "Secrets read",
                                    "patches", "other runs s, p50 / most", "others' CPU")]
    for r in results:
        count = sum(r.statuses.values())
        answers = ", ".join(f"{n} x {status}" for status, n in sorted(r.statuses.items()))
        times = sorted(r.other_seconds) or [0.0]
        rows.append((r.mix, f"{r.reached:.0f}", answers + (f", {r.broken} broken" if r.broken else ""),
                     f"{r.p50_ms:.1f}", f"{r.p99_ms:.1f}", f"{r.most_ms:.0f}", f"{r.cpu_s * 1e6 / max(count, 1):.0f}",
                     f"{r.load_cpu_s / r.seconds:.0%}", f"{r.resident_before / processes.MIB:.1f}",
                     f"{r.peak / processes.MIB:.1f}", str(r.taken), str(r.runs), str(r.secret_reads), str(r.writes),
                     f"{times[len(times) // 2]:.1f} / {times[-1]:.1f} ({len(times)})", f"{r.others_cpu:.0%}"))
    return rows


def request_lines(results: list[Result]) -> list[str]:
    return [f"{r.mix}: " + ", ".join(f"{n} {name}" for name, n in r.requests.items()) for r in results]
