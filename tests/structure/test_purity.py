"""plan/, source/ and api/ cannot read a clock, the environment, randomness, a file or the network."""

import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OBJECTS = ROOT / "build" / "release" / "controller"

# All that the objects may take from outside of the project.
ALLOWED = {
    # memory and text
    "memcpy", "memmove", "memset", "memcmp", "memchr", "strlen", "strcmp", "strncmp", "strchr",
    "strrchr", "strstr", "strspn", "strcspn", "strpbrk", "strnlen", "strcasecmp", "strncasecmp",
    "free",
    # text with numbers, into memory
    "snprintf", "vsnprintf", "__snprintf_chk", "__vsnprintf_chk", "strtol", "strtoll", "strtoull",
    "__isoc99_sscanf", "__isoc23_strtol", "__isoc23_strtoll", "__ctype_b_loc", "__memcpy_chk",
    "__memset_chk", "__memmove_chk", "strtod",
    # sorting and searching
    "qsort", "bsearch",
    # regular expressions of parameters (POSIX, no I/O)
    "regcomp", "regexec", "regerror", "regfree",
    # what the compiler adds
    "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_",
}
# jansson, and expat (of source/ alone: test_modules.py), which is given bytes and has no way to files
ALLOWED_PREFIXES = ("json_", "XML_")
# jansson's own ways to the outside
FORBIDDEN = {"json_load_file", "json_loadf", "json_loadfd", "json_dump_file", "json_dumpf",
             "json_dumpfd", "json_object_seed"}


def undefined_symbols(objects: list[pathlib.Path]) -> dict[str, set[str]]:
    """The symbols that no object of the project defines, with the objects that need them."""
    needed: dict[str, set[str]] = {}
    for path in objects:
        out = subprocess.run(["nm", "-u", str(path)], check=True, capture_output=True, text=True)
        for line in out.stdout.splitlines():
            needed.setdefault(line.split()[-1], set()).add(path.name)
    return needed


def defined_symbols(objects: list[pathlib.Path]) -> set[str]:
    defined = set()
    for path in objects:
        out = subprocess.run(
            ["nm", "-g", "--defined-only", str(path)], check=True, capture_output=True, text=True
        )
        defined |= {line.split()[-1] for line in out.stdout.splitlines() if line}
    return defined


def impurities(objects: list[pathlib.Path], project: set[str]) -> list[str]:
    found = []
    for symbol, users in undefined_symbols(objects).items():
        fine = symbol in ALLOWED or symbol.startswith(ALLOWED_PREFIXES) or symbol in project
        if symbol in FORBIDDEN or not fine:
            found.append(f"{symbol} in {', '.join(sorted(users))}")
    return sorted(found)


# Ways to memory that do not end the program when there is none (core/memory.h).
ALLOCATORS = {
    "malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "asprintf", "vasprintf",
    "__asprintf_chk", "__vasprintf_chk", "getline", "getdelim", "open_memstream", "fopencookie",
    "posix_memalign", "aligned_alloc", "memalign", "scandir", "realpath", "get_current_dir_name",
}


def allocators(objects: list[pathlib.Path]) -> list[str]:
    return sorted(
        f"{symbol} in {user}"
        for symbol, users in undefined_symbols(objects).items() if symbol in ALLOCATORS
        for user in users
    )


def pure_objects() -> list[pathlib.Path]:
    rooms = ("plan", "source", "api")
    return [path for room in rooms for path in sorted((OBJECTS / room).glob("*.o"))]


def project_symbols() -> set[str]:
    rooms = ("core", "api", "plan", "source")
    return defined_symbols([path for room in rooms for path in (OBJECTS / room).glob("*.o")])


class Purity(unittest.TestCase):
    def test_plan_source_and_api_objects_need_nothing_from_the_world(self) -> None:
        objects = pure_objects()
        self.assertGreater(len(objects), 20, "the release objects are not built")
        self.assertEqual(impurities(objects, project_symbols()), [])

    def test_what_core_takes_from_the_world_is_not_reached_from_plan_source_and_api(self) -> None:
        """plan, source and api use of core only what is pure itself: not the log, which asks the time"""
        used = undefined_symbols(pure_objects())
        self.assertEqual([name for name in used if name.startswith("log_")], [])

    def test_memory_comes_from_one_place_that_ends_the_program_without_it(self) -> None:
        objects = sorted(OBJECTS.rglob("*.o"))
        self.assertGreater(len(objects), 60, "the release objects are not built")
        self.assertEqual(
            allocators(objects),
            ["__vasprintf_chk in memory.o", "calloc in memory.o", "reallocarray in memory.o"],
        )

    def test_signatures_are_compared_by_nothing_that_tells_where_they_differ(self) -> None:
        used = undefined_symbols([OBJECTS / "source" / "webhook_verify.o"])
        self.assertIn("digest_equal", used)
        for name in ("memcmp", "bcmp", "strcmp", "strncmp", "strcasecmp", "strncasecmp", "text_compare"):
            self.assertNotIn(name, used)
        digest = undefined_symbols([OBJECTS / "core" / "digest.o"])
        self.assertIn("CRYPTO_memcmp", digest)
        self.assertNotIn("memcmp", digest)

    def test_planted_impurities_are_found(self) -> None:
        source = """
            #include <stdio.h>
            #include <stdlib.h>
            #include <time.h>
            int curl_easy_perform(void *handle);
            long planted(void);
            long planted(void)
            {
                FILE *file = fopen("x", "r");
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                return time(NULL) + rand() + (getenv("HOME") != NULL) + curl_easy_perform(file);
            }
        """
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "planted.c"
            path.write_text(source)
            target = path.with_suffix(".o")
            subprocess.run(["gcc", "-c", str(path), "-o", str(target)], check=True)
            found = [line.split()[0] for line in impurities([target], project_symbols())]
        self.assertEqual(
            found, ["clock_gettime", "curl_easy_perform", "fopen", "getenv", "rand", "time"]
        )
