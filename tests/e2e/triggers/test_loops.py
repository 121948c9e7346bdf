"""What runs and models come to starts the next run, and too many failures end that."""

from __future__ import annotations

from harness.case import condition
from harness.objects import results, serving, step
from serving.test_models import ServingCase
from sources import servers
from sources.test_sources import KEPT, POLL, SourceCase


SAY_PSI = "printf '{\"psi\":%s}' \"$PARAM_PSI\" >$TIDEMILL_RESULTS"


class Retrain(SourceCase):
    def test_drift(self) -> None:
        """a check that asks for retraining lets its run succeed, and starts the training once, with the reason"""
        self.pipeline("watch", step("features", SAY_PSI, outputs=results(psi="number"),
                                    checks=[{"result": "psi", "max": "0.2", "onFailure": "Retrain"}]),
                      params=[{"name": "psi", "type": "number"}])
        self.trigger("train", ("retrain",), pipeline={"name": "watch", "events": ["RetrainNeeded"]})
        self.wait_condition("Trigger", "train", "True", "Watching")
        calm = self.run_to("Succeeded", "watch", "calm", psi="0.1")
        self.assertEqual({}, condition(calm, "RetrainNeeded"))
        drifted = self.run_to("Succeeded", "watch", "drifted", psi="0.3")
        self.assert_says(drifted, "RetrainNeeded", "step features: result psi is 0.3, allowed at most 0.2",
                         condition_type="RetrainNeeded")
        self.wait_event("PipelineRun", "drifted", "RetrainNeeded", "psi is 0.3")
        run = self.wait_fired("train", 1)
        self.assertEqual("step features: result psi is 0.3, allowed at most 0.2", self.param(run, "retrain"))
        self.assertIn("run drifted of Pipeline watch: Succeeded, and retraining is needed", run["spec"]["cause"]["message"])
        self.settle()
        self.assertEqual(1, len(self.runs_of("train")))


class ModelEvents(ServingCase, SourceCase):
    weight = 120

    def test_events(self) -> None:
        """each promotion, roll-back and rejection of a model starts one run of those who ask for it"""
        self.publisher()
        self.create("Model", "m", {"serving": serving()})
        self.trigger("score", ("event", "version"), model={"name": "m", "events": ["Promoted", "RolledBack"]})
        self.trigger("mend", ("version",), model={"name": "m", "events": ["Rejected"]})
        self.wait_condition("Trigger", "score", "True", "Watching")
        first = self.publish("w1")
        self.wait_champion(first)
        self.assert_event("score", 1, "Promoted", first)
        second = self.publish("w2")
        self.wait_champion(second)
        self.assert_event("score", 2, "Promoted", second)
        self.merge("Model", "m", {"spec": {"pinnedVersion": first}})
        self.wait_champion(first)
        self.assert_event("score", 3, "RolledBack", first)
        self.wait_event("Model", "m", "RolledBack", first)
        uri = (self.get("ModelVersion", first) or {})["spec"]["artifact"]["uri"]
        self.merge("Model", "m", {"spec": {"pinnedVersion": None}})
        self.create("ModelVersion", "bad", {"model": "m", "artifact": {"uri": uri, "digest": "sha256:" + "0" * 64}})
        self.assertEqual("bad", self.param(self.wait_fired("mend", 1), "version"))
        self.wait_champion_name(second)
        self.assert_event("score", 4, "Promoted", second)
        told = [event["event"] for event in (self.get("Model", "m") or {})["status"]["recent"]]
        self.assertEqual(["Promoted", "Promoted", "RolledBack"], told[:3])
        self.assertEqual(1, told.count("Rejected"))
        self.settle()
        self.assertEqual((4, 1), (len(self.runs_of("score")), len(self.runs_of("mend"))))

    def wait_champion_name(self, version: str) -> None:
        """Whether or not the Model is degraded by another one."""
        self.wait("Model", "m", lambda model: model["status"].get("champion") == version, f"champion {version}", 90.0)

    def assert_event(self, trigger: str, number: int, event: str, version: str) -> None:
        run = self.wait_fired(trigger, number)
        self.assertEqual((event, version), (self.param(run, "event"), self.param(run, "version")))


class Breaker(SourceCase):
    def test_breaker(self) -> None:
        """after two failed runs in a row nothing fires until the spec is changed, then the newest change does"""
        data = self.serve(servers.Documents(self.outside), "data")
        data.documents["/x"] = b"0"
        self.pipeline("p", step("one", "exit 1"), history=KEPT)
        self.create("Trigger", "t", {"pipelineRef": {"name": "p"}, "http": {"url": "http://data/x"}, "interval": POLL,
                                     "breaker": {"failures": 2}})
        for number in (1, 2):
            run = self.wait_fired("t", number)
            self.wait_phase(run["metadata"]["name"], "Failed")
            data.documents["/x"] = str(number).encode()
        trigger = self.wait_condition("Trigger", "t", "False", "BreakerOpen")
        self.assert_says(trigger, "BreakerOpen", "2 runs in a row failed", "change the spec")
        self.assertEqual("True", condition(trigger, "Stalled")["status"])
        self.wait_event("Trigger", "t", "BreakerOpen")
        self.wait("Trigger", "t", lambda thing: thing["status"]["recent"][-1]["reason"] == "BreakerOpen",
                  "the change that waits is told")
        self.settle()
        self.assertEqual(2, len(self.runs_of("t")))
        for suspend in (True, False):
            self.merge("Trigger", "t", {"spec": {"suspend": suspend}})
        self.wait_fired("t", 3)
