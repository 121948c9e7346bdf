"""Triggers on a schedule."""

from __future__ import annotations

import datetime
import re
import subprocess
from typing import Any

from harness.api import Json
from harness.case import RUN_LIMIT_SECONDS, ClusterCase, condition
from harness.cluster import ROOT
from harness.objects import step

MINUTE_LIMIT_SECONDS = 75.0  # to the next full minute, and a start
EVERY_MINUTE = "* * * * *"
YEARLY = "0 0 1 1 *"


def minutes_ago(minutes: int) -> str:
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    return (now - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


class TriggerCase(ClusterCase):
    def trigger(self, name: str, cron: str = EVERY_MINUTE, pipeline: str = "p", schedule: Json | None = None,
                **fields: Any) -> Json:
        return self.create("Trigger", name, {"pipelineRef": {"name": pipeline},
                                             "schedule": {"cron": cron, **(schedule or {})}, **fields})

    def runs_of(self, trigger: str) -> list[Json]:
        return sorted((run for run in self.list("PipelineRun") if run["spec"].get("cause", {}).get("name") == trigger),
                      key=lambda run: run["metadata"]["name"])

    def why(self, trigger: str) -> str:
        """What `tidemill why` tells somebody with this kubeconfig."""
        told = subprocess.run([str(ROOT / "build/release/tidemill"), "why", trigger, "-n", self.namespace],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(0, told.returncode, told.stderr)
        return told.stdout

    def asleep(self, name: str, minutes: int, **fields: Any) -> None:
        """A trigger whose newest time is so long ago, as after a downtime; it is still suspended."""
        self.trigger(name, suspend=True, **fields)
        self.wait_condition("Trigger", name, "True", "Suspended")
        self.merge("Trigger", name, {"status": {"lastScheduleTime": minutes_ago(minutes)}}, "status")

    def wake(self, name: str) -> None:
        self.merge("Trigger", name, {"spec": {"suspend": False}})


class Firing(TriggerCase):
    weight = 150

    def test_minutes(self) -> None:
        """a trigger fires once a minute; Forbid skips, Replace cancels, Queue waits"""
        self.pipeline("quick", step("one"), params=[{"name": "seed"}])
        self.pipeline("slow", step("one", "sleep 75"))
        self.trigger("allow", pipeline="quick", params=[{"name": "seed", "value": "5"}])
        for policy in ("Forbid", "Replace", "Queue"):
            self.trigger(policy.lower(), pipeline="slow", concurrencyPolicy=policy)
        thing = self.wait_condition("Trigger", "allow", "True", "Scheduled")
        self.assertRegex(thing["status"]["nextScheduleTime"], r":00Z$")
        for count in (1, 2):
            self.wait_for(f"firing {count}", lambda: len(self.runs_of("allow")) >= count, MINUTE_LIMIT_SECONDS)
        self.wait("Trigger", "forbid", lambda trigger: any(
            item["reason"] == "StillRunning" for item in trigger["status"].get("recent", [])), "skipped")
        self.assertEqual(1, len(self.runs_of("forbid")))
        self.wait_for("the new run", lambda: len(self.runs_of("replace")) == 2)
        self.wait_phase(self.runs_of("replace")[0]["metadata"]["name"], "Cancelled")
        self.assertEqual(1, len(self.runs_of("queue")), "the second waits for the first")
        self.wait_for("the queued run starts when the first has ended", lambda: len(self.runs_of("queue")) == 2)
        runs = self.runs_of("allow")
        times = [run["spec"]["cause"]["revision"] for run in runs]
        self.assertEqual(len(times), len(set(times)), "each time once")
        for run in runs[:2]:
            self.assertRegex(run["metadata"]["name"], r"^allow-[0-9]+$")
            self.assertEqual([{"name": "seed", "value": "5"}], run["spec"]["params"])
            self.assertEqual("Trigger", run["spec"]["cause"]["kind"])
            self.assertEqual("Pipeline", run["metadata"]["ownerReferences"][0]["kind"])
            self.wait_phase(run["metadata"]["name"], "Succeeded")
        trigger = self.get("Trigger", "allow") or {}
        self.assertGreaterEqual(trigger["status"]["firings"], 2)
        self.wait_event("Trigger", "allow", "Fired")


class CatchUp(TriggerCase):
    weight = 30

    def test_all(self) -> None:
        """after a downtime All makes up for the newest max times, and history keeps what it should"""
        self.pipeline("p", step("one"), history={"succeeded": 2, "failed": 1})
        self.asleep("t", 20, schedule={"catchUp": {"policy": "All", "max": 4}})
        self.run_to("Succeeded", "p", "by-hand")
        self.wake("t")
        self.wait("Trigger", "t", lambda trigger: trigger["status"].get("firings", 0) >= 4, "four firings", 90)
        self.merge("Trigger", "t", {"spec": {"suspend": True}})
        trigger = self.wait_condition("Trigger", "t", "True", "Suspended")
        self.assertGreaterEqual(trigger["status"]["dropped"], 15)
        self.wait_event("Trigger", "t", "Missed")
        # The two that ended last are kept, and the newest of the trigger if it is none of them.
        newest = trigger["status"]["lastRunRef"]["name"]

        def is_trimmed() -> bool:
            kept = sorted(self.runs_of("t"), key=lambda run: run["status"].get("completionTime", "9"))
            if not all(run["status"].get("phase") == "Succeeded" for run in kept):
                return False
            return len(kept) == 2 or (len(kept) == 3 and kept[0]["metadata"]["name"] == newest)

        self.wait_for("two runs of the trigger are kept", is_trimmed, RUN_LIMIT_SECONDS)
        self.assertIsNotNone(self.get("PipelineRun", "by-hand"), "what somebody made is never deleted")
        self.assertIsNotNone(self.get("PipelineRun", newest))
        self.settle()

    def test_latest(self) -> None:
        """after a downtime Latest makes up for one, a deadline for none that is older"""
        self.pipeline("p", step("one"))
        # The newest time of a yearly schedule is long ago, so no other comes while this test looks.
        self.asleep("latest", 60 * 24 * 1000, cron=YEARLY)
        self.asleep("none", 60 * 24 * 1000, cron=YEARLY, schedule={"catchUp": {"policy": "None"}})
        self.asleep("late", 60 * 24 * 1000, cron=YEARLY, schedule={"startingDeadline": "1h"})
        for name in ("latest", "none", "late"):
            self.wake(name)
            self.wait_condition("Trigger", name, "True", "Scheduled")
        self.wait_for("one run", lambda: len(self.runs_of("latest")) == 1)
        self.wait_phase(self.runs_of("latest")[0]["metadata"]["name"], "Succeeded")
        self.settle()
        self.assertEqual(1, len(self.runs_of("latest")))
        self.assertEqual([], self.runs_of("none"))
        self.assertEqual([], self.runs_of("late"))
        story = self.why("late")
        self.assertRegex(story, r"0 started, [1-9][0-9]* started nothing")
        self.assertRegex(story, r"(?m)^[-0-9:TZ]+  no run  Missed: ")
        self.assertRegex(story, r"(?m)^now +Ready=True  Scheduled: ")
        self.assertRegex(story, r"(?m)^next +[0-9]{4}-01-01T00:00:00Z  Schedule: 0 0 1 1 \*$")
        self.assertRegex(self.why("latest"), r"(?m)  started latest-[0-9]+  CatchUp: ")


BAD: list[tuple[str, Json, str]] = [
    ("four fields", {"cron": "* * * *"}, "spec.schedule.cron"),
    ("minute 60", {"cron": "60 * * * *"}, "spec.schedule.cron"),
    ("31 February", {"cron": "59 23 31 2 *"}, "spec.schedule.cron"),
    ("TZ inside", {"cron": "TZ=UTC 0 3 * * *"}, "spec.schedule.cron"),
    ("@every", {"cron": "@every 5m"}, "spec.schedule.cron"),
    ("an unknown zone", {"cron": "0 3 * * *", "timeZone": "Mars/Olympus"}, "spec.schedule.timeZone"),
]


class BadTriggers(TriggerCase):
    weight = 25

    def test_bad(self) -> None:
        """a schedule or zone that can't be read is a condition and an event"""
        self.pipeline("p", step("one"))
        for number, (sentence, schedule, field) in enumerate(BAD):
            with self.subTest(sentence):
                self.create("Trigger", f"t{number}", {"pipelineRef": {"name": "p"}, "schedule": schedule})
                trigger = self.wait_condition("Trigger", f"t{number}", "False", "BadSchedule")
                self.assert_says(trigger, "BadSchedule", field)
                self.assertEqual("True", condition(trigger, "Stalled")["status"])
                self.wait_event("Trigger", f"t{number}", "BadSchedule")
        self.create("Trigger", "zone", {"pipelineRef": {"name": "p"},
                                        "schedule": {"cron": "0 3 * * *", "timeZone": "Europe/Berlin"}})
        trigger = self.wait_condition("Trigger", "zone", "True", "Scheduled")
        self.assertTrue(re.search(r"T0[12]:00:00Z$", trigger["status"]["nextScheduleTime"]))
        self.assert_others_run()
        self.settle()

    def test_no_pipeline(self) -> None:
        """a trigger of an unknown pipeline says so, and fires when the pipeline is created"""
        self.asleep("t", 5)
        self.wake("t")
        trigger = self.wait_condition("Trigger", "t", "False", "PipelineNotFound")
        self.assert_says(trigger, "PipelineNotFound", '"p"')
        self.wait_event("Trigger", "t", "PipelineNotFound")
        self.pipeline("p", step("one"))
        self.wait_condition("Trigger", "t", "True", "Scheduled")
        self.wait_for("a run", lambda: self.runs_of("t"))

    def test_suspended(self) -> None:
        """a suspended trigger starts nothing"""
        self.pipeline("p", step("one"))
        self.asleep("t", 30)
        trigger = self.wait_condition("Trigger", "t", "True", "Suspended")
        self.settle()
        self.assertEqual([], self.runs_of("t"))
        self.assertEqual(0, trigger["status"].get("firings", 0))
