"""What the controller asked of the API server, from the audit log."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

READ_VERBS = {"get", "list", "watch"}
POD_CLAIM = "authentication.kubernetes.io/pod-name"


@dataclass(frozen=True)
class Request:
    time: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    name: str
    code: int
    agent: str
    pod: str = ""  # that the token was made for

    def __str__(self) -> str:
        sub = f"/{self.subresource}" if self.subresource else ""
        return f"{self.time} {self.pod} {self.verb} {self.resource}{sub} {self.name}: {self.code}"


@dataclass(frozen=True)
class Mark:
    """A place in the audit log."""

    inode: int
    offset: int


def _log_path() -> str:
    return os.environ["TIDEMILL_AUDIT_LOG"]


def mark() -> Mark:
    status = os.stat(_log_path())
    return Mark(status.st_ino, status.st_size)


def _files_since(start: Mark) -> list[Path]:
    """The file of the mark and all newer ones, oldest first: a full log is put aside under another name."""
    path = Path(_log_path())
    files = [*sorted(path.parent.glob(f"{path.stem}-*{path.suffix}")), path]
    for at, file in enumerate(files):
        if file.stat().st_ino == start.inode:
            return files[at:]
    raise AssertionError(f"{path} was put aside so often that a part of it is lost")


def _lines_since(start: Mark, needle: bytes) -> list[bytes]:
    found = []
    for path in _files_since(start):
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_ino == start.inode:
                file.seek(start.offset)
            found += [line for line in file if needle in line and line.endswith(b"}\n")]
    return found


def controller_writes(start: Mark, namespace: str) -> list[Request]:
    """Writes of the controller in a namespace since `start`, refused ones too. A dry run is none."""
    return _controller_requests(start, namespace, dry_run=False)


def controller_dry_runs(start: Mark, namespace: str) -> list[Request]:
    return _controller_requests(start, namespace, dry_run=True)


def controller_reads(start: Mark, resource: str) -> int:
    """How often it asked for a kind, in all namespaces, whatever the answer."""
    events = [json.loads(line) for line in _lines_since(start, f'"resource":"{resource}"'.encode())]
    return sum(event.get("userAgent", "").startswith("tidemill/") and event["verb"] in READ_VERBS and
               event.get("objectRef", {}).get("resource") == resource for event in events)


def _controller_requests(start: Mark, namespace: str, dry_run: bool) -> list[Request]:
    found = []
    for line in _lines_since(start, f'"namespace":"{namespace}"'.encode()):
        event = json.loads(line)
        agent = event.get("userAgent", "")
        is_dry_run = "dryRun=All" in event.get("requestURI", "")
        if not agent.startswith("tidemill/") or event["verb"] in READ_VERBS or is_dry_run != dry_run:
            continue
        target = event.get("objectRef", {})
        if target.get("namespace") != namespace:
            continue
        found.append(Request(
            event["requestReceivedTimestamp"], event["verb"], target.get("resource", ""),
            target.get("subresource", ""), namespace, target.get("name", ""),
            event.get("responseStatus", {}).get("code", 0), agent,
            "".join(event.get("user", {}).get("extra", {}).get(POD_CLAIM, [])),
        ))
    return found
