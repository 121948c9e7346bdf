"""The end-to-end tests know a secret in each of the forms that they look for."""

import base64
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import secrets  # noqa: E402

SECRET = "hunter2-Zx9"


class Forms(unittest.TestCase):
    def test_a_secret_is_known_in_plain_in_hex_and_at_each_place_in_base64(self) -> None:
        for user in ("", "u", "us", "use"):
            for rest in ("", "x", "xy"):
                text = f"{user}:{SECRET}{rest}"
                for shown in (text, text.encode().hex(), base64.b64encode(text.encode()).decode()):
                    self.assertEqual([f"{SECRET!r} in log"], secrets.found_in({"log": f"a {shown} b"}, SECRET))
        self.assertEqual([], secrets.found_in({"log": base64.b64encode(b"another-secret-than-that").decode()}, SECRET))
