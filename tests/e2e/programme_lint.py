#!/usr/bin/env python3
"""programme_lint.py - "this rule can never hold": vafa-programme's warnings against trying every case.

Random conditions over few facts; a naive evaluator of JsonLogic tries all values of the facts. A
warning must be right. Not every rule that never holds is found: the share is printed, and must be
most of them. Also: no condition is shown as JSON. Prints TAP lines."""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

TOOL = os.path.join(os.environ.get("BUILD", "build/sim-release"), "vafa-programme")
TIERS = ["", "bronze", "silver", "gold"]
FACTS = [{"card.stamps": s, "member.tier": t, "on.festival": f, "code.nowruz": c}
         for s in range(16) for t in TIERS for f in (False, True) for c in (False, True)]
RULES = 1000


def comparison(rnd):
    stamps, tier = {"var": "card.stamps"}, {"var": "member.tier"}
    number = rnd.choice([-1, 0, 1, 2, 3, 5, 14, 15, 16, 2.5])
    kind = rnd.randrange(7)
    if kind < 2:
        pair = [stamps, number] if rnd.random() < 0.7 else [number, stamps]
        return {rnd.choice(["==", "!=", "<", "<=", ">", ">=", "===", "!=="]): pair}
    if kind == 2:
        return {rnd.choice(["<", "<="]): [number, stamps, rnd.choice([0, 2, 3, 15, 20])]}
    if kind == 3:
        return {rnd.choice(["==", "!=", "===", "!=="]): [tier, rnd.choice(TIERS)]}
    if kind == 4:
        return {"in": [tier, rnd.sample(TIERS, rnd.randrange(4))]}
    if kind == 5:
        return {"var": rnd.choice(["on.festival", "code.nowruz"])}
    return rnd.choice([True, False, stamps, {"in": [stamps, [rnd.choice([0, 15, 16]), 20]]}])


def condition(rnd, depth):
    kind = rnd.random()
    if depth == 0 or kind < 0.45:
        return comparison(rnd)
    if kind < 0.6:
        return {"!": condition(rnd, depth - 1)}
    return {rnd.choice(["and", "and", "or"]): [condition(rnd, depth - 1) for _ in range(rnd.randrange(1, 4))]}


def value(logic, facts):
    if not isinstance(logic, dict):
        return logic
    (op, of), = logic.items()
    if op == "var":
        return facts[of]
    of = of if isinstance(of, list) else [of]
    if op == "and":
        return all(value(x, facts) for x in of)
    if op == "or":
        return any(value(x, facts) for x in of)
    if op == "in":
        return value(of[0], facts) in of[1]
    values = [value(x, facts) for x in of]
    if op == "!":
        return not values[0]
    if op in ("==", "===", "!=", "!=="):
        return (values[0] == values[1]) == (op[0] == "=")
    pairs = list(zip(values, values[1:]))
    return {"<": all(a < b for a, b in pairs), "<=": all(a <= b for a, b in pairs),
            ">": all(a > b for a, b in pairs), ">=": all(a >= b for a, b in pairs)}[op]


def main():
    rnd = random.Random(1405)
    programme = json.load(open("programmes/starters/grocery.json"))
    programme["modules"].append("stamps")
    conditions = [condition(rnd, 3) for _ in range(RULES)]
    programme["rules"] = [{"id": f"r{i}", "when": c, "do": {"award": {"points": 1}}}
                          for i, c in enumerate(conditions)]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(programme, file)
        file.flush()
        said = subprocess.run([TOOL, "check", file.name, "--today", "1405-01-01"], capture_output=True, text=True)
        shown = [subprocess.run([TOOL, "show", file.name, "--lang", lang], capture_output=True, text=True)
                 for lang in ("en", "fa")]
    warned = {int(n) for n in re.findall(r"^warning: rule r(\d+) can never hold", said.stdout, re.M)}
    never = {i for i, c in enumerate(conditions) if not any(value(c, facts) for facts in FACTS)}
    failed = 0
    for name, ok, more in (
            ("the_programme_of_random_conditions_loads", said.returncode == 0, said.stderr),
            ("no_rule_that_can_hold_is_warned_of", warned <= never, [conditions[i] for i in warned - never][:3]),
            ("most_rules_that_never_hold_are_found", len(warned) * 10 > len(never) * 8 > 800, len(warned)),
            ("every_condition_is_shown_without_json",
             all(s.returncode == 0 and len(re.findall(r"^  r\d+: ", s.stdout, re.M)) == RULES and
                 not re.search(r'[{}\[\]]|"var"', s.stdout) for s in shown), shown[0].stderr)):
        print(f"{'ok' if ok else 'not ok'} {name}")
        if not ok:
            failed = 1
            print(f"#   {more}")
    print(f"# {RULES} conditions, {len(never)} never hold, {len(warned)} of them found")
    return failed


sys.exit(main())
