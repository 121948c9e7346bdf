"""What goes wrong while a step runs: a condition and an event in plain words, no loop, no lost run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness.api import Json
from harness.case import ClusterCase, condition, step_status
from harness.objects import IMAGE, artifacts, claim_spec, results, step, write_result

ADMISSION = "apis/admissionregistration.k8s.io/v1"
HELD = {"spec": {"nodeSelector": {"no": "such-node"}}}


class Images(ClusterCase):
    weight = 35

    def test_image(self) -> None:
        """a step whose image can't be pulled is told in a condition and an event, others go on"""
        self.pipeline("p", {"name": "one", "image": "registry.invalid/none/such:1", "command": ["true"]})
        self.run_of("p", "run")
        run = self.wait_condition("PipelineRun", "run", "Unknown", "ImagePullFailed")
        self.assert_says(run, "ImagePullFailed", "step one", "registry.invalid/none/such:1")
        self.wait_event("PipelineRun", "run", "ImagePullFailed", "registry.invalid/none/such:1")
        self.assert_others_run()
        # The kubelet says two things in turns; the condition keeps to one.
        self.settle()
        self.merge("PipelineRun", "run", {"spec": {"cancel": True}})
        self.wait_phase("run", "Cancelled")
        self.wait_for("the pod of a cancelled run goes", lambda: not self.list("Pod"))

    def test_name(self) -> None:
        """a step whose image has no valid name is told"""
        self.pipeline("p", {"name": "one", "image": "Not A Name", "command": ["true"]})
        self.run_of("p", "run")
        run = self.wait("PipelineRun", "run",
                        lambda thing: condition(thing).get("reason") in ("ImagePullFailed", "WriteRefused"),
                        "the image's name is told")
        self.assertIn("Not A Name", condition(run)["message"])


# sentence, what the step does, declared results, reason, words
RESULTS: list[tuple[str, str, Json, str, list[str]]] = [
    ("missing", "true", results(rows="integer"), "ResultMissing", ['"rows"', "$TIDEMILL_RESULTS"]),
    ("another is missing", write_result('{"a": 1}'), results(a="integer", b="integer"), "ResultMissing", ['"b"']),
    ("of the wrong type", write_result('{"rows": "many"}'), results(rows="integer"), "ResultInvalid", ['"rows"', "no integer"]),
    ("not JSON", write_result("rows=1"), results(rows="integer"), "ResultInvalid", ["JSON"]),
    ("a list", write_result("[1]"), results(rows="integer"), "ResultInvalid", ["JSON"]),
    ("nested", write_result('{"rows": {"a": 1}}'), results(rows="integer"), "ResultInvalid", ["JSON"]),
    ("too large", "python -c \"print('{\\\"word\\\": \\\"' + 'x' * 9000 + '\\\"}')\" >$TIDEMILL_RESULTS", results(word="string"), "ResultTooLarge", ["4096"]),
]


class BadResults(ClusterCase):
    weight = 45

    def test_results(self) -> None:
        """results that are missing, of the wrong type, no JSON or too large fail the step in words"""
        for number, (_, script, declared, _, _) in enumerate(RESULTS):
            self.pipeline(f"p{number}", step("one", script, outputs=declared))
            self.run_of(f"p{number}", f"r{number}")
        for number, (sentence, _, _, reason, words) in enumerate(RESULTS):
            with self.subTest(sentence):
                run = self.wait_phase(f"r{number}", "Failed")
                self.assert_says(run, reason, "step one", *words)
                self.assertEqual(reason, step_status(run, "one")["reason"])
                self.wait_event("PipelineRun", f"r{number}", reason)
        self.settle()


class Failures(ClusterCase):
    weight = 30

    def test_exit(self) -> None:
        """a step that fails is told with its exit code and its last words"""
        self.pipeline("p", step("one", "echo the disk is on fire; exit 3"), step("two", runAfter=["one"]))
        run = self.run_to("Failed", "p", "run")
        self.assert_says(run, "StepFailed", "step one", "code 3", "the disk is on fire")
        self.assertEqual("Skipped", step_status(run, "two")["phase"])
        self.assertEqual("True", condition(run, "Stalled")["status"])
        self.assertEqual("False", condition(run, "Succeeded")["status"])
        self.wait_event("PipelineRun", "run", "StepFailed", "the disk is on fire")
        self.settle()

    def test_job_deleted(self) -> None:
        """a step whose Job somebody deletes has failed with reason JobDeleted"""
        self.pipeline("p", step("one", "sleep 300"))
        self.run_of("p", "run")
        run = self.wait_step("run", "one", "Running")
        self.delete("Job", step_status(run, "one")["job"])
        run = self.wait_phase("run", "Failed")
        self.assert_says(run, "JobDeleted", step_status(run, "one")["job"])
        self.wait_event("PipelineRun", "run", "JobDeleted")

    def test_node_selector(self) -> None:
        """a step that fits on no node is told in the scheduler's words"""
        self.pipeline("p", step("one", podTemplate=HELD))
        self.run_of("p", "run")
        run = self.wait_condition("PipelineRun", "run", "Unknown", "PodWaiting")
        self.assert_says(run, "PodWaiting", "step one", "node")
        self.wait_event("PipelineRun", "run", "PodWaiting")
        self.settle()

    def test_policy(self) -> None:
        """a Job that a policy refuses, made after the pipeline was accepted, fails the step in the policy's words"""
        self.pipeline("p", step("one"))
        self.wait_condition("Pipeline", "p", "True", "Accepted")
        rules = [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}]
        self.api.call("POST", f"{ADMISSION}/validatingadmissionpolicies", {
            "metadata": {"name": self.namespace}, "spec": {
                "failurePolicy": "Fail", "matchConstraints": {"resourceRules": rules},
                "validations": [{"expression": "false", "message": "nothing runs on a Sunday"}]}})
        self.addCleanup(self.api.call, "DELETE", f"{ADMISSION}/validatingadmissionpolicies/{self.namespace}")
        self.api.call("POST", f"{ADMISSION}/validatingadmissionpolicybindings", {
            "metadata": {"name": self.namespace}, "spec": {
                "policyName": self.namespace, "validationActions": ["Deny"], "matchResources": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}}})
        self.addCleanup(self.api.call, "DELETE", f"{ADMISSION}/validatingadmissionpolicybindings/{self.namespace}")
        self.wait_for("the policy is asked", lambda: "Sunday" in self.kubectl(
            "create", "job", "x", "--image=i", "--dry-run=server", check=False))
        run = self.run_to("Failed", "p", "run")
        self.assert_says(run, "WriteRefused", "step one", "refuses", "nothing runs on a Sunday")
        self.wait_event("PipelineRun", "run", "WriteRefused")
        self.settle()


class PodSecurity(ClusterCase):
    weight = 45

    def test_refused_pod(self) -> None:
        """a pod that Pod Security refuses is told from the events of its Job"""
        self.create("Pipeline", "p", {"steps": [step("one")]})
        self.run_of("p", "run")
        run = self.wait("PipelineRun", "run", lambda thing: condition(thing).get("reason") == "NoPodYet", "NoPodYet")
        self.assert_says(run, "NoPodYet", "step one", "violates PodSecurity")
        self.wait_event("PipelineRun", "run", "NoPodYet")
        self.settle()


class Quotas(ClusterCase):
    weight = 60

    def test_pods(self) -> None:
        """a quota on pods is told, and the run goes on when there is room"""
        self.create("ResourceQuota", "none", {"hard": {"pods": "0"}})
        self.wait("ResourceQuota", "none", lambda thing: "hard" in thing.get("status", {}), "the quota holds")
        self.pipeline("p", step("one"))
        self.run_of("p", "run")
        run = self.wait("PipelineRun", "run", lambda thing: condition(thing).get("reason") == "QuotaExceeded", "QuotaExceeded")
        self.assert_says(run, "QuotaExceeded", "step one", "exceeded quota: none")
        self.wait_event("PipelineRun", "run", "QuotaExceeded")
        self.assert_others_run()
        self.settle()
        self.delete("ResourceQuota", "none")
        self.wait_phase("run", "Succeeded", limit=180)

    def test_jobs(self) -> None:
        """a quota on Jobs is told, and the run goes on by itself when there is room"""
        self.create("ResourceQuota", "none", {"hard": {"count/jobs.batch": "0"}})
        self.wait("ResourceQuota", "none", lambda thing: "hard" in thing.get("status", {}), "the quota holds")
        self.pipeline("p", step("one"))
        self.run_of("p", "run")
        run = self.wait("PipelineRun", "run", lambda thing: condition(thing).get("reason") == "QuotaExceeded", "QuotaExceeded")
        self.assert_says(run, "QuotaExceeded", "step one", "exceeded quota: none")
        self.wait_event("PipelineRun", "run", "QuotaExceeded")
        self.settle(allow_refused=True)
        self.delete("ResourceQuota", "none")
        self.wait_phase("run", "Succeeded")


class Claims(ClusterCase):
    weight = 30

    def test_not_writable(self) -> None:
        """a claim that the step's user can't write is told with the remedy"""
        folder = Path(os.environ["TIDEMILL_CLUSTER_DIR"]) / "volumes" / self.namespace
        self.create("PersistentVolume", self.namespace, {
            "capacity": {"storage": "10Mi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "by-hand",
            "hostPath": {"path": str(folder), "type": "DirectoryOrCreate"},
            "claimRef": {"namespace": self.namespace, "name": "artifacts"},
        })
        self.addCleanup(lambda: subprocess.run(["rmdir", str(folder)], check=False, capture_output=True))
        self.addCleanup(self.api.call, "DELETE", f"api/v1/persistentvolumes/{self.namespace}")
        self.create("PersistentVolumeClaim", "artifacts", claim_spec(storageClassName="by-hand"))
        self.pipeline("p", step("one", "echo x >/tidemill/out/x", outputs=artifacts("x")), claim="artifacts")
        run = self.run_to("Failed", "p", "run")
        self.assert_says(run, "ClaimNotWritable", "step one", "fsGroup", "10001")
        self.wait_event("PipelineRun", "run", "ClaimNotWritable")
        self.settle()

    def test_symlink(self) -> None:
        """a step that leaves a link to the environment of a process publishes nothing"""
        self.claim()
        self.pipeline("p", step("train", "ln -s /proc/self/environ /tidemill/out/model", outputs=artifacts("model")),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"})
        run = self.run_to("Failed", "p", "run")
        self.assertIn("link", condition(run)["message"])
        self.assertEqual([], self.list("ModelVersion"))
        self.settle()

    def test_missing_artifact(self) -> None:
        """an artifact that its step did not leave is told by its reader"""
        self.claim()
        self.pipeline("p", step("make", "true", outputs=artifacts("table")),
                      step("read", "true", inputs=[{"name": "table", "from": "make.table"}]), claim="artifacts")
        run = self.run_to("Failed", "p", "run")
        self.assertIn("table", condition(run)["message"])
        self.settle()


class Taken(ClusterCase):
    weight = 15

    def test_image_name(self) -> None:
        """a long and odd run name still makes Jobs that the API server takes"""
        self.pipeline("p", {"name": "a" * 63, "image": IMAGE, "command": ["true"]})
        self.run_to("Succeeded", "p", "r." * 90 + "x")
