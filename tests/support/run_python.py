"""Runs the unittest files of a folder: a line for each test, last line "N passed, M failed".

A skipped test is a failure: what can't run here must be made to run, or be taken out.
"""

import pathlib
import sys
import time
import unittest


class SentenceResult(unittest.TestResult):
    """Prints each test as it ends, by the sentence in its docstring or its name."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.failed = 0
        self.began = 0.0

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self.began = time.monotonic()

    def tell(self, word: str, test: unittest.TestCase, detail: str = "") -> None:
        name = test.shortDescription() or test.id().split(".")[-1].replace("_", " ")
        print(f"{word:6} {time.monotonic() - self.began:6.1f}s  {name}", flush=True)
        if detail:
            print("\n".join("    | " + line for line in detail.splitlines()), flush=True)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.passed += 1
        self.tell("ok", test)

    def fail_with(self, test: unittest.TestCase, detail: str) -> None:
        self.failed += 1
        self.tell("FAILED", test, detail)

    def addFailure(self, test, err) -> None:
        self.fail_with(test, self._exc_info_to_string(err, test))

    def addError(self, test, err) -> None:
        self.fail_with(test, self._exc_info_to_string(err, test))

    def addSkip(self, test, reason: str) -> None:
        self.fail_with(test, f"skipped: {reason}")

    def addSubTest(self, test, subtest, err) -> None:
        if err is not None:
            self.fail_with(subtest, self._exc_info_to_string(err, test))


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    suite = unittest.defaultTestLoader.discover(str(folder), top_level_dir=str(folder))
    result = SentenceResult()
    suite.run(result)
    print(f"{result.passed} passed, {result.failed} failed")
    return 1 if result.failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
