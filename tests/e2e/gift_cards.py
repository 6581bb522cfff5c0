#!/usr/bin/env python3
"""gift_cards.py - gift cards by their kind, with real processes: issued, spent in parts with money, given
back, and in the club's books. BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402


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
        report = json.loads(shop.club("report", "--json").stdout)
        of = {(row["book"], row["account"]): row["amount"] for row in report["ledger"]}
        check("the books have gift and bonus apart from the cash",
              of.get(("gift", "opening")) == -5000000 and of.get(("gift", "owed")) == 1500000 and
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
