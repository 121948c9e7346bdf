"""tests/LIST.md names every test."""

import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class TestList(unittest.TestCase):
    def test_the_list_of_all_tests_is_up_to_date(self) -> None:
        out = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "support" / "list_tests.py")],
            check=True, capture_output=True, text=True,
        )
        listed = (ROOT / "tests" / "LIST.md").read_text()
        self.assertEqual(listed, out.stdout, "run `make test-list`")
