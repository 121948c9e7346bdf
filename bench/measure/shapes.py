"""Large shapes: many runs in flight, large graphs, many Triggers, many versions.

Each is given as NAME=SIZE. Peak memory counts from just before the load; requests are counted in
the audit log, the controller's own alone.
"""

import collections
import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

from measure import audit, load, processes
from measure.api import Client, Failure, Watch, create_all, run_is_done
from measure.cluster import BenchCluster, Controller

CALM_S = 3
REST_S = 20  # the controller's CPU when the shape is there and nothing happens
LIMIT_S, LIMIT_FOR_EACH_S = 120, 0.6  # beside other load a run takes about 0.1 s
POLL_S = 1.0
HOLD_S, HOLD_FOR_EACH_S = 30, 0.06  # how long pods run, so that all are in flight at once
MODELS = 100  # that share the versions
TAKES = "fake.tidemill.dev/takes"


@dataclasses.dataclass
class Result:
    """What one shape cost; bytes, seconds, and numbers of requests."""

    shape: str
    size: int
    seconds: float  # from the first create to the end
    cpu_s: float  # of the controller
    plane_cpu_s: float  # of all others of the plane
    rest_cpu_s: float  # of the controller in a second, afterwards
    resident_before: int
    resident: int
    peak: int
    sent: int
    received: int
    reconciles: int
    status_bytes: int  # of the largest status, as compact JSON
    requests: dict[str, int]  # "verb resource" -> number


def limit_s(size: int) -> float:
    return LIMIT_S + LIMIT_FOR_EACH_S * size


def size_of_status(item: dict[str, Any]) -> int:
    return len(json.dumps(item.get("status", {}), separators=(",", ":"), ensure_ascii=False).encode())


def is_looked_at(item: dict[str, Any]) -> bool | None:
    return True if item.get("status", {}).get("observedGeneration") == 1 else None


def is_numbered(item: dict[str, Any]) -> bool | None:
    return True if "version" in item.get("status", {}) and is_looked_at(item) else None


class Shape:
    """A namespace in which one shape is made; `make` returns the collection to read statuses from."""

    def __init__(self, bench: load.Bench, namespace: str, size: int) -> None:
        self.bench, self.namespace, self.size = bench, namespace, size
        self.access = bench.cluster.access
        self.client = Client(self.access)

    def path(self, plural: str) -> str:
        return f"{load.API}/{self.namespace}/{plural}"

    def _create_and_watch(self, plural: str, bodies: list[dict[str, Any]], marker: bytes,
                          is_done: Callable[[dict[str, Any]], bool | None]) -> str:
        watch = Watch(self.access, self.path(plural), marker, is_done)
        try:
            create_all(self.access, self.path(plural), [json.dumps(b).encode() for b in bodies])
            watch.wait(len(bodies), limit_s(self.size), plural)
        finally:
            watch.close()
        return self.path(plural)

    def in_flight(self) -> str:
        """One-step runs whose pods all run at once before the first one ends."""
        pipeline = load.pipeline("one", 1, "bench")
        takes = f"{HOLD_S + HOLD_FOR_EACH_S * self.size:.0f}s"
        pipeline["spec"]["podDefaults"] = {"metadata": {"annotations": {TAKES: takes}}}
        self.client.create(self.path("pipelines"), pipeline)
        runs = [load.pipeline_run(f"run-{at:05d}", "one") for at in range(self.size)]
        return self._create_and_watch("pipelineruns", runs, b'"completionTime"', run_is_done)

    def _one_run(self, pipeline: dict[str, Any]) -> str:
        """A watch would cost the bench more than the plane: each event is the whole status."""
        self.client.create(self.path("pipelines"), pipeline)
        run = self.client.create(self.path("pipelineruns"), load.pipeline_run("run", "graph"))
        deadline = time.monotonic() + limit_s(self.size)
        while (done := run_is_done(run)) is None:
            if time.monotonic() > deadline:
                raise Failure(f"the run is not over: {run.get('status', {}).get('progress')}, "
                              f"{run.get('status', {}).get('conditions')}")
            time.sleep(POLL_S)
            run = self.client.get(f"{self.path('pipelineruns')}/run")
        if not done:
            raise Failure(f"the run failed: {run['status'].get('conditions')}")
        return self.path("pipelineruns")

    def chain(self) -> str:
        return self._one_run(load.pipeline("graph", self.size, "bench"))

    def wide(self) -> str:
        pipeline = load.pipeline("graph", self.size, "bench")
        for step in pipeline["spec"]["steps"]:
            step.pop("runAfter", None)
        return self._one_run(pipeline)

    def triggers(self) -> str:
        """Once a month each, at one of 672 hours, so that none fires meanwhile (but with bad luck)."""
        self.client.create(self.path("pipelines"), load.pipeline("one", 1, "bench"))
        bodies = [{"apiVersion": "tidemill.dev/v1alpha1", "kind": "Trigger",
                   "metadata": {"name": f"trigger-{at:05d}"},
                   "spec": {"pipelineRef": {"name": "one"}, "schedule": {
                       "cron": f"{at % 60} {at % 24} {at % 28 + 1} {(time.gmtime().tm_mon + 5) % 12 + 1} *",
                       "timeZone": "Europe/Berlin"}}} for at in range(self.size)]
        return self._create_and_watch("triggers", bodies, b'"observedGeneration":1', is_looked_at)

    def versions(self) -> str:
        """Of MODELS models, none of which is served."""
        digest = "sha256:" + "0123456789abcdef" * 4
        bodies = [{"apiVersion": "tidemill.dev/v1alpha1", "kind": "ModelVersion",
                   "metadata": {"name": f"version-{at:05d}"},
                   "spec": {"model": f"model-{at % MODELS}",
                            "artifact": {"uri": f"pvc://artifacts/run-{at:05d}/train/pod/model",
                                         "digest": digest},
                            "metrics": [{"name": "accuracy", "value": "0.93", "step": "train"}],
                            "lineage": {"pipeline": "train", "revision": "train-1"}}}
                  for at in range(self.size)]
        return self._create_and_watch("modelversions", bodies, b'"observedGeneration":1', is_numbered)


SHAPES: dict[str, Callable[[Shape], str]] = {
    "in-flight": Shape.in_flight, "chain": Shape.chain, "wide": Shape.wide,
    "triggers": Shape.triggers, "versions": Shape.versions}


def parse(text: str) -> tuple[str, int]:
    """NAME=SIZE."""
    name, _, size = text.partition("=")
    if name not in SHAPES or not size.isdigit() or int(size) < 1:
        raise ValueError(f"expected one of {', '.join(SHAPES)}, then =SIZE")
    return name, int(size)


def counted(requests: list[audit.Request]) -> dict[str, int]:
    own = collections.Counter(
        f"{r.verb} {r.resource}" + (" dry run" if r.is_dry_run else "") + ("" if r.code < 400 else f" {r.code}")
        for r in requests if r.user == audit.CONTROLLER and r.resource != "leases")
    return dict(sorted(own.items()))


def measure(cluster: BenchCluster, controller: Controller, name: str, size: int) -> Result:
    """Starts the controller anew, so that memory is the shape's own."""
    controller.restart()
    bench = load.Bench(cluster, controller)
    namespace = f"{name}-{size}-{int(time.time()) % 100000}"
    cluster.create_namespace(namespace)
    shape = Shape(bench, namespace, size)
    bench.settle()
    resident_before = controller.memory().resident
    processes.forget_peak(controller.pid)
    bench.log.requests(namespace)
    before, began = bench.snapshot(), time.monotonic()
    collection = SHAPES[name](shape)
    seconds = time.monotonic() - began
    bench.settle()
    after = bench.snapshot()
    memory = controller.memory()
    cpu = processes.cpu_fine_seconds(controller.pid)
    time.sleep(REST_S)
    rest = (processes.cpu_fine_seconds(controller.pid) - cpu) / REST_S
    shape.client.close()
    reader = Client(cluster.access)  # the API server ends a connection that was idle for 3 minutes
    status_bytes = max(size_of_status(item) for item in reader.list(collection))
    reader.close()
    return Result(
        shape=name, size=size, seconds=seconds, cpu_s=after.controller - before.controller,
        plane_cpu_s=sum(after.plane.values()) - sum(before.plane.values()), rest_cpu_s=rest,
        resident_before=resident_before, resident=memory.resident, peak=memory.peak,
        sent=after.wire.sent - before.wire.sent, received=after.wire.received - before.wire.received,
        reconciles=after.reconciles - before.reconciles, status_bytes=status_bytes,
        requests=counted(bench.log.requests(namespace)))


def lines_of(results: list[Result]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("shape", "size", "s", "CPU s", "CPU ms each", "plane CPU s",
                                    "idle CPU ms/s", "resident MiB", "peak MiB", "requests each",
                                    "reconciles each", "sent MB", "read MB", "status KiB")]
    for r in results:
        total = sum(n for name, n in r.requests.items() if not name.startswith("watch"))
        rows.append((r.shape, str(r.size), f"{r.seconds:.1f}", f"{r.cpu_s:.2f}", f"{r.cpu_s * 1000 / r.size:.2f}",
                     f"{r.plane_cpu_s:.1f}", f"{r.rest_cpu_s * 1000:.2f}",
                     f"{r.resident_before / processes.MIB:.1f} > {r.resident / processes.MIB:.1f}",
                     f"{r.peak / processes.MIB:.1f}", f"{total / r.size:.2f}", f"{r.reconciles / r.size:.1f}",
                     f"{r.sent / 1e6:.2f}", f"{r.received / 1e6:.2f}", f"{r.status_bytes / 1024:.1f}"))
    return rows


def request_lines(results: list[Result]) -> list[str]:
    return [f"{r.shape}={r.size}: " + ", ".join(f"{n} {name}" for name, n in r.requests.items())
            for r in results]
