#!/usr/bin/env python3
"""One engine, two homes: lines, a code, stamps, cashback and a rule about a visit at a real counter, and
the club reckons the same. Expected figures are worked by hand from the rules below."""
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()


def case(name, good, detail=""):
    print(("ok " if good else "not ok ") + name + ("" if good else f"\n  {detail}"), flush=True)
    return good


programme = json.loads((ROOT / "programmes/base.json").read_text())
programme["modules"] += ["rebate", "cashback", "stamps", "codes"]
programme["products"] = [{"id": "dairy", "number": 4, "earns": True}]
programme["codes"] = [{"id": "nowruz", "code": "NOWRUZ"}]
programme["rules"] += [
    {"id": "dairy", "when": True, "do": {"rebate": {"percent": 10, "of": "dairy"}}},
    {"id": "nowruz", "when": {"var": "code.nowruz"}, "do": {"cashback": {"rials": 50000}}},
    {"id": "again", "when": {">": [{"var": "history.visits"}, 0]}, "do": {"stamps": {"add": 1}}}]



def tried(amount, *args):
    """What `vafa-programme try` prints, a text a line."""
    out = shop.run("vafa-programme", "try", shop.programme, "--amount", amount, "--at", "1405-07-03 18:30", *args)
    return [line.strip() for line in out.stdout.splitlines()]


with Shop(BUILD) as shop:
    path = Path(shop.path("programme.json"))
    path.write_text(json.dumps(programme))
    shop.programme = path
    shop.open()
    shop.done("issue")
    first = shop.done("sale", "3000000", "--line", "dairy:1000000:1.5", "--line", "tea:2000000", "--code", "NOWRUZ")
    parts = first["parts"]
    case("10 % of the dairy lines, cashback by the code, points on what is left",
         (parts["rebate"], parts["load"], parts["award"], parts["due"]) == (100000, 50000, 20, 2900000), first)
    told = [(": ".join(filter(None, [line.get("rule") if line["kind"] in ("rule", "aside") else "", line["text"]])) +
             (" = " + line["result"] if "result" in line else "")) for line in first["lines"]]
    case("the receipt's lines are those of vafa-programme try, in Persian",
         first["lang"] == "fa" and len(told) > 6 and
         told == tried("3000000", "--line", "dairy=1000000x1.5", "--code", "NOWRUZ", "--lang", "fa"), first)
    bad = shop.till("sale", "3000000", "--code", "NOROOZ")
    case("an unknown code is refused and named", bad["rc"] == 1 and "NOROOZ" in bad["text"], bad)
    bad = shop.till("sale", "3000000", "--line", "dairy:1000000")
    case("lines that do not add up are refused", bad["rc"] == 1 and "1000000" in bad["text"], bad)
    second = shop.done("sale", "1000000")
    case("no rebate without lines", second["parts"]["rebate"] == 0 and second["counter"] == 3, second)
    # On the card by now: 20 + 10 points, the code's 50,000 rials, a stamp for the second visit.
    third = shop.run("vafa-till", "--socket", shop.path("till.sock"), "sale", "2000000", "--lang", "en",
                     "--line", "dairy:2000000").stdout
    lines = tried("2000000", "--line", "dairy=2000000", "--points", 30, "--credit", "50000rial", "--stamps", 1,
                  "--visits", 2, "--last-visit", "1405-07-02", "--lang", "en")
    case("and in English under vafa-till's DONE",
         len(lines) > 6 and "".join(f"  {line}\n" for line in lines) in third.split("DONE")[-1], (third, lines))
    shop.sync_once()
    report = json.loads(shop.club("report", "--json").stdout)
    case("the club reckons the same: no case", report.get("cases") == [], report.get("cases"))
