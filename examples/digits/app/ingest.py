"""Step 1: gathers the batches that this run is about into one table."""

import sys
from collections.abc import Sequence

import batches
import contract
import data
import s3


def gather(bucket: s3.Bucket, chosen: Sequence[s3.Object]) -> list[data.Row]:
    if not chosen:
        raise FileNotFoundError(f"no batch below {batches.PREFIX} in {bucket}: create the job land-batch first")
    rows: list[data.Row] = []
    for each in chosen:
        more = data.parse_rows(each.key, bucket.get(each))
        print(f"{each.key}: {len(more)} rows")
        rows += more
    return rows


def main() -> int:
    try:
        bucket = s3.from_environment()
        chosen = batches.choose(batches.listed(bucket), contract.param("revision", ""), contract.param("objects", ""))
        rows = gather(bucket, chosen)
        data.write_rows(contract.OUTPUTS / "table", rows)
    except (ValueError, OSError) as error:
        print(f"ingest: {error}", file=sys.stderr)
        return 1
    contract.write_results({"rows": len(rows), "batches": len(chosen)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
