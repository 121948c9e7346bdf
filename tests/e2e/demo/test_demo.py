"""The demo's path: real data, a real model, served, taken over by the schedule, a bad batch stopped."""

from __future__ import annotations

import json
import re

from harness.api import Json
from harness.case import ClusterCase, condition, step_status
from harness.cluster import ROOT

DIGITS = str(ROOT / "examples/digits")
JOB_LIMIT_SECONDS = 180.0
RUN_LIMIT_SECONDS = 240.0
TRAFFIC_SECONDS = 300  # at most: it is ended when it has seen enough


class Digits(ClusterCase):
    weight = 200

    def job(self, file: str, **env: str) -> str:
        """Creates a Job of the example with other variables; gives its name."""
        body = json.loads(self.kubectl("create", "--dry-run=client", "-f", f"{DIGITS}/jobs/{file}", "-o", "json"))
        for item in body["spec"]["template"]["spec"]["containers"][0]["env"]:
            item["value"] = env.get(item["name"], item["value"])
        made = json.loads(self.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(body)))
        return made["metadata"]["name"]

    def wait_job(self, name: str) -> str:
        def done(job: Json) -> bool:
            return any(item["type"] in ("Complete", "Failed") and item["status"] == "True"
                       for item in job.get("status", {}).get("conditions", []))

        job = self.wait("Job", name, done, "the Job's end", JOB_LIMIT_SECONDS + TRAFFIC_SECONDS)
        logs = self.kubectl("logs", f"job/{name}", "--tail=-1")
        self.assertEqual(1, job["status"].get("succeeded", 0), logs)
        return logs

    def run_once(self, phase: str) -> Json:
        name = self.kubectl("create", "-f", f"{DIGITS}/run.yaml", "-o", "name").strip().partition("/")[2]
        return self.wait_phase(name, phase, limit=RUN_LIMIT_SECONDS)

    def predict(self) -> None:
        logs = self.wait_job(self.job("predict.yaml", URL="http://digits"))
        self.assertIn("20 of 20 equal", logs)

    def champion(self, number: int) -> Json:
        return self.wait("Model", "digits", lambda model: model["status"].get("championVersion") == number
                         and condition(model).get("status") == "True", f"version {number} serves", RUN_LIMIT_SECONDS)

    def test_digits(self) -> None:
        """batch by batch: a model is served, the schedule brings the next without a failed request, a bad batch is stopped"""
        self.kubectl("apply", "-k", DIGITS)
        self.merge("Trigger", "digits", {"spec": {"suspend": True}})
        self.wait_job(self.job("land-batch.yaml", BATCH="1"))
        first = self.run_once("Succeeded")
        self.assertEqual("CheckWarned", step_status(first, "validate")["reason"])
        self.champion(1)
        self.predict()
        traffic = self.job("traffic.yaml", SECONDS_TO_RUN=str(TRAFFIC_SECONDS))
        self.wait_for("the traffic flows", lambda: any(
            pod["status"].get("phase") == "Running" for pod in self.list("Pod", labelSelector=f"job-name={traffic}")))
        self.wait_job(self.job("land-batch.yaml", BATCH="2"))
        self.merge("Trigger", "digits", {"spec": {"suspend": False}})
        self.wait_for("the schedule starts a run", lambda: [
            run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("kind") == "Trigger"], 90)
        self.champion(2)
        self.merge("Trigger", "digits", {"spec": {"suspend": True}})
        self.predict()
        # Requests go on until the pods of the version before have gone too.
        self.wait("Model", "digits", lambda model: not model["status"].get("previous"), "drained", 90)
        self.kubectl("exec", f"job/{traffic}", "--", "sh", "-c", "kill -TERM 1")
        logs = self.wait_job(traffic)
        last = re.search(r"requests=(\d+) failed=(\d+) versions=(\{.*\})\s*$", logs)
        assert last, logs
        self.assertEqual("0", last[2], logs)
        self.assertGreaterEqual(set(json.loads(last[3])), {"1", "2"})
        self.wait_for("no run is under way", lambda: all(
            run["status"].get("completionTime") for run in self.list("PipelineRun")), RUN_LIMIT_SECONDS)
        versions = len(self.list("ModelVersion"))
        self.wait_job(self.job("land-batch.yaml", BATCH="3", CORRUPT="true"))
        stopped = self.run_once("Failed")
        self.assert_says(stopped, "CheckFailed", "null-fraction", "0.02")
        self.assertEqual("Skipped", step_status(stopped, "train")["phase"])
        self.assertEqual(versions, len(self.list("ModelVersion")))
        described = self.kubectl("describe", "pipelinerun", stopped["metadata"]["name"])
        self.assertIn("CheckFailed", described)
        self.assertIn("null-fraction", described)
