"""Flags of `tidemill controller` that can't be meant: it says which and why, and exits with 2."""

import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build" / "release" / "tidemill"
LIMIT_SECONDS = 120


def refusal(*flags: str) -> tuple[int, str]:
    done = subprocess.run([PROGRAM, "controller", *flags], capture_output=True, text=True,
                          timeout=LIMIT_SECONDS, env={}, check=False)
    return done.returncode, done.stderr


class LeaderElection(unittest.TestCase):
    def test_times_of_the_lease_that_do_not_fit_are_refused_with_the_reason(self) -> None:
        rows = [
            (("--lease-duration", "10s"), "--lease-duration (10000 ms) must be longer than --renew-deadline"),
            (("--renew-deadline", "15s"), "--lease-duration (15000 ms) must be longer than --renew-deadline (15000 ms)"),
            (("--renew-deadline", "2400ms"), "must be longer than 1.2 times --retry-period (2000 ms)"),
            (("--retry-period", "0s"), "--retry-period (0 ms), which must be over 0"),
            (("--lease-duration", "15500ms"), "it must be whole seconds"),
            (("--lease-duration", "15"), '--lease-duration "15": expected a duration like 15s'),
            (("--retry-period", "soon"), '--retry-period "soon": expected a duration'),
            (("--renew-deadline", "-1s"), '--renew-deadline "-1s": expected a duration'),
        ]
        for flags, says in rows:
            with self.subTest(flags):
                code, text = refusal("--leader-elect", *flags)
                self.assertEqual(code, 2, text)
                self.assertIn(says, text)

    def test_flags_of_webhooks_that_do_not_go_together_are_refused(self) -> None:
        rows = [
            (("--webhook-address", ":0", "--webhook-tls-cert", "x"), "belong together: give both, or neither"),
            (("--webhook-address", ":0", "--webhook-tls-key", "x"), "belong together: give both, or neither"),
            (("--webhook-tls-cert", "x", "--webhook-tls-key", "x"), "give --webhook-address too"),
        ]
        for flags, says in rows:
            with self.subTest(flags):
                code, text = refusal(*flags)
                self.assertEqual(code, 2, text)
                self.assertIn(says, text)

    def test_help_names_each_flag(self) -> None:
        done = subprocess.run([PROGRAM, "controller", "--help"], capture_output=True, text=True,
                              timeout=LIMIT_SECONDS, check=True)
        operations = (ROOT / "docs" / "operations.md").read_text()
        for flag in ("--leader-elect", "--lease-duration", "--renew-deadline", "--retry-period", "--lease-namespace",
                     "--webhook-address", "--webhook-tls-cert", "--webhook-tls-key", "--allow-egress",
                     "--allow-egress-addresses"):
            self.assertIn(flag, done.stdout)
            self.assertIn(f"`{flag}`", operations)
