#!/usr/bin/env python3
"""duplicate - a card is moved whole to another one, with real processes: at one counter, which is killed between the halves.

In between the club's books have all of it in transit; what waited for the old card, and what is ordered for it later, comes
to the new one; the whole story once more onto a card of the other family. And a blank card that goes away for good while it
is in doubt, whether it carries all of it or nothing: it is lost like any other, and the member has all of it once. Last, a phone follows its
member from card to card, where a terminal that died made the last of them, too, and a person says so."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Carried, Shop, Station  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
MILLION = 1_000_000


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
    check(f"{old.name}: the old card is closed, with nothing on it",
          (left["credit"], left["points"], left["status"]) == (0, 0, "closed"), left)
    a.stop("kill")
    a.sync()
    check(f"{old.name}: in between all of it is in transit", account(shop, "transit") == {"credit": 450_000, "points": 10}, report(shop)["ledger"])
    a.start()
    got = done(new, a, "duplicate", **{"from": out["sequence"]})
    new.number = got["card"]
    check(f"{old.name}: the new card has all of it, though the terminal was killed",
          (got["credit"], got["points"]) == (450_000, 10), got)
    a.sync()
    check(f"{old.name}: and nothing is in transit any more", account(shop, "transit") == {}, report(shop)["ledger"])
    said = order(shop, old, 5_000, f"after-{old.name}")  # nobody told the bank
    check(f"{old.name}: the bank's orders are known by its own numbers",
          "Made" in said and order(shop, old, 70_000, f"before-{old.name}") != "", said)
    b.sync()
    got = done(new, b, "balance")
    check(f"{old.name}: what waited for the old card, and what is ordered for it still, come to the new one",
          got["credit"] == 525_000 and sorted(x["amount"] for x in got["arrived"]) == [5_000, 70_000], got)
    again = old.tap(b, "balance")
    check(f"{old.name}: and not to the old one", (again["credit"], again.get("arrived", [])) == (0, []), again)


def cut_in_doubt(shop, a, sequence, name, tear):
    """A blank card that leaves for good in the write that commits; how many writes come before that is tried out."""
    for n in range(25, 40):
        card = Carried(shop, f"{name}{n}", "1k")
        a.card(f"new {card.name} 1k {card.uid}")
        card.known.append(a)
        a.card(f"cut write {n} {tear}")
        a.card(f"insert {card.name}")
        answer = a.ask("duplicate", wait_ms=1000, **{"from": sequence})
        a.card("cut clear")
        if answer["state"] == "hold_again":
            a.card(f"dump {card.name} {card.file}")
            card.at = a
            return card
        if answer["state"] == "done":
            break
    raise RuntimeError(f"no write of an issue is in doubt: {answer}")


def gone(shop, a, tear):
    old, new = Carried(shop, f"old-{tear}", "1k"), Carried(shop, f"new-{tear}", "1k")
    old.number = done(old, a, "issue", amount=500_000)["card"]
    done(old, a, "sale", amount=MILLION, pay_credit=50_000)
    sequence = done(old, a, "duplicate")["sequence"]
    waiting = a.ask("transfers")["waiting"]
    check(f"{tear}: a card that was moved out is among what waits",
          [(w["sequence"], w["what"], w["amount"], w["card"], w["state"]) for w in waiting] == [(sequence, "card", 450_000, old.number, "open")]
          and a.ask("status")["transfers_oldest"] == waiting[0]["since"], waiting)
    part = a.ask("transfer", wait_ms=300, **{"from": sequence}), a.ask("release", number=sequence)
    check(f"{tear}: none of it is taken or handed over in part",
          all(x["state"] == "not_done" and f"duplicate --from {sequence}" in x["say"] for x in part), part)
    lost = cut_in_doubt(shop, a, sequence, f"gone-{tear}", tear)
    waiting = a.ask("transfers")["waiting"]
    lost.number = waiting[0]["into"]
    refused = new.tap(a, "duplicate", **{"from": sequence})
    check(f"{tear}: no other card gets it, and the way out is said",
          waiting[0]["state"] == "in_doubt" and f"report-lost {lost.number}" in refused["say"], refused)
    early = a.ask("replace", card=lost.number, confirm=True, wait_ms=300)
    check(f"{tear}: nor while the card may come back",
          early["reason"] == "refused" and f"report-lost {lost.number}" in early["say"], early)
    said = a.ask("report_lost", card=lost.number)
    check(f"{tear}: it is lost like any other", said["state"] == "done" and a.ask("transfers")["waiting"] == [], said)
    got = new.tap(a, "replace", card=lost.number, confirm=True)
    new.number = got["card"]
    check(f"{tear}: the new card begins with the provisional part, here nothing", got["credit"] == 0, got)
    return tear, lost, new


def settled(a, b, stories):
    """Every terminal holds the list, and a second later says what it did before; then comes the rest."""
    for pause in (1.1, 0, 0):
        for station in (a, b):
            station.sync()
        time.sleep(pause)
    for tear, lost, new in stories:
        got = new.tap(b, "balance")
        check(f"{tear}: and has all of it when the books have settled", (got["credit"], got["points"]) == (450_000, 10), got)
        found = lost.tap(b, "sale", amount=MILLION, pay_credit=1000)
        check(f"{tear}: the one that went away pays nothing", found["reason"] == ("hotlisted" if tear == "new" else "blank"), found)


def finds(station, phone, card):
    answer = station.ask("find", medium=phone)
    return answer["state"] == "done" and answer["card"][-4:] == card.number[-4:]


def media_follow(shop, a, b):
    """A phone finds the card that took a lost one's place, everywhere; also when only a person can say that it did."""
    old, new = Carried(shop, "old-phone", "1k"), Carried(shop, "new-phone", "desfire")
    old.number = done(old, a, "issue", name="Sara", phone="09121234567", consent="membership")["card"]
    a.sync()
    b.sync()
    check("a phone finds its member's card", finds(a, "09121234567", old) and finds(b, "09121234567", old))
    new.number = new.tap(a, "replace", card=old.number, confirm=True)["card"]
    a.sync()
    b.sync()
    check("and the one that took its place, here and elsewhere",
          finds(a, "09121234567", new) and finds(b, "09121234567", new))
    c = Station(shop, "c")
    c.sync()
    c.start()
    last = Carried(shop, "last-phone", "1k")
    last.number = last.tap(c, "replace", card=new.number, confirm=True)["card"]
    c.stop("kill")  # and it never comes back
    shop.club("terminal", "dead", 3)
    done(last, b, "balance")
    b.sync()
    check("whose place a dead terminal's card took, the club asks",
          "unnamed" in [case["why"] for case in report(shop)["cases"]], report(shop)["cases"])
    shop.club("lost", "name", last.number, new.number)
    a.sync()
    b.sync()
    check("and when a person has said it, the phone finds that one",
          finds(a, "09121234567", last) and finds(b, "09121234567", last))
    told = report(shop)
    check("and nothing is left to ask",
          [case["why"] for case in told["cases"] if not case["closed_at"]] == [] and shop.club("report", check=False).returncode == 0, told["cases"])


def judged(shop, stations):
    for station in stations:
        station.sync()
    check("the books balance, without a case",
          report(shop)["cases"] == [] and shop.club("report", check=False).returncode == 0, report(shop)["cases"])
    check("nothing waits any more", account(shop, "pending") == {}, report(shop)["ledger"])
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=json.loads(shop.programme.read_text()))
    path = Path(shop.path("dump.json"))
    path.write_text(json.dumps(dump))
    again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", str(path)], capture_output=True, text=True)
    check("the reference comes to the same", again.returncode == 0 and "0 violations" in again.stdout, again.stdout[-1000:])


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
        settled(a, b, [gone(shop, a, tear) for tear in ("old", "new")])
        judged(shop, stations)
        media_follow(shop, a, b)
    return exit_code()


sys.exit(main())
