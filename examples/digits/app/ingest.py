"""Step 1: gathers all batches that have landed so far into one table."""

import os
import sys
from pathlib import Path

import contract
import data


def landed(folder: Path) -> list[Path]:
    return sorted(folder.glob("batch-*.csv"))


def gather(folder: Path) -> tuple[list[data.Row], int]:
    batches = landed(folder)
    if not batches:
        raise FileNotFoundError(f"no batch has landed in {folder}: create the job land-batch first")
    rows: list[data.Row] = []
    for batch in batches:
        more = data.read_rows(batch)
        print(f"{batch.name}: {len(more)} rows")
        rows += more
    return rows, len(batches)


def main() -> int:
    try:
        rows, batches = gather(Path(os.environ.get("LANDING", "/landing")))
        data.write_rows(contract.OUTPUTS / "table", rows)
    except (ValueError, OSError) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    contract.write_results({"rows": len(rows), "batches": batches})
    return 0


if __name__ == "__main__":
    sys.exit(main())
