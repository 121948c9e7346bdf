"""What two servers said to the same request, brought to what must be equal."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from draw import Request
from kinds import KINDS, Json, Kind

About = tuple[str, str]  # plural, name
STRANGE_UID = "00000000-0000-0000-0000-000000000000"


class Memory:
    """What one server said so far: versions and uids, which requests stand for and answers are told by."""

    def __init__(self) -> None:
        self.versions: dict[About, list[str]] = {}
        self.uids: dict[About, list[str]] = {}
        self.lists: dict[str, list[str]] = {}
        self.tokens: dict[str, str] = {}
        self.pages_version: dict[str, str] = {}
        self.newest = 0

    def learn(self, about: About, body: Json) -> None:
        metadata = body.get("metadata", {})
        version = metadata.get("resourceVersion")
        if not version or metadata.get("name") != about[1]:
            return
        for known, value in ((self.versions, version), (self.uids, metadata["uid"])):
            values = known.setdefault(about, [])
            if value not in values:
                values.append(value)
        if about[0] not in ("leases", "events"):
            self.newest = max(self.newest, int(version))

    def learn_list(self, request: Request, body: Json) -> None:
        plural, metadata = request.kind.plural, body.get("metadata", {})
        if request.words == "page":
            if not self.tokens.get(plural):
                self.pages_version[plural] = metadata.get("resourceVersion", "")
            self.tokens[plural] = metadata.get("continue", "")
        if request.words == "list" and metadata.get("resourceVersion"):
            self.lists.setdefault(plural, []).append(metadata["resourceVersion"])

    def path(self, request: Request) -> str:
        plural = request.kind.plural
        lists = self.lists.get(plural) or ["1"]
        path = request.path.replace("?list", lists[int(request.pick * len(lists))])
        token = self.tokens.get(plural) if request.words == "page" else ""
        return f"{path}&continue={quote(token)}" if token else path

    def resolve(self, value: Any, about: About) -> Any:
        if isinstance(value, dict):
            return {key: self.resolve(item, about) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, about) for item in value]
        versions = self.versions.get(about, ["1"])
        stands_for = {"?version": versions[-1], "?old": versions[-2] if len(versions) > 1 else "1",
                      "?strange": STRANGE_UID, "?uid": self.uids.get(about, [STRANGE_UID])[-1]}
        return stands_for.get(value, value) if isinstance(value, str) else value


def ordinal(values: list[str] | None, value: str | None) -> int | str:
    """Which of those that were told it is: so both servers' numbers are compared, and a move shows either way."""
    known = values or []
    return known.index(value) if value in known else "new"


def shape_of(value: Any) -> Any:
    """The fields that a value names; of a list, those of any item."""
    if isinstance(value, dict):
        return {key: shape_of(item) for key, item in value.items()}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [join([shape_of(item) for item in value])]
    return True


def join(shapes: list[Any]) -> Any:
    whole: Any = True
    for shape in shapes:
        if isinstance(shape, dict):
            whole = whole if isinstance(whole, dict) else {}
            for key, item in shape.items():
                whole[key] = join([whole[key], item]) if key in whole else item
        elif isinstance(shape, list):
            whole = [join([whole[0], shape[0]])] if isinstance(whole, list) else shape
    return whole


def at_pointer(pointer: str, value: Any) -> Any:
    for token in reversed(pointer.strip("/").split("/")):
        value = [value] if token == "-" or token.isdigit() else {token: value}
    return value


def fields_of(kind: Kind) -> Any:
    """All fields that requests of this kind name: what else a server fills in is not compared."""
    written = [kind.body, *kind.variants, *kind.merges]
    written += [at_pointer(pointer, value) for pointer, value in (*kind.changes, *kind.status)]
    return join([shape_of(value) for value in written])


FIELDS = {kind.plural: fields_of(kind) for kind in KINDS}


def project(value: Any, shape: Any) -> Any:
    if isinstance(shape, dict) and isinstance(value, dict):
        return {key: project(value[key], shape[key]) for key in sorted(shape) if key in value}
    if isinstance(shape, list) and isinstance(value, list):
        return [project(item, shape[0]) for item in value]
    return value


def about_metadata(metadata: Json, about: About, memory: Memory) -> Json:
    labels = metadata.get("labels") or {}
    return {
        "version": ordinal(memory.versions.get(about), metadata.get("resourceVersion")),
        "uid": ordinal(memory.uids.get(about), metadata.get("uid")),
        "generation": metadata.get("generation"),
        "is created": "creationTimestamp" in metadata,
        "is being deleted": "deletionTimestamp" in metadata,
        "labels": labels,
        "annotations": metadata.get("annotations") or {},
        "finalizers": metadata.get("finalizers") or [],
        "owners": metadata.get("ownerReferences") or [],
    }


def about_object(kind: Kind, body: Json, memory: Memory) -> Json:
    metadata = body.get("metadata", {})
    name = metadata.get("name", "")
    said = {"name": name, **about_metadata(metadata, (kind.plural, name), memory)}
    if body.get("kind") != "PartialObjectMetadata":
        said["content"] = project(body, FIELDS[kind.plural])
    else:
        said["only"] = sorted(body)
    return said


def words_of(message: str, memory: Memory) -> str:
    """A message without what differs from server to server."""
    for uid in [STRANGE_UID, *(uid for uids in memory.uids.values() for uid in uids)]:
        message = message.replace(uid, "UID")
    # Where etcd has it is nobody's business.
    return re.sub(r"\d+", "N", re.sub(r"Key: \S+,", "Key: K,", message))


def refusal(status: int, body: Json, memory: Memory) -> Json:
    details = body.get("details") or {}
    causes = sorted((cause.get("field", ""), cause.get("reason", "")) for cause in details.get("causes") or [])
    return {"status": status, "reason": body.get("reason", ""), "message": words_of(body.get("message", ""), memory),
            "causes": causes}


def about_list(request: Request, status: int, body: Json, memory: Memory) -> Json:
    metadata = body.get("metadata", {})
    version, plural = metadata.get("resourceVersion", ""), request.kind.plural
    said: Json = {"status": status, "kind": body.get("kind"), "apiVersion": body.get("apiVersion"),
                  "items": [about_object(request.kind, item, memory) for item in body.get("items") or []],
                  "has more": bool(metadata.get("continue"))}
    if request.words == "page" and memory.tokens.get(plural):
        said["is of the first page's version"] = version == memory.pages_version.get(plural)
    elif plural not in ("leases", "events"):
        said["is as new as what was written"] = int(version) >= memory.newest
    return said


def essence(request: Request, status: int, body: Json, memory: Memory) -> Json:
    """`memory`: of this server, before this answer."""
    if body.get("kind") == "Status":
        if body.get("status") == "Failure":
            return refusal(status, body, memory)
        details = body.get("details") or {}
        return {"status": status, "is gone": {key: details.get(key) for key in ("name", "group", "kind")},
                "uid": ordinal(memory.uids.get((request.kind.plural, request.name)), details.get("uid"))}
    if request.words in ("list", "page"):
        return about_list(request, status, body, memory)
    return {"status": status, "kind": body.get("kind"), "apiVersion": body.get("apiVersion"),
            **about_object(request.kind, body, memory)}


def watch_essence(kind: Kind, events: list[Json], memory: Memory) -> list[Any]:
    said: list[Any] = []
    for event in events:
        body = event["object"]
        if event["type"] == "ERROR":
            said.append(["ERROR", refusal(0, body, memory)])
        elif event["type"] == "BOOKMARK":
            metadata = body["metadata"]
            said.append(["BOOKMARK", body["kind"], body["apiVersion"], metadata.get("annotations"),
                         int(metadata["resourceVersion"]) >= memory.newest])
        else:
            said.append([event["type"], body.get("kind"), body.get("apiVersion"), about_object(kind, body, memory)])
    return said


def versions_grow(events: list[Json]) -> bool:
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events if event["type"] != "ERROR"]
    return all(one < other for one, other in zip(versions, versions[1:]))
