"""Random requests for two API servers at once: the same in words, each with its server's own versions and uids."""

from __future__ import annotations

import copy
import random
import urllib.parse
from dataclasses import dataclass
from typing import Any

from kinds import KINDS, MANAGED, NAMESPACE, OWNER, Json, Kind

NAMES = ("a", "b")
FINALIZER = "example.com/hold"
OTHER_KINDS = 2
PAGE = 1
JOB_NAME = "batch.kubernetes.io/job-name"
UIDS = (OWNER["uid"], "22222222-2222-2222-2222-222222222222")
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
PLAIN = "application/json"
# What the executor asks of the answers to its writes and probes.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"


@dataclass
class Request:
    """Values that begin with '?' stand for what each server itself knows; see Memory."""

    method: str
    path: str
    content_type: str = PLAIN
    body: Any = None
    words: str = ""
    kind: Kind = KINDS[0]
    name: str = ""
    accept: str = PLAIN
    pick: float = 0.0  # which of the lists that were answered so far a watch goes on from


def collection(kind: Kind) -> str:
    return f"{kind.prefix}/namespaces/{NAMESPACE}/{kind.plural}"


def everywhere(kind: Kind, query: str) -> str:
    """As the reflector asks: all namespaces, what is ours."""
    return f"{kind.prefix}/{kind.plural}?{query}" + (f"&{kind.selector}" if kind.selector else "")


def new_object(kind: Kind, name: str, labels: Json) -> Json:
    return {"apiVersion": kind.api_version, "kind": kind.kind, **copy.deepcopy(kind.body),
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}}


def create(dice: random.Random, kind: Kind, name: str) -> Request:
    body = new_object(kind, name, dict(MANAGED) if dice.random() < 0.7 else {"n": "1"})
    metadata = body["metadata"]
    if kind.plural == "pods" and dice.random() < 0.5:
        metadata["labels"][JOB_NAME] = dice.choice(NAMES)
    if kind.is_held and dice.random() < 0.25:
        metadata["finalizers"] = [FINALIZER]
    if dice.random() < 0.3:
        metadata["ownerReferences"] = [OWNER]
    if dice.random() < 0.05:
        metadata["resourceVersion"] = "1"
    if kind.status and dice.random() < 0.3:
        body["status"] = {kind.status[0][0].rpartition("/")[2]: kind.status[0][1]}
    if kind.plural == "jobs" and dice.random() < 0.3:
        return Request("POST", collection(kind) + "?dryRun=All&fieldValidation=Strict", PLAIN, body, "dry run")
    return Request("POST", collection(kind), PLAIN, body, "create")


def lock(dice: random.Random) -> list[Json]:
    version = dice.choice(["?version", "?version", "?version", "?old", None])
    return [] if version is None else [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}]


def change_metadata(dice: random.Random) -> Json:
    return dice.choice([
        {"op": "add", "path": "/metadata/labels", "value": {**MANAGED, "n": dice.choice("12")}},
        {"op": "add", "path": "/metadata/labels", "value": {"n": dice.choice("12")}},
        {"op": "add", "path": "/metadata/labels/extra", "value": dice.choice("12")},
        {"op": "add", "path": "/metadata/annotations", "value": {"n": dice.choice("12")}},
        {"op": "remove", "path": "/metadata/annotations"},
        {"op": "remove", "path": "/metadata/finalizers"},
        {"op": "add", "path": "/metadata/finalizers", "value": [FINALIZER]},
        {"op": "remove", "path": "/metadata/ownerReferences"},
        {"op": "replace", "path": "/metadata/nothing/here", "value": 1},
    ])


def patch(dice: random.Random, kind: Kind, name: str) -> Request:
    in_status = bool(kind.status) and dice.random() < 0.6
    operations = lock(dice)
    verb = dice.random()
    removals = [path for path in kind.removals if path.startswith("/status") == in_status]
    values = kind.status if in_status else kind.changes
    if verb < 0.1:
        operations.append(dice.choice([
            {"op": "test", "path": "/metadata/name", "value": dice.choice([name, "x"])},
            {"op": "test", "path": "/metadata/uid", "value": "?uid"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "?version"}]))
    elif verb < 0.15 and kind.refused and not in_status:
        path, value = dice.choice(kind.refused)
        operations.append({"op": "add", "path": path, "value": value})
    elif (verb < 0.3 and not in_status) or not values:
        # What an apply names, too, so that both own it.
        shared = {"op": "add", "path": "/metadata/labels/extra", "value": dice.choice("12")}
        operations.append(shared if kind.variants and dice.random() < 0.4 else change_metadata(dice))
    elif verb < 0.45 and removals:
        operations.append({"op": "remove", "path": dice.choice(removals)})
    else:
        path, value = dice.choice(values)
        operations.append({"op": dice.choice(["add", "add", "replace"]) if path[-1] != "-" else "add", "path": path,
                           "value": value})
    if kind.group == "tidemill.dev" and dice.random() < 0.05:
        in_status = not in_status  # what belongs to the other half of the object
    return Request("PATCH", f"{collection(kind)}/{name}" + ("/status" if in_status else ""), JSON_PATCH, operations,
                   "patch status" if in_status else "patch")


def merge(dice: random.Random, kind: Kind, name: str) -> Request:
    body = copy.deepcopy(dice.choice(kind.merges))
    version = dice.choice(["?version", "?version", "?old", None])
    if version:
        body["metadata"] = {"resourceVersion": version}
    return Request("PATCH", f"{collection(kind)}/{name}", MERGE_PATCH, body, "merge")


def config(dice: random.Random, kind: Kind, name: str) -> Json:
    """A body of server-side apply."""
    metadata: Json = {"name": name, "namespace": NAMESPACE, "labels": {**MANAGED}}
    if dice.random() < 0.4:
        metadata["labels"]["extra"] = dice.choice("12")
    if dice.random() < 0.5:
        metadata["annotations"] = {"example.com/hash": dice.choice("12")}
    if dice.random() < 0.5:
        metadata["ownerReferences"] = [OWNER]
    if dice.random() < 0.4:
        metadata["uid"] = dice.choice(["?uid", "?uid", "?strange"])
    if dice.random() < 0.3:
        metadata["resourceVersion"] = dice.choice(["?version", "?version", "?old"])
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata,
            **copy.deepcopy(dice.choice(kind.variants))}


def apply(dice: random.Random, kind: Kind, name: str, applied: dict[str, Json]) -> Request:
    """Often what was applied before, which changes nothing if nobody else wrote."""
    path = f"{collection(kind)}/{name}?fieldManager=tidemill&force=true"
    if path not in applied or dice.random() < 0.6:
        applied[path] = config(dice, kind, name)
    return Request("PATCH", path, APPLY, applied[path], "apply")


def delete(dice: random.Random, kind: Kind, name: str) -> Request:
    conditions: Json = {}
    if dice.random() < 0.6:
        conditions["uid"] = dice.choice(["?uid", "?uid", "?strange"])
    if dice.random() < 0.5:
        conditions["resourceVersion"] = dice.choice(["?version", "?version", "?old"])
    options: Json = {"apiVersion": "v1", "kind": "DeleteOptions"}
    policy = dice.choice(["Background"] * 5 + ["Foreground", "Orphan", None]) if kind.is_held else "Background"
    if policy:
        options["propagationPolicy"] = policy
    if conditions:
        options["preconditions"] = conditions
    return Request("DELETE", f"{collection(kind)}/{name}", PLAIN, options, "delete")


def read(dice: random.Random, kind: Kind, name: str) -> Request:
    if not kind.is_watched:
        return Request("GET", f"{collection(kind)}/{name}", words="get")
    what = dice.random()
    if what < 0.3:
        return Request("GET", f"{collection(kind)}/{name}", words="get")
    if what < 0.45:
        return Request("GET", everywhere(kind, "resourceVersion="), words="list")
    if what < 0.75:
        # The first page, or the next one of what was begun; of one namespace, because others have Services, too.
        selector = f"&{kind.selector}" if kind.selector else ""
        return Request("GET", f"{collection(kind)}?limit={PAGE}{selector}", words="page")
    watch = "watch=true&allowWatchBookmarks=true&timeoutSeconds=20"
    # Of upstream's kinds a new API server remembers everything, so that nothing is too old.
    if what < 0.9 or (what < 0.93 and kind.group != "tidemill.dev"):
        return Request("GET", everywhere(kind, watch + "&resourceVersion=?list"), words="watch")
    if what >= 0.93:
        return Request("GET", everywhere(kind, watch + "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                                         "&resourceVersion="), words="initial events")
    return Request("GET", everywhere(kind, watch + "&resourceVersion=1"), words="expired watch")


def events_about(dice: random.Random, kind: Kind) -> Request:
    """How the controller asks what befell a Job."""
    return Request("GET", f"{collection(kind)}?fieldSelector=regarding.uid%3D{dice.choice(UIDS)}&limit=500", words="list")


def pods_of(dice: random.Random, kind: Kind) -> Request:
    """How the controller asks whether a Job has any pod."""
    selector = f"{JOB_NAME}={dice.choice(NAMES)}"
    return Request("GET", f"{collection(kind)}?labelSelector={urllib.parse.quote(selector, safe='')}", words="list")


def draw_one(dice: random.Random, kind: Kind, name: str, applied: dict[str, Json]) -> Request:
    what = dice.random()
    if what < 0.22:
        return create(dice, kind, name)
    if what < 0.4:
        return read(dice, kind, name)
    if what < 0.5:
        return delete(dice, kind, name)
    if kind.plural == "pods" and what < 0.6:
        return pods_of(dice, kind)
    if kind.plural == "events" and what < 0.6:
        return events_about(dice, kind)
    if kind.merges:
        return merge(dice, kind, name)
    if kind.variants and what < 0.8:
        return apply(dice, kind, name, applied)
    return patch(dice, kind, name)


def draw(dice: random.Random, kinds: list[Kind], applied: dict[str, Json]) -> Request:
    """`applied`: what was, by path; kept from one request to the next."""
    kind, name = dice.choice(kinds), dice.choice(NAMES)
    request = draw_one(dice, kind, name, applied)
    request.kind, request.name, request.pick = kind, name, dice.random()
    if (request.method != "GET" or request.words == "get") and dice.random() < 0.5:
        request.accept = METADATA
    return request


def kinds_of(seed: int, dice: random.Random) -> list[Kind]:
    """A few, so that each object gets a long history; so many seeds as there are kinds have each of them."""
    applied = dice.choice([kind for kind in KINDS if kind.variants])  # most of what a server decides is about these
    return [KINDS[seed % len(KINDS)], applied, *dice.sample(KINDS, OTHER_KINDS)]


def sentinel(kind: Kind, number: int) -> list[Request]:
    """Its creation ends what a watch is read for; its deletion follows."""
    name = f"end-{number}"
    made = Request("POST", collection(kind), PLAIN, new_object(kind, name, dict(MANAGED)), "create", kind, name)
    gone = Request("DELETE", f"{collection(kind)}/{name}", PLAIN,
                   {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}, "delete", kind, name)
    return [made, gone]
