"""The demo's path: real data in a bucket, a real model, served, taken over by the next, drift found and mended, a bad batch stopped."""

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
DRIFT_LIMIT_SECONDS = 240.0  # a watch each minute, and one that has seen too little says nothing
TRAFFIC_SECONDS = 900  # at most: it is ended when it has seen enough
REQUESTS_LEAST = 200  # fewer say nothing of drift
WATCHES = 5


def values(items: list[Json]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in items}


class Digits(ClusterCase):
    weight = 450

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
        return sorted(self.caused_by("new-data"), key=lambda run: int(run["metadata"]["name"].rpartition("-")[2]))

    def start_traffic(self, **env: str) -> str:
        traffic = self.job("traffic.yaml", SECONDS_TO_RUN=str(TRAFFIC_SECONDS), **env)
        self.wait_for("the traffic flows", lambda: "requests=" in self.kubectl("logs", f"job/{traffic}", check=False),
                      JOB_LIMIT_SECONDS)
        return traffic

    def end_traffic(self, traffic: str, *versions: str) -> str:
        """No request has failed, and each of these versions has answered."""
        self.kubectl("exec", f"job/{traffic}", "--", "sh", "-c", "kill -TERM 1")
        logs = self.wait_job(traffic)
        last = re.search(r"requests=(\d+) failed=(\d+) versions=(\{.*\})\s*$", logs)
        assert last, logs
        self.assertEqual("0", last[2], logs)
        self.assertGreaterEqual(set(json.loads(last[3])), set(versions))
        return logs

    def wait_drained(self) -> None:
        self.wait("Model", "digits", lambda model: not model["status"].get("previous"), "drained", 90)

    def right(self, logs: str, version: str) -> list[float]:
        """How much of what this version said was right, then of what it said of faded images."""
        line = re.search(rf"^version {version}: (.*)$", logs, re.MULTILINE)
        assert line, logs
        return [float(share) for share in re.findall(r"([\d.]+) of \d+", line[1])]

    def watch(self) -> dict[str, str]:
        """What a run of the watch, by hand, finds."""
        made = json.loads(self.kubectl("create", "-f", f"{DIGITS}/watch-run.yaml", "-o", "json"))
        run = self.wait_phase(made["metadata"]["name"], "Succeeded")
        return values(step_status(run, "compare")["results"])

    def watch_enough(self) -> dict[str, str]:
        """What the first watch finds that has seen enough requests to say something."""
        for _ in range(WATCHES):
            found = self.watch()
            if int(found["requests"]) >= REQUESTS_LEAST:
                return found
        self.fail(f"{WATCHES} watches saw too few requests, the last one {found}")

    def caused_by(self, trigger: str) -> list[Json]:
        return [run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == trigger]

    def drifted(self) -> list[Json]:
        return self.caused_by("drifted")

    def wait_caused(self, count: int, *words: str) -> str:
        """The name of the run that new data started as the how-many-th; its cause says these words."""
        self.wait_for(f"new data starts run {count}", lambda: len(self.caused()) >= count, FIRED_LIMIT_SECONDS)
        runs = self.caused()
        self.assertEqual(count, len(runs), "one run for each batch")
        for word in words:
            self.assertIn(word, runs[-1]["spec"]["cause"]["message"])
        return runs[-1]["metadata"]["name"]

    def wait_served(self, number: int, run: Json) -> Json:
        """The run's version serves, and says what caused it."""
        self.champion(number)
        version = self.get("ModelVersion", run["status"]["modelVersion"])
        lineage = version["spec"]["lineage"]
        self.assertEqual(run["spec"]["cause"], lineage["cause"])
        described = self.kubectl("describe", "modelversion", version["metadata"]["name"])
        self.assertIn(lineage["cause"]["message"], described)
        self.assertIn(lineage["cause"]["message"], self.kubectl("get", "modelversion", "-o", "wide"))
        return version

    def wait_learned(self, number: int, run: Json, batches: int) -> None:
        """The run's version serves, and has seen the first so many batches."""
        lineage = self.wait_served(number, run)["spec"]["lineage"]
        params = values(lineage["params"])
        self.assertEqual(lineage["cause"]["revision"], params["revision"])
        self.assertEqual([f"batches/{each:04d}.csv" for each in range(batches, 0, -1)], params["objects"].split("\n"))

    def predict(self) -> None:
        logs = self.wait_job(self.job("predict.yaml", URL="http://digits"))
        self.assertIn("20 of 20 equal", logs)

    def champion(self, number: int) -> Json:
        return self.wait("Model", "digits", lambda model: model["status"].get("championVersion") == number
                         and condition(model).get("status") == "True", f"version {number} serves", RUN_LIMIT_SECONDS)

    def test_digits(self) -> None:
        """batch by batch: what lands in a bucket starts a run that names it, the model is served, the next takes over without a failed request, drift has it trained anew, a bad batch is stopped"""
        self.kubectl("apply", "-k", DIGITS)
        waiting = self.wait_condition("Trigger", "new-data", "False", "SourceAbsent", limit=FIRED_LIMIT_SECONDS)
        self.assert_says(waiting, "SourceAbsent", "no object below digits/batches/")
        self.assertEqual({"psi": "0.0", "requests": "0", "version": ""}, self.watch(), "nothing serves yet")
        self.land_first_batch()
        self.land_second_batch()
        self.watch_it_drift()
        key = self.stop_corrupted_batch()
        # The batch again, whole: the same key, and another object.
        self.assertEqual(key, self.land(BATCH="3"))
        mended = self.wait_phase(self.wait_caused(4, "1 new or changed object below digits/batches/", key), "Succeeded",
                                 limit=RUN_LIMIT_SECONDS)
        self.wait_learned(4, mended, batches=3)

    def land_first_batch(self) -> None:
        key = self.land(BATCH="1")
        first = self.wait_phase(self.wait_caused(1, "1 new object below digits/batches/", key), "Succeeded",
                                limit=RUN_LIMIT_SECONDS)
        self.assertEqual("CheckWarned", step_status(first, "validate")["reason"])
        self.wait_learned(1, first, batches=1)
        self.predict()

    def land_second_batch(self) -> None:
        traffic = self.start_traffic()
        key = self.land(BATCH="2")
        second = self.wait_phase(self.wait_caused(2, "1 new object below digits/batches/", key, "2 in all"), "Succeeded",
                                 limit=RUN_LIMIT_SECONDS)
        self.assertEqual("600", values(step_status(second, "ingest")["results"])["rows"])
        self.wait_learned(2, second, batches=2)
        self.predict()
        self.wait_drained()  # requests go on until the pods of the version before have gone too
        self.assertGreater(self.right(self.end_traffic(traffic, "1", "2"), "2")[0], 0.9)
        self.assertEqual([], self.drifted(), "nothing has drifted yet")

    def watch_it_drift(self) -> None:
        """The lamps of half the scanners fade: the watch finds it, and the next version has learned what they show."""
        traffic = self.start_traffic(FADED="0.4")
        # By hand, since the watch of the next minute is a wait; it looks on all the same.
        self.assertGreater(float(self.watch_enough()["psi"]), 0.2)
        self.wait_for("drift starts a run", self.drifted, DRIFT_LIMIT_SECONDS)
        self.assertTrue(self.caused_by("watch"), "the schedule looks on each minute")
        # What another watch has found meanwhile would start one more run, some time later.
        for trigger in ("watch", "drifted"):
            self.merge("Trigger", trigger, {"spec": {"suspend": True}})
        run, = self.drifted()
        third = self.wait_phase(run["metadata"]["name"], "Succeeded", limit=RUN_LIMIT_SECONDS)
        version = self.wait_served(3, third)
        cause = version["spec"]["lineage"]["cause"]["message"]
        self.assertRegex(cause, r"^run (digits-)?watch-\w+ of Pipeline digits-watch: Succeeded, and retraining is needed: "
                                r"step compare: result psi is [\d.]+, allowed at most 0\.2$")
        self.assertEqual("0.4", values(version["spec"]["lineage"]["params"])["brightness"])
        self.assertGreater(float(values(version["spec"]["metrics"])["accuracy-faded"]), 0.9)
        self.wait_drained()
        found = self.watch_enough()
        self.assertEqual("3", found["version"])
        self.assertLess(float(found["psi"]), 0.2)
        logs = self.end_traffic(traffic, "2", "3")
        (_, before), (bright, faded) = self.right(logs, "2"), self.right(logs, "3")
        self.assertGreater(faded, before + 0.1, logs)
        self.assertGreater(bright, 0.9, logs)

    def stop_corrupted_batch(self) -> str:
        """Gives its key."""
        key = self.land(BATCH="3", CORRUPT="true")
        stopped = self.wait_phase(self.wait_caused(3, key, "3 in all"), "Failed", limit=RUN_LIMIT_SECONDS)
        self.assert_says(stopped, "CheckFailed", "null-fraction", "0.02")
        self.assertEqual("Skipped", step_status(stopped, "train")["phase"])
        self.assertEqual(3, len(self.list("ModelVersion")))
        described = self.kubectl("describe", "pipelinerun", stopped["metadata"]["name"])
        self.assertIn("CheckFailed", described)
        self.assertIn("null-fraction", described)
        self.champion(3)
        return key
