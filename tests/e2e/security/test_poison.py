"""One odd object, of any kind that is watched, stops nobody else and survives no restart worse."""

from __future__ import annotations

from faults.plane_case import PlaneCase
from harness.api import Json
from harness.case import api_version
from harness.objects import IMAGE, claim_spec, pipeline_spec, restricted, run_spec, serving, step

DEEP_LEVELS = 300
ODD_VALUES = ["", "x", "9" * 63, "a.b_c-d"]
ODD_TEXTS = ["", "-1", "99999999999999999999", "../../x", "null", "{\"a\":", "%00", "é\n\t☃", "x" * 4096]
WATCHED = {"app.kubernetes.io/managed-by": "tidemill"}  # others' Jobs, pods, ... are not even seen
OUR_LABELS = ["tidemill.dev/pipeline", "tidemill.dev/run", "tidemill.dev/step",
              "tidemill.dev/model", "tidemill.dev/version-uid", "tidemill.dev/trigger"]
OUR_ANNOTATIONS = ["tidemill.dev/revision", "tidemill.dev/attempt", "tidemill.dev/spec-hash", "tidemill.dev/trigger-uid"]
NOBODY = "00000000-0000-0000-0000-000000000000"
DIGEST = "sha256:" + "0" * 64


def deep(levels: int) -> Json:
    value: Json = {}
    for _ in range(levels):
        value = {"a": [value]}
    return value


class Poison(PlaneCase):
    weight = 30

    def odd_metadata(self, number: int, owners: list[Json]) -> Json:
        labels = {label: ODD_VALUES[(number + at) % len(ODD_VALUES)] for at, label in enumerate(OUR_LABELS)}
        annotations = {key: ODD_TEXTS[(number + at) % len(ODD_TEXTS)] for at, key in enumerate(OUR_ANNOTATIONS)}
        return {"labels": {**labels, **WATCHED}, "annotations": {**annotations, "big": "x" * 200_000}, "ownerReferences": owners}

    @staticmethod
    def owners_of(thing: Json) -> list[Json]:
        kind, meta = thing["kind"], thing["metadata"]
        return [{"apiVersion": api_version(kind), "kind": kind, "name": meta["name"], "uid": meta["uid"], "controller": True}]

    def specs(self) -> dict[str, Json]:
        """Of every watched kind, as odd as the API server lets them in."""
        pod = restricted(restartPolicy="Never")
        pod["spec"]["containers"][0].update({"image": IMAGE, "command": ["true"]})
        template = serving()["podTemplate"]
        labels = {"metadata": {"labels": {"odd": "one"}}}
        return {
            "Pipeline": {**pipeline_spec(step("a")), "podDefaults": {"spec": deep(DEEP_LEVELS), "metadata": 7, "": [None]}},
            "PipelineRun": run_spec("odd-pipeline"),
            "Model": {"serving": {"podTemplate": deep(DEEP_LEVELS)}},
            "ModelVersion": {"model": "odd-model", "artifact": {"uri": "pvc://c/x", "digest": DIGEST},
                             "metrics": [{"name": "\n", "value": "1e999"}] * 2, "lineage": {"run": {"uid": NOBODY}}},
            "Trigger": {"pipelineRef": {"name": "odd-pipeline"}, "schedule": {"cron": "59 23 31 2 *", "timeZone": "Nowhere/None"}},
            "Job": {"template": {"spec": pod["spec"]}, "suspend": True},
            "Pod": {**pod["spec"], "schedulingGates": [{"name": "tidemill.dev/never"}]},
            "Service": {"selector": {"a": "b"}, "ports": [{"port": 1}]},
            "Deployment": {"replicas": 0, "selector": {"matchLabels": {"odd": "one"}}, "template": {**labels, **template}},
            "PersistentVolumeClaim": claim_spec(),
        }

    def plant(self) -> None:
        good = self.pipeline("owner", step("one"))
        run = self.create("PipelineRun", "owner-run", run_spec("owner"))
        owners: dict[str, Json] = {"Job": run, "Pod": run, "ControllerRevision": good}
        for number, (kind, spec) in enumerate(self.specs().items()):
            for variant in range(len(ODD_TEXTS)):
                holder = owners.get(kind, good)
                metadata = self.odd_metadata(number + variant, self.owners_of(holder))
                self.create(kind, f"odd-{kind.lower()}" + (f"-{variant}" if variant else ""), spec, metadata=metadata)
        revisions: list[Json] = [{}, {"spec": 7}, {"spec": []}, {"spec": {"steps": "no"}}, {"spec": {"steps": [None]}},
                                 deep(DEEP_LEVELS)]
        for number, data in enumerate(revisions):
            self.create("ControllerRevision", f"odd-{number}", metadata=self.odd_metadata(number, self.owners_of(good)),
                        revision=number, data=data)

    def test_poison(self) -> None:
        """odd labels, annotations, owners, specs and data in every watched kind stop nobody, before and after a restart"""
        self.plant()
        self.assert_others_run()
        self.worker.restart()
        self.assert_others_run()
        for kind, field in (("Pipeline", "spec.podDefaults"), ("Model", "spec.serving.podTemplate")):
            said = self.wait_condition(kind, f"odd-{kind.lower()}", "False", "SpecUnreadable")
            self.assert_says(said, "SpecUnreadable", field, "nested deeper than", "until the spec is corrected")
            self.wait_event(kind, f"odd-{kind.lower()}", "SpecUnreadable")
        self.assertIn(f'others go on" kind=ControllerRevision object={self.namespace}/odd-', self.worker.log.read_text())
        self.settle(limit=90.0, allow_refused=True)
