"""What kubectl shows of every kind, and what GitOps tools see of it at every moment."""

from __future__ import annotations

import threading

from harness import kstatus
from harness.api import KINDS, OUR_KINDS, Json
from harness.case import ClusterCase, condition
from harness.objects import artifacts, pipeline_spec, run_spec, serving, step

# Columns that have nothing to say for an object that is well.
WATCH_SECONDS = 240  # longer than the test
MAY_BE_EMPTY = {"Trigger": {"REVISION", "LAST", "LAST-RUN", "FIRINGS"}, "PipelineRun": {"CAUSE"}}


class Columns(ClusterCase):
    weight = 60

    def test_ready_and_columns(self) -> None:
        """every kind becomes Ready for kubectl wait, and no column of kubectl get is empty"""
        self.claim()
        self.create("Model", "m", {"serving": serving()})
        self.pipeline("p", step("train", "mkdir /tidemill/out/model; echo 1 >/tidemill/out/model/weights",
                                outputs=artifacts("model")),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"})
        self.create("Trigger", "t", {"pipelineRef": {"name": "p"}, "schedule": {"cron": "0 0 1 1 *"}})
        self.create("PipelineRun", "run", {**run_spec("p"), "cause": {"kind": "Manual", "name": "ada", "message": "a look"}})
        self.kubectl("wait", "--for=condition=Ready", "pipelinerun/run", "--timeout=60s")
        self.kubectl("wait", "--for=condition=Succeeded", "pipelinerun/run", "--timeout=1s")
        self.assertEqual("Succeeded", (self.get("PipelineRun", "run") or {})["status"]["phase"])
        self.kubectl("wait", "--for=condition=Ready", "pipeline/p", "trigger/t", "model/m", "--timeout=60s")
        self.kubectl("wait", "--for=condition=Ready", "modelversion", "--all", "--timeout=60s")
        for kind in OUR_KINDS:
            table = self.kubectl("get", kind.lower(), "-o", "wide")
            heads, values = self._cells(table)
            for head, value in zip(heads, values, strict=True):
                if head not in MAY_BE_EMPTY.get(kind, set()):
                    self.assertNotIn(value, ("", "<none>", "<unknown>"), f"column {head} of\n{table}")
        everything = self.kubectl("get", "tidemill", "-o", "name")
        for kind in OUR_KINDS:
            self.assertIn(f"{kind.lower()}.tidemill.dev/", everything)

    def _cells(self, table: str) -> tuple[list[str], list[str]]:
        lines = [line for line in table.splitlines() if line.strip()]
        self.assertEqual(2, len(lines), table)
        heads = lines[0].split()
        places = []
        for head in heads:
            places.append(lines[0].index(head, places[-1] + 1 if places else 0))
        ends = places[1:] + [len(lines[1])]
        return heads, [lines[1][start:end].strip() for start, end in zip(places, ends, strict=True)]


class Explained(ClusterCase):
    weight = 3

    def test_sentences(self) -> None:
        """kubectl explain has a sentence for every field of every kind"""
        silent: list[str] = []

        def walk(schema: Json, path: str) -> None:
            # Kubernetes explains metadata itself; items are told by their list.
            if not schema.get("description") and not path.endswith((".metadata", "[]")):
                silent.append(path)
            for name, child in schema.get("properties", {}).items():
                walk(child, f"{path}.{name}")
            if "items" in schema:
                walk(schema["items"], path + "[]")

        for kind in OUR_KINDS:
            crd = self.api.call("GET", self.api.path("CustomResourceDefinition", None, f"{KINDS[kind][1]}.tidemill.dev"))
            walk(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], kind)
            for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]:
                self.assertTrue(column.get("description"), f"column {column['name']} of {kind}")
            text = self.kubectl("explain", f"{kind.lower()}.spec")
            self.assertIn("DESCRIPTION", text)
            self.assertNotIn("<empty>", text)
        self.assertEqual([], silent)


class Moments(ClusterCase):
    weight = 50

    def test_kstatus(self) -> None:
        """no object ever looks done before it is, at any version that a watcher sees"""
        seen: dict[str, list[Json]] = {kind: [] for kind in OUR_KINDS}

        def record(kind: str) -> None:
            for change, thing in self.api.watch(kind, self.namespace, WATCH_SECONDS):
                if change in ("ADDED", "MODIFIED"):
                    seen[kind].append({"apiVersion": "tidemill.dev/v1alpha1", "kind": kind, **thing})

        for kind in OUR_KINDS:
            threading.Thread(target=record, args=(kind,), daemon=True).start()
        self.claim()
        self.create("Model", "m", {"serving": serving()})
        self.pipeline("p", step("train", "mkdir /tidemill/out/model; echo 1 >/tidemill/out/model/weights",
                                outputs=artifacts("model")),
                      step("flaky", 'test "$TIDEMILL_ATTEMPT" = 2', retry={"limit": 1, "backoff": {"initial": "1s"}}),
                      claim="artifacts", publish={"model": "m", "artifact": "train.model"})
        self.create("Trigger", "t", {"pipelineRef": {"name": "p"}, "schedule": {"cron": "0 0 1 1 *"}})
        self.run_to("Succeeded", "p", "run")
        self.wait_condition("Model", "m", "True", "Serving", limit=90)
        self.merge("Pipeline", "p", {"spec": pipeline_spec(step("a", runAfter=["a"]))})
        self.wait_condition("Pipeline", "p", "False", "GraphCycle")
        # The watchers have seen all once they have seen the newest of each.
        for kind in OUR_KINDS:
            newest = {thing["metadata"]["resourceVersion"] for thing in self.list(kind)}
            self.wait_for(f"the watcher of {kind}", lambda: newest <= {
                thing["metadata"]["resourceVersion"] for thing in list(seen[kind])})
        for kind, versions in [(kind, list(seen[kind])) for kind in OUR_KINDS]:
            self.assertGreaterEqual(len(versions), 2, f"{kind} was seen")
            for version in versions:
                self.assert_sane(version)
            first = versions[0]
            self.assertEqual(-1, first["status"]["observedGeneration"], f"the first moment of a {kind}")
            self.assertEqual(kstatus.IN_PROGRESS, kstatus.compute(first))
        self._final_phase_never_changes(seen["PipelineRun"])
        flips = [(condition(version).get("status"), condition(version).get("lastTransitionTime"))
                 for version in seen["PipelineRun"] if condition(version)]
        for before, after in zip(flips, flips[1:]):
            if before[0] == after[0]:
                self.assertEqual(before[1], after[1], "lastTransitionTime moves only when the status flips")

    def _final_phase_never_changes(self, versions: list[Json]) -> None:
        final = None
        for version in versions:
            phase = version["status"].get("phase")
            self.assertIn(final, (None, phase))
            if phase in ("Succeeded", "Failed", "Cancelled"):
                final = phase
