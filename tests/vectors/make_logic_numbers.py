#!/usr/bin/env python3
"""make_logic_numbers.py - writes logic_numbers.json: sums of conditions, reckoned by Python's decimal.

Each line: operator, first, second, result; null where the result is refused (out of range, divided by 0).
Usage: tests/vectors/make_logic_numbers.py > tests/vectors/logic_numbers.json
"""
import decimal
import json
import random

decimal.getcontext().prec = 80
D = decimal.Decimal
MOST = D(2**63 - 1).scaleb(-4)
STEP = D("0.0001")


def cut(value):
    return value.quantize(STEP, rounding=decimal.ROUND_DOWN)


def reckon(op, a, b):
    if op in "/%" and b == 0:
        return None
    value = {"+": lambda: a + b, "*": lambda: cut(a * b), "/": lambda: cut(a / b), "%": lambda: a % b}[op]()
    return None if abs(value) > MOST else value


def text(value):
    return None if value is None else format(value + 0, "f").replace("-0.0000", "0") if value == 0 else format(value, "f")


random.seed(20)
edges = [D(0), D(1), D(-1), STEP, -STEP, MOST, -MOST, D("3.14"), D("-2.5"), D("303700.0499"), D("303700.0500"), D(10) ** 9]


def number():
    if random.random() < 0.3:
        return random.choice(edges)
    return D(random.randint(-(2 ** random.randint(1, 63)) + 1, 2 ** random.randint(1, 63) - 1)).scaleb(-4)


rows = [(op, a, b) for op in "+*/%" for a in edges for b in edges]
rows += [(random.choice("+**//%"), number(), number()) for _ in range(2000)]
print("[")
print(",\n".join(json.dumps([op, text(a), text(b), text(reckon(op, a, b))]) for op, a, b in rows))
print("]")
