"""Random requests for two API servers at once: the same in words, each with its server's own versions and uids."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

NAMESPACE = "conformance"
NAMES = ("a", "b")
MANAGED = {"app.kubernetes.io/managed-by": "tidemill"}
FINALIZER = "example.com/hold"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
PLAIN = "application/json"
# What the executor asks of the answers to its writes.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

POD = {"containers": [{"name": "step", "image": "i"}], "restartPolicy": "Never"}


@dataclass(frozen=True)
class Kind:
    """How objects of it are made and changed without its validation saying no."""

    prefix: str
    plural: str
    api_version: str
    kind: str
    body: Json  # besides metadata
    changes: tuple[tuple[str, Any], ...]  # JSON pointers of the spec that may be set, and to what
    status: tuple[tuple[str, Any], ...] = ()  # of the status
    removals: tuple[str, ...] = ()
    is_applied: bool = False
    has_generation: bool = True


OURS = ("/apis/tidemill.dev/v1alpha1", "tidemill.dev/v1alpha1")
KINDS = (
    Kind(OURS[0], "pipelineruns", OURS[1], "PipelineRun", {"spec": {"pipelineRef": {"name": "p"}}},
         (("/spec/suspend", True), ("/spec/suspend", False), ("/spec/cancel", False)),
         (("/status/observedGeneration", 1), ("/status/observedGeneration", 2), ("/status/phase", "Running"),
          ("/status/revision", "p-1")),
         ("/status/phase", "/status/revision", "/spec/suspend")),
    Kind(OURS[0], "models", OURS[1], "Model", {"spec": {"pinnedVersion": "m-1"}},
         (("/spec/pinnedVersion", "m-1"), ("/spec/pinnedVersion", "m-2")),
         (("/status/observedGeneration", 3), ("/status/champion", "m-1"), ("/status/champion", "m-2")),
         ("/spec/pinnedVersion", "/status/champion")),
    Kind("/apis/batch/v1", "jobs", "batch/v1", "Job",
         # Nobody's: the Job controller leaves it alone (KEP-4368).
         {"spec": {"managedBy": "example.com/nobody", "suspend": True, "template": {"spec": POD}}},
         (("/spec/suspend", True), ("/spec/suspend", False))),
    Kind("/apis/apps/v1", "controllerrevisions", "apps/v1", "ControllerRevision",
         # Any patch of one gets 422, and the controller makes none.
         {"revision": 1, "data": {"spec": {"steps": []}}}, (), has_generation=False),
    Kind("/api/v1", "services", "v1", "Service",
         {"spec": {"selector": {"x": "1"}, "ports": [{"name": "http", "port": 80}]}},
         (("/spec/selector/x", "2"), ("/spec/selector/x", "3")), is_applied=True, has_generation=False),
)


@dataclass
class Request:
    """Values that begin with '?' stand for what each server itself knows; see resolve()."""

    method: str
    path: str
    content_type: str = PLAIN
    body: Any = None
    words: str = ""
    about: tuple[str, str] = field(default=("", ""))  # plural, name
    accept: str = PLAIN


def collection(kind: Kind) -> str:
    return f"{kind.prefix}/namespaces/{NAMESPACE}/{kind.plural}"


def create(dice: random.Random, kind: Kind, name: str) -> Request:
    metadata: Json = {"name": name, "namespace": NAMESPACE}
    if dice.random() < 0.7:
        metadata["labels"] = dict(MANAGED)
    if kind.changes and dice.random() < 0.25:
        metadata["finalizers"] = [FINALIZER]
    if dice.random() < 0.05:
        metadata["resourceVersion"] = "1"
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **copy.deepcopy(kind.body)}
    if kind.status and dice.random() < 0.3:
        body["status"] = {kind.status[0][0].rpartition("/")[2]: kind.status[0][1]}
    return Request("POST", collection(kind), PLAIN, body, "create")


def lock(dice: random.Random) -> list[Json]:
    version = dice.choice(["?version", "?version", "?version", "?old", None])
    return [] if version is None else [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}]


def patch(dice: random.Random, kind: Kind, name: str) -> Request:
    """Of either half what belongs to it: what a patch of the other half comes to is nothing the controller uses."""
    in_status = bool(kind.status) and dice.random() < 0.5
    operations = lock(dice)
    verb = dice.random()
    removals = [path for path in kind.removals if path.startswith("/status") == in_status]
    if verb < 0.1:
        operations.append({"op": "test", "path": "/metadata/name", "value": dice.choice([name, "x"])})
    elif verb < 0.25 and not in_status:
        operations.append(dice.choice([
            {"op": "add", "path": "/metadata/labels", "value": {**MANAGED, "n": dice.choice("12")}},
            {"op": "add", "path": "/metadata/annotations", "value": {"n": dice.choice("12")}},
            {"op": "remove", "path": "/metadata/finalizers"},
            {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
            {"op": "replace", "path": "/metadata/nothing/here", "value": 1},
        ]))
    elif verb < 0.4 and removals:
        operations.append({"op": "remove", "path": dice.choice(removals)})
    else:
        path, value = dice.choice(kind.status if in_status else kind.changes)
        operations.append({"op": "add", "path": path, "value": value})
    return Request("PATCH", f"{collection(kind)}/{name}" + ("/status" if in_status else ""), JSON_PATCH, operations,
                   "patch status" if in_status else "patch")


def apply(dice: random.Random, kind: Kind, name: str) -> Request:
    metadata: Json = {"name": name, "namespace": NAMESPACE, "labels": {**MANAGED}}
    if dice.random() < 0.5:
        metadata["labels"]["extra"] = dice.choice("12")
    if dice.random() < 0.4:
        metadata["uid"] = dice.choice(["?uid", "?uid", "00000000-0000-0000-0000-000000000000"])
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **copy.deepcopy(kind.body)}
    body["spec"]["selector"] = {dice.choice("xy"): dice.choice("12")}
    return Request("PATCH", f"{collection(kind)}/{name}?fieldManager=tidemill&force=true", APPLY, body, "apply")


def delete(dice: random.Random, kind: Kind, name: str) -> Request:
    conditions: Json = {}
    if dice.random() < 0.6:
        conditions["uid"] = dice.choice(["?uid", "?uid", "00000000-0000-0000-0000-000000000000"])
    if dice.random() < 0.5:
        conditions["resourceVersion"] = dice.choice(["?version", "?version", "?old"])
    options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    if conditions:
        options["preconditions"] = conditions
    return Request("DELETE", f"{collection(kind)}/{name}", PLAIN, options, "delete")


def draw(dice: random.Random) -> Request:
    kind, name = dice.choice(KINDS), dice.choice(NAMES)
    what = dice.random()
    if what < 0.25:
        request = create(dice, kind, name)
    elif what < 0.32:
        request = Request("GET", f"{collection(kind)}/{name}", words="get")
    elif what < 0.36:
        request = Request("GET", f"{collection(kind)}?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtidemill",
                          words="list")
    elif what < 0.46:
        request = delete(dice, kind, name)
    elif not kind.changes:
        request = delete(dice, kind, name)
    elif kind.is_applied and what < 0.8:
        request = apply(dice, kind, name)
    else:
        request = patch(dice, kind, name)
    request.about = (kind.plural, name)
    if request.words != "list" and dice.random() < 0.5:
        request.accept = METADATA
    return request
