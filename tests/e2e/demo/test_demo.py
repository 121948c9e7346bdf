"""The demo's path: real data in a bucket, a real model, served, taken over by the next, a bad batch stopped and mended."""

from __future__ import annotations

import json
import re

from harness.api import Json
from harness.case import ClusterCase, condition, step_status
from harness.cluster import ROOT

DIGITS = str(ROOT / "examples/digits")
JOB_LIMIT_SECONDS = 180.0
RUN_LIMIT_SECONDS = 240.0
FIRED_LIMIT_SECONDS = 90.0
TRAFFIC_SECONDS = 300  # at most: it is ended when it has seen enough


class Digits(ClusterCase):
    weight = 200

    def job(self, file: str, **env: str) -> str:
        """Creates a Job of the example with other variables; gives its name."""
        body = json.loads(self.kubectl("create", "--dry-run=client", "-f", f"{DIGITS}/jobs/{file}", "-o", "json"))
        for item in body["spec"]["template"]["spec"]["containers"][0]["env"]:
            if item["name"] in env:
                item["value"] = env[item["name"]]
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

    def land(self, **env: str) -> str:
        """A batch lands; gives the key of its object."""
        logs = self.wait_job(self.job("land-batch.yaml", **env))
        landed = re.search(r"(batches/\d+\.csv): 300 rows", logs)
        assert landed, logs
        return landed[1]

    def caused(self) -> list[Json]:
        """The runs of new data, in order."""
        runs = [run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == "new-data"]
        return sorted(runs, key=lambda run: int(run["metadata"]["name"].rpartition("-")[2]))

    def wait_caused(self, count: int, *words: str) -> str:
        """The name of the run that new data started as the how-many-th; its cause says these words."""
        self.wait_for(f"new data starts run {count}", lambda: len(self.caused()) >= count, FIRED_LIMIT_SECONDS)
        runs = self.caused()
        self.assertEqual(count, len(runs), "one run for each batch")
        for word in words:
            self.assertIn(word, runs[-1]["spec"]["cause"]["message"])
        return runs[-1]["metadata"]["name"]

    def wait_served(self, number: int, run: Json) -> Json:
        """The run's version serves, and says which data it has seen."""
        self.champion(number)
        version = self.get("ModelVersion", run["status"]["modelVersion"])
        lineage = version["spec"]["lineage"]
        self.assertEqual(run["spec"]["cause"], lineage["cause"])
        params = {param["name"]: param["value"] for param in lineage["params"]}
        self.assertEqual(lineage["cause"]["revision"], params["revision"])
        self.assertEqual([f"batches/{each:04d}.csv" for each in range(number, 0, -1)], params["objects"].split("\n"))
        described = self.kubectl("describe", "modelversion", version["metadata"]["name"])
        self.assertIn(lineage["cause"]["message"], described)
        self.assertIn(lineage["cause"]["message"], self.kubectl("get", "modelversion", "-o", "wide"))
        return version

    def predict(self) -> None:
        logs = self.wait_job(self.job("predict.yaml", URL="http://digits"))
        self.assertIn("20 of 20 equal", logs)

    def champion(self, number: int) -> Json:
        return self.wait("Model", "digits", lambda model: model["status"].get("championVersion") == number
                         and condition(model).get("status") == "True", f"version {number} serves", RUN_LIMIT_SECONDS)

    def test_digits(self) -> None:
        """batch by batch: what lands in a bucket starts a run that names it, the model is served, the next takes over without a failed request, a bad batch is stopped"""
        self.kubectl("apply", "-k", DIGITS)
        waiting = self.wait_condition("Trigger", "new-data", "False", "SourceAbsent", limit=FIRED_LIMIT_SECONDS)
        self.assert_says(waiting, "SourceAbsent", "no object below digits/batches/")
        key = self.land(BATCH="1")
        first = self.wait_phase(self.wait_caused(1, "1 new object below digits/batches/", key), "Succeeded",
                                limit=RUN_LIMIT_SECONDS)
        self.assertEqual("CheckWarned", step_status(first, "validate")["reason"])
        self.wait_served(1, first)
        self.predict()
        traffic = self.job("traffic.yaml", SECONDS_TO_RUN=str(TRAFFIC_SECONDS))
        self.wait_for("the traffic flows", lambda: any(
            pod["status"].get("phase") == "Running" for pod in self.list("Pod", labelSelector=f"job-name={traffic}")))
        key = self.land(BATCH="2")
        second = self.wait_phase(self.wait_caused(2, "1 new object below digits/batches/", key, "2 in all"), "Succeeded",
                                 limit=RUN_LIMIT_SECONDS)
        self.assertEqual("600", {item["name"]: item["value"] for item in step_status(second, "ingest")["results"]}["rows"])
        self.wait_served(2, second)
        self.predict()
        # Requests go on until the pods of the version before have gone too.
        self.wait("Model", "digits", lambda model: not model["status"].get("previous"), "drained", 90)
        self.kubectl("exec", f"job/{traffic}", "--", "sh", "-c", "kill -TERM 1")
        logs = self.wait_job(traffic)
        last = re.search(r"requests=(\d+) failed=(\d+) versions=(\{.*\})\s*$", logs)
        assert last, logs
        self.assertEqual("0", last[2], logs)
        self.assertGreaterEqual(set(json.loads(last[3])), {"1", "2"})
        key = self.land(BATCH="3", CORRUPT="true")
        stopped = self.wait_phase(self.wait_caused(3, key, "3 in all"), "Failed", limit=RUN_LIMIT_SECONDS)
        self.assert_says(stopped, "CheckFailed", "null-fraction", "0.02")
        self.assertEqual("Skipped", step_status(stopped, "train")["phase"])
        self.assertEqual(2, len(self.list("ModelVersion")))
        described = self.kubectl("describe", "pipelinerun", stopped["metadata"]["name"])
        self.assertIn("CheckFailed", described)
        self.assertIn("null-fraction", described)
        self.champion(2)
        # The batch again, whole: the same key, and another object.
        self.assertEqual(key, self.land(BATCH="3"))
        mended = self.wait_phase(self.wait_caused(4, "1 new or changed object below digits/batches/", key), "Succeeded",
                                 limit=RUN_LIMIT_SECONDS)
        self.wait_served(3, mended)
