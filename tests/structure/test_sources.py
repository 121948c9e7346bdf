"""Small rules over all sources: lengths, unfinished work, formatting, shell scripts."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_LINES = 600
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def tracked(*patterns: str) -> list[pathlib.Path]:
    out = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return [ROOT / line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


class Sources(unittest.TestCase):
    def test_no_source_file_is_longer_than_one_idea(self) -> None:
        long = {
            str(path.relative_to(ROOT)): count
            for path in tracked("controller/*.c", "controller/*.h")
            if (count := len(path.read_text().splitlines())) > FILE_LINES
        }
        self.assertEqual(long, {})

    def test_nothing_is_marked_as_unfinished(self) -> None:
        marked = [
            f"{path.relative_to(ROOT)}:{number}"
            for path in tracked("controller", "hack", "bench", "examples", "manifests", "crds")
            if path.suffix not in (".json", ".svg", ".jsonl")
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
            if UNFINISHED.search(line)
        ]
        self.assertEqual(marked, [])

    def test_c_sources_are_formatted(self) -> None:
        files = tracked("controller/*.c", "controller/*.h", "tests/unit/*.c", "tests/support/*.[ch]", "tests/sim/*.[ch]", "tests/cost/*.[ch]", "tests/faults/*.[ch]",
                        "tests/fuzz/*.[ch]")
        out = subprocess.run(
            ["clang-format", "--dry-run", "-Werror", *map(str, files)],
            cwd=ROOT, capture_output=True, text=True,
        )
        self.assertEqual(out.returncode, 0, "run `make format`:\n" + out.stderr[:2000])

    def test_shell_scripts_pass_shellcheck(self) -> None:
        scripts = [
            path
            for path in tracked("hack", "tests", "bench", ".ci", "examples")
            if path.suffix in ("", ".sh")
            and path.read_text(errors="replace").startswith(("#!/usr/bin/env bash", "#!/bin/sh"))
        ]
        self.assertGreater(len(scripts), 4)
        out = subprocess.run(
            ["shellcheck", "-x", *map(str, scripts)], cwd=ROOT, capture_output=True, text=True
        )
        self.assertEqual(out.returncode, 0, out.stdout[:4000])
