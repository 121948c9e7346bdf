"""Sends requests at a steady rate and counts the failed ones, half on kept-alive connections.

Nothing is tried a second time: an exception or an answer other than 200 is a failed request. A
connection is kept for as long as the server keeps it; after `Connection: close` comes a new one.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

WORKER_RATE = 5.0  # requests a second of one worker: one may take 200 ms before the next is late
FAILURES_SHOWN = 10
PIXELS = 64


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    path: str
    body: bytes
    timeout_seconds: float


@dataclass
class Tally:
    requests: int = 0
    failed: int = 0
    slowest_seconds: float = 0.0
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_success(self, version: str, seconds: float) -> None:
        with self.lock:
            self.requests += 1
            self.versions[version] += 1
            self.slowest_seconds = max(self.slowest_seconds, seconds)

    def add_failure(self, text: str) -> None:
        with self.lock:
            self.requests += 1
            self.failed += 1
            if len(self.failures) < FAILURES_SHOWN:
                self.failures.append(text)

    def line(self) -> str:
        with self.lock:
            versions = json.dumps(dict(sorted(self.versions.items())))
            return f"requests={self.requests} failed={self.failed} versions={versions}"


def request_body() -> bytes:
    """One digit: which one does not matter."""
    pixels = [float(i % 17) for i in range(PIXELS)]
    tensor = {"name": "pixels", "shape": [1, PIXELS], "datatype": "FP64", "data": pixels}
    return json.dumps({"inputs": [tensor], "outputs": [{"name": "label"}]}).encode()


def parse_target(url: str, name: str, timeout_seconds: float) -> Target:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"the URL must be http://HOST[:PORT], not '{url}'")
    path = f"{parts.path.rstrip('/')}/v2/models/{name}/infer"
    return Target(parts.hostname, parts.port or 80, path, request_body(), timeout_seconds)


class Client:
    """One connection at a time; http.client forgets it by itself after `Connection: close`."""

    def __init__(self, target: Target, keep_alive: bool) -> None:
        self.target = target
        self.keep_alive = keep_alive
        self.connection = http.client.HTTPConnection(
            target.host, target.port, timeout=target.timeout_seconds
        )

    def send(self) -> str:
        """The version that answered. Any trouble is an exception, and the connection is given up."""
        try:
            if self.connection.sock is None:
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            headers = {"Content-Type": "application/json"}
            if not self.keep_alive:
                headers["Connection"] = "close"
            self.connection.request("POST", self.target.path, self.target.body, headers)
            response = self.connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise ValueError(f"status {response.status}: {body[:200]!r}")
            return str(json.loads(body)["model_version"])
        except Exception:
            self.connection.close()
            raise
        finally:
            if not self.keep_alive:
                self.connection.close()


def send_once(client: Client, tally: Tally, began: float) -> None:
    started = time.monotonic()
    kind = "kept-alive" if client.keep_alive else "new connection"
    try:
        version = client.send()
    except Exception as error:
        tally.add_failure(f"{started - began:.1f} s, {kind}: {type(error).__name__}: {error}")
    else:
        tally.add_success(version, time.monotonic() - started)


def run_worker(client: Client, tally: Tally, stop: threading.Event, began: float, first: float) -> None:
    """By a time table, so that a slow answer does not lower the rate."""
    due = began + first
    while not stop.wait(max(0.0, due - time.monotonic())):
        send_once(client, tally, began)
        due += 1 / WORKER_RATE
    client.connection.close()


def start_workers(target: Target, rate: float, tally: Tally, stop: threading.Event) -> list[threading.Thread]:
    """Every second worker keeps its connection; their first requests are spread evenly."""
    count = max(2, round(rate / WORKER_RATE))
    began = time.monotonic()
    workers = []
    for index in range(count):
        client = Client(target, keep_alive=index % 2 == 0)
        first = index / (count * WORKER_RATE)
        arguments = (client, tally, stop, began, first)
        workers.append(threading.Thread(target=run_worker, args=arguments, daemon=True))
    for worker in workers:
        worker.start()
    return workers


def watch(tally: Tally, stop: threading.Event, seconds: float, every: float, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    due = every
    while True:
        passed = time.monotonic() - began
        if passed >= seconds or stop.wait(min(due, seconds) - passed):
            return
        if due < seconds:
            say(f"{due:4.0f} s  {tally.line()}")
        due += every


def run(target: Target, rate: float, seconds: float, every: float, stop: threading.Event) -> Tally:
    tally = Tally()
    workers = start_workers(target, rate, tally, stop)
    watch(tally, stop, seconds, every, lambda line: print(line, flush=True))
    stop.set()
    for worker in workers:
        worker.join(target.timeout_seconds + 1)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=os.environ.get("URL", "http://digits"))
    parser.add_argument("--model", default=os.environ.get("MODEL", "digits"))
    parser.add_argument("--rate", type=float, default=float(os.environ.get("RATE", "50")))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS_TO_RUN", "120")))
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two lines")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for one request")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        target = parse_target(options.url, options.model, options.timeout)
    except ValueError as error:
        print(f"traffic: {error}", file=sys.stderr)
        return 1
    tally = run(target, options.rate, options.seconds, options.every, stop)
    for text in tally.failures:
        print(f"failed: {text}")
    print(f"slowest: {tally.slowest_seconds * 1000:.0f} ms")
    print(tally.line(), flush=True)
    return 0 if tally.failed == 0 and tally.requests > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
