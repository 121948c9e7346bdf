"""Holds the promise that a one-step run made by hand costs the controller three writes at most.

Exact, and the same on every machine: the writes are counted in the audit log. Attempts count too,
whatever they were answered. Events and deletes of finished runs are listed apart, as is what is
written once for a pipeline and not for a run. Bytes by what they are for are held too (sizes.py),
where the controller is ours and can be asked.
"""

import collections
import dataclasses
import time
import uuid

from measure import audit, load, sizes
from measure.api import Client, Failure, Watch, run_is_done, job_is_done
from measure.cluster import ACCOUNT, SYSTEM, Cluster, Controller

LIMIT = 3  # the Job, the status when it runs, the status when it has ended
RUNS = 20
RUNS_LIMIT_S = 240  # on a real node 20 pods take about 40 s
CALM_S = 3  # the Job's own end comes 1 s after its pod's, and must cause no write
IMAGE = "tidemill/examples:dev"

JOB, STATUS = "jobs", "pipelineruns/status"


@dataclasses.dataclass
class Count:
    """The controller's writes in one namespace, sorted by what they were for."""

    by_run: dict[str, list[audit.Request]]
    apart: list[audit.Request]
    unexpected: list[audit.Request]


def is_apart(request: audit.Request) -> bool:
    return (request.is_event
            or (request.resource == "pipelineruns" and request.verb == "delete")
            or (request.resource == "controllerrevisions" and request.verb in ("create", "delete"))
            or request.resource == "pipelines/status")


def count_writes(requests: list[audit.Request], runs: list[str], run_of_job: dict[str, str],
                 namespace: str) -> Count:
    count = Count({run: [] for run in runs}, [], [])
    for request in requests:
        if request.user != audit.CONTROLLER or request.namespace != namespace:
            continue
        if not request.is_write:
            continue
        run = run_of_job.get(request.name) if request.resource == JOB else request.name
        if is_apart(request):
            count.apart.append(request)
        elif request.resource in (JOB, STATUS) and run in count.by_run:
            count.by_run[run].append(request)
        else:
            count.unexpected.append(request)
    return count


def describe(request: audit.Request) -> str:
    return f"{request.verb} {request.resource} {request.name} ({request.code})"


def find_faults(count: Count) -> list[str]:
    """What breaks the promise, a sentence each; none: it holds."""
    faults = []
    for run, writes in sorted(count.by_run.items()):
        listed = ", ".join(describe(w) for w in writes)
        jobs = sum(w.resource == JOB and w.verb == "create" for w in writes)
        statuses = sum(w.resource == STATUS for w in writes)
        if len(writes) > LIMIT:
            faults.append(f"run {run} cost {len(writes)} writes, at most {LIMIT}: {listed}")
        elif jobs != 1 or statuses < 1 or jobs + statuses != len(writes):
            faults.append(f"run {run}: expected one Job and one or two writes of its status, "
                          f"found: {listed or 'nothing'}")
    faults += [f"a write that no run explains: {describe(w)}" for w in count.unexpected]
    return faults


def print_count(count: Count) -> None:
    """The three kinds of line: for a run, apart, and what was answered with an error."""
    shapes = collections.Counter(
        ", ".join(f"{w.verb} {w.resource}" for w in writes) for writes in count.by_run.values())
    for shape, runs in shapes.most_common():
        print(f"  {runs:3d} runs cost: {shape or 'nothing'}")
    for (verb, resource), number in sorted(collections.Counter(
            (w.verb, w.resource) for w in count.apart).items()):
        print(f"  {number:3d} apart: {verb} {resource}")
    every = [w for writes in count.by_run.values() for w in writes] + count.apart
    for request in every:
        if request.code >= 400:
            print(f"      answered with an error: {describe(request)}")


def expect_controller(cluster: Cluster) -> None:
    """On a cluster that is not ours the installed controller is the one that is judged."""
    ready = cluster.kubectl("-n", SYSTEM, "get", "deployment", ACCOUNT, "--ignore-not-found",
                            "-o", "jsonpath={.status.readyReplicas}")
    if ready != "1":
        raise Failure(f"no controller is Ready in {SYSTEM}: make install, or unset "
                      "TIDEMILL_AUDIT_LOG to check on a cluster of its own")


def print_sizes(each: dict[str, float]) -> None:
    print("bytes for each run, before TLS:")
    for name, size in each.items():
        print(f"  {size:7.0f} {name}")
    print(f"  {sum(each.values()):7.0f} together")


def check(cluster: Cluster, controller: Controller | None = None,
          limits: dict[str, float] = sizes.LIMITS) -> tuple[int, int]:
    """How much of the promise is kept, and how much broken. Prints what was found. `controller`: one that can be asked
    for its metrics; `limits`: what it may say of the bytes."""
    namespace = f"writes-{uuid.uuid4().hex[:8]}"
    cluster.create_namespace(namespace)
    try:
        count, each = measure(cluster, namespace, controller)
    finally:
        if not controller:  # a cluster of its own goes, and its events would count to what comes next
            cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    print(f"{RUNS} one-step runs, writes of {audit.CONTROLLER}:")
    print_count(count)
    faults = find_faults(count)
    if controller:
        print_sizes(each)
    too_large = list(sizes.find_faults(each, limits)) if controller else []
    faults += too_large
    for fault in faults:
        print(f"FAILED {fault}")
    broken = {run for run in count.by_run if any(f.startswith(f"run {run}") for f in faults)}
    failed = len(broken) + (1 if count.unexpected else 0) + (1 if too_large else 0)
    return RUNS + 1 + (1 if controller else 0) - failed, failed


def measure(cluster: Cluster, namespace: str, controller: Controller | None) -> tuple[Count, dict[str, float]]:
    """Of RUNS runs, and the bytes of each where the controller can be asked."""
    access = cluster.access
    client = Client(access)
    client.create(f"{load.API}/{namespace}/pipelines", load.pipeline("one", 1, IMAGE))
    log = audit.Log(cluster.audit_log)
    time.sleep(CALM_S)  # what is written once for the pipeline is behind us
    before = sizes.read(controller.metrics()) if controller else {}
    runs = [f"by-hand-{at:02d}" for at in range(RUNS)]
    path = f"{load.API}/{namespace}/pipelineruns"
    jobs_path = f"{load.BATCH}/{namespace}/jobs"
    ends = [(Watch(access, path, b'"completionTime"', run_is_done), "runs"),
            (Watch(access, jobs_path, b'"completionTime"', job_is_done), "Jobs of runs")]
    try:
        for run in runs:
            client.create(path, load.pipeline_run(run, "one"))
        for watch, what in ends:
            watch.wait(RUNS, RUNS_LIMIT_S, what)
    finally:
        for watch, _ in ends:
            watch.close()
    time.sleep(CALM_S)
    run_of_job = {job["metadata"]["name"]: job["metadata"]["labels"].get(load.LABEL_RUN, "")
                  for job in client.list(jobs_path)}
    client.close()
    after = sizes.read(controller.metrics()) if controller else {}
    return (count_writes(log.requests(namespace), runs, run_of_job, namespace),
            sizes.for_each(before, after, RUNS))
