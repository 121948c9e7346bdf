"""What two servers said to the same request, brought to what must be equal."""

from __future__ import annotations

import re
from typing import Any

from draw import KINDS, Json, Request

# Words by which a message is known; the rest of it may differ.
CLASSES = (
    "object has been modified",
    "already exists",
    "not found",
    "resourceVersion should not be set",
    "precondition",
    "uid mismatch",
    "field is immutable",
)
# The Job's defaults put its pods' labels on it.
JOB_LABEL = re.compile(r"(^|/)(controller-uid|job-name)$")
GENERATION = {kind.plural: kind.has_generation for kind in KINDS}


class Memory:
    """What one server said of its objects: versions and uids that requests stand for."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str], list[str]] = {}
        self.uids: dict[tuple[str, str], str] = {}
        self.contents: dict[tuple[str, str], Json] = {}

    def learn(self, about: tuple[str, str], body: Json) -> None:
        metadata = body.get("metadata", {})
        if metadata.get("resourceVersion") and metadata.get("name") == about[1]:
            known = self.versions.setdefault(about, [])
            if not known or known[-1] != metadata["resourceVersion"]:
                known.append(metadata["resourceVersion"])
            self.uids[about] = metadata["uid"]
            self.contents[about] = content(body)
            if is_partial(body):
                del self.contents[about]  # what the rest of it is has not been told

    def resolve(self, value: Any, about: tuple[str, str]) -> Any:
        if isinstance(value, dict):
            return {key: self.resolve(item, about) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, about) for item in value]
        known = self.versions.get(about, ["1"])
        stands_for = {"?version": known[-1], "?old": known[-2] if len(known) > 1 else "1",
                      "?uid": self.uids.get(about, "00000000-0000-0000-0000-000000000000")}
        return stands_for.get(value, value) if isinstance(value, str) else value


def is_partial(body: Json) -> bool:
    return body.get("kind") == "PartialObjectMetadata"


def content(body: Json) -> Json:
    """All but what the server keeps for itself."""
    metadata = {key: value for key, value in body.get("metadata", {}).items()
                if key not in ("resourceVersion", "managedFields", "generation")}
    return {**body, "metadata": metadata}


def message_class(message: str) -> str:
    return next((words for words in CLASSES if re.search(words, message, re.IGNORECASE)), "other")


def essence(request: Request, status: int, body: Json, memory: Memory) -> Json:
    """`memory`: of this server, before this answer."""
    if body.get("kind") == "Status" and body.get("status") == "Failure":
        reason = body.get("reason", "")
        # 422 comes in many words; who sends it needs to know no more than that it never works.
        words = "other" if status == 422 else message_class(body.get("message", ""))
        return {"status": status, "reason": reason, "message": words}
    if request.words == "list":
        return {"status": status, "names": sorted(item["metadata"]["name"] for item in body["items"])}
    said: Json = {"status": status}
    metadata = body.get("metadata", {})
    if request.words == "delete":
        # Of what is gone some kinds tell the last state, others only that it is gone.
        return {**said, "is being deleted": "deletionTimestamp" in metadata}
    said["kind"] = body.get("kind")
    said["is partial"] = sorted(body) if is_partial(body) else False
    said["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if not JOB_LABEL.search(key)}
    said["annotations"] = metadata.get("annotations") or {}
    said["finalizers"] = metadata.get("finalizers") or []
    said["is being deleted"] = "deletionTimestamp" in metadata
    if GENERATION[request.about[0]] and not said["is being deleted"]:
        said["generation"] = metadata.get("generation")
    spec = body.get("spec", {})
    said["spec"] = {key: spec.get(key) for key in ("suspend", "cancel", "pinnedVersion", "selector")
                    if key in spec and not (request.about[0] == "jobs" and key == "selector")}
    said["our status"] = {key: value for key, value in (body.get("status") or {}).items()
                          if request.about[0] in ("pipelineruns", "models", "jobs")}
    said["revision"] = body.get("revision")
    if request.words in ("patch", "patch status", "apply") and not said["is being deleted"]:
        # What changes nothing may still move the version, when a manager becomes one by it.
        known = memory.contents.get(request.about)
        moved = metadata.get("resourceVersion") != (memory.versions.get(request.about) or [None])[-1]
        said["the version tells the change"] = moved or known is None or is_partial(body) or known == content(body)
    return said
