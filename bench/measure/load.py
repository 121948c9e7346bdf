"""The loads: N plain Jobs and N one-step runs; each in a namespace of its own."""

import copy
import dataclasses
import json
import time
from typing import Any

from measure import audit, processes
from measure.api import (Client, Watch, create_all, job_is_done, run_is_done)
from measure.cluster import BenchCluster, Controller

TURN_LIMIT_S, TURN_LIMIT_FOR_EACH_S = 60, 0.3  # 300 Jobs take about 5 s
SETTLE_LIMIT_S = 30
QUIET_WINDOW_S = 1.0
QUIET_CPU = 0.10  # of one core above idle, twice in a row: the plane has nothing left to do
IDLE_WINDOW_S = 5.0
HISTORY = 10000  # nothing is deleted while it is measured
API = "/apis/tidemill.dev/v1alpha1/namespaces"
BATCH = "/apis/batch/v1/namespaces"
LABEL_RUN, LABEL_STEP = "tidemill.dev/run", "tidemill.dev/step"
MANAGED_BY = "app.kubernetes.io/managed-by"


def turn_limit_s(jobs: int) -> float:
    return TURN_LIMIT_S + TURN_LIMIT_FOR_EACH_S * jobs


def pipeline(name: str, steps: int, image: str) -> dict[str, Any]:
    """Steps that do nothing, each after the one before it."""
    listed: list[dict[str, Any]] = []
    for at in range(steps):
        step: dict[str, Any] = {"name": f"step-{at + 1}", "image": image, "command": ["true"]}
        if at > 0:
            step["runAfter"] = [f"step-{at}"]
        listed.append(step)
    return {"apiVersion": "tidemill.dev/v1alpha1", "kind": "Pipeline", "metadata": {"name": name},
            "spec": {"steps": listed, "history": {"succeeded": HISTORY, "failed": HISTORY}}}


def pipeline_run(name: str, of: str, tracked: bool = True) -> dict[str, Any]:
    """As a person makes it; or with the label by which a Trigger's run has no managedFields where that is installed."""
    labels = {} if tracked else {MANAGED_BY: "tidemill"}
    return {"apiVersion": "tidemill.dev/v1alpha1", "kind": "PipelineRun",
            "metadata": {"name": name, "labels": labels}, "spec": {"pipelineRef": {"name": of}}}


def plain_job(of_run: dict[str, Any]) -> dict[str, Any]:
    """The Job of a run without what ties it to the run: the same pod, but nobody's."""
    spec = copy.deepcopy(of_run["spec"])
    for added in ("selector", "suspend"):
        spec.pop(added, None)
    labels = {k: v for k, v in of_run["metadata"]["labels"].items() if "kubernetes.io/job" not in k}
    labels[MANAGED_BY] = "bench"  # else the controller would watch it
    spec["template"]["metadata"] = {"labels": labels}
    return {"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"labels": labels, "annotations": of_run["metadata"].get("annotations")},
            "spec": spec}


def name_of(kind: str, number: int) -> str:
    return f"{'job' if kind == 'jobs' else 'run'}-{number:05d}"


def named(body: dict[str, Any], name: str) -> bytes:
    return json.dumps({**body, "metadata": {**body["metadata"], "name": name}}).encode()


@dataclasses.dataclass
class Snapshot:
    """Counters at one moment."""

    at: float
    machine: float
    bench: float
    plane: dict[str, float]
    controller: float
    wire: processes.Wire
    reconciles: int


@dataclasses.dataclass
class Turn:
    """What one load did: raw numbers, kept as they are."""

    kind: str  # jobs, runs, untracked (runs without managedFields), or "chains of" one of them
    round: int
    count: int
    namespace: str
    began: float  # by the clock that only grows
    seconds: float  # from the first create to the last completion
    each_seconds: list[float]  # from its create to its completion, in the order of creation
    measured_seconds: float  # until the plane was quiet again
    cpu: dict[str, float]  # by process, above what it takes when idle
    others_cpu: float  # of the machine, spent by none of ours
    wire_sent: int
    wire_received: int
    reconnects: int
    reconciles: int
    resident: int
    requests: list[audit.Request]


class Bench:
    """A cluster with the controller running in it, and what it takes when nothing happens."""

    def __init__(self, cluster: BenchCluster, controller: Controller) -> None:
        self.cluster, self.controller = cluster, controller
        self.pids = cluster.pids()
        self.log = audit.Log(cluster.audit_log)
        self.idle: dict[str, float] = {}
        self.template: dict[str, Any] = {}

    def snapshot(self) -> Snapshot:
        return Snapshot(time.monotonic(), processes.machine_seconds(), time.process_time(),
                        {n: processes.cpu_seconds(p) for n, p in self.pids.items()},
                        processes.cpu_fine_seconds(self.controller.pid), self.controller.wire(),
                        self.controller.reconciles())

    def plane_seconds(self) -> float:
        return sum(processes.cpu_seconds(p) for p in [*self.pids.values(), self.controller.pid])

    def spent(self, before: Snapshot, after: Snapshot) -> dict[str, float]:
        spent = {n: after.plane[n] - before.plane[n] for n in after.plane}
        spent["controller"] = after.controller - before.controller
        return spent

    def measure_idle(self) -> None:
        """CPU seconds in a second, by process, of a cluster where nothing happens."""
        self.idle = {}
        self.settle(limit_s=SETTLE_LIMIT_S, quiet=2 * QUIET_CPU)
        before = self.snapshot()
        time.sleep(IDLE_WINDOW_S)
        after = self.snapshot()
        seconds = after.at - before.at
        self.idle = {n: v / seconds for n, v in self.spent(before, after).items()}

    def settle(self, limit_s: float = SETTLE_LIMIT_S, quiet: float = QUIET_CPU) -> None:
        """Until the plane is as quiet as it was idle: the Job controller works on after the end."""
        deadline = time.monotonic() + limit_s
        idle, quiet_windows = sum(self.idle.values()), 0
        while quiet_windows < 2 and time.monotonic() < deadline:
            began, before = time.monotonic(), self.plane_seconds()
            time.sleep(QUIET_WINDOW_S)
            rate = (self.plane_seconds() - before) / (time.monotonic() - began)
            quiet_windows = quiet_windows + 1 if rate < idle + quiet else 0

    def prepare(self, namespaces: list[str]) -> None:
        for namespace in namespaces:
            self.cluster.create_namespace(namespace)

    def warm_up(self, namespace: str, count: int) -> None:
        """First requests are slower; and its Job is the template of the plain ones."""
        self.cluster.create_namespace(namespace)
        client = Client(self.cluster.access)
        client.create(f"{API}/{namespace}/pipelines", pipeline("one", 1, "bench"))
        self._create_and_wait("runs", namespace, count)
        job = next(client.list(f"{BATCH}/{namespace}/jobs"))
        self.template = plain_job(job)
        self._create_and_wait("jobs", namespace, count)
        client.close()

    def _create_and_wait(self, kind: str, namespace: str, count: int) -> tuple[list[float], Watch]:
        names = [name_of(kind, at) for at in range(count)]
        if kind == "jobs":
            path = f"{BATCH}/{namespace}/jobs"
            bodies = [named(self.template, name) for name in names]
            watch = Watch(self.cluster.access, path, b'"completionTime"', job_is_done)
        else:
            path = f"{API}/{namespace}/pipelineruns"
            bodies = [json.dumps(pipeline_run(name, "one", kind == "runs")).encode() for name in names]
            watch = Watch(self.cluster.access, path, b'"completionTime"', run_is_done)
        try:
            sent = create_all(self.cluster.access, path, bodies)
            watch.wait(count, turn_limit_s(count), kind)
        finally:
            watch.close()
        return sent, watch

    def turn(self, kind: str, round_number: int, namespace: str, count: int) -> Turn:
        before = self.begin(kind, namespace, pipeline("one", 1, "bench"))
        sent, watch = self._create_and_wait(kind, namespace, count)
        done = [watch.done_at[name_of(kind, at)] for at in range(count)]
        return self.finish(kind, round_number, namespace, before, sent, done)

    def begin(self, kind: str, namespace: str, of_runs: dict[str, Any]) -> Snapshot:
        """What runs need besides, a quiet plane, and the counters of that moment."""
        if kind != "jobs":
            self.cluster.track_fields(kind == "runs")
            client = Client(self.cluster.access)
            client.create(f"{API}/{namespace}/pipelines", of_runs)
            client.close()
        self.settle()
        self.log.requests(namespace)  # what went before is not part of the turn
        return self.snapshot()

    def finish(self, kind: str, round_number: int, namespace: str, before: Snapshot,
               sent: list[float], done: list[float]) -> Turn:
        self.settle()
        after = self.snapshot()
        seconds = after.at - before.at
        spent = self.spent(before, after)
        bench = after.bench - before.bench
        return Turn(
            kind=kind, round=round_number, count=len(sent), namespace=namespace, began=before.at,
            seconds=max(done) - min(sent), measured_seconds=seconds,
            each_seconds=[d - s for s, d in zip(sent, done)],
            cpu={n: v - self.idle.get(n, 0) * seconds for n, v in spent.items()} | {"bench": bench},
            others_cpu=after.machine - before.machine - sum(spent.values()) - bench,
            wire_sent=after.wire.sent - before.wire.sent,
            wire_received=after.wire.received - before.wire.received,
            reconnects=len(after.wire.connections - before.wire.connections),
            reconciles=after.reconciles - before.reconciles,
            resident=self.controller.memory().resident,
            requests=self.log.requests(namespace))
