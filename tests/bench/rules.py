#!/usr/bin/env python3
"""rules.py BUILD - a sale against 1,000 rules in the engine, beside json-logic-js and a plain JsonLogic in Python on the same
1,000 conditions and facts. Prints lines, then one JSON object for tests/bench/bench.

json-logic-js comes from npm into build/; where npm or the network is missing, a line says that it was skipped. Debian has no
JsonLogic for Python, so that the one here is written out below: recursive, in doubles, nothing compiled. All times are
processor time, since a busy machine would lengthen others."""
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/reference"))
import vafa_programme  # noqa: E402

COUNT = 1000
OPS = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
       "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "%": lambda a, b: a % b, "in": lambda a, b: a in b}


def logic(rule, data):
    if isinstance(rule, list):
        return [logic(item, data) for item in rule]
    if not isinstance(rule, dict):
        return rule
    (op, args), = rule.items()
    if op == "var":
        value = data
        for name in args.split("."):
            value = value[name]
        return value
    if op in ("and", "or"):
        for arg in args:
            value = logic(arg, data)
            if bool(value) == (op == "or"):
                return value
        return value
    if op == "!":
        return not logic(args[0], data)
    return OPS[op](*(logic(arg, data) for arg in args))


def condition(draw):
    """Three comparisons, as in a rule of a shop: who, how much, when."""
    who = draw.choice([{"in": [{"var": "member.tier"}, draw.sample(["bronze", "silver", "gold"], 2)]},
                       {">=": [{"var": "history.visits"}, draw.randrange(100)]},
                       {"<": [{"var": "card.points"}, draw.randrange(8000)]},
                       {"==": [{"%": [{"var": "history.visits"}, draw.randrange(2, 12)]}, 0]}])
    much = draw.choice([{">=": [{"var": "sale.amount"}, draw.randrange(5000000)]},
                        {">": [{"var": "lines.dairy.amount"}, draw.randrange(1000000)]},
                        {">": [{"var": "sale.amount"}, {"var": "history.mean_basket"}]}])
    when = draw.choice([{"<=": [{"var": "calendar.hour"}, draw.randrange(24)]}, {"var": "on.festival"},
                        {"!": [{"var": "on.festival"}]}, {"!=": [{"var": "calendar.weekday"}, draw.randrange(7)]},
                        {"<": [{"var": "history.days_since_visit"}, draw.randrange(30)]}])
    return {draw.choice(["and", "and", "or"]): draw.sample([who, much, when], 3)}


def document():
    draw = random.Random(1405)
    programme = json.loads((ROOT / "programmes/base.json").read_text())
    programme.update(
        modules=["points", "redemption", "credit", "tiers"],
        tiers={"measure": "earned", "period": "year", "falls": True,
               "list": [{"id": "bronze", "from": 0}, {"id": "silver", "from": 500}, {"id": "gold", "from": 100000}]},
        products=[{"id": "dairy", "number": 1, "earns": True}],
        calendars=[{"id": "festival", "from": "1405-06-01", "to": "1405-07-10"}],
        stacking={"rebate": "sum", "award": "sum", "cashback": "sum"},
        rules=[{"id": f"rule-{n}", "when": condition(draw), "do": {"award": {"points": 1}},
                "say": {"fa": "امتیاز این خرید", "en": "Points of this purchase"}} for n in range(COUNT)])
    return programme


def facts(programme):
    """What the conditions see of the card and the sale in rules.c, as the nested object that JsonLogic takes."""
    card = dict(points=4200, credit=3500000, gift=0, voucher=0, stamps=0, counter=120, group=0, tier=2)
    known = {name: 0 for name, _ in vafa_programme.FACTS}
    known.update(counter=120, last_day=1000, visits=57, interval=30, basket=2400, spend=90000, earned=700)
    occasion = {"facts": known, "identity": None, "code": 0, "merchant": 0, "branch": 0,
                "lines": [(0, 2000000, 9000), (1, 600000, 3000)]}
    wish = {"amount": 2600000, "pay_credit": 0, "redeem": 0}
    data = {}
    for path, value in vafa_programme.sees(programme, card, wish, occasion, 1450000, 3).items():
        *above, name = path.split(".")
        at = data
        for part in above:
            at = at.setdefault(part, {})
        if not isinstance(value, (bool, str)):
            value = value // vafa_programme.SCALE if value % vafa_programme.SCALE == 0 else value / vafa_programme.SCALE
        at[name] = value
    return data


def by_python(conditions, data):
    times, held = [], 0
    for _ in range(30):
        begin = time.process_time_ns()
        held = sum(bool(logic(rule, data)) for rule in conditions)
        times.append((time.process_time_ns() - begin) / 1e3)
    return {"us": statistics.median(times), "held": held}


def by_node(path):
    modules = ROOT / "build/npm/node_modules"
    if not (modules / "json-logic-js").is_dir():
        try:
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", ROOT / "build/npm", "json-logic-js@2.0.5"],
                           check=True, timeout=120, capture_output=True)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"json-logic-js skipped: npm install did not work here ({type(error).__name__})")
            return None
    try:
        done = subprocess.run(["node", ROOT / "tests/bench/rules.js", modules, path], check=True, capture_output=True, text=True)
    except OSError:
        print("json-logic-js skipped: there is no node here")
        return None
    return json.loads(done.stdout)


def main():
    build = Path(sys.argv[1])
    out = ROOT / "build/bench-rules"
    out.mkdir(parents=True, exist_ok=True)
    programme = document()
    conditions, data = [rule["when"] for rule in programme["rules"]], facts(programme)
    (out / "programme.json").write_text(json.dumps(programme, ensure_ascii=False))
    (out / "conditions.json").write_text(json.dumps({"conditions": conditions, "data": data}))
    done = subprocess.run([build / "bench-rules", out / "programme.json"], check=True, capture_output=True, text=True)
    ours, python, node = json.loads(done.stdout), by_python(conditions, data), by_node(out / "conditions.json")
    for name, other in (("Python", python), ("json-logic-js", node)):
        if other and other["held"] != ours["held"]:
            sys.exit(f"rules.py: {ours['held']} rules held here, {other['held']} by {name}")
    if ours["allocations"] or not ours["load_allocations"]:  # loading does allocate: so it is counted
        sys.exit(f"rules.py: {ours['allocations']} allocations in {ours['sales']} sales")
    node_says = f"json-logic-js 2.0.5 {node['us']:.0f} us" if node else "json-logic-js not measured"
    print(json.dumps({"name": "programme.1000rules", "value": round(ours["us"], 1), "unit": "us", "against": "aim",
                      "against_value": 100,
                      "note": f"one whole sale, processor time, median (p99 {ours['p99_us']:.1f}); {ours['held']} of {ours['rules']} rules held; "
                              f"0 allocations in {ours['sales']} sales; the programme takes {ours['bytes']} bytes. The same conditions "
                              f"alone: {node_says}, plain Python {python['us']:.0f} us"}))


main()
