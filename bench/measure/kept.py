"""What finished runs cost the controller that keeps them: its memory, and its next start.

One real run, its Job and its pod are the pattern of all others, which are written as they are at
their end: their status is patched in, nothing runs them. So the sizes are those of real objects,
and 10,000 of them take minutes and not hours.
"""

import dataclasses
import http.client
import json
import re
import threading
import time
from typing import Any

from measure import load, processes
from measure.api import CREATORS, Access, Client, Failure, Watch, run_is_done
from measure.cluster import BenchCluster, Controller

NAMESPACE, PATTERN = "kept", "pattern"
CALM_S = 3
READY_LIMIT_S = 300  # beside other load a start with 10,000 runs takes its time
STARTS = 3
MERGE_PATCH = "application/merge-patch+json"
NOBODY = "bench.tidemill.dev/nobody"  # who carries a Job out, so that the Job controller does not
SET_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields",
                 "selfLink", "finalizers")


@dataclasses.dataclass
class Sample:
    """One start of the controller with so many finished runs in the cluster."""

    kept: int
    seconds_to_ready: float
    cpu_s: float  # of the controller until it was ready
    received: int  # bytes on the wire until then, TLS included
    peak: int  # resident, until then
    resident: int  # when it had been calm for CALM_S


@dataclasses.dataclass
class Pattern:
    """The objects of one real run as text, with the names that are to be replaced."""

    run: str
    job: str
    pod: str
    job_name: str
    pod_name: str
    uids: tuple[str, str]  # of the run and the Job


def without_server_fields(item: dict[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in item["metadata"].items() if k not in SET_BY_SERVER}
    return {**item, "metadata": meta}


def nobodys_job(job: dict[str, Any]) -> dict[str, Any]:
    """A Job that the Job controller leaves alone; its selector is made anew."""
    spec = {k: v for k, v in job["spec"].items() if k not in ("selector", "suspend")}
    spec["managedBy"] = NOBODY
    for meta in (job["metadata"], spec["template"]["metadata"]):
        meta["labels"] = {k: v for k, v in meta["labels"].items() if "controller-uid" not in k}
    return {**job, "spec": spec}


def nobodys_pod(pod: dict[str, Any]) -> dict[str, Any]:
    """A pod that no scheduler places, so that no fake node plays it."""
    spec = {k: v for k, v in pod["spec"].items() if k != "nodeName"}
    return {**pod, "spec": {**spec, "schedulerName": NOBODY}}


def take_pattern(cluster: BenchCluster) -> Pattern:
    """Runs one run with the controller that is there, and reads what came of it."""
    cluster.create_namespace(NAMESPACE)
    client = Client(cluster.access)
    client.create(f"{load.API}/{NAMESPACE}/pipelines", load.pipeline("one", 1, "bench"))
    path = f"{load.API}/{NAMESPACE}/pipelineruns"
    watch = Watch(cluster.access, path, b'"completionTime"', run_is_done)
    try:
        client.create(path, load.pipeline_run(PATTERN, "one"))
        watch.wait(1, load.turn_limit_s(1), "runs")
    finally:
        watch.close()
    time.sleep(CALM_S)  # the Job's own end comes after its pod's
    run = client.get(f"{path}/{PATTERN}")
    job = next(client.list(f"{load.BATCH}/{NAMESPACE}/jobs"))
    pod = next(client.list(f"/api/v1/namespaces/{NAMESPACE}/pods"))
    client.close()
    uids = (run["metadata"]["uid"], job["metadata"]["uid"])
    names = (job["metadata"]["name"], pod["metadata"]["name"])
    # Lists leave the kind out of their items.
    job |= {"apiVersion": "batch/v1", "kind": "Job"}
    pod |= {"apiVersion": "v1", "kind": "Pod"}
    texts = [json.dumps(without_server_fields(item))
             for item in (run, nobodys_job(job), nobodys_pod(pod))]
    return Pattern(*texts, *names, uids)


class Filler:
    """One connection that writes finished runs."""

    def __init__(self, access: Access, pattern: Pattern) -> None:
        self.client, self.pattern = Client(access), pattern
        self.patch_headers = {**access.headers, "Content-Type": MERGE_PATCH}

    def _store(self, collection: str, text: str) -> str:
        """Creates an object and patches its status in; its uid."""
        item = json.loads(text)
        created = self.client.create(collection, item)
        name = created["metadata"]["name"]
        connection = self.client.connection
        connection.request("PATCH", f"{collection}/{name}/status", json.dumps({"status": item["status"]}),
                           self.patch_headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != http.client.OK:
            raise Failure(f"the status of {collection}/{name} was answered {response.status}: {answer[:300]!r}")
        return str(created["metadata"]["uid"])

    def add(self, number: int) -> None:
        """The names keep their lengths but for the run's own."""
        pattern, name = self.pattern, f"kept-{number:05d}"
        job_name = re.sub(r"^.{%d}" % len(PATTERN), name[:len(PATTERN)], pattern.job_name)
        job_name = f"{name}-{job_name[len(PATTERN) + 1:]}"
        pod_name = job_name + pattern.pod_name[len(pattern.job_name):]

        def renamed(text: str) -> str:
            return (text.replace(pattern.pod_name, pod_name).replace(pattern.job_name, job_name)
                    .replace(f'"{PATTERN}"', f'"{name}"'))

        run_uid = self._store(f"{load.API}/{NAMESPACE}/pipelineruns", renamed(pattern.run))
        job = renamed(pattern.job).replace(pattern.uids[0], run_uid)
        job_uid = self._store(f"{load.BATCH}/{NAMESPACE}/jobs", job)
        pod = renamed(pattern.pod).replace(pattern.uids[0], run_uid).replace(pattern.uids[1], job_uid)
        self._store(f"/api/v1/namespaces/{NAMESPACE}/pods", pod)


def fill(access: Access, pattern: Pattern, first: int, last: int) -> None:
    """Finished runs `first` to `last` - 1, by CREATORS connections."""
    following = iter(range(first, last))
    lock = threading.Lock()
    failures: list[str] = []

    def work() -> None:
        filler = Filler(access, pattern)
        try:
            while not failures:
                with lock:
                    number = next(following, None)
                if number is None:
                    return
                filler.add(number)
        except (Failure, OSError, http.client.HTTPException) as error:
            failures.append(str(error))
        finally:
            filler.client.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(CREATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failure(failures[0])


def start_once(controller: Controller, kept: int) -> Sample:
    began = time.monotonic()
    controller.start()
    try:
        controller.wait_ready(READY_LIMIT_S)
        seconds = time.monotonic() - began
        cpu, wire = processes.cpu_fine_seconds(controller.pid), controller.wire()
        peak = controller.memory().peak
        time.sleep(CALM_S)
        return Sample(kept, seconds, cpu, wire.received, peak, controller.memory().resident)
    finally:
        controller.stop()


def measure(cluster: BenchCluster, controller: Controller, sizes: list[int],
            say: Any) -> list[Sample]:
    """STARTS starts at each size, the smallest first; `controller` runs and is ended."""
    pattern = take_pattern(cluster)
    controller.stop()
    samples = []
    there = 1  # the pattern itself
    for size in sorted(sizes):
        began = time.monotonic()
        if size > there:
            fill(cluster.access, pattern, there, size)
            there = size
            say(f"{size} finished runs are there after {time.monotonic() - began:.0f} s")
        for _ in range(STARTS):
            sample = start_once(controller, there)
            samples.append(sample)
            say(f"{there} kept: ready after {sample.seconds_to_ready * 1000:.0f} ms, "
                f"{sample.cpu_s * 1000:.0f} ms of CPU, {sample.resident / processes.MIB:.1f} MiB, "
                f"at most {sample.peak / processes.MIB:.1f} MiB")
    return samples


def lines_of(samples: list[Sample]) -> list[tuple[str, ...]]:
    """A table: the median start of each size, and what each run above the smallest size costs."""
    rows: list[tuple[str, ...]] = [("finished runs", "resident MiB", "peak MiB", "peak/resident",
                                    "for each run KiB", "CPU to synced ms", "time ms", "read MiB")]
    base = min(samples, key=lambda s: (s.kept, s.resident))
    for size in sorted({s.kept for s in samples}):
        of_size = sorted((s for s in samples if s.kept == size), key=lambda s: s.resident)
        sample = of_size[len(of_size) // 2]
        cpu = sorted(s.cpu_s for s in of_size)[len(of_size) // 2]
        seconds = sorted(s.seconds_to_ready for s in of_size)[len(of_size) // 2]
        each = (sample.resident - base.resident) / (size - base.kept) / 1024 if size > base.kept else 0
        rows.append((str(size), f"{sample.resident / processes.MIB:.1f}", f"{sample.peak / processes.MIB:.1f}",
                     f"{sample.peak / sample.resident:.2f}", f"{each:.2f}", f"{cpu * 1000:.0f}",
                     f"{seconds * 1000:.0f}", f"{sample.received / processes.MIB:.2f}"))
    return rows
