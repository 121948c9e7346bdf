"""The steps of the digits pipeline: with made-up rows, and with the image's scikit-learn if it is here."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import fake_s3
import support

import batches
import brightness
import contract
import data
import evaluate
import ingest
import land
import s3
import train
import validate


def rows(count: int) -> list[data.Row]:
    return [(*((i * 7 + p) % 17 for p in map(float, range(data.PIXELS))), float(i % 10)) for i in range(count)]


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class BucketCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = fake_s3.FakeS3("digits")
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.bucket = s3.Bucket(self.server.url, "digits", s3.Keys("access", "secret"))

    def gather(self) -> list[data.Row]:
        with contextlib.redirect_stdout(io.StringIO()):
            return ingest.gather(self.bucket, batches.listed(self.bucket))


class Landing(BucketCase):
    def test_a_batch_lands_and_reads_back_as_it_was(self) -> None:
        self.assertEqual(land.land(self.bucket, rows(700), 2, corrupted=False), "batches/0002.csv: 300 rows")
        self.assertEqual(self.gather(), rows(700)[300:600])

    def test_the_last_batch_is_shorter(self) -> None:
        self.assertEqual(len(land.batch_of(rows(700), 3)), 100)

    def test_a_batch_that_does_not_exist_is_refused_by_number(self) -> None:
        for number in (0, -1, 4):
            with self.assertRaisesRegex(ValueError, f"no batch {number}: the data has batches 1 to 3"):
                land.batch_of(rows(700), number)

    def test_landing_again_mends_a_corrupted_batch(self) -> None:
        said = land.land(self.bucket, rows(300), 1, corrupted=True)
        self.assertEqual(said, "batches/0001.csv: 300 rows, corrupted")
        self.assertNotEqual(self.gather(), rows(300))
        land.land(self.bucket, rows(300), 1, corrupted=False)
        self.assertEqual(self.gather(), rows(300))


class Ingest(BucketCase):
    def test_all_batches_so_far_make_one_table_in_order(self) -> None:
        for number in (2, 1):
            land.land(self.bucket, rows(600), number, corrupted=False)
        self.assertEqual(self.gather(), rows(600))

    def test_no_batch_says_what_to_do(self) -> None:
        with self.assertRaisesRegex(FileNotFoundError, "no batch below batches/ in bucket digits of http://.*: create the job"):
            self.gather()

    def test_what_is_not_a_table_is_refused_with_its_place(self) -> None:
        good = ",".join(data.HEADER) + "\n"
        cases = [
            ("", "header"),
            ("a,b\n1,2\n", "header"),
            (good + "1,2\n", "batches/0001.csv:2: 2 fields where 65"),
            (good + ",".join(["x"] * 65) + "\n", "batches/0001.csv:2: could not convert"),
        ]
        for text, message in cases:
            with self.subTest(message):
                self.bucket.put("batches/0001.csv", text.encode())
                with self.assertRaisesRegex(ValueError, message):
                    self.gather()


class Validate(unittest.TestCase):
    def test_clean_rows_measure_zero(self) -> None:
        found = validate.measure(rows(300))
        self.assertEqual(found["null-fraction"], 0)
        self.assertEqual(found["out-of-range-fraction"], 0)
        self.assertEqual(found["rows-of-rarest-label"], 30)

    def test_one_corrupted_batch_of_six_is_over_the_pipelines_limits(self) -> None:
        clean = rows(1797)
        found = validate.measure(clean[:1500] + land.corrupt(clean[1500:]))
        self.assertGreater(found["null-fraction"], 0.02)
        self.assertGreater(found["out-of-range-fraction"], 0)

    def test_an_empty_table_measures_and_does_not_divide_by_zero(self) -> None:
        self.assertEqual(validate.measure([])["rows-of-rarest-label"], 0)

    def test_values_outside_the_range_are_found_at_both_ends_and_in_the_label(self) -> None:
        good = rows(1)[0]
        self.assertTrue(data.in_range(good))
        self.assertTrue(data.in_range((*good[:-1], None)))
        for bad in [(17.0, *good[1:]), (-1.0, *good[1:]), (float("nan"), *good[1:]), (*good[:-1], 10.0),
                    (*good[:-1], 0.5)]:
            self.assertFalse(data.in_range(bad))


class Split(unittest.TestCase):
    def test_more_data_never_moves_a_row_to_the_other_side(self) -> None:
        few_train, few_test = data.split(rows(300), 7)
        more_train, more_test = data.split(rows(600), 7)
        self.assertLessEqual(set(few_train), set(more_train))
        self.assertLessEqual(set(few_test), set(more_test))
        self.assertFalse(set(more_train) & set(more_test))

    def test_about_a_fifth_is_kept_back_and_the_seed_decides_which(self) -> None:
        distinct = [(*row[:-2], float(i) / 1000, row[-1]) for i, row in enumerate(rows(1000))]
        first, second = data.split(distinct, 7)[1], data.split(distinct, 8)[1]
        self.assertTrue(150 < len(first) < 250, len(first))
        self.assertNotEqual(first, second)

    def test_rows_with_a_missing_value_are_on_neither_side(self) -> None:
        train, test = data.split([(None, *row[1:]) for row in rows(100)], 7)
        self.assertEqual((train, test), ([], []))


class Evaluate(unittest.TestCase):
    def test_accuracy_and_the_worst_recall(self) -> None:
        self.assertEqual(
            evaluate.measure([1, 1, 2, 2], [1, 1, 2, 1]), {"accuracy": 0.75, "worst-recall": 0.5, "rows": 4}
        )


class Brightness(unittest.TestCase):
    def test_a_weak_lamp_scales_each_pixel_and_leaves_the_digit(self) -> None:
        row = rows(9)[8]
        faded = brightness.faded(row, 0.5)
        self.assertEqual(faded[:-1], tuple(pixel / 2 for pixel in row[:-1]))
        self.assertEqual(faded[-1], row[-1])
        self.assertEqual(brightness.faded((None, 4.0), 0.5), (None, 4.0))

    def test_below_1_each_row_is_learned_a_second_time(self) -> None:
        self.assertEqual(train.with_copies(rows(3), 1), rows(3))
        copies = train.with_copies(rows(3), 0.4)
        self.assertEqual(copies[:3], rows(3))
        self.assertEqual(copies[3:], [brightness.faded(row, 0.4) for row in rows(3)])


class Results(Folder):
    def test_results_are_one_json_object_where_the_contract_says(self) -> None:
        path = self.folder / "results"
        os.environ["TIDEMILL_RESULTS"] = str(path)
        self.addCleanup(os.environ.pop, "TIDEMILL_RESULTS")
        with contextlib.redirect_stdout(io.StringIO()):
            contract.write_results({"rows": 3, "share": 0.5})
        self.assertEqual(json.loads(path.read_text()), {"rows": 3, "share": 0.5})

    def test_a_parameter_comes_from_its_variable(self) -> None:
        os.environ["PARAM_MAX_ROWS"] = "5"
        self.addCleanup(os.environ.pop, "PARAM_MAX_ROWS")
        self.assertEqual(contract.param("max-rows", "1"), "5")
        self.assertEqual(contract.param("other", "1"), "1")


class RealPackages(Folder):
    """The whole pipeline as its containers run it, program by program."""

    def setUp(self) -> None:
        super().setUp()
        missing = support.missing_packages()
        if missing:
            self.skipTest(missing)
        print(f"\nwith scikit-learn from {support.PACKAGES.resolve()}", file=sys.stderr)
        for name in ("in", "out"):
            (self.folder / name).mkdir()
        self.server = fake_s3.FakeS3("digits")
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def run_program(self, name: str, *arguments: str, **params: str) -> dict[str, float]:
        results = self.folder / "results"
        results.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(support.PACKAGES),
            "S3_ENDPOINT": self.server.url,
            "S3_BUCKET": "digits",
            "AWS_ACCESS_KEY_ID": "access",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "TIDEMILL_IN": str(self.folder / "in"),
            "TIDEMILL_OUT": str(self.folder / "out"),
            "TIDEMILL_RESULTS": str(results),
            # Compiling scikit-learn takes longer than all the steps: once is enough.
            "PYTHONPYCACHEPREFIX": str(support.PACKAGES.parent / "pycache"),
            "PYTHONDONTWRITEBYTECODE": "",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **{f"PARAM_{name.upper()}": value for name, value in params.items()},
        }
        command = [sys.executable, str(support.DIGITS / name), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(results.read_text()) if results.exists() else {}

    def pass_on(self, artifact: str) -> None:
        (self.folder / "out" / artifact).rename(self.folder / "in" / artifact)

    def test_two_real_batches_become_a_good_model_that_is_the_same_when_made_again(self) -> None:
        for number in ("1", "2"):
            self.run_program("land.py", "--batch", number)
        self.assertEqual(self.run_program("ingest.py"), {"rows": 600, "batches": 2})
        self.pass_on("table")
        self.assertEqual(
            self.run_program("validate.py"),
            {"null-fraction": 0, "out-of-range-fraction": 0, "duplicate-fraction": 0, "rows-of-rarest-label": 57},
        )
        self.run_program("train.py")
        self.pass_on("model")
        self.run_program("train.py")
        for name in ("model.joblib", "metadata.json", "held-back.json"):
            again = (self.folder / "out" / "model" / name).read_bytes()
            self.assertEqual((self.folder / "in" / "model" / name).read_bytes(), again, name)
        held_back = json.loads((self.folder / "in" / "model" / "held-back.json").read_text())
        self.assertEqual(len(held_back["rows"]), 20)
        found = self.run_program("evaluate.py")
        self.assertGreater(found["accuracy"], 0.95)
        self.assertEqual(found["accuracy-faded"], found["accuracy"], "a lamp as good as new")

    def test_a_model_reads_what_a_weak_lamp_shows_once_it_has_learned_that(self) -> None:
        for number in ("1", "2"):
            self.run_program("land.py", "--batch", number)
        self.run_program("ingest.py")
        self.pass_on("table")
        faded, rows, deciles = [], [], []
        for brightness in ("1", "0.4"):
            rows.append(self.run_program("train.py", brightness=brightness)["rows"])
            self.pass_on("model")
            found = self.run_program("evaluate.py", brightness="0.4")
            self.assertGreater(found["accuracy"], 0.95)
            faded.append(found["accuracy-faded"])
            deciles.append(json.loads((self.folder / "in/model/metadata.json").read_text())["brightness-deciles"])
            shutil.rmtree(self.folder / "in/model")
        self.assertLess(faded[0], 0.9)
        self.assertGreater(faded[1], 0.95)
        self.assertEqual(rows, [482, 964])
        self.assertLess(deciles[1][0], 0.5 * deciles[0][0])


if __name__ == "__main__":
    unittest.main()
