"""Stands in for the team that delivers the data: puts one batch into the bucket.

The data is scikit-learn's copy of the UCI handwritten digits, 1797 rows, in batches of 300.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import batches
import data
import s3

BATCH_ROWS = 300
CORRUPT_EVERY = 4  # of a corrupted batch, each fourth row is bad, in turns in two ways
CORRUPT_GAIN = 100


def load_all() -> list[data.Row]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return [
        (*map(float, pixels), float(label)) for pixels, label in zip(digits.data, digits.target, strict=True)
    ]


def batch_of(rows: Sequence[data.Row], number: int) -> list[data.Row]:
    count = -(-len(rows) // BATCH_ROWS)
    if not 1 <= number <= count:
        raise ValueError(f"there is no batch {number}: the data has batches 1 to {count}")
    return list(rows[(number - 1) * BATCH_ROWS : number * BATCH_ROWS])


def corrupt(rows: Sequence[data.Row]) -> list[data.Row]:
    """A scanner that lost whole images, and one whose gain was set wrong."""

    def spoil(index: int, row: data.Row) -> data.Row:
        if index % CORRUPT_EVERY != 0:
            return row
        if index % (2 * CORRUPT_EVERY) == 0:
            return (*(None for _ in range(data.PIXELS)), row[data.PIXELS])
        return (*((p or 0) * CORRUPT_GAIN for p in row[: data.PIXELS]), row[data.PIXELS])

    return [spoil(index, row) for index, row in enumerate(rows)]


def land(bucket: s3.Bucket, rows: Sequence[data.Row], number: int, corrupted: bool) -> str:
    """The same batch again replaces the object: a bad delivery is mended by a good one."""
    batch = batch_of(rows, number)
    key = batches.key_of(number)
    bucket.put(key, data.format_rows(corrupt(batch) if corrupted else batch))
    return f"{key}: {len(batch)} rows" + (", corrupted" if corrupted else "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=int(os.environ.get("BATCH") or "1"))
    parser.add_argument("--corrupt", action="store_true", default=os.environ.get("CORRUPT") == "true")
    options = parser.parse_args()
    try:
        bucket = s3.from_environment()
        landed = land(bucket, load_all(), options.batch, options.corrupt)
    except (ValueError, OSError) as error:
        print(f"land: {error}", file=sys.stderr)
        return 1
    print(f"landed in {bucket}: {landed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
