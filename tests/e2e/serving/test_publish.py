"""What a run publishes: one version, with its digest, metrics and lineage."""

from __future__ import annotations

import hashlib

from harness import names
from harness.case import ClusterCase, condition, step_status
from harness.objects import artifacts, results, run_spec, step, write_result

PUBLISH = {"model": "m", "artifact": "train.model", "metricsFrom": ["evaluate"]}


class Publish(ClusterCase):
    weight = 30

    def test_with_reader(self) -> None:
        """a published model has the digest that its reader made, its metrics and its lineage"""
        self.claim()
        self.pipeline(
            "p", step("ingest", "echo 7 >/tidemill/out/table", outputs=artifacts("table")),
            step("train", "echo 1 >/tidemill/out/model", inputs=[{"name": "table", "from": "ingest.table"}],
                 outputs=artifacts("model")),
            step("evaluate", write_result('{"accuracy": 0.9, "word": "no metric"}'),
                 inputs=[{"name": "model", "from": "train.model"}],
                 outputs=results(accuracy="number", word="string")),
            claim="artifacts", publish=PUBLISH, params=[{"name": "seed", "default": "7"}],
        )
        run = self.run_to("Succeeded", "p", "run")
        self.assertEqual(3, len(self.list("Job")), "no seal Job is needed")
        versions = self.list("ModelVersion")
        self.assertEqual([run["status"]["modelVersion"]], [version["metadata"]["name"] for version in versions])
        spec = versions[0]["spec"]
        self.assertEqual("sha256:" + hashlib.sha256(b"1\n").hexdigest(), spec["artifact"]["digest"])
        self.assertEqual([{"name": "accuracy", "value": "0.9", "step": "evaluate"}], spec["metrics"])
        lineage = spec["lineage"]
        self.assertEqual({"name": "run", "uid": run["metadata"]["uid"]}, lineage["run"])
        self.assertEqual("p", lineage["pipeline"])
        self.assertEqual(run["status"]["revision"], lineage["revision"])
        self.assertEqual([{"name": "seed", "value": "7"}], lineage["params"])
        self.assertEqual(["ingest", "train", "evaluate"], [image["step"] for image in lineage["images"]])
        self.assertEqual([("ingest.table", "sha256:" + hashlib.sha256(b"7\n").hexdigest())],
                         [(item["name"], item["digest"]) for item in lineage["inputs"]])
        # Nobody says how to serve it: the version says what to do.
        name = run["status"]["modelVersion"]
        version = self.wait("ModelVersion", name, lambda version: condition(version).get("reason") == "NoServing", "NoServing")
        self.assertNotEqual("True", condition(version)["status"])
        self.assert_says(version, "NoServing", "create a Model")
        self.assertEqual(1, version["status"]["version"])
        self.settle()

    def test_without_reader(self) -> None:
        """a model that no step has read is sealed by a small Job first"""
        self.claim()
        self.pipeline("p", step("train", "mkdir /tidemill/out/model; echo 1 >/tidemill/out/model/w",
                                outputs=artifacts("model")),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"})
        run = self.run_to("Succeeded", "p", "run")
        self.assertEqual({step_status(run, "train")["job"], run["status"]["sealJob"]},
                         {job["metadata"]["name"] for job in self.list("Job")})
        version = self.list("ModelVersion")[0]
        self.assertRegex(version["spec"]["artifact"]["digest"], "^sha256:[0-9a-f]{64}$")

    def test_name_taken(self) -> None:
        """a run whose version's name is taken says so and leaves the other alone"""
        self.claim()
        self.pipeline("p", step("train", "echo 1 >/tidemill/out/model", outputs=artifacts("model")),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"})
        made = self.create("PipelineRun", "run", {**run_spec("p"), "suspend": True})
        name = names.model_version("m", made["metadata"]["uid"], "train")
        theirs = {"model": "m", "artifact": {"uri": "pvc://a/b", "digest": "sha256:" + "0" * 64}}
        self.create("ModelVersion", name, theirs)
        self.merge("PipelineRun", "run", {"spec": {"suspend": False}})
        run = self.wait_phase("run", "Failed")
        self.assert_says(run, "NameTaken", name)
        self.assertEqual(theirs, (self.get("ModelVersion", name) or {})["spec"])
        self.wait_event("PipelineRun", "run", "NameTaken")
        self.assertEqual("True", condition(run, "Stalled")["status"])
        self.settle()
