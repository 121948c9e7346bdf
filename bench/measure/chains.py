"""Chains of steps, each after the one before it: of runs, and of plain Jobs with no orchestrator."""

import dataclasses
import time
from typing import Any

from measure import audit
from measure.api import Client, Failure, Watch, pod_is_done, run_is_done
from measure.cluster import Cluster
from measure.load import API, BATCH, LABEL_RUN, LABEL_STEP, Bench, Turn, pipeline, pipeline_run, turn_limit_s

STEPS = 5
AT_ONCE = 10


@dataclasses.dataclass
class Chains:
    """Chains of STEPS steps, so many under way at once."""

    at_once: int
    kind: str  # jobs, runs, untracked
    turn: Turn
    hops: list[dict[str, Any]]


def name_of(chain: int) -> str:
    return f"chain-{chain:05d}"


def measure(bench: Bench, round_number: int, kind: str, count: int, at_once: int) -> Chains:
    """Of `count` chains, and what each hop took; the next one begins when one ends."""
    namespace = f"chains-{at_once}-{kind}-{round_number}"
    bench.prepare([namespace])
    before = bench.begin(kind, namespace, pipeline("chain", STEPS, "bench"))
    if kind == "jobs":
        sent, done = follow_jobs(bench, namespace, count, at_once)
    else:
        sent, done = follow_runs(bench, namespace, count, at_once, kind == "runs")
    turn = bench.finish(f"chains of {kind}", round_number, namespace, before, sent, done)
    return Chains(at_once, kind, turn, find_hops(bench.cluster, namespace, turn.requests))


def follow_runs(bench: Bench, namespace: str, count: int, at_once: int, tracked: bool) -> tuple[list[float], list[float]]:
    """When each was created and when it had ended."""
    path = f"{API}/{namespace}/pipelineruns"
    client = Client(bench.cluster.access)
    watch = Watch(bench.cluster.access, path, b'"completionTime"', run_is_done)
    sent: list[float] = []
    try:
        while len(sent) < count:
            watch.wait(len(sent) - at_once + 1, turn_limit_s(count * STEPS), "chains")
            sent.append(time.monotonic())
            client.create(path, pipeline_run(name_of(len(sent) - 1), "chain", tracked))
        watch.wait(count, turn_limit_s(count * STEPS), "chains")
    finally:
        watch.close()
        client.close()
    return sent, [watch.done_at[name_of(at)] for at in range(count)]


def job_of(template: dict[str, Any], chain: int, step: int) -> dict[str, Any]:
    """With the labels by which find_hops() knows which step of which chain it is."""
    labels = {**template["metadata"]["labels"], LABEL_RUN: name_of(chain), LABEL_STEP: f"step-{step}"}
    return {**template, "metadata": {**template["metadata"], "name": f"{name_of(chain)}-{step}", "labels": labels}}


def follow_jobs(bench: Bench, namespace: str, count: int, at_once: int) -> tuple[list[float], list[float]]:
    """The same of plain Jobs. Each is created by whoever sees the pod of the one before it end, and does nothing else."""
    path = f"{BATCH}/{namespace}/jobs"
    client = Client(bench.cluster.access)
    watch = Watch(bench.cluster.access, f"/api/v1/namespaces/{namespace}/pods", b'"phase":"Succeeded"', pod_is_done)
    sent: list[float] = []
    done: dict[int, float] = {}
    seen: set[str] = set()

    def begin() -> None:
        sent.append(time.monotonic())
        client.create(path, job_of(bench.template, len(sent) - 1, 1))

    try:
        while len(sent) < min(at_once, count):
            begin()
        while len(done) < count:
            watch.wait(len(seen) + 1, turn_limit_s(count * STEPS), "steps")
            for pod in [name for name in list(watch.done_at) if name not in seen]:
                seen.add(pod)
                _, chain, step, _ = pod.split("-")
                if int(step) < STEPS:
                    client.create(path, job_of(bench.template, int(chain), int(step) + 1))
                    continue
                done[int(chain)] = watch.done_at[pod]
                if len(sent) < count:
                    begin()
    finally:
        watch.close()
        client.close()
    return sent, [done[at] for at in range(count)]


def find_hops(cluster: Cluster, namespace: str, requests: list[audit.Request]) -> list[dict[str, Any]]:
    """By the Jobs and pods as they are, which are all kept."""
    client = Client(cluster.access)
    jobs = {job["metadata"]["name"]: (job["metadata"]["labels"][LABEL_RUN], job["metadata"]["labels"][LABEL_STEP])
            for job in client.list(f"{BATCH}/{namespace}/jobs")}
    pods = {pod["metadata"]["name"]: pod["metadata"]["ownerReferences"][0]["name"]
            for pod in client.list(f"/api/v1/namespaces/{namespace}/pods")}
    client.close()
    return hops_of(jobs, pods, requests)


def hops_of(jobs: dict[str, tuple[str, str]], pods: dict[str, str], requests: list[audit.Request]) -> list[dict[str, Any]]:
    """For each step after the first: when the pod before it ended, its Job and its pod were made.

    `jobs` has the chain and the step of each Job, `pods` the Job of each pod. Times are the API server's,
    from the log, to the microsecond: a pod's own finishedAt has whole seconds only. The end of a pod is the
    receipt of the write that made it Succeeded.
    """
    ended: dict[tuple[str, str], float] = {}
    job_made: dict[tuple[str, str], float] = {}
    pod_made: dict[tuple[str, str], float] = {}
    for request in requests:
        if request.resource == "pods/status" and request.phase == "Succeeded":
            ended[jobs[pods[request.name]]] = request.received
        elif request.resource == "jobs" and request.verb == "create":
            job_made[jobs[request.name]] = request.received
        elif request.resource == "pods" and request.verb == "create" and request.owner in jobs:
            pod_made[jobs[request.owner]] = request.received
    hops = []
    for (run, step), at in sorted(job_made.items()):
        number = int(step.rpartition("-")[2])
        if number == 1:
            continue
        before = ended.get((run, f"step-{number - 1}"))
        if before is None:
            raise Failure(f"the log does not say when the pod of step {number - 1} of {run} ended")
        made = pod_made.get((run, step))
        hops.append({"run": run, "step": number, "to_job_s": round(at - before, 6),
                     "to_pod_s": None if made is None else round(made - before, 6),
                     "job_to_pod_s": None if made is None else round(made - at, 6)})
    return hops
