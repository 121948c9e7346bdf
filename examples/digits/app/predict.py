"""Holds the served model to its file: 20 rows it has not seen, through the Service and offline.

The server tells the digest of the model file it serves. The same file is looked up on the claim
with the artifacts, loaded here, and asked about the rows that the artifact carries. Labels and
scores must be equal to the last bit: those the Service sends, those computed here, and those that
the training wrote down.
"""

import argparse
import http.client
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import model

TIMEOUT_SECONDS = 10
TRIES = 3  # the champion may change between two requests

Json = dict[str, Any]
Caller = Callable[[str, str, Json | None], Json]


@dataclass(frozen=True)
class Answer:
    version: str
    predictions: model.Predictions


class VersionChanged(Exception):
    pass


def call_over(url: str) -> Caller:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"the URL must be http://HOST[:PORT], not '{url}'")

    def call(method: str, path: str, value: Json | None) -> Json:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_SECONDS)
        try:
            body = None if value is None else json.dumps(value).encode()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{method} {path}: status {response.status}: {text[:200]!r}")
        return json.loads(text)

    return call


def find_folder(root: Path, digest: str) -> Path:
    """The artifact whose model file has this digest. The same content twice is as good."""
    for path in sorted(root.rglob(model.MODEL_FILE)):
        if path.is_file() and model.model_digest(path.parent) == digest:
            return path.parent
    raise FileNotFoundError(f"no {model.MODEL_FILE} below {root} has the digest {digest} that the server told")


def ask(call: Caller, name: str, rows: Sequence[Sequence[float]]) -> Answer:
    tensor = {
        "name": "pixels",
        "shape": [len(rows), len(rows[0])],
        "datatype": "FP64",
        "data": [value for row in rows for value in row],
    }
    answer = call("POST", f"/v2/models/{name}/infer", {"id": "held-back", "inputs": [tensor]})
    outputs = {output["name"]: output for output in answer["outputs"]}
    count, width = outputs["scores"]["shape"]
    flat = outputs["scores"]["data"]
    scores = [flat[i * width : (i + 1) * width] for i in range(count)]
    return Answer(answer["model_version"], model.Predictions(outputs["label"]["data"], scores))


def table(held_back: model.HeldBack, offline: model.Predictions, served: model.Predictions) -> tuple[str, int]:
    lines = ["ROW  DIGIT  OFFLINE  SERVED  SCORES EQUAL"]
    equal = 0
    for i, truth in enumerate(held_back.truth):
        labels_equal = held_back.offline.labels[i] == offline.labels[i] == served.labels[i]
        scores_equal = held_back.offline.scores[i] == offline.scores[i] == served.scores[i]
        equal += labels_equal and scores_equal
        verdict = "yes" if scores_equal else "NO"
        lines.append(f"{i + 1:3}  {truth:5}  {offline.labels[i]:7}  {served.labels[i]:6}  {verdict}")
    return "\n".join(lines), equal


def compare(call: Caller, name: str, root: Path) -> bool:
    metadata = call("GET", f"/v2/models/{name}", None)
    folder = find_folder(root, metadata["model_file_sha256"])
    held_back = model.read_held_back(folder)
    offline = model.predict(model.load(folder), held_back.rows)
    answer = ask(call, name, held_back.rows)
    if [answer.version] != metadata["versions"]:
        raise VersionChanged(f"version {metadata['versions'][0]} became {answer.version} meanwhile")
    text, equal = table(held_back, offline, answer.predictions)
    count = len(held_back.rows)
    print(f"model {name}, version {answer.version}, file {folder / model.MODEL_FILE}")
    print(text)
    print(f"{equal} of {count} equal")
    return equal == count > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=os.environ.get("URL", "http://digits"))
    parser.add_argument("--model", default=os.environ.get("MODEL", "digits"))
    parser.add_argument("--artifacts", type=Path, default=Path(os.environ.get("ARTIFACTS", "/artifacts")))
    options = parser.parse_args()
    for _ in range(TRIES):
        try:
            return 0 if compare(call_over(options.url), options.model, options.artifacts) else 1
        except VersionChanged as change:
            print(f"predict: {change}: once more")
        except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
            print(f"predict: {error}", file=sys.stderr)
            return 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
