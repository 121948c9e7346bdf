"""The API server refuses what the controller writes, or users take it away again."""

from __future__ import annotations

import time

from faults import ledger, webhook
from faults.plane_case import PlaneCase, size
from faults.users import User
from harness import audit, kstatus
from harness.api import ApiError

CONTROLLER = "system:serviceaccount:tidemill-system:tidemill-controller"
WEBHOOKS = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class Quota(PlaneCase):
    weight = 55

    def test_pods(self) -> None:
        """a quota that refuses pods, then Jobs, holds runs up and loses none"""
        self.make_pipelines()
        for number, hard in enumerate(({"pods": "0"}, {"count/jobs.batch": "0"})):
            name = f"none-{number}"
            self.create("ResourceQuota", name, {"hard": hard})
            self.wait("ResourceQuota", name, lambda thing: thing.get("status", {}).get("hard"), "its status")
            runs = self.make_runs(20)
            self.wait("PipelineRun", runs[0], lambda run: any(c["reason"] in ("QuotaExceeded", "WriteRefused")
                      for c in run.get("status", {}).get("conditions", [])), "it says what refuses")
            time.sleep(2)
            self.assertFalse(self.ended())
            self.delete("ResourceQuota", name)
        self.close_account()


class Webhook(PlaneCase):
    weight = 75

    def test_refused(self) -> None:
        """a webhook that denies, fails or hangs holds up its namespace alone, and loses nothing"""
        refuser = webhook.Refuser(self.plane.outside_address)
        self.addCleanup(refuser.close)
        self.make_pipelines(takes="1s")
        self.make_runs(10)
        name = self.namespace
        path = f"{WEBHOOKS}/{name}"
        self.addCleanup(lambda: self.exists(path) and self.api.call("DELETE", path))
        self.api.call("POST", WEBHOOKS, refuser.configuration(name, self.namespace, CONTROLLER))
        for how in (webhook.DENY, webhook.FAIL, webhook.HANG):
            refuser.how = how
            asked = refuser.asked
            self.make_runs(10)
            self.wait_for(f"the webhook was not asked ({how})", lambda: refuser.asked > asked)
            time.sleep(3)
        other = self.make_namespace()
        here, self.namespace = self.namespace, other
        self.create("Pipeline", "free", self.courses["one"].spec())
        self.run_to("Succeeded", "free", "free")
        self.namespace = here
        self.assertFalse(self.ended())
        self.api.call("DELETE", path)
        self.close_account()


class Users(PlaneCase):
    weight = 45

    def test_deletes(self) -> None:
        """a user who deletes Jobs, pods and runs in mid-flight loses only those, and each step goes on once"""
        count = int(size(100, 500, "runs"))
        self.make_pipelines(takes="1s")
        user = User(self.api, self.namespace, self.losses, self.dice)
        acts = (user.delete_job, user.delete_job, user.delete_pod, user.delete_pod, user.delete_run, user.cancel_run)
        done = 0
        for _ in range(10):
            self.make_runs(count // 10)
            time.sleep(self.dice.uniform(0.1, 0.5))
            for _ in range(4):
                done += bool(self.dice.choice(acts)())
        print(f"        {done} acts: {len(self.losses.jobs)} Jobs hit, {len(self.losses.runs)} runs deleted, "
              f"{len(self.losses.cancelled)} cancelled", flush=True)
        self.assertGreater(len(self.losses.jobs), 3)
        self.close_account()
        self.cancel_too_late(next(run["metadata"]["name"] for run in self.list("PipelineRun")
                                  if run["status"]["phase"] == "Succeeded"))

    def cancel_too_late(self, name: str) -> None:
        """What an ended run's spec says is seen, so that nobody waits for it for ever, and changes nothing."""
        self.merge("PipelineRun", name, {"spec": {"cancel": True, "suspend": True}})
        run = self.wait("PipelineRun", name, lambda run: run["status"]["observedGeneration"] == run["metadata"]["generation"],
                        "the change is seen")
        self.assertEqual(("Succeeded", kstatus.CURRENT), (run["status"]["phase"], kstatus.compute(run)))
        self.settle()


class Namespaces(PlaneCase):
    weight = 45

    def test_deleted(self) -> None:
        """a namespace that is deleted in mid-run goes, and nobody else is held up"""
        self.make_pipelines(takes="1s")
        here, of = self.namespace, self.of
        self.namespace, self.of, start = self.make_namespace(), {}, audit.mark()
        self.make_pipelines(takes="5s")
        self.make_runs(30)
        doomed, doomed_runs = self.namespace, len(self.of)
        self.namespace, self.of = here, of
        time.sleep(1)
        self.api.call("DELETE", f"api/v1/namespaces/{doomed}")
        self.make_runs(20)
        self.close_account()
        self.wait_for("the namespace does not go", lambda: not self.exists(f"api/v1/namespaces/{doomed}"), 120)
        self.namespace = doomed
        try:
            self.settle()
        finally:
            self.namespace = here
        writes = audit.controller_writes(start, doomed)
        print(f"        {sum(write.code >= 400 for write in writes)} writes refused while it went", flush=True)
        self.assertTrue(any(write.code == 403 for write in writes), "nothing was refused, so nothing was tried")
        self.assertEqual([], ledger.check_doomed(writes, doomed_runs))

    def forget_namespace(self, name: str) -> None:
        try:
            super().forget_namespace(name)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
