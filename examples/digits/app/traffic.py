"""Asks about real digits at a steady rate, half on kept-alive connections; counts failures and right answers.

Nothing is tried a second time: an exception, an answer other than 200 or one without a label is a
failed request. A connection is kept for as long as the server keeps it; after `Connection: close`
comes a new one. With FADED below 1 every second image is from a scanner whose lamp has faded to that.
"""

import argparse
import http.client
import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import brightness
import data
import land

WORKER_RATE = 5.0  # requests a second of one worker: one may take 200 ms before the next is late
FAILURES_SHOWN = 10
BATCHES_LEARNED = 2  # what the first models are made of: not asked about


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    path: str
    timeout_seconds: float


@dataclass(frozen=True)
class Load:
    rows: Sequence[data.Row]
    lamp: float  # its brightness at every second image: 1 is as good as new
    rate: float


@dataclass(frozen=True)
class Question:
    body: bytes
    digit: int
    faded: bool


@dataclass(frozen=True)
class Answer:
    version: str
    label: int


@dataclass
class Tally:
    requests: int = 0
    failed: int = 0
    slowest_seconds: float = 0.0
    asked: Counter[tuple[str, bool]] = field(default_factory=Counter)  # by version, and whether faded
    right: Counter[tuple[str, bool]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_answer(self, question: Question, answer: Answer, seconds: float) -> None:
        group = (answer.version, question.faded)
        with self.lock:
            self.requests += 1
            self.asked[group] += 1
            self.right[group] += answer.label == question.digit
            self.slowest_seconds = max(self.slowest_seconds, seconds)

    def add_failure(self, text: str) -> None:
        with self.lock:
            self.requests += 1
            self.failed += 1
            if len(self.failures) < FAILURES_SHOWN:
                self.failures.append(text)

    def versions(self) -> dict[str, int]:
        """How many answers came from each."""
        return {version: self.asked[version, False] + self.asked[version, True]
                for version in sorted({version for version, _ in self.asked})}

    def share(self, version: str, faded: bool) -> str:
        asked = self.asked[version, faded]
        return f"{self.right[version, faded] / asked:.3f} of {asked}"

    def accuracy_line(self, version: str) -> str:
        parts = []
        if self.asked[version, False]:
            parts.append(f"{self.share(version, False)} right")
        if self.asked[version, True]:
            parts.append(f"with a faded lamp {self.share(version, True)}")
        return f"version {version}: {', '.join(parts)}"

    def line(self) -> str:
        with self.lock:
            return f"requests={self.requests} failed={self.failed} versions={json.dumps(self.versions())}"


def ask(row: data.Row, faded: bool) -> Question:
    pixels = data.features([row])
    tensor = {"name": "pixels", "shape": [1, data.PIXELS], "datatype": "FP64", "data": pixels[0]}
    body = json.dumps({"inputs": [tensor], "outputs": [{"name": "label"}]}).encode()
    return Question(body, data.labels([row])[0], faded)


def questions_of(rows: Sequence[data.Row], lamp: float) -> Iterator[Question]:
    """Over and over. In turns, so that any few workers have as many of both."""
    lamps = itertools.cycle((1.0, lamp))
    return itertools.cycle([ask(brightness.faded(row, each), each != 1) for row, each in zip(rows, lamps)])


def unseen_rows() -> list[data.Row]:
    """Mixed, since they come writer by writer, and each has a hand of another weight."""
    rows = land.load_all()[BATCHES_LEARNED * land.BATCH_ROWS :]
    random.Random(0).shuffle(rows)
    return rows


def parse_target(url: str, name: str, timeout_seconds: float) -> Target:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"the URL must be http://HOST[:PORT], not '{url}'")
    path = f"{parts.path.rstrip('/')}/v2/models/{name}/infer"
    return Target(parts.hostname, parts.port or 80, path, timeout_seconds)


def read_answer(value: dict[str, Any]) -> Answer:
    label, = (output["data"][0] for output in value["outputs"] if output["name"] == "label")
    return Answer(str(value["model_version"]), int(label))


class Client:
    """One connection at a time; http.client forgets it by itself after `Connection: close`."""

    def __init__(self, target: Target, questions: Iterator[Question], keep_alive: bool) -> None:
        self.target = target
        self.questions = questions
        self.keep_alive = keep_alive
        self.connection = http.client.HTTPConnection(
            target.host, target.port, timeout=target.timeout_seconds
        )

    def send(self, question: Question) -> Answer:
        """Any trouble is an exception, and the connection is given up."""
        try:
            if self.connection.sock is None:
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            headers = {"Content-Type": "application/json"}
            if not self.keep_alive:
                headers["Connection"] = "close"
            self.connection.request("POST", self.target.path, question.body, headers)
            response = self.connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise ValueError(f"status {response.status}: {body[:200]!r}")
            return read_answer(json.loads(body))
        except Exception:
            self.connection.close()
            raise
        finally:
            if not self.keep_alive:
                self.connection.close()


def send_once(client: Client, tally: Tally, began: float) -> None:
    question = next(client.questions)
    started = time.monotonic()
    kind = "kept-alive" if client.keep_alive else "new connection"
    try:
        answer = client.send(question)
    except Exception as error:
        tally.add_failure(f"{started - began:.1f} s, {kind}: {type(error).__name__}: {error}")
    else:
        tally.add_answer(question, answer, time.monotonic() - started)


def run_worker(client: Client, tally: Tally, stop: threading.Event, began: float, first: float) -> None:
    """By a time table, so that a slow answer does not lower the rate."""
    due = began + first
    while not stop.wait(max(0.0, due - time.monotonic())):
        send_once(client, tally, began)
        due += 1 / WORKER_RATE
    client.connection.close()


def start_workers(target: Target, load: Load, tally: Tally, stop: threading.Event) -> list[threading.Thread]:
    """Every second worker keeps its connection; their first requests are spread evenly."""
    count = max(2, round(load.rate / WORKER_RATE))
    questions = [questions_of(load.rows[index::count], load.lamp) for index in range(count)]
    began = time.monotonic()
    workers = []
    for index in range(count):
        client = Client(target, questions[index], keep_alive=index % 2 == 0)
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


def run(target: Target, load: Load, seconds: float, every: float, stop: threading.Event) -> Tally:
    tally = Tally()
    workers = start_workers(target, load, tally, stop)
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
    parser.add_argument("--faded", type=float, default=float(os.environ.get("FADED", "1")))
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
    load = Load(unseen_rows(), options.faded, options.rate)
    tally = run(target, load, options.seconds, options.every, stop)
    for text in tally.failures:
        print(f"failed: {text}")
    print(f"slowest: {tally.slowest_seconds * 1000:.0f} ms")
    for version in tally.versions():
        print(tally.accuracy_line(version))
    print(tally.line(), flush=True)
    return 0 if tally.failed == 0 and tally.requests > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
