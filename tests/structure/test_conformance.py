"""docs/conformance.md names every line of the checklist once, and only tests that exist."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The checklist's sections and how many lines each has.
LINES = {"C": 28, "A": 11, "J": 5, "K": 6, "D": 2, "S": 8, "X": 14}

ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.*?) ?\| (.*?) ?\|$")
NAMED = re.compile(r"^`([\w./-]+)` (.+)$")


def listed(text: str) -> set[tuple[str, str]]:
    """tests/LIST.md as (file without tests/ and its ending, name)."""
    found = set()
    file = ""
    for line in text.splitlines():
        if line.startswith("## tests/"):
            file = line.removeprefix("## tests/").rsplit(".", 1)[0]
        elif line.startswith("- "):
            found.add((file, line.removeprefix("- ")))
    return found


def faults(table: str, tests: set[tuple[str, str]]) -> list[str]:
    """What is wrong with the table, in the order of its lines."""
    wanted = [f"{letter}{at}" for letter, count in LINES.items() for at in range(1, count + 1)]
    seen: list[str] = []
    found = []
    for line in table.splitlines():
        if not re.match(r"^\| *[A-Z]\d", line):
            continue
        row = ROW.match(line)
        if not row:
            found.append(f"not | number | what | tests | missing, and why |: {line[:60]}")
            continue
        number, _, cell, missing = row.groups()
        seen.append(number)
        if not cell and not missing:
            found.append(f"{number}: neither a test nor a reason why there is none")
        for item in cell.split("<br>") if cell else []:
            named = NAMED.match(item)
            if not named:
                found.append(f"{number}: not `file` and a name: {item[:60]}")
            elif named.groups() not in tests:
                found.append(f"{number}: no such test in tests/LIST.md: {item}")
    found += [f"{number}: not in the table" for number in wanted if number not in seen]
    found += [f"{number}: not in the checklist" for number in seen if number not in wanted]
    found += [f"{number}: twice" for number in sorted(set(seen)) if seen.count(number) > 1]
    return found


class Conformance(unittest.TestCase):
    def setUp(self) -> None:
        self.table = (ROOT / "docs" / "conformance.md").read_text()
        self.tests = listed((ROOT / "tests" / "LIST.md").read_text())

    def test_every_line_of_the_checklist_is_in_the_table_with_tests_that_exist(self) -> None:
        self.assertEqual(faults(self.table, self.tests), [])

    def test_planted_faults_of_the_table_are_found(self) -> None:
        name = "`unit/test_queue` a key is never in two hands"
        lines = self.table.splitlines()
        at = next(index for index, line in enumerate(lines) if line.startswith("| C22 |"))
        plants = {
            "C22: no such test in tests/LIST.md": lines[at].replace(name, name + "s"),
            "C22: not `file` and a name": lines[at].replace(name, "a key is never in two hands"),
            "C22: neither a test nor a reason": "| C22 | one key | | |",
            "C22: not in the table": "",
            "C22: twice": lines[at] + "\n" + lines[at],
            "C99: not in the checklist": lines[at] + "\n| C99 | more | | later |",
            "not | number | what | tests": lines[at] + "\n| C9 | in short |",
        }
        for fault, line in plants.items():
            with self.subTest(fault):
                changed = "\n".join([*lines[:at], line, *lines[at + 1:]])
                found = faults(changed, self.tests)
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(fault), found)
