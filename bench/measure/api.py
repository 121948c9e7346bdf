"""A small client of the API server: kept-alive TLS connections, threads that create, and a watch.

Used by everything here that talks to the cluster but the controller under test. It says who it is
by User-Agent, so that its own requests can be told from others in the audit log.
"""

import base64
import http.client
import json
import os
import pathlib
import socket
import ssl
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

USER_AGENT = "tidemill-bench"
REQUEST_LIMIT_S = 120  # beside other load the API server may stand still for a while
CREATORS = 8  # connections that create at once; fewer do not saturate the API server
PAGE = 500  # objects in one answer to a list


def as_object(body: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body)
    return parsed


class Failure(Exception):
    """Something that ends the bench, in words for the person who runs it."""


class Access:
    """Where the API server is and how to be let in: a kubeconfig's current context."""

    def __init__(self, kubeconfig: dict[str, Any]) -> None:
        named = {c["name"]: c["context"] for c in kubeconfig["contexts"]}
        context = named[kubeconfig["current-context"]]
        cluster = next(c["cluster"] for c in kubeconfig["clusters"] if c["name"] == context["cluster"])
        user = next(u["user"] for u in kubeconfig["users"] if u["name"] == context["user"])
        self.server: str = cluster["server"]
        self.authority: str = cluster["certificate-authority-data"]
        address = urllib.parse.urlsplit(self.server)
        self.host, self.port = address.hostname or "", address.port or 443
        self.tls = ssl.create_default_context(cadata=base64.b64decode(self.authority).decode())
        self.headers = {"User-Agent": USER_AGENT, "Content-Type": "application/json"}
        if "client-certificate-data" in user:
            self._load_certificate(user)
        elif "token" in user:
            self.headers["Authorization"] = f"Bearer {user['token']}"
        else:
            raise Failure("the kubeconfig has neither a client certificate nor a token in it")

    def _load_certificate(self, user: dict[str, str]) -> None:
        # Python's TLS takes the pair from files alone.
        with tempfile.TemporaryDirectory() as folder:
            pair = pathlib.Path(folder, "pair.pem")
            pair.touch(mode=0o600)
            pair.write_bytes(base64.b64decode(user["client-certificate-data"])
                             + base64.b64decode(user["client-key-data"]))
            self.tls.load_cert_chain(pair)

    def connect(self, timeout_s: float = REQUEST_LIMIT_S) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s,
                                                 context=self.tls)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class Client:
    """One connection, one request at a time."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.connection = access.connect()

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        data = None if body is None else json.dumps(body).encode()
        self.connection.request(method, path, data, self.access.headers)
        response = self.connection.getresponse()
        return response.status, response.read()

    def get(self, path: str) -> dict[str, Any]:
        status, body = self.request("GET", path)
        if status != http.client.OK:
            raise Failure(f"GET {path} was answered {status}: {body[:300]!r}")
        return as_object(body)

    def create(self, path: str, body: Any) -> dict[str, Any]:
        status, answer = self.request("POST", path, body)
        if status != http.client.CREATED:
            raise Failure(f"POST {path} was answered {status}: {answer[:300]!r}")
        return as_object(answer)

    def list(self, path: str) -> Iterator[dict[str, Any]]:
        """All objects of a list, page by page."""
        following = ""
        while True:
            page = self.get(f"{path}?limit={PAGE}&continue={urllib.parse.quote(following)}")
            yield from page["items"]
            following = page["metadata"].get("continue", "")
            if not following:
                return

    def close(self) -> None:
        self.connection.close()


def create_all(access: Access, path: str, bodies: list[bytes]) -> list[float]:
    """Creates all objects by CREATORS connections; the time (monotonic) at which each was sent."""
    sent = [0.0] * len(bodies)
    failures: list[str] = []
    following = iter(range(len(bodies)))
    lock = threading.Lock()
    clients = [Client(access) for _ in range(CREATORS)]

    def work(client: Client) -> None:
        while not failures:
            with lock:
                at = next(following, None)
            if at is None:
                return
            try:
                sent[at] = time.monotonic()
                client.connection.request("POST", path, bodies[at], access.headers)
                response = client.connection.getresponse()
                answer = response.read()
                if response.status != http.client.CREATED:
                    failures.append(f"POST {path} was answered {response.status}: {answer[:300]!r}")
            except (OSError, http.client.HTTPException) as error:
                failures.append(f"POST {path}: {error}")

    threads = [threading.Thread(target=work, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    if failures:
        raise Failure(failures[0])
    return sent


class Watch:
    """Follows one collection in a thread and notes when each object was first seen done.

    The API server has made these bytes for the controllers already (it encodes an event once for
    all watchers of a form), and a line without `marker` is not parsed: watching costs little.
    """

    def __init__(self, access: Access, path: str, marker: bytes,
                 is_done: Callable[[dict[str, Any]], bool | None]) -> None:
        self.done_at: dict[str, float] = {}
        self.failed: list[str] = []
        self.broken = ""
        self.changed = threading.Condition()
        self._access, self._path = access, path
        self._marker, self._is_done = marker, is_done
        self._is_closing = False
        client = Client(access)
        self._open(client.get(f"{path}?limit=1")["metadata"]["resourceVersion"])
        client.close()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _open(self, version: str) -> None:
        self._connection = self._access.connect(timeout_s=600)
        self._connection.request("GET", f"{self._path}?watch=1&resourceVersion={version}&timeoutSeconds=590",
                                 headers=self._access.headers)
        self._response = self._connection.getresponse()

    def _catch_up(self) -> None:
        """The API server ends a watch that is read too slowly: look at all, and watch from there."""
        client = Client(self._access)
        version = client.get(f"{self._path}?limit=1")["metadata"]["resourceVersion"]
        for item in client.list(self._path):
            self._note(item, time.monotonic())
        client.close()
        self._open(version)

    def _follow(self) -> None:
        try:
            while not self._is_closing:
                while line := self._response.readline():
                    if self._marker in line:
                        self._note(json.loads(line)["object"], time.monotonic())
                if not self._is_closing:
                    self._catch_up()
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            self.broken = f"the watch broke: {error}"
        with self.changed:
            self.changed.notify_all()

    def _note(self, item: dict[str, Any], now: float) -> None:
        done = self._is_done(item)
        name = item["metadata"]["name"]
        if done is None or name in self.done_at:
            return
        with self.changed:
            if not done:
                self.failed.append(name)
            self.done_at[name] = now
            self.changed.notify_all()

    def wait(self, count: int, limit_s: float, what: str) -> None:
        """Until `count` objects are done; a Failure when one failed or the time is over."""
        deadline = time.monotonic() + limit_s
        with self.changed:
            while len(self.done_at) < count and not self.failed:
                left = deadline - time.monotonic()
                if self.broken or left <= 0:
                    raise Failure(f"{len(self.done_at)} of {count} {what} after {limit_s:.0f} s"
                                  + (f" ({self.broken})" if self.broken else ""))
                self.changed.wait(min(left, 1))
        if self.failed:
            raise Failure(f"{self.failed[0]} failed, as one of {count} {what}")

    def close(self) -> None:
        self._is_closing = True
        try:
            self._connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self._thread.join(timeout=5)
        self._connection.close()


def condition(item: dict[str, Any], kind: str) -> str:
    """The status of a condition: True, False, Unknown, or "" when it is not there."""
    for entry in item.get("status", {}).get("conditions", []):
        if entry["type"] == kind:
            return str(entry["status"])
    return ""


def job_is_done(item: dict[str, Any]) -> bool | None:
    if condition(item, "Complete") == "True":
        return True
    return False if condition(item, "Failed") == "True" else None


def pod_is_done(item: dict[str, Any]) -> bool | None:
    return {"Succeeded": True, "Failed": False}.get(item.get("status", {}).get("phase", ""))


def run_is_done(item: dict[str, Any]) -> bool | None:
    return {"Succeeded": True, "Failed": False, "Cancelled": False}.get(
        item.get("status", {}).get("phase", ""))


def read_kubeconfig(kubectl_json: str) -> Access:
    """From the output of `kubectl config view --raw --minify -o json`."""
    return Access(json.loads(kubectl_json))


def environment_for(access: Access, extra: dict[str, str]) -> dict[str, str]:
    """The environment for a child that must reach the API server without a proxy."""
    without = {name.lower() for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in without}
    return {**kept, "NO_PROXY": access.host, "no_proxy": access.host, **extra}
