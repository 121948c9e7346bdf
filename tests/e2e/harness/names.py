"""The names that a run's version and Jobs will have: known to whoever knows the run's uid."""

HASH_SEED = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
LENGTH = 10
READABLE_LIMIT = 40


def _hash_text(seed: int, text: str) -> int:
    for byte in text.encode() + b"\0":
        seed = (seed ^ byte) * FNV_PRIME % (1 << 64)
    return seed


def _format(value: int) -> str:
    symbols = []
    for _ in range(LENGTH):
        value, symbol = divmod(value, len(ALPHABET))
        symbols.append(ALPHABET[symbol])
    return "".join(symbols)


def _named(readable: str, *hashed: str) -> str:
    """Of names that are short enough to stay whole, as the tests' are."""
    if len(readable) > READABLE_LIMIT:
        raise ValueError(f"{readable} is not kept whole")
    value = HASH_SEED
    for part in hashed:
        value = _hash_text(value, part)
    return f"{readable}-{_format(value)}"


def model_version(model: str, run_uid: str, step: str) -> str:
    return _named(model, "version", run_uid, step)


def step_job(run: str, run_uid: str, step: str, attempt: int) -> str:
    return _named(f"{run}-{step}", "step", run_uid, step, str(attempt))


def seal_job(run: str, run_uid: str, attempt: int) -> str:
    return _named(f"{run}-seal", "seal", run_uid, *([str(attempt)] if attempt > 1 else []))
