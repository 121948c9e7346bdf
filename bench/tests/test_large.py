"""python3 tests/support/run_python.py bench/tests"""

import pathlib
import sys
import unittest
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from measure import audit, kept, plots, shapes, sources  # noqa: E402


def sample(number: int, resident: int, peak: int, cpu_s: float = 0.1) -> kept.Sample:
    return kept.Sample(number, 1.0, cpu_s, 1 << 20, peak, resident)


class Kept(unittest.TestCase):
    def test_each(self) -> None:
        """what a run costs is what the median start has above the smallest size"""
        samples = [sample(1, 8 << 20, 8 << 20), *(sample(1025, (8 << 20) + more, 16 << 20)
                                                  for more in (3 << 20, 2 << 20, 1 << 20))]
        row = kept.lines_of(samples)[2]
        self.assertEqual(row[:5], ("1025", "10.0", "16.0", "1.60", "2.00"))

    def test_job(self) -> None:
        """a kept run's Job is nobody's to carry out, and its selector is made anew"""
        meta = {"labels": {"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u", "a": "b"}}
        job = kept.nobodys_job({"metadata": dict(meta), "spec": {
            "selector": {}, "suspend": False, "template": {"metadata": dict(meta)}}})
        self.assertEqual(job, {"metadata": {"labels": {"a": "b"}}, "spec": {
            "managedBy": kept.NOBODY, "template": {"metadata": {"labels": {"a": "b"}}}}})


class Shapes(unittest.TestCase):
    def test_parse(self) -> None:
        """a shape is a name and a size"""
        self.assertEqual(shapes.parse("wide=1000"), ("wide", 1000))
        for wrong in ("wide", "wide=", "wide=0", "wide=x", "square=3"):
            with self.assertRaises(ValueError):
                shapes.parse(wrong)

    def test_counted(self) -> None:
        """requests are the controller's own, refusals and dry runs apart, leases left out"""
        def request(verb: str, resource: str, code: int = 200, user: str = audit.CONTROLLER,
                    dry: bool = False) -> audit.Request:
            return audit.Request(user, "", verb, resource, "n", "x", code, 0, 0, 0, 0, "", "", dry)
        counted = shapes.counted([request("create", "jobs", 201), request("create", "jobs", 201, dry=True),
                                  request("create", "jobs", 403), request("update", "leases"),
                                  request("create", "jobs", user="somebody")])
        self.assertEqual(counted, {"create jobs": 1, "create jobs 403": 1, "create jobs dry run": 1})


class Sources(unittest.TestCase):
    def test_keys(self) -> None:
        """a request of each kind tells which Trigger asks"""
        asked = {"http": "/7", "git": "/7.git/info/refs?service=git-upload-pack", "image": "/v2/team/7/manifests/latest",
                 "bucket": "/lake-7?list-type=2&prefix=day%2F", "prometheus": "/api/v1/query?query=drift%7Bn%3D%227%22%7D"}
        for kind, path in asked.items():
            self.assertEqual(sources.key_of(kind, path), sources.key_for(kind, 7))

    def test_seconds(self) -> None:
        """seconds without a poll count as 0"""
        self.assertEqual(sources.in_seconds([10.1, 10.9, 12.5], 10.0, 13.0), [2, 0, 1])


class Plots(unittest.TestCase):
    def test_ticks(self) -> None:
        """ticks are round numbers from 0 to the largest value or just above"""
        self.assertEqual(plots.ticks_to(1000), [0, 200, 400, 600, 800, 1000])
        self.assertEqual(plots.ticks_to(1100)[-1], 1500)
        self.assertEqual([round(t, 6) for t in plots.ticks_to(0.3)], [0, 0.1, 0.2, 0.3])

    def test_distribution(self) -> None:
        """a distribution ends at 100 percent"""
        self.assertEqual(plots.distribution([3, 1, 2, 2]), [(1, 25), (2, 50), (2, 75), (3, 100)])

    def test_long_distribution(self) -> None:
        """of many values as many points as can be seen are drawn, the median and the last one among them"""
        points = plots.distribution(range(1, 10_001))
        self.assertEqual(plots.DISTRIBUTION_POINTS, len(points))
        self.assertEqual([(5_000, 50), (10_000, 100)], [points[99], points[-1]])

    def test_place(self) -> None:
        """points are where their values say, on a logarithmic axis too"""
        axis = plots.Axis([1, 10, 100], 0, 200, logarithmic=True)
        self.assertAlmostEqual(axis.at(10), 100)
        self.assertAlmostEqual(plots.Axis([0, 50, 100], 200, 0).at(25), 150)

    def test_draw(self) -> None:
        """a picture is well-formed, escapes its words, and has axes with units and all series"""
        chart = plots.Chart("a < b", "steps", "MiB", [plots.Series("one & two", [(10, 1), (1000, 3)]),
                                                      plots.Series("three", [(10, 2)])],
                            limit=("target", 5), logarithmic=True)
        text = plots.draw(chart)
        words = [t.firstChild.data for t in xml.dom.minidom.parseString(text).getElementsByTagName("text")]
        for wanted in ("a < b", "steps", "MiB", "one & two", "three", "target", "10", "1,000", "5"):
            self.assertIn(wanted, words)


if __name__ == "__main__":
    unittest.main()
