"""What the server of the digits example counts of the images, and how far that is from the training."""

import math
import unittest

import support  # noqa: F401  (the path of the example's programs)

import brightness


def row(mean: float) -> tuple[float, ...]:
    return (mean - 1, mean, mean + 1)


class Histogram(unittest.TestCase):
    def test_its_text_reads_back_bucket_by_bucket(self) -> None:
        histogram = brightness.Histogram(range(1, 10))
        histogram.add([row(mean) for mean in (0.5, 1, 1.1, 9, 9.1, 9.2)])
        self.assertEqual(brightness.parse(histogram.text("4")), brightness.Counts("4", [2, 1, 0, 0, 0, 0, 0, 0, 1, 2]))

    def test_its_text_is_what_prometheus_reads(self) -> None:
        histogram = brightness.Histogram([1.25, 2.5])
        histogram.add([row(1), row(2), row(2), row(3)])
        self.assertEqual(histogram.text("4").splitlines()[1:], [
            "# TYPE digits_input_brightness histogram",
            'digits_input_brightness_bucket{version="4",le="1.25"} 1',
            'digits_input_brightness_bucket{version="4",le="2.5"} 3',
            'digits_input_brightness_bucket{version="4",le="+Inf"} 4',
            'digits_input_brightness_sum{version="4"} 8.0',
            'digits_input_brightness_count{version="4"} 4',
        ])

    def test_a_text_without_its_ten_buckets_is_refused(self) -> None:
        for text in ("", brightness.Histogram([1.0]).text("1"), "<html>"):
            with self.assertRaisesRegex(ValueError, r"\d buckets of digits_input_brightness where 10 are expected"):
                brightness.parse(text)

    def test_deciles_of_the_training_give_each_bucket_a_tenth_of_it(self) -> None:
        rows = [(*[float((i * 37) % 100)] * 64, 0.0) for i in range(100)]
        histogram = brightness.Histogram(brightness.deciles(rows))
        histogram.add([row[:-1] for row in rows])
        self.assertEqual(histogram.counts, [10] * 10)


class StabilityIndex(unittest.TestCase):
    def test_as_in_the_training_is_0_however_many_there_were(self) -> None:
        for buckets in ([1] * 10, [30] * 10, [0] * 10):
            self.assertAlmostEqual(brightness.population_stability_index(buckets), 0)

    def test_it_is_the_sum_over_the_buckets(self) -> None:
        found = brightness.population_stability_index([20, 0.0001] + [10] * 8)
        wanted = 0.1 * math.log(2) + (0.001 - 0.1) * math.log(0.01)
        self.assertAlmostEqual(found, wanted, places=3)

    def test_an_empty_bucket_is_drift_but_finite(self) -> None:
        self.assertTrue(2 < brightness.population_stability_index([100] + [0] * 9) < 10)


if __name__ == "__main__":
    unittest.main()
