"""The planted faults of tests/mutation do not rot: each applies, says what is wrong, and is in the table."""

import pathlib
import re
import subprocess
import unittest

from test_conformance import listed

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "mutation"
LEAST = 40
SENTENCE = re.compile(r"^[A-Za-z].{20,200}\.$")
# Of cli/ only what writes to the cluster.
LEAST_CONTEXT = re.compile(
    r"^(?:\+\+\+|---) [ab]/controller/(?:(?:plan|kube|cache|api|source)/|cli/(?:asker|backfill)|io/http2)\S+$")


def patches() -> list[pathlib.Path]:
    return sorted(FOLDER.glob("*.patch"))


def fault_of(path: pathlib.Path) -> str:
    """Why this is no planted fault, or ""."""
    lines = path.read_text().splitlines()
    if not re.fullmatch(r"\d{3}-[a-z0-9-]+", path.stem):
        return "its name is not NNN-what-is-wrong"
    if not SENTENCE.match(lines[0]):
        return "its first line is not one sentence that says what is wrong"
    if not all(LEAST_CONTEXT.match(line) for line in lines if line.startswith(("+++ ", "--- "))):
        return "it changes something else than what decides, asks and writes"
    applied = subprocess.run(
        ["git", "apply", "--check", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    return applied.stderr.strip()


class Mutation(unittest.TestCase):
    def test_every_planted_fault_applies_and_says_what_is_wrong(self) -> None:
        self.assertEqual({path.name: why for path in patches() if (why := fault_of(path))}, {})
        self.assertGreaterEqual(len(patches()), LEAST)

    def test_no_number_is_given_twice(self) -> None:
        numbers = [path.name[:3] for path in patches()]
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_the_table_of_the_docs_names_every_planted_fault_and_who_found_it(self) -> None:
        rows = dict(re.findall(r"^\| (\d{3}-\S+) \| .* \| (.*) \|$", (ROOT / "docs" / "testing.md").read_text(), re.MULTILINE))
        self.assertEqual(sorted(rows), [path.stem for path in patches()], "run `make mutation`")
        tests = {(file.rpartition("/")[2], name) for file, name in listed((ROOT / "tests" / "LIST.md").read_text())}
        tests |= {(file, "it died") for file, _ in tests}  # by a REQUIRE of the program's own
        found_by = {fault: re.fullmatch(r"`(\w+)` (.*)", found) for fault, found in rows.items()}
        self.assertEqual([fault for fault, found in found_by.items() if not found or found.groups() not in tests], [],
                         "no such test: `tests/mutation/run --docs` with these")

    def test_a_patch_that_does_not_apply_is_found(self) -> None:
        sound = patches()[0].read_text()
        torn = ROOT / "build" / "999-torn.patch"
        torn.parent.mkdir(exist_ok=True)
        self.addCleanup(torn.unlink)
        torn.write_text(re.sub(r"^ .*$", " something else", sound, flags=re.MULTILINE))
        self.assertIn("patch", fault_of(torn))
        torn.write_text("x\n" + sound)
        self.assertIn("first line", fault_of(torn))
