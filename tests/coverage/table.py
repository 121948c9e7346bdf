"""Reads gcovr's JSON: a table of the files, what is not reached as file:line, and the floors.

    table.py REPORT FLOORS

FLOORS has a line for each folder: its path, percent of lines, percent of branches; "#" begins a
comment. Exit code 1 when a folder is below one of its two.
"""

import itertools
import json
import pathlib
import sys
from collections.abc import Iterable


class File:
    """One source file: for each of its lines, whether it ran, and its branches that were taken."""

    def __init__(self, entry: dict) -> None:
        self.path: str = entry["file"]
        lines = [line for line in entry["lines"]
                 if not line.get("gcovr/noncode") and not line.get("gcovr/excluded")]
        self.ran = {line["line_number"]: line["count"] > 0 for line in lines}
        self.taken = {
            line["line_number"]: [branch["count"] > 0 for branch in line["branches"]
                                  if not branch.get("gcovr/excluded")]
            for line in lines
        }

    def lines(self) -> tuple[int, int]:
        return sum(self.ran.values()), len(self.ran)

    def branches(self) -> tuple[int, int]:
        taken = list(itertools.chain.from_iterable(self.taken.values()))
        return sum(taken), len(taken)

    def missing_lines(self) -> list[int]:
        return [number for number, ran in self.ran.items() if not ran]

    def missing_branches(self) -> list[int]:
        return [number for number, taken in self.taken.items() if self.ran[number] and not all(taken)]


def total(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    pairs = list(counts)
    return sum(covered for covered, _ in pairs), sum(of for _, of in pairs)


def percent(count: tuple[int, int]) -> float:
    return 100.0 * count[0] / count[1] if count[1] else 100.0


def row(name: str, files: list[File]) -> str:
    lines = total(file.lines() for file in files)
    branches = total(file.branches() for file in files)
    return (f"{name:36} {lines[0]:5}/{lines[1]:<5} {percent(lines):6.1f} % "
            f"{branches[0]:6}/{branches[1]:<6} {percent(branches):6.1f} %")


def ranges(numbers: list[int]) -> str:
    """[1, 2, 3, 7] as "1-3,7"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def print_missing(title: str, missing: list[tuple[str, list[int]]]) -> None:
    print(f"\n{title}")
    for path, numbers in missing:
        if numbers:
            print(f"  {path}:{ranges(numbers)}")
    if not any(numbers for _, numbers in missing):
        print("  none")


def read_floors(path: str) -> list[tuple[str, float, float]]:
    floors = []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words:
            floors.append((words[0], float(words[1]), float(words[2])))
    return floors


def below(files: list[File], folder: str, kind: str, floor: float) -> str | None:
    inside = [file for file in files if file.path.startswith(folder)]
    reached = percent(total(file.lines() if kind == "lines" else file.branches() for file in inside))
    if inside and reached >= floor:
        return None
    return f"{folder}: {reached:.2f} % of {kind}, below the floor of {floor} %"


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as report:
        files = [File(entry) for entry in json.load(report)["files"]]
    files.sort(key=lambda file: file.path)
    floors = read_floors(sys.argv[2])
    print(f"{'file':36} {'lines':>11} {'':8} {'branches':>13}")
    for file in files:
        print(row(file.path, [file]))
    print()
    for folder, _, _ in floors:
        print(row(folder, [file for file in files if file.path.startswith(folder)]))
    print_missing("lines that no test runs:", [(file.path, file.missing_lines()) for file in files])
    print_missing("lines of which some branch is never taken:",
                  [(file.path, file.missing_branches()) for file in files])
    faults = [fault for folder, lines, branches in floors
              for fault in (below(files, folder, "lines", lines),
                            below(files, folder, "branches", branches)) if fault]
    print("")
    print("\n".join(faults) if faults else "all floors hold")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
