"""The rooms of controller/ and who may include whom (docs/architecture.md)."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# core <- api <- {plan, source, cache} <- kube <- io <- {artifact, cli} <- main; obs uses core only.
MAY_INCLUDE = {
    "core": {"core"},
    "api": {"core", "api"},
    "plan": {"core", "api", "plan"},
    "source": {"core", "api", "source"},
    "cache": {"core", "api", "cache"},
    "kube": {"core", "api", "plan", "source", "cache", "kube"},
    "obs": {"core", "obs"},
    "io": {"core", "api", "plan", "source", "cache", "kube", "obs", "io"},
    "artifact": {"core", "io", "artifact"},
    "cli": {"core", "api", "plan", "source", "cache", "kube", "io", "obs", "artifact", "cli"},
    "main": {"core", "cli"},
}

# Libraries that only some rooms may touch.
LIBRARY_ROOMS = {
    "curl/": {"io"},
    "microhttpd.h": {"io"},
    "yaml.h": {"io"},
    "jansson.h": {"api", "artifact", "io"},
    "openssl/": {"core", "io"},
    "expat.h": {"source"},
    "sys/socket.h": {"io"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path: str) -> str:
    return path.split("/")[0] if "/" in path else "main"


def violations(files: dict[str, str]) -> list[str]:
    """What is included against the rules; `files` maps paths below controller/ to their text."""
    found = []
    for path, text in sorted(files.items()):
        room = room_of(path)
        for quote, target in INCLUDE.findall(text):
            if quote == '"':
                if target not in files:
                    found.append(f"{path} includes {target}, which is not in controller/")
                elif room_of(target) not in MAY_INCLUDE[room]:
                    found.append(f"{path} ({room}) may not include {target} ({room_of(target)})")
                continue
            for library, rooms in LIBRARY_ROOMS.items():
                if target.startswith(library) and room not in rooms:
                    found.append(f"{path} ({room}) may not include <{target}>")
    return found


def read_controller() -> dict[str, str]:
    base = ROOT / "controller"
    return {
        str(path.relative_to(base)): path.read_text()
        for path in sorted(base.rglob("*"))
        if path.suffix in (".c", ".h")
    }


class IncludeGraph(unittest.TestCase):
    def test_modules_include_only_what_lies_below_them(self) -> None:
        self.assertEqual(violations(read_controller()), [])

    def test_every_folder_is_a_known_module(self) -> None:
        rooms = {room_of(path) for path in read_controller()}
        self.assertEqual(rooms - set(MAY_INCLUDE), set())

    def test_planted_violations_are_found(self) -> None:
        files = {
            "plan/a.c": '#include "cache/b.h"\n#include <curl/curl.h>\n',
            "cache/b.h": '  #  include "kube/c.h"\n',
            "kube/c.h": '#include "core/none.h"\n',
            "obs/d.c": '#include "api/e.h"\n',
            "api/e.h": "",
            "main.c": '#include "plan/a.c"\n',
            "source/f.c": '#include "plan/a.c"\n',
        }
        self.assertEqual(
            violations(files),
            [
                "cache/b.h (cache) may not include kube/c.h (kube)",
                "kube/c.h includes core/none.h, which is not in controller/",
                "main.c (main) may not include plan/a.c (plan)",
                "obs/d.c (obs) may not include api/e.h (api)",
                "plan/a.c (plan) may not include cache/b.h (cache)",
                "plan/a.c (plan) may not include <curl/curl.h>",
                "source/f.c (source) may not include plan/a.c (plan)",
            ],
        )

    def test_json_trees_stay_in_the_api_module_and_the_helpers(self) -> None:
        leaks = [
            path
            for path, text in read_controller().items()
            if "json_t" in re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
            and room_of(path) not in ("api", "artifact", "io")
        ]
        self.assertEqual(leaks, [])

    def test_every_header_says_what_it_is_and_is_guarded_by_its_path(self) -> None:
        for path, text in read_controller().items():
            if not path.endswith(".h"):
                continue
            guard = "TIDEMILL_" + re.sub(r"[/.]", "_", path).upper()
            with self.subTest(path):
                self.assertTrue(text.startswith(f"#ifndef {guard}\n#define {guard}\n\n/*"), guard)
