"""The batches in the bucket, and which of them a run is about.

A Trigger's run has two parameters from the bucket: `revision`, a digest of all objects that the
Trigger saw, and `objects`, their keys. A run by hand has neither, and takes what is there.
"""

import fnmatch
import hashlib
from collections.abc import Sequence

import s3

# The Trigger's prefix and pattern say the same: trigger.yaml.
PREFIX = "batches/"
PATTERN = "*.csv"

DIGEST_BITS = 256


def key_of(number: int) -> str:
    return f"{PREFIX}{number:04d}.csv"


def revision_of(objects: Sequence[s3.Object]) -> str:
    """As the Trigger computes it: the sum of a digest for each object, in whatever order they come."""
    total = 0
    for each in objects:
        line = f"{len(each.key.encode())}:{each.key} {len(each.etag.encode())}:{each.etag} {each.size}"
        total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
    return f"sha256:{total % 2**DIGEST_BITS:064x}"


def listed(bucket: s3.Bucket) -> list[s3.Object]:
    found = [each for each in bucket.list(PREFIX)
             if "/" not in each.key[len(PREFIX):] and fnmatch.fnmatchcase(each.key[len(PREFIX):], PATTERN)]
    return sorted(found, key=lambda each: each.key)


def choose(found: Sequence[s3.Object], revision: str, keys: str) -> list[s3.Object]:
    """
    Just the objects of that revision: all that are there, or, when more have landed since, those
    that the run names. An error when one of them is gone or was written over.
    """
    if not revision:
        return list(found)
    named = [each for each in found if each.key in keys.split("\n")]
    for chosen in (list(found), named):
        if revision_of(chosen) == revision:
            return chosen
    raise ValueError(f"the bucket is not at {revision} any more: an object of it is gone or was written over; "
                     "the Trigger starts another run for what is there now")
