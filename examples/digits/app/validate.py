"""Step 2: measures the table. The pipeline's checks judge the numbers: this program has no opinion."""

import sys
from collections import Counter
from collections.abc import Sequence

import contract
import data


def fraction(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0


def measure(rows: Sequence[data.Row]) -> dict[str, contract.Result]:
    values = len(rows) * len(data.HEADER)
    counts = Counter(row[data.PIXELS] for row in rows)
    return {
        "null-fraction": fraction(sum(row.count(None) for row in rows), values),
        "out-of-range-fraction": fraction(sum(not data.in_range(row) for row in rows), len(rows)),
        "duplicate-fraction": fraction(len(rows) - len(set(rows)), len(rows)),
        "rows-of-rarest-label": min(counts[float(label)] for label in range(data.LABELS)),
    }


def main() -> int:
    try:
        rows = data.read_rows(contract.INPUTS / "table")
    except (ValueError, OSError) as error:
        print(f"validate: {error}", file=sys.stderr)
        return 1
    contract.write_results(measure(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
