#!/usr/bin/env python3
"""gift_cards.py - gift cards by their kind, with real processes: issued, spent in parts with money, given
back, and in the club's books. BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Carried, Shop, Station  # noqa: E402
from tap import check, exit_code  # noqa: E402


def lost_elsewhere(shop, number, left):
    """Replaced at a counter that has never seen the card: kind and last day come from the club, before the gift does."""
    b = Station(shop, "b")
    b.sync()
    b.start()
    new = Carried(shop, "new", "1k")
    got = new.tap(b, "replace", card=number, confirm=True)
    check("another counter knows nothing of a lost gift card", got["state"] == "done" and
          got["gift"] == 0, got)
    for pause in (1.1, 0):
        b.sync()
        shop.sync_once()
        time.sleep(pause)
    b.sync()
    got = new.tap(b, "sale", amount=1000000, pay_gift=400000)
    check("but what it had follows, its last day first", got["state"] == "done" and got["gift"] == left - 400000 and
          [a["kind"] for a in got["arrived"]] == ["particulars", "gift"], got)
    listed = json.loads(shop.club("action", "list", "--card", got["card"], "--json").stdout)
    said = [a["particulars"] for a in listed if a["kind"] == "particulars"]
    check("and its kind", [(s.get("card_kind"), s["last_day"]) for s in said] == [(1, "2071-03-21")], said)
    for _ in range(2):
        b.sync()
        shop.sync_once()


def main():
    programme = ROOT / "programmes/starters/gift-card.json"
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release"), programme) as shop:
        shop.open(card=None)
        for name, what in (("gift", "1k 04a1b2c3"), ("member", "desfire 04112233445566")):
            shop.card(f"new {name} {what}")
        shop.card("remove")
        shop.card("insert gift")
        refused = shop.till("issue", "--kind", "1", "--gift", "4999999")
        check("a kind's fixed amount is its own", refused["state"] == "not_done" and
              "from 500,000 toman to 500,000 toman" in refused["say"], refused)
        made = shop.done("issue", "--kind", "1", "--gift", "5000000")
        check("a gift card of 500,000 toman", made["parts"]["gift"] == 5000000 and made["parts"]["due"] == 5000000,
              made)
        paid = shop.done("sale", "3200000", "--pay-gift", "3000000")
        check("it pays a part, money the rest", paid["parts"]["gift"] == 3000000 and
              paid["parts"]["due"] == 200000, paid)
        much = shop.till("sale", "3200000", "--pay-gift", "2000001")
        check("not more than is on it", much["state"] == "not_done", much)
        back = shop.done("refund", str(paid["counter"]), "1600000")
        check("half of it back, to the purse that paid", back["parts"]["gift"] == 1500000 and
              back["parts"]["due"] == 100000, back)

        shop.sync_once()
        for ident, day, state in (("a", "2020-01-01", "not_done"), ("b", "1450-01-01", "done")):
            shop.club("action", "particulars", made["card"], "--card-kind", 1, "--birthday", "none", "--wedding",
                      "none", "--last-day", day, "--origin", "correction", "--id", ident, "--text", "Gift card")
            shop.sync_once()
            sale = shop.till("sale", "1000000", "--pay-gift", "1000000")
            check("the club moves the last day to " + day, sale["state"] == state and
                  [a["kind"] for a in sale["arrived"]] == ["particulars"] and
                  (state == "done" or "is over" in sale["say"]), sale)
        shop.done("refund", str(sale["counter"]), "1000000")
        listed = json.loads(shop.club("action", "list", "--card", made["card"], "--json").stdout)
        check("and knows what it gave", [(a["state"], a["amount"], a["particulars"]["last_day"]) for a in listed] ==
              [("applied", 0, "2020-01-01"), ("waiting", 0, "2071-03-21")], listed)
        withdrawn = shop.club("action", "withdraw", "--origin", "correction", "--id", "b", check=False)
        check("which cannot be taken back, but replaced", withdrawn.returncode == 1 and
              "right ones" in withdrawn.stderr, withdrawn.stderr)

        shop.card("remove")
        shop.card("insert member")
        shop.done("issue")
        load = shop.done("load", "10000000")
        check("a load of 1,000,000 toman brings 50,000 more", load["credit"] == 10500000 and
              load["parts"]["due"] == 10000000, load)
        shop.sync_once()
        lost_elsewhere(shop, made["card"], 3500000)
        report = json.loads(shop.club("report", "--json").stdout)
        of = {(row["book"], row["account"]): row["amount"] for row in report["ledger"]}
        check("the books have gift and bonus apart from the cash",
              of.get(("gift", "opening")) == -5000000 and of.get(("gift", "owed")) == 1500000 + 400000 and
              of.get(("gift", "replaced")) == -3500000 and
              of.get(("credit", "taken")) == -10000000 and of.get(("credit", "bonus")) == -500000, of)
        dump = json.loads(shop.club("dump").stdout)
        dump.update(cards=[], programme=json.loads(programme.read_text()))
        Path(shop.path("dump.json")).write_text(json.dumps(dump))
        again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check",
                                shop.path("dump.json")], capture_output=True, text=True)
        check("the reference comes to the same", " 0 violations" in again.stdout, again.stdout + again.stderr)
        check("and balance without a case", report["cases"] == [] and
              shop.club("report", check=False).returncode == 0, report["cases"])


main()
sys.exit(exit_code())
