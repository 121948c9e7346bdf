"""The folder that a model is: model.joblib, metadata.json and held-back.json.

held-back.json carries rows that the model has not seen, with what the file model.joblib said of
them. Whoever serves the model can be held to it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MODEL_FILE = "model.joblib"
METADATA_FILE = "metadata.json"
HELD_BACK_FILE = "held-back.json"
HELD_BACK_ROWS = 20


@dataclass(frozen=True)
class Predictions:
    labels: list[int]
    scores: list[list[float]]  # one for each label; the highest wins


@dataclass(frozen=True)
class HeldBack:
    rows: list[list[float]]
    truth: list[int]
    offline: Predictions


def load(folder: Path) -> Any:
    import joblib

    return joblib.load(folder / MODEL_FILE)


def predict(classifier: Any, rows: Sequence[Sequence[float]]) -> Predictions:
    """Each row by itself: how many came together must not change the last bit of a score."""
    scores = classifier.decision_function(rows)
    chosen = scores.argmax(axis=1)
    return Predictions(
        labels=[int(label) for label in classifier.classes_[chosen]],
        scores=[[float(score) for score in row] for row in scores],
    )


def model_digest(folder: Path) -> str:
    return hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()


def read_metadata(folder: Path) -> dict[str, Any]:
    return json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))


def write_held_back(folder: Path, held_back: HeldBack) -> None:
    (folder / HELD_BACK_FILE).write_text(json.dumps(asdict(held_back)), encoding="utf-8")


def read_held_back(folder: Path) -> HeldBack:
    value = json.loads((folder / HELD_BACK_FILE).read_text(encoding="utf-8"))
    return HeldBack(value["rows"], value["truth"], Predictions(**value["offline"]))
