"""Prints gcovr's JSON summary as a table: files with what is missing, then the two folders."""

import json
import sys


def percent(covered: int, total: int) -> str:
    return f"{100.0 * covered / total:6.1f} %" if total else "      - "


def row(name: str, entries: list[dict]) -> str:
    lines = sum(entry["line_total"] for entry in entries)
    lines_covered = sum(entry["line_covered"] for entry in entries)
    branches = sum(entry["branch_total"] for entry in entries)
    branches_covered = sum(entry["branch_covered"] for entry in entries)
    return (f"{name:36} {lines_covered:5}/{lines:<5} {percent(lines_covered, lines)} "
            f"{branches_covered:6}/{branches:<6} {percent(branches_covered, branches)}")


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = json.load(file)["files"]
    print(f"{'file':36} {'lines':>11} {'':8} {'branches':>13}")
    for entry in sorted(entries, key=lambda entry: entry["filename"]):
        print(row(entry["filename"], [entry]))
    print()
    for folder in ("controller/api/", "controller/plan/"):
        print(row(folder, [entry for entry in entries if entry["filename"].startswith(folder)]))
    print(row("both", entries))


if __name__ == "__main__":
    main()
