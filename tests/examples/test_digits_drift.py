"""What the watch of the digits example sees, and what it makes of it."""

import contextlib
import io
import socket
import unittest
from unittest import mock

from serving import RunningServer

import brightness
import drift

EVEN = [30] * brightness.BUCKETS
NOTHING = [0] * brightness.BUCKETS


def row(mean: float) -> tuple[float, ...]:
    return (mean - 1, mean, mean + 1)


class Between(unittest.TestCase):
    def between(self, *seen: brightness.Counts) -> tuple[brightness.Counts, list[float]]:
        waits: list[float] = []
        return drift.between(mock.Mock(side_effect=seen), 10, waits.append), waits

    def test_what_came_between_two_looks_is_counted(self) -> None:
        before = [100, *NOTHING[1:]]
        after = [130, *EVEN[1:]]
        found, waits = self.between(brightness.Counts("2", before), brightness.Counts("2", after))
        self.assertEqual((found, waits), (brightness.Counts("2", EVEN), [10]))

    def test_another_version_is_looked_at_from_its_own_beginning(self) -> None:
        found, waits = self.between(brightness.Counts("2", EVEN), brightness.Counts("3", [40] * 10),
                                    brightness.Counts("3", [70] * 10))
        self.assertEqual((found, waits), (brightness.Counts("3", EVEN), [10, 10]))

    def test_a_server_that_started_anew_is_too(self) -> None:
        one_less = [29, *[100] * 9]
        found, _ = self.between(brightness.Counts("2", EVEN), brightness.Counts("2", one_less),
                                brightness.Counts("2", [59, *[130] * 9]))
        self.assertEqual(found, brightness.Counts("2", EVEN))

    def test_a_server_that_never_stays_is_an_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "changed 3 times within 30 s"):
            self.between(*(brightness.Counts(version, EVEN) for version in "1212"))


class Watch(unittest.TestCase):
    def watch(self, url: str, wait: drift.Wait) -> tuple[dict[str, object], str]:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            return drift.watch(drift.look_at(url), 10, wait), output.getvalue()

    def served(self, means: list[float]) -> dict[str, object]:
        """What it makes of a server that is asked about images of this brightness."""
        running = RunningServer("7")
        self.addCleanup(running.stop)
        asked = running.server.served.asked
        asked.add([row(5.0)] * 1000)  # before the window: does not count
        return self.watch(f"http://127.0.0.1:{running.port}", lambda _: asked.add(map(row, means)))[0]

    def test_images_like_those_of_the_training_are_no_drift(self) -> None:
        self.assertEqual(self.served([bucket + 0.5 for bucket in range(10)] * 20),
                         {"psi": 0.0, "requests": 200, "version": "7"})

    def test_darker_images_are_drift(self) -> None:
        found = self.served([0.5] * 200)
        self.assertGreater(found.pop("psi"), 0.2)
        self.assertEqual(found, {"requests": 200, "version": "7"})

    def test_too_few_images_are_no_drift_whatever_they_are(self) -> None:
        self.assertEqual(self.served([0.5] * 199), {"psi": 0.0, "requests": 199, "version": "7"})

    def assert_nothing_serves(self, url: str) -> None:
        found, output = self.watch(url, lambda _: None)
        self.assertEqual(found, {"psi": 0.0, "requests": 0, "version": ""})
        self.assertIn("nothing serves: ", output)

    def test_a_service_without_a_pod_is_no_drift(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assert_nothing_serves(f"http://127.0.0.1:{port}")

    def test_a_service_that_is_not_there_yet_is_no_drift(self) -> None:
        with mock.patch("socket.getaddrinfo", side_effect=socket.gaierror("no such name")):
            self.assert_nothing_serves("http://digits")

    def test_a_server_without_counts_fails_the_watch(self) -> None:
        running = RunningServer()
        self.addCleanup(running.stop)
        with mock.patch.dict("os.environ", {"URL": f"http://127.0.0.1:{running.port}/v2"}):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(drift.main(), 1)
        self.assertIn("HTTP Error 404", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
