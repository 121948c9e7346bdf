#!/usr/bin/env python3
"""Makes decimals.inc: random pairs of decimals and how Python's decimal module orders them.

    python3 tests/unit/quantity/decimals.py > tests/unit/quantity/decimals.inc
"""

import decimal
import random

ROWS = 240
LENGTH_MAX = 64
EXPONENT_MAX = 400


def random_decimal() -> str:
    digits = random.choice([1, 1, 2, 3, 5, 9, 20])
    text = random.choice(["", "", "-", "+", "-"])
    text += "".join(random.choice("0001234569") for _ in range(digits))
    if random.random() < 0.6:
        digits = random.choice([1, 2, 4, 12])
        text += "." + "".join(random.choice("00123459") for _ in range(digits))
    if random.random() < 0.4:
        text += random.choice("eE") + random.choice(["", "-", "+"])
        text += str(random.choice([0, 1, 2, 3, 7, 19, 20, 300, EXPONENT_MAX]))
    return text


def neighbour(text: str) -> str:
    """The same value in other words, one without its exponent, or any other."""
    kind = random.random()
    if kind < 0.35:
        sign, digits, exponent = decimal.Decimal(text).as_tuple()
        zeros = random.randint(0, 3)
        if abs(exponent - zeros) <= EXPONENT_MAX:
            mantissa = "".join(map(str, digits)) + "0" * zeros
            return f"{'-' if sign else ''}{mantissa}e{exponent - zeros}"
    if kind < 0.7:
        return text.lower().split("e")[0]
    return random_decimal()


def main() -> None:
    random.seed(2026)
    decimal.getcontext().prec = 2000
    print("/* Made by decimals.py. */")
    made = 0
    while made < ROWS:
        a = random_decimal()
        b = neighbour(a)
        if max(len(a), len(b)) <= LENGTH_MAX:
            print(f'{{"{a}", "{b}", {int(decimal.Decimal(a).compare(decimal.Decimal(b)))}}},')
            made += 1


if __name__ == "__main__":
    main()
