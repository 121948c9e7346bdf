"""What users do in mid-flight: they delete Jobs, pods and runs, and cancel."""

from __future__ import annotations

import random

from faults.ledger import STEP, Losses, owner_run
from harness.api import MERGE_PATCH, Api, ApiError, Json


GONE = 404  # meanwhile


def _items(api: Api, kind: str, namespace: str) -> list[Json]:
    found: list[Json] = api.call("GET", api.path(kind, namespace))["items"]
    return found


def _is_over(job: Json) -> bool:
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True"
               for c in job.get("status", {}).get("conditions", []))


def _delete(api: Api, kind: str, thing: Json) -> bool:
    name, namespace = thing["metadata"]["name"], thing["metadata"]["namespace"]
    try:
        api.call("DELETE", api.path(kind, namespace, name), {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        return True
    except ApiError as error:
        if error.code != GONE:
            raise  # whether it was done is not known, so nothing could be held to it
        return False


class User:
    """Deletes at random, and says in the losses what the API server says was done."""

    def __init__(self, api: Api, namespace: str, losses: Losses, dice: random.Random) -> None:
        self.api, self.namespace, self.losses, self.dice = api, namespace, losses, dice

    def _running_jobs(self) -> list[Json]:
        return [job for job in _items(self.api, "Job", self.namespace)
                if owner_run(job) and not _is_over(job)]

    def _lost(self, job: Json) -> bool:
        self.losses.lose_job(job["metadata"]["name"], owner_run(job), job["metadata"]["labels"][STEP])
        return True

    def delete_job(self) -> bool:
        jobs = self._running_jobs()
        if not jobs:
            return False
        job = self.dice.choice(jobs)
        return _delete(self.api, "Job", job) and self._lost(job)

    def delete_pod(self) -> bool:
        jobs = {job["metadata"]["name"]: job for job in self._running_jobs()}
        pods = [pod for pod in _items(self.api, "Pod", self.namespace)
                if pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") in jobs]
        if not pods:
            return False
        pod = self.dice.choice(pods)
        job = jobs[pod["metadata"]["labels"]["batch.kubernetes.io/job-name"]]
        return _delete(self.api, "Pod", pod) and self._lost(job)

    def _running_runs(self) -> list[Json]:
        return [run for run in _items(self.api, "PipelineRun", self.namespace)
                if run.get("status", {}).get("phase") in ("Pending", "Running")]

    def delete_run(self) -> bool:
        runs = self._running_runs()
        if not runs:
            return False
        run = self.dice.choice(runs)
        if not _delete(self.api, "PipelineRun", run):
            return False
        self.losses.runs[run["metadata"]["name"]] = run["metadata"]["uid"]
        return True

    def cancel_run(self) -> bool:
        runs = self._running_runs()
        if not runs:
            return False
        run = self.dice.choice(runs)
        name = run["metadata"]["name"]
        try:
            self.api.call("PATCH", self.api.path("PipelineRun", self.namespace, name), {"spec": {"cancel": True}}, MERGE_PATCH)
        except ApiError as error:
            if error.code != GONE:
                raise
            return False
        self.losses.cancelled.add(name)
        return True
