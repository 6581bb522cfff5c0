#!/usr/bin/env python3
"""lost_counter.py - cards that are lost, found, replaced and moved, at a counter without a line.

Real terminal, reader and till; the club made the programme and was never asked again. Both families: a
card is moved to another one with the reader cut now and then, and the terminal killed between the
halves; a lost card is refused, replaced within the provisional part, and nothing is done before that is
confirmed. BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Lines, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

CHIPS = ("1k 04a1b2{:02x}", "desfire 041122334455{:02x}")
CUTS = (20, 45, 1000)  # after so many commands the card leaves; tests/fault/fault_tap tries them all


class Counter:
    """The till's socket, and cards by name."""

    def __init__(self, shop):
        self.shop, self.count = shop, 0
        self.reader = Lines(shop.path("sim.control"))
        self.connect()

    def connect(self):
        self.till = Lines(self.shop.path("till.sock"))

    def ask(self, **fields):
        self.till.say(json.dumps({"v": 1, **fields}))
        while not (answer := json.loads(self.till.hear()))["final"]:
            pass
        return answer

    def card(self, command):
        self.reader.say(command)
        answer = self.reader.hear()
        assert answer.startswith("ok"), (command, answer)

    def hold(self, name):
        self.card("remove")
        self.card(f"insert {name}")

    def blank(self, family):
        self.count += 1
        name = f"card{self.count}"
        self.card(f"new {name} " + CHIPS[family].format(self.count))
        return name

    def issue(self, family, **fields):
        name = self.blank(family)
        self.hold(name)
        answer = self.ask(do="issue", wait_ms=3000, **fields)
        assert answer["state"] == "done", answer
        return name, answer["card"]

    def tap(self, held, /, **fields):
        self.hold(held)
        return self.ask(**{"wait_ms": 800, **fields})


def state(answer):
    return tuple(answer[field] for field in ("points", "credit", "gift", "voucher"))


def programme():
    """The base programme with gift and a provisional part, in a file of its own."""
    doc = json.loads((ROOT / "programmes/base.json").read_text())
    doc["modules"] += ["gift", "voucher"]
    doc["purses"]["gift"] = doc["purses"]["voucher"] = {"max_rials": 100000000}
    doc["award_on"].update(gift=False, voucher=False)
    doc["limits"]["provisional"] = {"credit_rials": 300000, "points": 15}
    doc["kinds"] = [{"id": "gold", "number": 3, "opening_gift": {"min_rials": 0, "max_rials": 70000}},
                    {"id": "member", "number": 1}]
    file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    json.dump(doc, file)
    file.close()
    return Path(file.name)


def rich(counter, family):
    """A card with some of everything: 20 points, 500,000 of credit, 70,000 of gift, 30,000 of voucher."""
    name, number = counter.issue(family, amount=500000, gift=70000, voucher=30000, kind="gold", birthday="1370-05-06",
                                 name="Sara", consent="membership")
    answer = counter.tap(name, do="sale", amount=2000000)
    assert state(answer) == (20, 500000, 70000, 30000), answer
    return name, number


def moved_with_cuts(counter, family, half):
    """One half of a duplicate, with the card gone after some of its commands; asked again until it is done."""
    rounds = []
    for commands in CUTS:
        old, number = rich(counter, family)
        new = counter.blank(family)
        cut = half == "out"
        out, whole = once(counter, old, commands if cut else None, do="duplicate")
        into, whole_in = once(counter, new, None if cut else commands, **{"do": "duplicate", "from": out["sequence"]})
        left = counter.tap(old, do="balance")
        rounds.append((state(left), left["status"], state(into), into["status"], into["card"] != number))
        assert (whole if cut else whole_in) or commands < 1000
    return rounds


def once(counter, held, commands, /, **fields):
    """(the answer of done, whether it was done at once)."""
    counter.hold(held)
    if commands is not None:
        counter.card(f"cut after {commands}")
    first = counter.ask(wait_ms=3000 if commands in (None, 1000) else 400, **fields)
    counter.card("cut clear")
    again = first
    for _ in range(3):
        if again["state"] == "done":
            break
        again = counter.tap(held, **fields)
    assert again["state"] == "done", (commands, fields, first, again)
    return again, first["state"] == "done"


def duplicates(shop, counter):
    whole = ((0, 0, 0, 0), "closed", (20, 500000, 70000, 30000), "active", True)
    for family, chip in enumerate(("classic", "desfire")):
        for half in ("out", "in"):
            rounds = moved_with_cuts(counter, family, half)
            check(f"{chip}: moved whole, {half} cut now and then", set(rounds) == {whole},
                  (len(rounds), set(rounds)))
    
    old, number = rich(counter, 0)
    out = counter.tap(old, do="duplicate")
    assert counter.tap(old, do="balance")["status"] == "closed"  # so the answer was told
    shop.stop("terminal", "kill")
    shop.start_terminal()
    counter.connect()
    bad = [counter.ask(**{"do": "duplicate", "from": out["sequence"] + 1, "wait_ms": 300}),
           counter.tap(old, do="duplicate"), counter.tap(old, **{"do": "duplicate", "from": out["sequence"]})]
    check("what is none, twice out, and onto the old card are refused",
          all(a["state"] == "not_done" and a["reason"] == "refused" for a in bad) and
          f"number {out['sequence']}" in bad[1]["say"] and "member card already" in bad[2]["say"], bad)
    new = counter.blank(1)
    into = counter.tap(new, **{"do": "duplicate", "from": out["sequence"], "name": "Sara",
                               "consent": "membership"})
    check("killed between the halves it goes on, onto a card of the other family",
          into["state"] == "done" and state(into) == (20, 500000, 70000, 30000), into)
    third = counter.tap(counter.blank(0), **{"do": "duplicate", "from": out["sequence"]})
    check("a second card cannot take it", third["state"] == "not_done" and "in the place" in third["say"], third)
    sale = counter.tap(new, do="sale", amount=100000, pay_credit=50000)
    check("the new card pays", sale["state"] == "done" and sale["credit"] == 450000, sale)


def losses(counter):
    old, number = rich(counter, 0)
    asked = counter.ask(do="replace", card=number, wait_ms=300)
    check("without confirm it only tells: known, now, loss",
          asked["reason"] == "confirm" and asked["known"]["source"] == "seen" and state(asked["known"]) ==
          (20, 500000, 70000, 30000) and state(asked["now"]) == (15, 300000, 0, 0) and
          asked["loss"] == {"credit": 300000, "points": 15, "points_value": 15000}, asked)
    taken = counter.tap(old, do="sale", amount=10000)
    check("and has reported nothing", taken["state"] == "done", taken)
    report = counter.ask(do="report_lost", card=number)
    again = counter.ask(do="report_lost", card=number)
    check("a report is noted once", report["state"] == again["state"] == "done" and "sequence" in report and
          again.get("earlier") and "sequence" not in again, (report, again))
    found = counter.tap(old, do="found")
    free = counter.tap(old, do="sale", amount=10000)
    check("a card that is held is found, and is taken again",
          found["state"] == "done" and free["state"] == "done", (found, free))
    none = counter.tap(old, do="found")
    check("what nobody lost is not found", none["state"] == "not_done", none)
    counter.ask(do="report_lost", card=number)
    refused = counter.tap(old, do="sale", amount=10000)
    check("a lost card is refused here at once, and blocked",
          refused["reason"] == "hotlisted" and refused["listed"] == "lost" and
          counter.tap(old, do="balance")["status"] == "blocked", refused)
    found = counter.tap(old, do="found")
    check("found again it is still blocked, and that is said", found["state"] == "done" and "blocked" in found["say"],
          found)
    counter.ask(do="report_lost", card=number)
    moved = counter.tap(old, do="duplicate")
    check("and cannot be moved", moved["state"] == "not_done" and moved["reason"] == "hotlisted", moved)
    counter.ask(do="found", card=number)
    moved = counter.tap(old, do="duplicate")
    check("nor can a blocked one", moved["state"] == "not_done" and moved["reason"] == "refused", moved)
    counter.ask(do="report_lost", card=number)
    new = counter.blank(1)
    into = counter.tap(new, do="replace", card=number, confirm=True, name="Sara", consent="membership")
    check("its replacement carries the provisional part", into["state"] == "done" and
          state(into) == (15, 300000, 0, 0), into)
    twice = [counter.ask(do="replace", card=number, wait_ms=300),
             counter.tap(counter.blank(0), do="replace", card=number, confirm=True),
             counter.ask(do="report_lost", card=number), counter.tap(old, do="found")]
    check("a card has one replacement", all(a["state"] == "not_done" for a in twice), twice)


def blocked_by_the_club(shop, counter):
    _, number = counter.issue(0)
    shop.sync_once()
    shop.club("hotlist", "add", number, "--reason", "blocked")
    shop.sync_once()
    before = shop.till("status")["entries"]
    shown, sure = (counter.ask(do="replace", card=number, wait_ms=300, confirm=sure) for sure in (False, True))
    check("a card that the club blocked is not replaced", all(
        a["state"] == "not_done" and a["reason"] == "refused" and "unblock" in a["say"] for a in (shown, sure)) and
        shop.till("status")["entries"] == before, (shown, sure))


def limited(shop, counter):
    """A replacement is an issue to the limits: what it begins with, to the rial, and the number of cards."""
    def used(unit):
        row = [r for r in shop.till("status")["allowance"] if (r["what"], r["unit"]) == ("issue", unit)]
        return row[0]["used"] if row else None

    def allow(unit, most):
        shop.club("allowance", "set", terminal, "issue", unit, most)
        shop.sync_once()

    terminal = shop.till("status")["terminal"]
    _, number = rich(counter, 0)
    allow("rials", 10**9)
    began = used("rials")
    allow("rials", began + 299999)
    new = counter.blank(1)
    short = counter.tap(new, do="replace", card=number, confirm=True)
    left = counter.tap(new, do="balance")
    check("an issue limit that is a rial short refuses the replacement, and the card stays blank",
          short["reason"] == "limit" and "29,999.9 are left" in short["say"] and left["reason"] == "blank" and
          used("rials") == began, (short, left))
    allow("rials", began + 300000)
    into = counter.tap(new, do="replace", card=number, confirm=True)
    check("to the rial it is made", state(into) == (15, 300000, 0, 0) and used("rials") == began + 300000, into)
    _, number = counter.issue(0)
    allow("count", 10**6)
    cards = used("count")
    allow("count", cards)
    short = counter.tap(counter.blank(0), do="replace", card=number, confirm=True, bare=True)
    check("a card too much is refused, also one that begins with nothing", short["reason"] == "limit", short)
    allow("count", 10**6)
    allow("rials", 10**9)


def bare(counter):
    _, number = rich(counter, 1)
    asked = counter.ask(do="replace", card=number, bare=True)
    into = counter.tap(counter.blank(0), do="replace", card=number, bare=True, confirm=True)
    check("a bare one carries nothing and risks nothing", asked["known"]["credit"] == 500000 and
          state(asked["now"]) == (0, 0, 0, 0) and set(asked["loss"].values()) == {0} and into["state"] == "done" and
          state(into) == (0, 0, 0, 0), (asked, into))


def replacements_with_cuts(counter):
    for family, chip in enumerate(("classic", "desfire")):
        seen = []
        for commands in CUTS:
            _, number = rich(counter, family)
            into, whole = once(counter, counter.blank(family), commands, do="replace", card=number, confirm=True)
            seen.append(state(into))
            assert whole or commands < 1000
        check(f"{chip}: replaced, cut now and then", set(seen) == {(15, 300000, 0, 0)},
              (len(seen), set(seen)))


def bad_input(counter):
    _, number = counter.issue(0)
    asks = {
        "no card": dict(do="replace", wait_ms=300),
        "wrong Luhn": dict(do="report_lost", card=str(int(number) ^ 1)),
        "not a number": dict(do="report_lost", card="12"),
        "both": dict(do="found", card=number, medium="0912"),
        "a field": dict(do="replace", card=number, amount=5),
        "confirm": dict(do="replace", card=number, confirm="yes"),
        "code": dict(do="replace", card=number, confirm=True, national_code="0012345679"),
        "from 0": {"do": "duplicate", "from": 0},
        "too early": dict(do="duplicate", name="Sara"),
    }
    answers = {name: counter.ask(**fields) for name, fields in asks.items()}
    words = {name: a["reason"] for name, a in answers.items()}
    check("bad input is told and does nothing", words == {
        "no card": "no_card", "wrong Luhn": "bad_request", "not a number": "bad_request", "both": "bad_request",
        "a field": "bad_request", "confirm": "bad_request", "code": "refused", "from 0": "bad_request",
        "too early": "bad_request"}, answers)
    free = counter.ask(do="number")["next"]
    unknown = counter.ask(do="report_lost", card=free)
    check("a number that no card has is not reported", unknown["state"] == "not_done" and "No card" in unknown["say"],
          unknown)


def gift_card(counter):
    """A gift card becomes a membership: what is left of it, and who it is, come to one new card."""
    name, number = counter.issue(0, gift=70000, kind="gold", expires="1407-01-01")
    out = counter.tap(name, do="duplicate")
    said = {"do": "duplicate", "from": out["sequence"], "name": "Sara Rad", "national_code": "0012345679",
            "phone": "09121234567", "kind": "member"}
    asked = counter.ask(**said, wait_ms=300)
    check("without consent nobody becomes a member", asked["reason"] == "refused" and "consent" in asked["say"], asked)
    into = counter.tap(counter.blank(1), **said, consent="membership")
    check("a gift card becomes a membership", into["state"] == "done" and state(into) == (0, 0, 70000, 0), into)
    found = counter.ask(do="find", medium="0012345679")
    check("whose code finds the new card", found["state"] == "done" and found["card"][-4:] == into["card"][-4:], found)
    again = counter.issue(0, gift=1000, kind="gold")
    out = counter.tap(again[0], do="duplicate")
    twice = counter.ask(**{**said, "from": out["sequence"]}, consent="membership", wait_ms=300)
    check("nobody becomes a member twice", twice["reason"] == "refused" and "member's already" in twice["say"], twice)


def by_hand(shop, counter):
    """The same with vafa-till, as a person does it: both halves by one command."""
    old, number = rich(counter, 1)
    shown = shop.run("vafa-till", "replace", number, "--socket", shop.path("till.sock"), check=False)
    check("vafa-till shows the figures and asks for --confirm", shown.returncode == 1 and
          "worst loss of the club: 300000 rials of credit, 15 points worth 15000 rials" in shown.stdout, shown.stdout)
    counter.hold(old)
    new = counter.blank(0)
    done = shop.start("till", "vafa-till", "duplicate", "--socket", shop.path("till.sock"), "--wait", "20")
    shop.until(lambda: "is closed" in shop.log("till"), what="the first half")
    counter.hold(new)
    done.wait(25)
    check("vafa-till duplicate takes both cards in turn", done.returncode == 0 and
          "takes the place of" in shop.log("till"), shop.log("till"))


def main():
    path = programme()
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release"), path) as shop:
        shop.open(card=None)
        counter = Counter(shop)
        blocked_by_the_club(shop, counter)
        limited(shop, counter)
        shop.stop("club")
        losses(counter)
        bad_input(counter)
        bare(counter)
        gift_card(counter)
        by_hand(shop, counter)
        replacements_with_cuts(counter)
        duplicates(shop, counter)
    path.unlink()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
