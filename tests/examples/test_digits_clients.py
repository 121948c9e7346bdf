"""traffic.py hides no failure, and predict.py finds every difference."""

import contextlib
import io
import itertools
import json
import socket
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import support
from serving import WIDTH, RunningServer, predict

import land
import model
import predict as predict_program
import traffic

ROWS = [(*[float(digit)] + [0.0] * (WIDTH - 1), float(digit)) for digit in range(10)]  # predict() is right, if bright
LIMIT_SECONDS = 60.0
TARGET = traffic.parse_target("http://digits", "digits", LIMIT_SECONDS)
QUESTION = traffic.ask(ROWS[3], faded=False)
LABEL = b'{"model_version": "1", "outputs": [{"name": "label", "data": [3]}]}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%%b\r\n%b" % (len(LABEL), LABEL)


def read_request(connection: socket.socket) -> bool:
    """Head and body, which may come in parts; False: the client has closed."""
    received = b""
    while not received.endswith(QUESTION.body):
        part = connection.recv(65536)
        if not part:
            return False
        received += part
    return True


@contextlib.contextmanager
def scripted_server(answers: list[bytes | None]) -> Iterator[tuple[int, list[int]]]:
    """Answers request after request; None closes without an answer. Yields port and connections seen."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[int] = []

    def serve_connection(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while answers and read_request(connection):
                answer = answers.pop(0)
                if answer is None:
                    return
                connection.sendall(answer)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(1)
                serve_connection(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], connections
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(LIMIT_SECONDS)


def target_at(port: int) -> traffic.Target:
    return traffic.parse_target(f"http://127.0.0.1:{port}", "digits", LIMIT_SECONDS)


def wait_until(condition: Callable[[], object], seen: Callable[[], str]) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {LIMIT_SECONDS} s; seen: {seen()}")
        time.sleep(0.02)


@contextlib.contextmanager
def sending(port: int, load: traffic.Load | None = None) -> Iterator[tuple[traffic.Tally, io.StringIO]]:
    """traffic.run for as long as the test looks at its tally and at what it prints."""
    tally, output, stop = traffic.Tally(), io.StringIO(), threading.Event()
    arguments = (target_at(port), load or traffic.Load(ROWS, 1, 50), LIMIT_SECONDS, 0.2, stop)
    with mock.patch.object(traffic, "Tally", lambda: tally), contextlib.redirect_stdout(output):
        thread = threading.Thread(target=traffic.run, args=arguments, daemon=True)
        thread.start()
        try:
            yield tally, output
        finally:
            stop.set()
            thread.join(LIMIT_SECONDS)


def send(port: int, count: int, keep_alive: bool = True) -> traffic.Tally:
    tally = traffic.Tally()
    client = traffic.Client(target_at(port), itertools.repeat(QUESTION), keep_alive)
    for _ in range(count):
        traffic.send_once(client, tally, 0.0)
    client.connection.close()
    return tally


class Traffic(unittest.TestCase):
    def test_one_connection_is_kept_for_all_requests(self) -> None:
        with scripted_server([OK % b""] * 3) as (port, connections):
            self.assertEqual(send(port, 3).failed, 0)
            self.assertEqual(len(connections), 1)

    def test_after_connection_close_comes_a_new_one_without_a_failure(self) -> None:
        with scripted_server([OK % b"Connection: close\r\n", OK % b""]) as (port, connections):
            tally = send(port, 1)
            self.assertEqual(tally.failed, 0)
            tally = send(port, 1)
            self.assertEqual((tally.failed, len(connections)), (0, 2))

    def test_a_connection_closed_without_an_answer_is_a_failure_and_is_not_tried_again(self) -> None:
        with scripted_server([OK % b"", None, OK % b""]) as (port, _):
            tally = send(port, 3)
        self.assertEqual((tally.requests, tally.failed), (3, 1))
        self.assertIn("kept-alive: RemoteDisconnected", tally.failures[0])

    def test_another_status_is_a_failure_with_its_text(self) -> None:
        with scripted_server([b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy"]) as (port, _):
            tally = send(port, 1)
        self.assertEqual(tally.failed, 1)
        self.assertIn("status 503: b'busy'", tally.failures[0])

    def test_an_answer_without_a_version_or_a_label_is_a_failure(self) -> None:
        answers = [b"{}", LABEL.replace(b"model_version", b"version"), LABEL.replace(b"label", b"scores"),
                   LABEL.replace(b"[3]", b"[]"), b'{"model_version": "1"}']
        for body in answers:
            with self.subTest(body), scripted_server([b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
                                                      % (len(body), body)]) as (port, _):
                self.assertEqual(send(port, 1).failed, 1)

    def test_a_wrong_label_is_an_answer_but_not_right(self) -> None:
        wrong = OK.replace(b"[3]", b"[8]") % b""
        with scripted_server([OK % b"", wrong, OK % b"", wrong]) as (port, _):
            tally = send(port, 4)
        self.assertEqual(tally.failed, 0)
        self.assertEqual(tally.accuracy_line("1"), "version 1: 0.500 of 4 right")

    def test_nobody_there_is_a_failure_each_time_and_ten_are_kept(self) -> None:
        with scripted_server([]) as (port, _):
            pass
        tally = send(port, 12, keep_alive=False)
        self.assertEqual((tally.requests, tally.failed, len(tally.failures)), (12, 12, 10))

    def test_a_worker_asks_by_its_time_table_whatever_the_answers_take(self) -> None:
        moments, passed = [], [0.0]

        class Stop:
            """Time goes on only here, and with a slow answer."""

            def wait(self, seconds: float) -> bool:
                passed[0] += seconds
                moments.append(round(passed[0], 6))
                return len(moments) > 5

        def answer_slowly(*_: Any) -> None:
            passed[0] += 0.5 if len(moments) == 2 else 0.01

        with mock.patch.object(traffic.time, "monotonic", lambda: passed[0]):
            with mock.patch.object(traffic, "send_once", answer_slowly):
                traffic.run_worker(mock.Mock(), traffic.Tally(), Stop(), 0.0, 0.05)
        self.assertEqual(traffic.WORKER_RATE, 5)
        self.assertEqual(moments, [0.05, 0.25, 0.75, 0.76, 0.85, 1.05])

    def test_workers_are_as_many_as_the_rate_needs_and_every_second_keeps_its_connection(self) -> None:
        with mock.patch.object(traffic, "run_worker") as worker:
            workers = traffic.start_workers(TARGET, traffic.Load(ROWS, 1, 25), traffic.Tally(), threading.Event())
            for each in workers:
                each.join(LIMIT_SECONDS)
        calls = sorted((call.args for call in worker.call_args_list), key=lambda each: each[-1])
        self.assertEqual([each[0].keep_alive for each in calls], [True, False, True, False, True])
        self.assertEqual([round(each[-1], 6) for each in calls], [0, 0.04, 0.08, 0.12, 0.16])

    def test_it_tells_what_it_has_seen_while_it_asks(self) -> None:
        running = RunningServer()
        self.addCleanup(running.stop)
        with sending(running.port) as (tally, output):
            wait_until(lambda: len(output.getvalue().splitlines()) >= 2, output.getvalue)
        self.assertEqual(tally.failed, 0, tally.failures)
        self.assertEqual(tally.right, tally.asked)
        self.assertRegex(output.getvalue(), r"requests=\d+ failed=0 versions=\{\"1\": \d+\}")

    def test_no_request_fails_while_one_version_takes_over_from_another(self) -> None:
        """Two servers behind one name: new connections go to the second while the first drains."""
        old, new = RunningServer("1", idle_seconds=0.5), RunningServer("2")
        self.addCleanup(new.stop)
        real_connect, current = socket.create_connection, [old.port]

        def connect(address: Any, *arguments: Any, **options: Any) -> socket.socket:
            return real_connect(("127.0.0.1", current[0]), *arguments, **options)

        with mock.patch("socket.create_connection", connect), sending(old.port) as (tally, _):
            wait_until(lambda: tally.versions().get("1", 0) >= 50, tally.line)
            current[0] = new.port
            old.drain.started.set()
            wait_until(lambda: tally.versions().get("2", 0) >= 50, tally.line)
            old.stop()
            ended = tally.requests
            wait_until(lambda: tally.requests >= ended + 20, tally.line)
        self.assertEqual(tally.failed, 0, tally.failures)
        self.assertEqual(set(tally.versions()), {"1", "2"})

    def test_the_last_line_is_as_documented(self) -> None:
        tally = traffic.Tally(requests=4, failed=1)
        tally.asked.update({("2", True): 1, ("1", True): 1, ("1", False): 1})
        self.assertEqual(tally.line(), 'requests=4 failed=1 versions={"1": 2, "2": 1}')

    def test_every_second_image_is_faded_and_keeps_its_digit(self) -> None:
        questions = list(itertools.islice(traffic.questions_of(ROWS[2:6], 0.5), 5))
        self.assertEqual([each.faded for each in questions], [False, True, False, True, False])
        self.assertEqual([each.digit for each in questions], [2, 3, 4, 5, 2])
        first = [json.loads(each.body)["inputs"][0]["data"][0] for each in questions]
        self.assertEqual(first, [2, 1.5, 4, 2.5, 2])
        self.assertFalse(any(each.faded for each in itertools.islice(traffic.questions_of(ROWS, 1), 10)))

    def test_right_answers_are_told_by_version_and_lamp(self) -> None:
        tally = traffic.Tally()
        faded = traffic.ask(ROWS[3], faded=True)
        for question, version, label in [(QUESTION, "2", 3), (faded, "2", 3), (faded, "2", 9), (faded, "2", 9),
                                         (QUESTION, "1", 3), (faded, "3", 3)]:
            tally.add_answer(question, traffic.Answer(version, label), 0.0)
        self.assertEqual([tally.accuracy_line(version) for version in tally.versions()],
                         ["version 1: 1.000 of 1 right", "version 2: 1.000 of 1 right, with a faded lamp 0.333 of 3",
                          "version 3: with a faded lamp 1.000 of 1"])

    def test_a_faded_lamp_is_seen_in_the_answers_of_a_server(self) -> None:
        running = RunningServer()
        self.addCleanup(running.stop)
        with sending(running.port, traffic.Load(ROWS[1:5] * 10, 0.4, 50)) as (tally, _):
            wait_until(lambda: tally.asked["1", True] > 0 and tally.asked["1", False] > 0, tally.line)
        self.assertEqual((tally.failed, tally.right["1", True]), (0, 0))
        self.assertEqual(tally.right["1", False], tally.asked["1", False])
        self.assertGreater(tally.asked["1", True], 0)


class RealDigits(unittest.TestCase):
    def test_the_traffic_asks_all_real_digits_that_the_first_two_batches_do_not_hold(self) -> None:
        missing = support.missing_packages()
        if missing:
            self.skipTest(missing)
        sys.path.append(str(support.PACKAGES))
        self.addCleanup(sys.path.remove, str(support.PACKAGES))
        everything = land.load_all()
        self.assertEqual(Counter(traffic.unseen_rows()), Counter(everything[600:]))
        self.assertEqual(traffic.unseen_rows(), traffic.unseen_rows())


class Predict(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write_model("run-a", b"another model")
        self.digest = self.write_model("run-b", b"the model")
        self.running = RunningServer("4")
        self.addCleanup(self.running.stop)
        self.call = predict_program.call_over(f"http://127.0.0.1:{self.running.port}")
        served = self.running.server.served
        self.running.server.served = type(served)(**{**vars(served), "digest": self.digest})

    def write_model(self, name: str, content: bytes) -> str:
        folder = self.root / name / "model"
        folder.mkdir(parents=True)
        (folder / model.MODEL_FILE).write_bytes(content)
        rows = [[float((i + p) % 17) for p in range(WIDTH)] for i in range(20)]
        offline = predict(rows)
        model.write_held_back(folder, model.HeldBack(rows, offline.labels, offline))
        return model.model_digest(folder)

    def compare(self, offline: Callable[..., model.Predictions] = lambda _, rows: predict(rows)) -> tuple[bool, str]:
        with contextlib.redirect_stdout(io.StringIO()) as output, mock.patch.object(model, "load"):
            with mock.patch.object(model, "predict", offline):
                equal = predict_program.compare(self.call, "digits", self.root)
        return equal, output.getvalue()

    def test_twenty_equal_rows_of_the_file_that_the_server_names(self) -> None:
        equal, output = self.compare()
        self.assertTrue(equal)
        self.assertEqual(output.splitlines()[-1], "20 of 20 equal")
        self.assertIn("run-b/model/model.joblib", output)

    def test_one_bit_of_one_score_is_a_difference(self) -> None:
        def other(_: Any, rows: list[list[float]]) -> model.Predictions:
            found = predict(rows)
            found.scores[3][0] += 2**-54 if found.scores[3][0] > 0 else -(2**-52)
            return found

        equal, output = self.compare(other)
        self.assertFalse(equal)
        self.assertEqual(output.splitlines()[-1], "19 of 20 equal")

    def test_a_file_that_is_nowhere_is_an_error_that_names_it(self) -> None:
        (self.root / "run-b" / "model" / model.MODEL_FILE).write_bytes(b"changed")
        with self.assertRaisesRegex(FileNotFoundError, self.digest):
            self.compare()

    def test_a_version_that_changes_meanwhile_is_told_apart_from_a_difference(self) -> None:
        real = self.call

        def call(method: str, path: str, value: Any) -> Any:
            answer = real(method, path, value)
            return {**answer, "versions": ["3"]} if method == "GET" else answer

        self.call = call
        with self.assertRaisesRegex(predict_program.VersionChanged, "version 3 became 4"):
            self.compare()

    def test_scores_survive_the_file(self) -> None:
        folder = self.root / "run-b" / "model"
        held_back = model.read_held_back(folder)
        self.assertEqual(held_back.offline, predict(held_back.rows))
        self.assertIsInstance(json.loads((folder / model.HELD_BACK_FILE).read_text())["truth"], list)


if __name__ == "__main__":
    unittest.main()
