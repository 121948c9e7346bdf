"""Prints all tests by name as Markdown: tests/LIST.md. `make test-list` writes it."""

import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CMOCKA = r"cmocka_unit_test(?:_\w+)?"
# A file's own short form of it, e.g. #define ROW(test) cmocka_unit_test_setup_teardown(test, ...)
SHORT_FORM = re.compile(r"^#define (\w+)\([^)]*\) *(?:\\\n)? *" + CMOCKA + r".*$", re.MULTILINE)


def sentence(name: str) -> str:
    return re.sub(r"^test_", "", name).replace("_", " ")


def cmocka_tests(source: str) -> list[str]:
    forms = "|".join([CMOCKA, *SHORT_FORM.findall(source)])
    uses = re.findall(rf"\b(?:{forms})\(\s*(\w+)", SHORT_FORM.sub("", source))
    return [sentence(name) for name in uses]


def unit_tests() -> list[tuple[str, list[str]]]:
    return [
        (str(path.relative_to(ROOT)), cmocka_tests(path.read_text()))
        for folder in ("unit", "cost", "sim")
        for path in sorted((ROOT / "tests" / folder).glob("test_*.c"))
    ]


def python_tests(folder: str) -> list[tuple[str, list[str]]]:
    found = []
    for path in sorted((ROOT / "tests" / folder).rglob("test_*.py")):
        names = []
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.get_docstring(node)
                names.append(text.splitlines()[0] if text else sentence(node.name))
        found.append((str(path.relative_to(ROOT)), names))
    return found


def fuzz_targets() -> list[tuple[str, list[str]]]:
    """What each target holds true, as its first comment says before it tells of its input."""
    found = []
    for path in sorted((ROOT / "tests" / "fuzz").glob("fuzz_*.c")):
        comment = path.read_text().split("*/")[0].removeprefix("/*").replace("\n *", "")
        found.append((str(path.relative_to(ROOT)), [comment.split(" Input:")[0].strip()]))
    return found


def render() -> str:
    groups = unit_tests() + fuzz_targets()
    for folder in ("structure", "image", "examples", "e2e"):
        groups += python_tests(folder)
    lines = ["# All tests, by name", "",
             "Written by `make test-list`; a test holds it to the sources. `tests/run` says how they",
             "are run; `tests/docs/run`, `tests/conformance/run` and `bench/run --check-writes` are stages",
             "of their own.", ""]
    for path, names in groups:
        lines += [f"## {path}", "", *(f"- {name}" for name in names), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(render())
