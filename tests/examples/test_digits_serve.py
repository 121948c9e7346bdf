"""serve.py: the protocol, what it refuses, and how it ends."""

import contextlib
import http.client
import json
import socket
import time
import unittest
from typing import Any

import serving
from serving import WIDTH, RunningServer, exchange, tensor

import brightness

INFER = "/v2/models/digits/infer"


class Serving(unittest.TestCase):
    def setUp(self) -> None:
        self.running = RunningServer()
        self.addCleanup(self.running.stop)
        self.connection = self.running.connect()
        self.addCleanup(self.connection.close)

    def exchange_on_new(self, method: str, path: str) -> tuple[http.client.HTTPResponse, Any]:
        with contextlib.closing(self.running.connect()) as connection:
            return exchange(connection, method, path)

    def infer(self, value: Any) -> tuple[int, Any]:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        response, answer = exchange(self.connection, "POST", INFER, body)
        return response.status, answer


class Protocol(Serving):
    def test_the_paths_of_the_protocol_answer_on_one_kept_connection(self) -> None:
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/digits", "/v2/models/digits/ready",
                     "/v2/models/digits/versions/1", "/v2/models/digits/versions/1/ready"):
            with self.subTest(path):
                response, _ = exchange(self.connection, "GET", path)
                self.assertEqual(response.status, 200)
                self.assertIsNone(response.getheader("Connection"))
                self.assertIsNotNone(self.connection.sock)

    def test_infer_answers_with_name_version_id_and_both_outputs(self) -> None:
        status, answer = self.infer({"id": "a", "inputs": [tensor(2)]})
        self.assertEqual(status, 200)
        self.assertEqual([answer["model_name"], answer["model_version"], answer["id"]], ["digits", "1", "a"])
        label, scores = answer["outputs"]
        self.assertEqual(label, {"name": "label", "datatype": "INT64", "shape": [2], "data": [4, 4]})
        self.assertEqual((scores["shape"], len(scores["data"])), ([2, 10], 20))

    def test_scores_keep_their_last_bit(self) -> None:
        _, answer = self.infer({"inputs": [tensor()]})
        self.assertEqual(answer["outputs"][1]["data"][0], -1 / 3)

    def test_nested_data_means_the_same_as_flat(self) -> None:
        nested = tensor(2, data=[[1.0] * WIDTH, [2.0] * WIDTH])
        self.assertEqual(self.infer({"inputs": [nested]})[1]["outputs"][0]["data"], [4, 8])

    def test_only_the_outputs_asked_for_come(self) -> None:
        _, answer = self.infer({"inputs": [tensor()], "outputs": [{"name": "label"}]})
        self.assertEqual([output["name"] for output in answer["outputs"]], ["label"])


class Metrics(Serving):
    def read(self) -> tuple[str, brightness.Counts]:
        self.connection.request("GET", "/metrics")
        response = self.connection.getresponse()
        text = response.read().decode()
        self.assertEqual((response.status, response.getheader("Content-Type")),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        return text, brightness.parse(text)

    def test_each_image_that_was_answered_is_counted_by_its_brightness(self) -> None:
        self.infer({"inputs": [tensor(3, data=[1.0] * WIDTH + [2.5] * WIDTH + [16.0] * WIDTH)]})
        text, counts = self.read()
        self.assertEqual(counts, brightness.Counts("1", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1]))
        self.assertTrue(text.endswith('_sum{version="1"} 19.5\ndigits_input_brightness_count{version="1"} 3\n'), text)

    def test_what_was_refused_is_not_counted(self) -> None:
        self.infer({"inputs": [tensor(data=[1.0])]})
        self.infer({"inputs": [tensor()], "outputs": [{"name": "x"}]})
        self.assertEqual(sum(self.read()[1].buckets), 0)


class Refusals(Serving):
    def test_bad_input_is_a_400_that_says_where(self) -> None:
        many = [1.0] * WIDTH
        cases: list[tuple[str, Any, str]] = [
            ("not JSON", b"{", "the body is not JSON: Expecting property name enclosed in double quotes: "
                               "line 1 column 2 (char 1)"),
            ("not an object", [], "the body is not a JSON object"),
            ("an id that is no string", {"id": 1}, "id: expected a string"),
            ("no inputs", {}, "inputs: expected a list of one tensor named 'pixels'"),
            ("two inputs", {"inputs": [tensor(), tensor()]}, "inputs: expected a list of one tensor named 'pixels'"),
            ("another name", {"inputs": [tensor(name="x")]}, "inputs[0].name: expected 'pixels', got \"x\""),
            ("text", {"inputs": [tensor(datatype="BYTES")]},
             "inputs[0].datatype: expected a number type such as 'FP64', got \"BYTES\""),
            ("too narrow", {"inputs": [tensor(shape=[1, 63])]},
             "inputs[0].shape: expected [rows, 64] with 1 to 1000 rows, got [1, 63]"),
            ("no rows", {"inputs": [tensor(shape=[0, 64], data=[])]},
             "inputs[0].shape: expected [rows, 64] with 1 to 1000 rows, got [0, 64]"),
            ("a true in the shape", {"inputs": [tensor(shape=[True, 64])]},
             "inputs[0].shape: expected [rows, 64] with 1 to 1000 rows, got [true, 64]"),
            ("too few values", {"inputs": [tensor(data=many[:-1])]},
             "inputs[0].data: expected 64 values for shape [1, 64], got 63"),
            ("no list", {"inputs": [tensor(data="x")]}, "inputs[0].data: expected a list of numbers"),
            ("a string", {"inputs": [tensor(data=[*many[:-1], "1"])]},
             "inputs[0].data: value 63 is not a finite number"),
            ("a NaN", {"inputs": [tensor(data=[float("nan"), *many[1:]])]},
             "inputs[0].data: value 0 is not a finite number"),
            ("a huge integer", {"inputs": [tensor(data=[10**400, *many[1:]])]},
             "inputs[0].data: value 0 is not a finite number"),
            ("an unknown output", {"inputs": [tensor()], "outputs": [{"name": "x"}]},
             "outputs[0].name: expected one of label, scores, got \"x\""),
        ]
        for title, value, message in cases:
            with self.subTest(title):
                self.assertEqual(self.infer(value), (400, {"error": message}))

    def test_data_nested_without_end_is_refused_and_the_server_lives(self) -> None:
        body = b'{"inputs": [{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
        self.assertEqual(self.infer(body)[0], 400)
        self.assertEqual(self.infer({"inputs": [tensor()]})[0], 200)

    def test_unknown_names_and_wrong_methods(self) -> None:
        for method, path, status in [("GET", "/", 404), ("GET", "/v2/models/other", 404), ("POST", "/v2", 404),
                                     ("GET", "/v2/models/digits/versions/2", 404), ("GET", INFER, 405),
                                     ("DELETE", "/v2", 501)]:
            with self.subTest(f"{method} {path}"):
                response, answer = self.exchange_on_new(method, path)
                self.assertEqual(response.status, status)
                self.assertIn("error", answer)

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.running.port), timeout=60) as raw:
            raw.sendall(text)
            parts = []
            while part := raw.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def test_a_body_that_is_not_read_ends_the_connection(self) -> None:
        head = b"POST " + INFER.encode() + b" HTTP/1.1\r\nHost: x\r\n"
        for title, lines, status in [
            ("no length", b"\r\n", b" 411 "),
            ("chunked", b"Transfer-Encoding: chunked\r\n\r\n", b" 411 "),
            ("a negative length", b"Content-Length: -1\r\n\r\n", b" 411 "),
            ("too long", b"Content-Length: 99999999999999999999\r\n\r\n", b" 413 "),
        ]:
            with self.subTest(title):
                answer = self.raw(head + lines)
                self.assertIn(status, answer.split(b"\r\n")[0])
                self.assertIn(b"Connection: close", answer)

    def test_what_is_not_http_gets_json_too(self) -> None:
        self.assertIn(b'{"error": ', self.raw(b"NONSENSE\r\n\r\n"))


class Draining(Serving):
    def test_it_answers_on_kept_and_new_connections_with_close_and_is_not_ready(self) -> None:
        exchange(self.connection, "GET", "/v2/health/ready")
        self.running.drain.started.set()
        response, _ = exchange(self.connection, "POST", INFER, json.dumps({"inputs": [tensor()]}).encode())
        self.assertEqual((response.status, response.getheader("Connection")), (200, "close"))
        response, _ = self.exchange_on_new("GET", "/v2/health/ready")
        self.assertEqual((response.status, response.getheader("Connection")), (503, "close"))
        response, _ = self.exchange_on_new("GET", "/v2/health/live")
        self.assertEqual(response.status, 200)

    def test_it_ends_when_nothing_comes_any_more(self) -> None:
        self.running.drain.started.set()
        self.running.thread.join(60)
        self.assertFalse(self.running.thread.is_alive())


class DrainClock(unittest.TestCase):
    def test_requests_put_the_end_off_but_not_beyond_the_limit(self) -> None:
        drain = serving.serve.Drain()
        drain.begin_request()  # one that never ends
        began = time.monotonic()
        self.assertFalse(drain.wait_until_idle(idle_seconds=0.05, limit_seconds=0.3))
        self.assertGreaterEqual(time.monotonic() - began, 0.3)
        drain.end_request()
        self.assertTrue(drain.wait_until_idle(idle_seconds=0.05, limit_seconds=60))


if __name__ == "__main__":
    unittest.main()
