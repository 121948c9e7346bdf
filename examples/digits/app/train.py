"""Step 3: trains a support vector classifier on the table. The same table and parameters: the same model."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brightness
import contract
import data
import model


def fit(rows: Sequence[data.Row], seed: int, gamma: float) -> Any:
    from sklearn.svm import SVC

    classifier = SVC(gamma=gamma, random_state=seed, decision_function_shape="ovr")
    classifier.fit(data.features(rows), data.labels(rows))
    return classifier


def write_model(folder: Path, classifier: Any, held_out: Sequence[data.Row], metadata: dict[str, Any]) -> None:
    import joblib

    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(classifier, folder / model.MODEL_FILE)
    (folder / model.METADATA_FILE).write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
    rows = list(held_out[: model.HELD_BACK_ROWS])
    pixels = data.features(rows)
    # Of the file as it was written, not of the object in memory.
    offline = model.predict(model.load(folder), pixels)
    model.write_held_back(folder, model.HeldBack(pixels, data.labels(rows), offline))


def with_copies(rows: Sequence[data.Row], lamp: float) -> list[data.Row]:
    """Each row, and again as a weak lamp shows it."""
    if lamp == 1:
        return list(rows)
    return [*rows, *(brightness.faded(row, lamp) for row in rows)]


def train(table: Path, folder: Path, seed: int, gamma: float, lamp: float) -> dict[str, contract.Result]:
    import sklearn

    train_rows, test_rows = data.split(data.read_rows(table), seed)
    if len(test_rows) < model.HELD_BACK_ROWS:
        raise ValueError(f"{len(test_rows)} rows to hold back where {model.HELD_BACK_ROWS} are needed")
    train_rows = with_copies(train_rows, lamp)
    classifier = fit(train_rows, seed, gamma)
    metadata = {
        "name": "digits",
        "framework": f"scikit-learn {sklearn.__version__}",
        "rows": len(train_rows),
        "seed": seed,
        "gamma": gamma,
        "brightness": lamp,
        "brightness-deciles": brightness.deciles(train_rows),
        "features": data.PIXELS,
        "labels": [int(label) for label in classifier.classes_],
    }
    write_model(folder, classifier, test_rows, metadata)
    return {"rows": len(train_rows), "support-vectors": int(classifier.n_support_.sum())}


def main() -> int:
    try:
        results = train(
            contract.INPUTS / "table",
            contract.OUTPUTS / "model",
            int(contract.param("seed", "7")),
            float(contract.param("gamma", "0.001")),
            float(contract.param("brightness", "1")),
        )
    except (ValueError, OSError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    contract.write_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
