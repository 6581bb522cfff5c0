#!/usr/bin/env python3
"""duplicate - a card is moved whole to another one, with real processes: at one counter, which is killed between the halves.

In between the club's books have all of it in transit; what waited for the old card, and what is ordered for it later, comes
to the new one; the whole story once more onto a card of the other family."""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Carried, Shop, Station  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
MILLION = 1_000_000
failed = 0


def result(condition, name, detail=""):
    global failed
    failed += not condition
    print(f"ok {name}" if condition else f"not ok {name}\n  {detail}", flush=True)


def done(card, station, what, **fields):
    answer = card.tap(station, what, **fields)
    if answer["state"] != "done":
        raise RuntimeError(f"{what} at {station.name}: {answer}")
    return answer


def report(shop):
    return json.loads(shop.club("report", "--json", check=False).stdout)


def account(shop, name):
    rows = {row["book"]: row["amount"] for row in report(shop)["ledger"] if row["account"] == name}
    return {book: amount for book, amount in rows.items() if amount}


def order(shop, card, amount, ident):
    return shop.club("action", card.number, "credit", amount, "--origin", "bank", "--id", ident, "--giver", "Melli").stdout


def moved(shop, a, b, old, new):
    """`old` has 450,000 and 10 points; 70,000 wait for it. It goes over to `new` at a."""
    old.number = done(old, a, "issue", amount=500_000)["card"]
    done(old, a, "sale", amount=MILLION, pay_credit=50_000)
    a.sync()
    order(shop, old, 70_000, f"before-{old.name}")
    out = done(old, a, "duplicate")
    left = old.tap(a, "balance")
    result((left["credit"], left["points"], left["status"]) == (0, 0, "closed"), f"{old.name}: the old card is closed, with nothing on it", left)
    a.stop("kill")
    a.sync()
    result(account(shop, "transit") == {"credit": 450_000, "points": 10}, f"{old.name}: in between all of it is in transit", report(shop)["ledger"])
    a.start()
    got = done(new, a, "duplicate", **{"from": out["sequence"]})
    new.number = got["card"]
    result((got["credit"], got["points"]) == (450_000, 10), f"{old.name}: the new card has all of it, though the terminal was killed", got)
    a.sync()
    result(account(shop, "transit") == {}, f"{old.name}: and nothing is in transit any more", report(shop)["ledger"])
    said = order(shop, old, 5_000, f"after-{old.name}")  # nobody told the bank
    result("Made" in said and order(shop, old, 70_000, f"before-{old.name}") != "", f"{old.name}: the bank's orders are known by its own numbers", said)
    b.sync()
    got = done(new, b, "balance")
    result(got["credit"] == 525_000 and sorted(x["amount"] for x in got["arrived"]) == [5_000, 70_000],
           f"{old.name}: what waited for the old card, and what is ordered for it still, come to the new one", got)
    again = old.tap(b, "balance")
    result((again["credit"], again.get("arrived", [])) == (0, []), f"{old.name}: and not to the old one", again)


def judged(shop, stations):
    for station in stations:
        station.sync()
    result(report(shop)["cases"] == [] and shop.club("report", check=False).returncode == 0, "the books balance, without a case", report(shop)["cases"])
    result(account(shop, "pending") == {}, "nothing waits any more", report(shop)["ledger"])
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=json.loads(shop.programme.read_text()))
    path = Path(shop.path("dump.json"))
    path.write_text(json.dumps(dump))
    again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", str(path)], capture_output=True, text=True)
    result(again.returncode == 0 and "0 violations" in again.stdout, "the reference comes to the same", again.stdout[-1000:])


def main():
    with Shop(BUILD) as shop:
        shop.start_club()
        shop.club("programme", shop.programme)
        shop.run("vafa-keys", "new", shop.path("keys"))
        a, b = stations = [Station(shop, name) for name in "ab"]
        for station in stations:
            station.sync()
            station.start()
        for n, families in enumerate((("1k", "desfire"), ("desfire", "1k"))):
            moved(shop, a, b, Carried(shop, f"old{n}", families[0]), Carried(shop, f"new{n}", families[1]))
        judged(shop, stations)
    return failed > 0


sys.exit(main())
