"""manifests/no-managed-fields: what Tidemill makes and nobody applies to has no owners of its fields."""

from __future__ import annotations

from typing import Any

import yaml
from harness import cluster
from harness.case import ClusterCase, step_status
from harness.objects import restricted, results, step, write_result

POLICIES = "apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
BINDINGS = "apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
MANAGED = {"app.kubernetes.io/managed-by": "tidemill"}


def owners_of_status(thing: dict[str, Any]) -> list[Any]:
    return [entry["fieldsV1"] for entry in thing["metadata"]["managedFields"] if entry.get("subresource") == "status"]


def names_tracked(objects: list[dict[str, Any]]) -> list[str]:
    return [item["metadata"]["name"] for item in objects if "managedFields" in item["metadata"]]


class ManagedFields(ClusterCase):
    weight = 25

    def install(self) -> None:
        """As the manifest says it, but for this test's namespace alone."""
        text = (cluster.ROOT / "manifests" / "no-managed-fields" / "policy.yaml").read_text()
        policy, binding = yaml.safe_load_all(text)
        name = f"{policy['metadata']['name']}-{self.namespace}"
        policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = name
        binding["spec"]["matchResources"] = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}}
        for path, body in ((POLICIES, policy), (BINDINGS, binding)):
            self.api.call("POST", path, body)
            self.addCleanup(self.api.call, "DELETE", f"{path}/{name}")
        self.wait_for("the policy is in force", lambda: not names_tracked([self.probe("probe", MANAGED)]))

    def probe(self, name: str, labels: dict[str, str]) -> dict[str, Any]:
        pod = restricted("step")["spec"]
        pod["containers"][0]["image"] = "nothing"
        return self.create("Job", name, {"template": {"spec": {**pod, "restartPolicy": "Never"}}},
                           metadata={"labels": labels}, dry_run=True)

    def test_without(self) -> None:
        """without managedFields runs with retries and results go their way, and Jobs, pods and a Trigger's run never get them; a
        person's run has one owner of its whole status"""
        self.install()
        self.pipeline(
            "p",
            step("make", "test \"$TIDEMILL_ATTEMPT\" = 2; " + write_result('{"rows": 3}'),
                 retry={"limit": 1, "backoff": {"initial": "1s"}}, outputs=results(rows="integer")),
            step("read", "test \"$RESULT_MAKE_ROWS\" = 3", runAfter=["make"]))
        self.pipeline("q", step("only", "true"))
        self.create("Trigger", "after", {"pipelineRef": {"name": "q"},
                                         "pipeline": {"name": "p", "events": ["Succeeded"]}})
        self.wait_condition("Trigger", "after", "True")
        run = self.run_to("Succeeded", "p", "run")
        self.assertEqual(2, step_status(run, "make")["attempts"])
        self.wait_for("the Trigger's run has ended", lambda: [
            r for r in self.list("PipelineRun") if r["spec"]["pipelineRef"]["name"] == "q"
            and r.get("status", {}).get("phase") == "Succeeded"])
        self.settle()
        jobs = self.list("Job")
        self.assertEqual(4, len(jobs))
        self.assertEqual([], names_tracked(jobs + self.list("Pod")))
        self.assertEqual(["run"], names_tracked(self.list("PipelineRun")))
        self.assertEqual([{"f:status": {}}], owners_of_status(self.get("PipelineRun", "run")))
        part = {"apiVersion": "tidemill.dev/v1alpha1", "kind": "PipelineRun", "status": {"progress": "0/2"}}
        path = self.api.path("PipelineRun", self.namespace, "run")
        code, said = self.api.ask("PATCH", f"/{path}/status?fieldManager=other", part, "application/apply-patch+yaml")
        self.assertEqual((409, True), (code, ".status" in said["message"]), said)

    def test_others(self) -> None:
        """versions that runs publish are made without, and what is not Tidemill's keeps its managedFields"""
        self.install()
        self.assertEqual([], names_tracked([self.version("published", MANAGED)]))
        self.assertEqual(["other", "applied"], names_tracked([self.probe("other", {"app": "other"}),
                                                              self.version("applied", {})]))

    def version(self, name: str, labels: dict[str, str]) -> dict[str, Any]:
        artifact = {"uri": "pvc://artifacts/run/train/pod/model", "digest": "sha256:" + "0" * 64}
        return self.create("ModelVersion", name, {"model": "m", "artifact": artifact},
                           metadata={"labels": labels}, dry_run=True)
