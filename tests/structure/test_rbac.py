"""All permissions that each kustomization of manifests/ gives, to the last rule and binding, each with its reason."""

import copy
import functools
import pathlib
import unittest
from collections.abc import Iterator
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
Json = dict[str, Any]

GROUP = "rbac.authorization.k8s.io"
AGGREGATE = f"{GROUP}/aggregate-to-"
KINDS = {"ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace",
                "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}

CONTROLLER = "ClusterRole tidemill-controller: "
EDIT, VIEW = "ClusterRole tidemill-edit: ", "ClusterRole tidemill-view: "
ACCOUNT = "ServiceAccount tidemill-system/tidemill-controller"
LEADER = "Role tidemill-system/tidemill-leader-election: "

INSTALL = {
    ACCOUNT: "the controller's own",
    f"ClusterRoleBinding tidemill-controller: ClusterRole tidemill-controller to {ACCOUNT}": "in all namespaces, to nobody else",
    # What the planners and the executor do, and nothing else (docs/operations.md).
    CONTROLLER + "tidemill.dev/pipelines get list watch": "they are people's; their specs are never written",
    CONTROLLER + "tidemill.dev/models get list watch": "they are people's",
    CONTROLLER + "tidemill.dev/triggers get list watch": "they are people's",
    CONTROLLER + "tidemill.dev/pipelineruns create delete get list patch watch":
        "Triggers create them, Replace cancels them, history deletes those that Triggers made",
    CONTROLLER + "tidemill.dev/modelversions create get list watch": "a run publishes one",
    CONTROLLER + "tidemill.dev/pipelines/status patch": "how it is judged",
    CONTROLLER + "tidemill.dev/pipelineruns/status patch": "how it goes",
    CONTROLLER + "tidemill.dev/models/status patch": "who serves",
    CONTROLLER + "tidemill.dev/modelversions/status patch": "its number and health",
    CONTROLLER + "tidemill.dev/triggers/status patch": "firings are written down first",
    CONTROLLER + "tidemill.dev/pipelines/finalizers update": "blockOwnerDeletion of its revisions",
    CONTROLLER + "tidemill.dev/pipelineruns/finalizers update": "blockOwnerDeletion of its Jobs",
    CONTROLLER + "tidemill.dev/models/finalizers update": "blockOwnerDeletion of its Service and Deployments",
    CONTROLLER + "tidemill.dev/modelversions/finalizers update": "blockOwnerDeletion of its Deployment",
    CONTROLLER + "batch/jobs create delete get list watch": "steps; dry runs of them; a cancelled run's are deleted",
    CONTROLLER + "/pods get list watch": "evidence of what a step came to",
    CONTROLLER + "apps/controllerrevisions create delete get list watch": "pinned specs",
    CONTROLLER + "apps/deployments create delete get list patch watch": "serving",
    CONTROLLER + "/services create delete get list patch watch": "serving",
    CONTROLLER + "/persistentvolumeclaims get list watch": "a missing claim is said early",
    CONTROLLER + "events.k8s.io/events create list patch": "its own; those of a Job say why it has no pod",
    # Whoever may create one of these may create pods in its namespace.
    "ClusterRole tidemill-edit is part of admin, edit": "those may create pods anyway",
    **{EDIT + f"tidemill.dev/{plural} create delete deletecollection patch update": "write what people write"
       for plural in ("pipelines", "pipelineruns", "models", "modelversions", "triggers")},
    EDIT + "tidemill.dev/models/scale get patch update": "kubectl scale, and autoscalers",
    "ClusterRole tidemill-view is part of admin, edit, view": "no spec holds a secret",
    **{VIEW + f"tidemill.dev/{plural} get list watch": "look"
       for plural in ("pipelines", "pipelineruns", "models", "modelversions", "triggers")},
}

HA = {
    **INSTALL,
    LEADER + "coordination.k8s.io/leases create": "a name can't be asked for: the API server does not know it yet",
    LEADER + "coordination.k8s.io/leases[tidemill-controller] get patch": "the one Lease",
    f"RoleBinding tidemill-system/tidemill-leader-election: Role tidemill-leader-election to {ACCOUNT}": "in its own namespace",
}

GOLDEN = {"install": INSTALL, "ha": HA, "webhook-tls": {}, "argocd": {}, "no-managed-fields": {}}

# What a kustomization may say so that the reading of it here is all there is to it.
UNDERSTOOD = {"apiVersion", "kind", "namespace", "resources", "patches", "configMapGenerator", "generatorOptions"}


def documents(path: pathlib.Path) -> list[Json]:
    return [item for item in yaml.safe_load_all(path.read_text()) if item]


def patched_kinds(folder: pathlib.Path) -> set[str]:
    """Also of those kustomizations that it is made of."""
    kustomization, = documents(folder / "kustomization.yaml")
    kinds = set()
    for patch in kustomization.get("patches", []):
        if "target" in patch:
            kinds.add(patch["target"]["kind"])
        else:
            kinds |= {item["kind"] for item in documents(folder / patch["path"])}
    return kinds.union(*(patched_kinds(folder / name) for name in kustomization.get("resources", [])
                         if (folder / name).is_dir()))


def read(folder: pathlib.Path) -> Iterator[Json]:
    """All objects, in the namespace that the kustomization puts them into, as `kubectl kustomize` does."""
    kustomization, = documents(folder / "kustomization.yaml")
    if unknown := set(kustomization) - UNDERSTOOD:
        raise AssertionError(f"{folder.name}: {sorted(unknown)} may make permissions that are not read here")
    for name in kustomization.get("resources", []):
        found = list(read(folder / name)) if (folder / name).is_dir() else documents(folder / name)
        for item in found:
            if item["kind"] not in CLUSTER_WIDE and "namespace" in kustomization:
                item["metadata"]["namespace"] = kustomization["namespace"]
            for subject in item.get("subjects") or []:
                if subject["kind"] == "ServiceAccount" and "namespace" in kustomization:
                    subject.setdefault("namespace", kustomization["namespace"])
            yield item


def place(item: Json) -> str:
    metadata = item["metadata"]
    return f"{item['kind']} " + (f"{metadata['namespace']}/" if "namespace" in metadata else "") + metadata["name"]


def told_rule(rule: Json) -> Iterator[str]:
    verbs = " ".join(sorted(rule["verbs"]))
    names = f"[{' '.join(sorted(rule['resourceNames']))}]" if "resourceNames" in rule else ""
    for group in rule.get("apiGroups", []):
        for resource in rule.get("resources", []):
            yield f"{group}/{resource}{names} {verbs}"
    for url in rule.get("nonResourceURLs", []):
        yield f"URL {url} {verbs}"


def told(item: Json) -> list[str]:
    """What an object of RBAC gives, a line each."""
    name = place(item)
    if item["kind"] == "ServiceAccount":
        return [name]
    if item["kind"].endswith("Binding"):
        role = item["roleRef"]
        return [f"{name}: {role['kind']} {role['name']} to {subject['kind']} "
                + (f"{subject['namespace']}/" if "namespace" in subject else "") + subject["name"]
                for subject in item.get("subjects") or []]
    lines = [f"{name}: {line}" for rule in item.get("rules") or [] for line in told_rule(rule)]
    labels = item["metadata"].get("labels", {})
    parts = sorted(key.removeprefix(AGGREGATE) for key, value in labels.items() if key.startswith(AGGREGATE) and value == "true")
    if parts:
        lines.append(f"{name} is part of {', '.join(parts)}")
    if "aggregationRule" in item:
        lines.append(f"{name} gathers {item['aggregationRule']}")
    return lines


def permissions(objects: list[Json]) -> list[str]:
    """In all kinds of the group, also one that is not known here."""
    return sorted(line for item in objects if item["kind"] in KINDS or item["apiVersion"].startswith(GROUP)
                  for line in told(item))


@functools.cache
def built(name: str) -> list[Json]:
    """Its objects, none when it is a component; not to be changed."""
    folder = MANIFESTS / name
    return [] if documents(folder / "kustomization.yaml")[0]["kind"] == "Component" else list(read(folder))


class Permissions(unittest.TestCase):
    def test_every_permission_of_every_kustomization_is_meant(self) -> None:
        self.assertEqual(sorted(GOLDEN), sorted(path.parent.name for path in MANIFESTS.glob("*/kustomization.yaml")))
        for name, golden in GOLDEN.items():
            with self.subTest(name):
                self.assertEqual(permissions(built(name)), sorted(golden))
                self.assertLessEqual(patched_kinds(MANIFESTS / name), {"Deployment", "Service"})
                self.assertTrue(all(golden.values()), "each says why")

    def test_no_role_has_wildcards_secrets_or_ways_to_more_rights(self) -> None:
        for name in GOLDEN:
            for item in built(name):
                for rule in item.get("rules") or []:
                    words = rule.get("apiGroups", []) + rule.get("resources", []) + rule["verbs"]
                    for word in ("*", "secrets", "escalate", "bind", "impersonate"):
                        self.assertNotIn(word, words)
                    self.assertNotIn("nonResourceURLs", rule)

    def test_write_verbs_on_our_kinds_go_to_those_who_may_create_pods(self) -> None:
        roles = {item["metadata"]["name"]: item for item in built("install") if item["kind"] == "ClusterRole"}
        self.assertEqual(sorted(roles), ["tidemill-controller", "tidemill-edit", "tidemill-view"])
        for name, to, verbs in (("tidemill-view", {"view", "edit", "admin"}, {"get", "list", "watch"}),
                                ("tidemill-edit", {"edit", "admin"},
                                 {"create", "update", "patch", "delete", "deletecollection", "get"})):
            self.assertEqual({verb for rule in roles[name]["rules"] for verb in rule["verbs"]}, verbs)
            self.assertEqual(set(roles[name]["metadata"]["labels"]), {AGGREGATE + role for role in to})
        self.assertNotIn("labels", roles["tidemill-controller"]["metadata"])

    def test_a_permission_too_many_is_found(self) -> None:
        whole = built("ha")
        planted: dict[str, Any] = {
            "a second role": {"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
            "a binding to cluster-admin": {"kind": "ClusterRoleBinding", "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
                                           "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "y"}]},
            "an account": {"kind": "ServiceAccount"},
            "a URL": {"kind": "ClusterRole", "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]},
        }
        for what, item in planted.items():
            with self.subTest(what):
                more = {"apiVersion": f"{GROUP}/v1", "metadata": {"name": "more"}, **item}
                self.assertNotEqual(permissions([*whole, more]), sorted(HA))
        changes: dict[str, Any] = {
            "another subject": lambda item: item.get("subjects", []).append({"kind": "Group", "name": "system:authenticated"}),
            "a rule without its name": lambda item: [rule.pop("resourceNames", 0) for rule in item.get("rules") or []],
            "a verb": lambda item: [rule["verbs"].append("update") for rule in item.get("rules") or []],
            "another place": lambda item: item["metadata"].get("labels", {}).update({AGGREGATE + "view": "true"}),
            "another role": lambda item: item.get("roleRef", {}).update(name="cluster-admin"),
        }
        for what, change in changes.items():
            with self.subTest(what):
                changed = copy.deepcopy(whole)
                for item in changed:
                    if item["kind"] in KINDS:
                        change(item)
                self.assertNotEqual(permissions(changed), sorted(HA))
