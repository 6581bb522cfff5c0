#!/usr/bin/env python3
"""layout - cards of both families go over to layout 2 in the field, with real processes: ordered once for all, torn away on
the way, brought to the end by another terminal without a line, spent and given back across it, and what they say of
themselves still holds."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Carried, Shop, Station  # noqa: E402
from tap import check, exit_code, note  # noqa: E402

PROGRAMME = ROOT / "programmes/starters/gift-card.json"
GIFT, SALE = 5_000_000, 500_000
CUTS = {"1k": (22, 30, 36, 40, None), "desfire": (5, 9, None)}  # the card leaves after so many commands of the tap


def issue(shop, station):
    cards = []
    for family, cuts in CUTS.items():
        for n, cut in enumerate(cuts):
            card = Carried(shop, f"{family[0]}{n}0", family)
            answer = card.tap(station, "issue", kind="1", gift=GIFT)
            card.cut, card.number = cut, answer["card"]
            card.sold = card.tap(station, "sale", amount=SALE, pay_gift=SALE)["counter"]
            cards.append(card)
    return cards


def go_over(card, a, b):
    """Torn away at the first terminal, if it is meant to be; whole at the second one, whose line is down."""
    if card.cut is not None:
        a.card(f"cut after {card.cut}")
        card.tap(a, "sale", wait_ms=80, amount=SALE, pay_gift=SALE)
        a.card("cut clear")
    card.tap(b, "sale", amount=SALE, pay_gift=SALE)
    history = card.tap(b, "history")["history"]
    kinds = [row["kind"] for row in history]
    sales = kinds.count("sale")
    return kinds.count("action") == 1 and sales in (2, 3) and history[0]["gift"] == GIFT - sales * SALE, history


def main():
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release"), PROGRAMME) as shop:
        shop.start_club()
        shop.club("programme", PROGRAMME)
        shop.run("vafa-keys", "new", shop.path("keys"))
        a, b = Station(shop, "a"), Station(shop, "b")
        a.sync()
        a.start()
        cards = issue(shop, a)
        a.sync()
        early = shop.club("convert", 2, "--id", "L2", check=False)
        check("a terminal that has not said that it can read them is named", early.returncode == 1 and
              "Terminal 2 " in early.stderr, early.stderr)
        b.sync()
        b.start()
        made = shop.club("convert", 2, "--id", "L2")
        check("then all cards are ordered to go over", f"{len(cards)} cards go over to layout 2" in made.stdout, made.stdout)
        again = shop.club("convert", 2, "--id", "L2")
        check("once", "was made before" in again.stdout, again.stdout)
        for wrong, word in ((("convert", 3, "--id", "x"), "layout from 2 to 2"), (("convert", 1, "--id", "x"), "layout from 2 to 2")):
            refused = shop.club(*wrong, check=False)
            check(f"to layout {wrong[1]} is none", refused.returncode != 0 and word in refused.stderr, refused.stderr)
        a.sync()
        b.sync()
        for card in cards:
            ok, seen = go_over(card, a, b)
            check(f"{card.family}, away after command {card.cut}: over once, and each sale paid once", ok, seen)
        for card in cards[-1], cards[len(CUTS["1k"]) - 1]:
            back = card.tap(b, "refund", counter=card.sold)
            check(f"{card.family}: a sale of layout 1 is given back in layout 2", back["state"] == "done" and
                  back["parts"]["gift"] == SALE, back)
        a.sync()
        b.sync()
        new_last_days(shop, b, (cards[0], cards[-1]))
        the_club_agrees(shop, a, b, cards)


def new_last_days(shop, station, cards):
    """What layout 2 is for: what the card says of itself is the old or the new."""
    for day, state in (("2020-01-01", "not_done"), ("1450-01-01", "done")):
        for card in cards:
            shop.club("action", "particulars", card.number, "--card-kind", 1, "--birthday", "none", "--wedding",
                      "none", "--last-day", day, "--origin", "correction", "--id", card.name + day)
        station.sync()
        for card in cards:
            sale = card.tap(station, "sale", amount=SALE, pay_gift=SALE)
            check(f"{card.family}: the club moves its last day to {day}", sale["state"] == state and
                  [x["kind"] for x in sale["arrived"]] == ["particulars"], sale)


def the_club_agrees(shop, a, b, cards):
    a.sync()
    b.sync()
    charge = json.loads(shop.club("charge", "list", "--json").stdout)[0]
    check("every card has collected it", charge["group"] is None and charge["kind"] == "layout" and charge["amount"] == 2 and
          charge["collected"] == len(cards) and charge["waiting"] == 0, charge)
    shown = [json.loads(shop.club("card", card.number, "--json").stdout)["layout"] for card in cards]
    check("the club knows their layout", shown == [2] * len(cards), shown)
    none = shop.club("convert", 2, "--id", "later")
    check("nobody is ordered again", "0 cards go over" in none.stdout, none.stdout)
    report = json.loads(shop.club("report", "--json").stdout)
    check("the books balance, without a case", report["cases"] == [] and shop.club("report", check=False).returncode == 0,
          report["cases"])
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=json.loads(PROGRAMME.read_text()))
    Path(shop.path("dump.json")).write_text(json.dumps(dump))
    counted = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", shop.path("dump.json")],
                             capture_output=True, text=True)
    check("the reference comes to the same", " 0 violations" in counted.stdout, counted.stdout + counted.stderr)
    note(f"{len(cards)} cards, {sum(card.cut is not None for card in cards)} of them torn away on the way")


main()
sys.exit(exit_code())
