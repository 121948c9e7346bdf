"""python3 tests/support/run_python.py bench/tests"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import samples  # noqa: E402
from measure import compare  # noqa: E402
from measure.load import Turn  # noqa: E402


def turn(cpu: float, seconds: float = 10.0, others: float = 0.0) -> Turn:
    """100 runs that took so many ms of the controller's CPU each."""
    return samples.turn(seconds=seconds, cpu={"controller": cpu / 10, "bench": 0.0}, others_cpu=others)


def line(a: list[Turn], b: list[Turn]) -> str:
    return next(x for x in compare.lines_of(a, b, cores=2) if x.startswith("controller's CPU"))


class Verdict(unittest.TestCase):
    def test_agree(self) -> None:
        """pairs that agree say which build is better"""
        self.assertTrue(line([turn(2), turn(4)], [turn(1), turn(3)]).endswith("B is better"))
        self.assertTrue(line([turn(1), turn(3)], [turn(2), turn(4)]).endswith("B is worse"))

    def test_drift(self) -> None:
        """a machine that becomes slower hides nothing: only the ratio within a pair counts"""
        self.assertIn("0.50    0.50  0.50", line([turn(2), turn(20)], [turn(1), turn(10)]))

    def test_disagree(self) -> None:
        """pairs that disagree, or a single one, say nothing"""
        self.assertTrue(line([turn(2), turn(2)], [turn(1), turn(3)]).endswith(compare.UNKNOWN))
        self.assertTrue(line([turn(2)], [turn(1)]).endswith(compare.UNKNOWN))

    def test_noise(self) -> None:
        """nothing is said about a machine that others used, and why"""
        noisy = [turn(2, others=3.0), turn(2)]
        self.assertTrue(line(noisy, [turn(1), turn(1)]).endswith(compare.UNKNOWN))
        self.assertIn("other processes took 15%", compare.lines_of(noisy, [turn(1)] * 2, cores=2)[-1])

    def test_spread(self) -> None:
        """turns of one build that differ are told"""
        told = compare.lines_of([turn(2), turn(2, seconds=20)], [turn(1), turn(1)], cores=2)
        self.assertIn("the rates of A alone differ by 67%", told[-1])

    def test_more(self) -> None:
        """more runs in a second are better"""
        rates = compare.lines_of([turn(1), turn(1)], [turn(1, seconds=5), turn(1, seconds=5)], cores=2)[1]
        self.assertTrue(rates.endswith("B is better"), rates)


if __name__ == "__main__":
    unittest.main()
