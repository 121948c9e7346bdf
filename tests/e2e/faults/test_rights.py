"""A right that is taken from the controller is a condition and an event, no loop; given back, it goes on."""

from __future__ import annotations

import copy
import time

from faults.ledger import CLAIM, TRIES
from faults.plane_case import PlaneCase
from harness import audit
from harness.api import Json
from harness.case import condition
from harness.objects import claim_spec, step

ROLE = "apis/rbac.authorization.k8s.io/v1/clusterroles/tidemill-controller"
EVENTS_OF_A_RUN = 2  # of the mix that is made here; who may not write them is not told their names
DIGEST = "sha256:" + "0" * 64
LOOK_SECONDS = 25.0  # the same words are sent again after 30 s


class Rights(PlaneCase):
    weight = 35

    def setUp(self) -> None:
        super().setUp()
        self.role = self.api.call("GET", ROLE)
        self.addCleanup(self.set_rules, self.role["rules"])

    def set_rules(self, rules: list[Json]) -> None:
        self.api.call("PATCH", ROLE, [{"op": "replace", "path": "/rules", "value": rules}], "application/json-patch+json")

    def take(self, *rights: str) -> None:
        """Each `VERB RESOURCE`; what was taken before is given back."""
        rules = copy.deepcopy(self.role["rules"])
        for verb, resource in (right.split() for right in rights):
            for rule in rules:
                if resource in rule["resources"]:
                    rule["verbs"] = [kept for kept in rule["verbs"] if kept != verb]
        self.set_rules([rule for rule in rules if rule["verbs"]])
        for verb, resource in (right.split() for right in rights):
            whole, _, part = resource.partition("/")
            subresource = [f"--subresource={part}"] if part else []
            account = "system:serviceaccount:tidemill-system:tidemill-controller"
            self.wait_for("the right is gone", lambda: self.kubectl(
                "auth", "can-i", verb, whole, *subresource, "--as", account, check=False).startswith("no"))

    def give_back(self) -> None:
        self.set_rules(self.role["rules"])

    def assert_few(self, resource: str) -> None:
        """Refused, but not in a loop."""
        start = audit.mark()
        time.sleep(LOOK_SECONDS)
        tries = [write for write in audit.controller_writes(start, self.namespace) if write.resource == resource]
        self.assertLessEqual(len(tries), TRIES, "\n".join(map(str, tries)))

    def test_jobs(self) -> None:
        """a controller that may not create Jobs says so on the run, tries seldom, and goes on when it may"""
        self.take("create jobs")
        self.pipeline("p", step("one"))
        thing = self.wait_condition("Pipeline", "p", "True", "Accepted")
        self.assert_says(thing, "TemplateNotJudged", "cannot create resource", condition_type="TemplateChecked")
        self.run_of("p", "run")
        run = self.wait_condition("PipelineRun", "run", "Unknown", "WriteRefused")
        self.assert_says(run, "WriteRefused", "step one", 'cannot create resource "jobs"')
        self.wait_event("PipelineRun", "run", "WriteRefused", "cannot create resource")
        self.assert_few("jobs")
        self.give_back()
        self.wait_phase("run", "Succeeded")

    def test_revisions(self) -> None:
        """a controller that may not pin specs says so on the pipeline, tries seldom, and goes on when it may"""
        self.take("create controllerrevisions")
        self.pipeline("p", step("one"))
        self.run_of("p", "run")
        thing = self.wait_condition("Pipeline", "p", "False", "WriteRefused")
        self.assert_says(thing, "WriteRefused", "ControllerRevision", "cannot create resource")
        self.wait_event("Pipeline", "p", "WriteRefused")
        self.assert_few("controllerrevisions")
        self.give_back()
        self.wait_phase("run", "Succeeded")

    def test_statuses(self) -> None:
        """a controller that may not write a run's status tries seldom, starts no step twice, and goes on when it may"""
        self.pipeline("p", step("one"))
        self.wait_condition("Pipeline", "p", "True", "Accepted")
        self.take("patch pipelineruns/status")
        self.run_of("p", "run")
        # Each news of Job and pod makes another status, so the tries are counted once there is no more news.
        self.wait_for("the end of the step's Job", lambda: any(
            entry["type"] == "Complete" for job in self.jobs_of("run") for entry in job["status"].get("conditions", [])))
        self.assert_few("pipelineruns")
        self.assertEqual({}, condition(self.get("PipelineRun", "run")))
        self.give_back()
        self.wait_phase("run", "Succeeded")
        self.assertEqual(1, len(self.jobs_of("run")))

    def test_serving(self) -> None:
        """a controller that may not write Deployments, then Services, says so on the model, tries seldom, and goes on when it may"""
        self.take("patch deployments", "patch services")
        self.create("PersistentVolumeClaim", CLAIM, claim_spec())
        self.create("Model", "m", {"serving": {"podTemplate": {"spec": {"containers": [{"name": "server", "image": "fake"}]}}}})
        self.create("ModelVersion", "v", {"model": "m", "artifact": {"uri": f"pvc://{CLAIM}/x", "digest": DIGEST}})
        for kind, name, what in (("ModelVersion", "v", "deployments"), ("Model", "m", "deployments")):
            thing = self.wait_condition(kind, name, "False", "WriteRefused")
            self.assert_says(thing, "WriteRefused", f'cannot patch resource "{what}"')
        self.wait_event("Model", "m", "WriteRefused", "cannot patch resource")
        self.assert_few("deployments")
        self.take("patch services")
        model = self.wait("Model", "m", lambda thing: "services" in condition(thing).get("message", ""), "it says what is refused now")
        self.assert_says(model, "WriteRefused", 'cannot patch resource "services"')
        self.assert_few("services")
        self.give_back()
        self.wait_condition("Model", "m", "True")
        self.wait_condition("ModelVersion", "v", "True")

    def test_versions(self) -> None:
        """a controller that may not publish says so on the run, tries seldom, and publishes once when it may"""
        self.make_pipelines()
        self.take("create modelversions")
        name, = self.make_runs(1, "publish")
        run = self.wait_condition("PipelineRun", name, "Unknown", "WriteRefused")
        self.assert_says(run, "WriteRefused", "ModelVersion", 'cannot create resource "modelversions"')
        self.wait_event("PipelineRun", name, "WriteRefused")
        self.assert_few("modelversions")
        self.give_back()
        self.close_account()

    def test_events(self) -> None:
        """a controller that may not write events does its work all the same, and tries no event again"""
        self.make_pipelines()
        self.take("create events", "patch events")
        self.make_runs(10)
        self.close_account()
        writes = [write for write in audit.controller_writes(self.start, self.namespace) if write.resource == "events"]
        self.assertTrue(any(write.code == 403 for write in writes))
        self.assertLessEqual(len(writes), EVENTS_OF_A_RUN * len(self.of), "\n".join(map(str, writes)))
        self.give_back()
        self.make_runs(1, "broken")
        self.wait_event("PipelineRun", f"broken-{len(self.of) - 1:03d}", "StepFailed")
