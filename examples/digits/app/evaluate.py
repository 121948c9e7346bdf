"""Step 4: how good is the model on rows it has not seen? The answers go to the model's version."""

import sys
from collections.abc import Sequence
from pathlib import Path

import brightness
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


def evaluate(table: Path, folder: Path, seed: int, lamp: float) -> dict[str, contract.Result]:
    """On the rows as they are, and as a weak lamp shows them."""
    _, test_rows = data.split(data.read_rows(table), seed)
    classifier = model.load(folder)

    def judge(rows: Sequence[data.Row]) -> dict[str, contract.Result]:
        return measure(data.labels(rows), model.predict(classifier, data.features(rows)).labels)

    faded = judge([brightness.faded(row, lamp) for row in test_rows])
    return {**judge(test_rows), "accuracy-faded": faded["accuracy"]}


def main() -> int:
    try:
        results = evaluate(
            contract.INPUTS / "table",
            contract.INPUTS / "model",
            int(contract.param("seed", "7")),
            float(contract.param("brightness", "1")),
        )
    except (ValueError, OSError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    contract.write_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
