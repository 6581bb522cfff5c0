#!/usr/bin/env python3
"""groups.py - a card begins in its member's group, named or by the programme's rules, with real processes: the first sale has
the group's price, the club computes the same, and `member regroup` moves whom a new rule wants. BUILD names the folder with
the programs. Prints TAP lines."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402


def is_account(word):
    return {"==": [{"var": "member.account"}, word]}


def programme(version, groups):
    document = json.loads((ROOT / "programmes/base.json").read_text())
    document["version"] = version
    document["modules"].append("rebate")
    document["groups"] = groups
    document["rules"] += [{"id": "staff", "when": {"==": [{"var": "member.group"}, "staff"]}, "do": {"rebate": {"percent": 20}}}]
    return document


FIRST = programme(1, [{"id": "staff", "number": 1, "when": is_account("staff")}, {"id": "family", "number": 2}])
SECOND = programme(2, [{"id": "staff", "number": 1, "when": is_account("staff")}, {"id": "family", "number": 2},
                       {"id": "partners", "number": 3, "when": is_account("partner")}])


def issue(shop, name, uid, person, *more):
    shop.card("remove")
    shop.card(f"new {name} 1k {uid}")
    shop.card(f"insert {name}")
    person = {"consent": "membership", **person} if person else person
    typed = "".join(f"{field} {text}\n" for field, text in person.items())
    done = subprocess.run([shop.build / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "10", "--json", "issue", *more,
                           *(["-"] if person else [])], input=typed, capture_output=True, text=True, timeout=60)
    return json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])


def main():
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release")) as shop:
        shop.programme = shop.path("programme.json")
        Path(shop.programme).write_text(json.dumps(FIRST))
        shop.open(card=None)
        made = issue(shop, "one", "04a1b2c3", {"name": "Sara", "account": "staff"})
        sold = shop.done("sale", "1000000")
        check("by the rule: the first sale of staff is 20 % cheaper", made["state"] == "done" and
              sold["parts"]["rebate"] == 200000 and sold["parts"]["due"] == 800000, sold)
        issue(shop, "two", "04a1b2c4", {"name": "Ali", "account": "staff"}, "--group", "family")
        sold = shop.done("sale", "1000000")
        check("a named group goes before the rules", sold["parts"]["rebate"] == 0, sold)
        issue(shop, "three", "04a1b2c5", {}, "--group", "staff")
        sold = shop.done("sale", "1000000")
        check("a card for nobody in particular, in a named group", sold["parts"]["rebate"] == 200000, sold)
        partner = issue(shop, "four", "04a1b2c6", {"name": "Reza", "account": "partner"})
        unknown = issue(shop, "five", "04a1b2c7", {}, "--group", "nobody")
        check("a group that the club has not", unknown["state"] == "not_done" and "no group" in unknown["say"], unknown)

        shop.sync_once()
        members = {m["name"]: m for m in json.loads(shop.club("member", "list", "--json").stdout)}
        check("the club notes the group that each card began with", (members["Sara"]["group"], members["Ali"]["group"],
              members["Reza"]["group"]) == ("1", "2", "0"), members)
        check("and sends none after them", json.loads(shop.club("action", "list", "--json").stdout) == [])

        Path(shop.programme).write_text(json.dumps(SECOND))
        shop.club("programme", shop.programme)
        trial = shop.club("member", "regroup", "--trial").stdout
        check("a trial says who would move", f"{partner['card']}  no group -> partners" in trial and "2 would move" in trial, trial)
        moved = shop.club("member", "regroup").stdout
        check("the new rule moves the partner; a group that has a rule keeps nobody else", "2 moved" in moved and
              "staff -> no group" in moved and "no group -> partners" in moved, moved)

        def arrived():
            shop.sync_once()
            shop.card("remove")
            shop.card("insert four")
            return any(a["kind"] == "group" for a in shop.done("balance").get("arrived", []))
        shop.until(arrived, what="the group on the card")
        shop.sync_once()
        report = json.loads(shop.club("report", "--json").stdout)
        check("the club computes the same, without a case", report["cases"] == [], report["cases"])
        dump = json.loads(shop.club("dump").stdout)
        dump.update(cards=[], programme=[FIRST, SECOND])
        Path(shop.path("dump.json")).write_text(json.dumps(dump))
        again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check",
                                shop.path("dump.json")], capture_output=True, text=True)
        check("the reference comes to the same", " 0 violations" in again.stdout, again.stdout + again.stderr)


main()
sys.exit(exit_code())
