"""The table of handwritten digits: 64 pixels with values from 0 to 16, and the digit they show.

A file has a header, then one row for each digit; an empty field is a value that is missing.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

PIXELS = 64
PIXEL_MAX = 16
LABELS = 10
HEADER = [f"pixel-{i}" for i in range(PIXELS)] + ["label"]
TEST_SHARE = 5  # one row of this many is kept for the evaluation

Row = tuple[float | None, ...]  # the pixels, then the label


def format_rows(rows: Iterable[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow(["" if value is None else f"{value:g}" for value in row])
    return text.getvalue().encode()


def parse_rows(where: str, content: bytes) -> list[Row]:
    reader = csv.reader(io.StringIO(content.decode(), newline=""))
    header = next(reader, None)
    if header != HEADER:
        raise ValueError(f"{where}: the first line is not the header of a table of digits")
    return [parse_row(where, reader.line_num, fields) for fields in reader]


def parse_row(where: str, line: int, fields: Sequence[str]) -> Row:
    if len(fields) != len(HEADER):
        raise ValueError(f"{where}:{line}: {len(fields)} fields where {len(HEADER)} are expected")
    try:
        return tuple(float(field) if field else None for field in fields)
    except ValueError as error:
        raise ValueError(f"{where}:{line}: {error}") from None


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Written beside and renamed: a reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(format_rows(rows))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def read_rows(path: Path) -> list[Row]:
    return parse_rows(str(path), path.read_bytes())


def in_range(row: Row) -> bool:
    """Missing values are counted apart."""
    *pixels, label = row
    return all(p is None or 0 <= p <= PIXEL_MAX for p in pixels) and (
        label is None or (label.is_integer() and 0 <= label < LABELS)
    )


def is_test_row(row: Row, seed: int) -> bool:
    """A row's side depends on the row and the seed only: more data never moves it."""
    key = f"{seed}:" + ",".join("" if value is None else f"{value:g}" for value in row)
    return hashlib.sha256(key.encode()).digest()[0] % TEST_SHARE == 0


def split(rows: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """The rows to train on, and the rows to evaluate on."""
    complete = [row for row in rows if None not in row]
    return (
        [row for row in complete if not is_test_row(row, seed)],
        [row for row in complete if is_test_row(row, seed)],
    )


def features(rows: Sequence[Row]) -> list[list[float]]:
    return [[float(value) for value in row[:PIXELS]] for row in rows if None not in row]


def labels(rows: Sequence[Row]) -> list[int]:
    return [int(row[PIXELS]) for row in rows if row[PIXELS] is not None]
