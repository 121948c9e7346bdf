"""Reads the API server's audit log: who asked for what, when, and how large the bodies were.

The log is followed by inode and offset across its rotation, so each part of it is read once and
only between measurements.
"""

import dataclasses
import datetime
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from measure.api import Failure

CONTROLLER = "system:serviceaccount:tidemill-system:tidemill-controller"
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
CONFLICT = 409


@dataclasses.dataclass(slots=True)
class Request:
    """One line of the log that ends a request (or, for a watch, begins it)."""

    user: str
    agent: str
    verb: str
    resource: str  # with its subresource: pods/status
    namespace: str
    name: str
    code: int
    received: float  # unix time
    ended: float
    sent_bytes: int  # of the body as compact JSON; 0 when the log has no bodies
    answered_bytes: int
    phase: str  # of a pod whose status is written, else ""
    owner: str  # name of the first owner of a created object, else ""
    is_dry_run: bool = False  # nothing was stored

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES and not self.is_dry_run

    @property
    def is_event(self) -> bool:
        return self.resource == "events"


def parse_time(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def body_size(body: Any) -> int:
    return 0 if body is None else len(json.dumps(body, separators=(",", ":"), ensure_ascii=False))


def phase_of(body: Any) -> str:
    """A patch is an object here, or a list of operations."""
    status = body.get("status") if isinstance(body, dict) else None
    return str(status.get("phase", "")) if isinstance(status, dict) else ""


def owner_of(body: Any) -> str:
    owners = body.get("metadata", {}).get("ownerReferences") if isinstance(body, dict) else None
    return owners[0]["name"] if owners else ""


def parse_event(event: dict[str, Any]) -> Request | None:
    """None for what is not about an object (health, discovery) or is no end of a request."""
    target = event.get("objectRef")
    if not target or event["stage"] not in ("ResponseComplete", "ResponseStarted", "Panic"):
        return None
    # A watch is counted where it begins; its end may be minutes away.
    if (event["verb"] == "watch") != (event["stage"] == "ResponseStarted"):
        return None
    sent, answer = event.get("requestObject"), event.get("responseObject")
    resource = target.get("resource", "")
    if target.get("subresource"):
        resource += "/" + target["subresource"]
    created_name = answer.get("metadata", {}).get("name", "") if isinstance(answer, dict) else ""
    return Request(
        user=event.get("user", {}).get("username", ""), agent=event.get("userAgent", ""),
        verb=event["verb"], resource=resource, namespace=target.get("namespace", ""),
        name=target.get("name") or created_name,
        code=event.get("responseStatus", {}).get("code", 0),
        received=parse_time(event["requestReceivedTimestamp"]),
        ended=parse_time(event["stageTimestamp"]), sent_bytes=body_size(sent),
        answered_bytes=body_size(answer), phase=phase_of(sent), owner=owner_of(sent),
        is_dry_run="dryRun=All" in event.get("requestURI", ""))


class Log:
    """A place in the audit log; `read` gives what was written since."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        try:
            status = path.stat()
        except OSError as error:
            raise Failure(f"the audit log can't be read: {error}") from error
        self.inode, self.offset = status.st_ino, status.st_size

    def _files(self) -> list[pathlib.Path]:
        """The file of our place and all newer ones, oldest first."""
        rotated = sorted(self.path.parent.glob(f"{self.path.stem}-*{self.path.suffix}"))
        files = [*rotated, self.path]
        for at, file in enumerate(files):
            if file.stat().st_ino == self.inode:
                return files[at:]
        raise Failure(f"{self.path} was rotated so often that a part was lost: measure fewer runs")

    def read(self) -> Iterator[bytes]:
        for file in self._files():
            with file.open("rb") as stream:
                inode = os.fstat(stream.fileno()).st_ino
                if inode != self.inode:
                    self.inode, self.offset = inode, 0
                stream.seek(self.offset)
                for line in stream:
                    if not line.endswith(b"\n"):
                        break  # still being written; the next read takes it whole
                    self.offset += len(line)
                    yield line

    def requests(self, namespace: str) -> list[Request]:
        """Everything about one namespace, and everything the controller did anywhere."""
        wanted = (f'"namespace":"{namespace}"'.encode(), f'"username":"{CONTROLLER}"'.encode())
        found = []
        for line in self.read():
            if wanted[0] not in line and wanted[1] not in line:
                continue
            request = parse_event(json.loads(line))
            if request and (request.namespace == namespace or request.user == CONTROLLER):
                found.append(request)
        return found
