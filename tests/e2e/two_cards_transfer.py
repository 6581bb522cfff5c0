#!/usr/bin/env python3
"""two_cards_transfer.py - credit from one member's card to another's, with real processes.

Both cards at one counter, the terminal killed in between; the second half taken once only; a card that is
not there, to which the club delivers; sync, and a ledger in which nothing is in transit at the end.
BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402

failed = 0


def check(name, ok, why=""):
    global failed
    failed += not ok
    print(("ok " if ok else "not ok ") + name.replace(" ", "_"))
    if not ok:
        print("#   " + str(why).replace("\n", "\n#   ")[:1500])


def hold(shop, name):
    shop.card("remove")
    shop.card(f"insert {name}")


def credit(shop, name):
    hold(shop, name)
    return shop.done("balance")["credit"]


def transit(shop):
    report = json.loads(shop.club("report", "--json").stdout)
    return sum(row["amount"] for row in report["ledger"] if row.get("account") == "transit"), report


def main():
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release")) as shop:
        shop.open(card=None)
        numbers = {}
        for name, what in (("ali", "1k 04a1b2c3"), ("leila", "desfire 04112233445566")):
            shop.card(f"new {name} {what}")
            hold(shop, name)
            numbers[name] = shop.done("issue", "--opening", "1000000")["card"]

        hold(shop, "ali")
        answer = shop.till("transfer", "1000001")
        check("more than the card has is refused", answer["state"] == "not_done" and
              credit(shop, "ali") == 1000000, answer)
        hold(shop, "ali")
        answer = shop.till("transfer", "300000", "--to", numbers["ali"])
        check("a transfer to itself is refused", answer["state"] == "not_done" and
              credit(shop, "ali") == 1000000, answer)

        hold(shop, "ali")
        out = shop.done("transfer", "300000")
        check("the first half leaves the card", out["credit"] == 700000 and
              out["parts"]["payment"] == 300000, out)
        answer = shop.till("transfer", "--from", str(out["sequence"]))
        check("the card that it left cannot take it", answer["state"] == "not_done" and
              "comes from" in answer["say"], answer)

        shop.stop("terminal", "kill")
        shop.start_terminal()
        shop.sync_once()
        moving, report = transit(shop)
        check("in between the ledger has it in transit", moving == 300000, report["ledger"])
        hold(shop, "leila")
        back = shop.done("transfer", "--from", str(out["sequence"]))
        check("the other card has it, also after the terminal died", back["credit"] == 1300000, back)
        answer = shop.till("transfer", "--from", str(out["sequence"]))
        check("no card has it twice", answer["state"] == "not_done" and "already" in answer["say"] and
              credit(shop, "leila") == 1300000, answer)
        answer = shop.till("transfer", "--from", "1")
        check("what is no transfer is refused", answer["state"] == "not_done", answer)

        hold(shop, "leila")
        far = shop.done("transfer", "500000", "--to", numbers["ali"])
        check("to a card that is not here", far["credit"] == 800000, far)
        answer = shop.till("transfer", "--from", str(far["sequence"]))
        check("which the club delivers and nobody else", answer["state"] == "not_done" and
              "club" in answer["say"], answer)
        shop.sync_once()
        shop.sync_once()
        hold(shop, "ali")
        got = shop.done("balance")
        check("at the card's next tap", got["credit"] == 1200000 and
              got["arrived"][0]["origin"] == "transfer", got)
        shop.sync_once()
        moving, report = transit(shop)
        check("at the end nothing is in transit", moving == 0, report["ledger"])
        check("the books balance without a case", report.get("cases") == [], report.get("cases"))
        dump = json.loads(shop.club("dump").stdout)
        with open(ROOT / "programmes/base.json", encoding="utf-8") as file:
            dump.update(cards=[], programme=json.load(file))
        with open(shop.path("dump.json"), "w", encoding="utf-8") as file:
            json.dump(dump, file)
        again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check",
                                shop.path("dump.json")], capture_output=True, text=True)
        check("the reference comes to the same", again.returncode == 0 and "0 violations" in again.stdout,
              again.stdout)
        told = shop.club("report", check=False)
        check("and the club says so", told.returncode == 0, told.stdout)


main()
sys.exit(failed > 0)
