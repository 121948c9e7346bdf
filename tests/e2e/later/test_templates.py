"""What the API server says about the Jobs of a pipeline's steps, asked when the pipeline is applied."""

from __future__ import annotations

from faults.plane_case import PlaneCase
from harness import audit
from harness.api import Json
from harness.case import ClusterCase, condition
from harness.objects import CONTAINER_SECURITY, step

WEBHOOKS = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def template(**pod_spec: object) -> Json:
    return {"podTemplate": {"spec": pod_spec}}


def container(**fields: object) -> Json:
    return template(containers=[{"name": "step", "securityContext": CONTAINER_SECURITY, **fields}])


# sentence, fields of the second step, words of the message
REFUSED: list[tuple[str, Json, list[str]]] = [
    ("a field that no pod has", template(nodeSelectr={"disk": "fast"}), ["unknown field", "spec.template.spec.nodeSelectr"]),
    ("a field of the wrong type", template(terminationGracePeriodSeconds="long"), ["terminationGracePeriodSeconds"]),
    ("a value that does not exist", template(dnsPolicy="Sometimes"), ["spec.template.spec.dnsPolicy", "Unsupported value"]),
    ("fields that exclude each other", template(dnsPolicy="None"), ["spec.template.spec.dnsConfig", "must provide `dnsConfig`"]),
    ("a request over its limit", container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}), ["resources.requests", "must be less than or equal to cpu limit"]),
    ("a mount without its volume", container(volumeMounts=[{"name": "nothing", "mountPath": "/x"}]), ["volumeMounts[0].name", "Not found"]),
    ("a time limit that no pod can have", {"timeout": "0s"}, ["activeDeadlineSeconds"]),
]


class Refused(ClusterCase):
    weight = 30

    def test_refused(self) -> None:
        """a pipeline whose Jobs the API server would refuse says so on apply, with step and field"""
        for number, (_, fields, _) in enumerate(REFUSED):
            self.pipeline(f"p{number}", step("sound"), step("wrong", **fields))
        for number, (sentence, _, words) in enumerate(REFUSED):
            with self.subTest(sentence):
                thing = self.wait_condition("Pipeline", f"p{number}", "False", "TemplateRefused")
                self.assert_says(thing, "TemplateRefused", 'spec.steps[1] of step "wrong"', *words)
                self.assert_says(thing, "TemplateRefused", *words, condition_type="TemplateChecked")
                self.assertEqual("True", condition(thing, "Stalled").get("status"))
                self.wait_event("Pipeline", f"p{number}", "TemplateRefused", words[0])
        self.run_of("p0", "run")
        run = self.wait_condition("PipelineRun", "run", "Unknown", "PipelineNotReady")
        self.assert_says(run, "PipelineNotReady", "nodeSelectr")
        self.assert_others_run()
        self.settle()
        self.assertEqual([], self.list("Job"), "a dry run leaves nothing")
        self.merge("Pipeline", "p0", {"spec": {"steps": [step("sound"), step("right")]}})
        self.wait_phase("run", "Succeeded")
        self.assertEqual("True", condition(self.get("Pipeline", "p0"), "TemplateChecked")["status"])


class NotJudged(ClusterCase):
    weight = 30

    def assert_not_judged(self, name: str, *words: str) -> None:
        thing = self.wait_condition("Pipeline", name, "True", "Accepted")
        self.assertEqual("Unknown", condition(thing, "TemplateChecked")["status"])
        self.assert_says(thing, "TemplateNotJudged", 'step "one"', *words, condition_type="TemplateChecked")
        self.assertEqual({}, condition(thing, "Stalled"))
        self.wait_event("Pipeline", name, "TemplateNotJudged", words[0])

    def test_quota(self) -> None:
        """a quota on Jobs says nothing about a pipeline's spec: TemplateChecked is Unknown, runs go on"""
        self.create("ResourceQuota", "none", {"hard": {"count/jobs.batch": "0"}})
        self.wait("ResourceQuota", "none", lambda thing: "hard" in thing.get("status", {}), "the quota counts")
        self.pipeline("p", step("one"))
        self.assert_not_judged("p", "exceeded quota")
        self.run_of("p", "run")
        self.wait_condition("PipelineRun", "run", "Unknown", "QuotaExceeded")
        self.delete("ResourceQuota", "none")
        self.wait_phase("run", "Succeeded")

    def test_webhook(self) -> None:
        """a webhook that can't be reached says nothing about a pipeline's spec, and runs go on without it"""
        selector = {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}
        self.api.call("POST", WEBHOOKS, {
            "metadata": {"name": self.namespace},
            "webhooks": [{
                "name": "nobody.tidemill.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "failurePolicy": "Fail", "timeoutSeconds": 1, "namespaceSelector": selector,
                "clientConfig": {"service": {"namespace": self.namespace, "name": "nobody"}},
                "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"],
                           "resources": ["jobs"]}],
            }],
        })
        path = f"{WEBHOOKS}/{self.namespace}"
        self.addCleanup(lambda: self.exists(path) and self.api.call("DELETE", path))
        self.wait_for("the webhook is asked", lambda: "nobody" in self.kubectl(
            "create", "job", "x", "--image=i", "--dry-run=server", check=False))
        self.pipeline("p", step("one"))
        self.assert_not_judged("p", "failed calling webhook")
        self.api.call("DELETE", path)
        self.run_of("p", "run")
        self.wait_phase("run", "Succeeded")


class Warned(ClusterCase):
    weight = 15

    def test_warnings(self) -> None:
        """the API server's warnings about a pipeline's Jobs are shown in a condition and an event"""
        old = {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64"}
        self.pipeline("p", step("one"), step("two", **template(nodeSelector=old)))
        thing = self.wait_condition("Pipeline", "p", "True", "Accepted")
        words = ['step "two"', "beta.kubernetes.io/os]: deprecated", "beta.kubernetes.io/arch]: deprecated"]
        self.assert_says(thing, "TemplateWarned", *words, condition_type="TemplateChecked")
        self.assertEqual("True", condition(thing, "TemplateChecked")["status"])
        self.wait_event("Pipeline", "p", "TemplateWarned", "deprecated")


class AskedOnce(PlaneCase):
    weight = 30

    def test_once(self) -> None:
        """each step's Job is asked about once for each generation, a restarted controller included"""
        start = audit.mark()
        self.pipeline("good", step("one"), step("two"), step("three"))
        self.pipeline("bad", step("one", **template(dnsPolicy="Sometimes")))
        self.wait_condition("Pipeline", "good", "True", "Accepted")
        self.wait_condition("Pipeline", "bad", "False", "TemplateRefused")
        self.settle()
        asked = audit.controller_dry_runs(start, self.namespace)
        self.assertEqual([422] + 3 * [201], sorted((request.code for request in asked), reverse=True))
        start = audit.mark()
        self.merge("Pipeline", "good", {"metadata": {"labels": {"a": "b"}}})
        self.worker.restart()
        self.run_to("Succeeded", "good", "run")
        self.settle()
        self.assertEqual([], audit.controller_dry_runs(start, self.namespace))
        self.merge("Pipeline", "good", {"spec": {"timeout": "1h"}})
        self.wait_condition("Pipeline", "good", "True", "Accepted")
        self.assertEqual(3, len(audit.controller_dry_runs(start, self.namespace)))
