"""The name that a run's version will have: known to whoever knows the run's uid."""

HASH_SEED = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
LENGTH = 10


def _hash_text(seed: int, text: str) -> int:
    for byte in text.encode() + b"\0":
        seed = (seed ^ byte) * FNV_PRIME % (1 << 64)
    return seed


def model_version(model: str, run_uid: str, step: str) -> str:
    value = HASH_SEED
    for part in ("version", run_uid, step):
        value = _hash_text(value, part)
    symbols = []
    for _ in range(LENGTH):
        value, symbol = divmod(value, len(ALPHABET))
        symbols.append(ALPHABET[symbol])
    return f"{model}-{''.join(symbols)}"
