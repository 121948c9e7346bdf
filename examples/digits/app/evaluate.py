"""Step 4: how good is the model on rows it has not seen? The answers go to the model's version."""

import sys
from collections.abc import Sequence
from pathlib import Path

import contract
import data
import model


def recall(truth: Sequence[int], predicted: Sequence[int], label: int) -> float:
    of_label = [p for t, p in zip(truth, predicted, strict=True) if t == label]
    return sum(p == label for p in of_label) / len(of_label) if of_label else 0.0


def measure(truth: Sequence[int], predicted: Sequence[int]) -> dict[str, contract.Result]:
    right = sum(t == p for t, p in zip(truth, predicted, strict=True))
    worst = min(recall(truth, predicted, label) for label in sorted(set(truth)))
    return {"accuracy": round(right / len(truth), 6), "worst-recall": round(worst, 6), "rows": len(truth)}


def evaluate(table: Path, folder: Path, seed: int) -> dict[str, contract.Result]:
    _, test_rows = data.split(data.read_rows(table), seed)
    predicted = model.predict(model.load(folder), data.features(test_rows))
    return measure(data.labels(test_rows), predicted.labels)


def main() -> int:
    try:
        results = evaluate(
            contract.INPUTS / "table", contract.INPUTS / "model", int(contract.param("seed", "7"))
        )
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    contract.write_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
