"""The field tables of controller/api and the CRDs say the same, both ways."""

import copy
import pathlib
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DUMP = ROOT / "build" / "test" / "tool" / "schema_dump"
KINDS = {
    "Pipeline": "pipelines.yaml",
    "PipelineRun": "pipelineruns.yaml",
    "Model": "models.yaml",
    "ModelVersion": "modelversions.yaml",
    "Trigger": "triggers.yaml",
}


def crd_fields(schema: dict, path: str = "") -> dict[str, str]:
    """PATH -> type of every field below spec and status, in the words of the field tables."""
    fields: dict[str, str] = {}
    for name, value in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if here in ("apiVersion", "kind", "metadata"):
            continue
        fields[here] = crd_type(value)
        if value.get("type") == "array" and value["items"].get("type") == "object":
            fields.update(crd_fields(value["items"], here + "[]"))
        elif not value.get("x-kubernetes-preserve-unknown-fields"):
            fields.update(crd_fields(value, here))
    return fields


def crd_type(value: dict) -> str:
    if value.get("x-kubernetes-preserve-unknown-fields"):
        return "raw"
    if value["type"] == "array":
        return "list" if value["items"].get("type") == "object" else "text-list"
    if value["type"] == "string":
        return "time" if value.get("format") == "date-time" else "text"
    return value["type"]


def load_crd(kind: str) -> dict:
    crd = yaml.safe_load((ROOT / "crds" / KINDS[kind]).read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def table_fields(kind: str) -> dict[str, str]:
    out = subprocess.run([str(DUMP), kind], check=True, capture_output=True, text=True)
    fields = {}
    for line in out.stdout.splitlines():
        path, kind_of_field = line.split()[:2]
        if not path.startswith("metadata"):
            fields[path] = kind_of_field
    return fields


def differences(tables: dict[str, str], crd: dict[str, str]) -> list[str]:
    found = [f"{path}: only in the tables" for path in tables.keys() - crd.keys()]
    found += [f"{path}: only in the CRD" for path in crd.keys() - tables.keys()]
    found += [
        f"{path}: {tables[path]} in the tables, {crd[path]} in the CRD"
        for path in tables.keys() & crd.keys()
        if tables[path] != crd[path]
    ]
    return sorted(found)


def missing_sentences(schema: dict, path: str) -> list[str]:
    found = []
    for name, value in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        if here.endswith(".metadata") and path.count(".") == 0:
            continue
        if not value.get("description", "").strip():
            found.append(here)
        found += missing_sentences(value, here)
        if "items" in value:
            if not value["items"].get("description", "").strip():
                found.append(here + "[]")
            found += missing_sentences(value["items"], here + "[]")
    return found


def unbounded(schema: dict, path: str) -> list[str]:
    """Texts and lists of spec without a limit; raw templates are bounded by the API server."""
    found = []
    for name, value in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        for item, where in ((value, here), (value.get("items", {}), here + "[]")):
            bounded = "maxLength" in item or "enum" in item or item.get("format") == "date-time"
            if item.get("type") == "string" and not bounded:
                found.append(where)
            if item.get("type") == "array" and "maxItems" not in item:
                found.append(where)
            found += unbounded(item, where)
    return found


class SchemaTables(unittest.TestCase):
    def test_tables_and_crds_have_the_same_fields_of_the_same_types(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                self.assertEqual(differences(table_fields(kind), crd_fields(load_crd(kind))), [])

    def test_planted_differences_are_found(self) -> None:
        crd = crd_fields(load_crd("Trigger"))
        tables = copy.deepcopy(crd)
        del tables["spec.schedule.cron"]
        tables["spec.unheard"] = "text"
        tables["status.firings"] = "text"
        self.assertEqual(
            differences(tables, crd),
            ["spec.schedule.cron: only in the CRD", "spec.unheard: only in the tables",
             "status.firings: text in the tables, integer in the CRD"],
        )

    def test_every_field_has_a_sentence(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                self.assertEqual(missing_sentences(load_crd(kind), kind), [])

    def test_every_list_and_text_is_bounded(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                schema = load_crd(kind)
                spec = {"properties": {"spec": schema["properties"]["spec"]}}
                self.assertEqual(unbounded(spec, kind), [])

    def test_a_status_has_one_owner_as_a_whole(self) -> None:
        """One entry of metadata.managedFields in place of one for each field, in every event and at every write."""
        for kind in KINDS:
            with self.subTest(kind):
                status = load_crd(kind)["properties"]["status"]
                self.assertEqual(status.get("x-kubernetes-map-type"), "atomic")

    def test_a_new_object_never_looks_done(self) -> None:
        for kind in KINDS:
            with self.subTest(kind):
                status = load_crd(kind)["properties"]["status"]
                self.assertEqual(status["default"], {"observedGeneration": -1})
