#!/usr/bin/env python3
"""lost_card - a lost card, replaced at a counter without a line while another one still sells to it, with real processes.

Four terminals. The replacement begins with the provisional part; the rest follows when every terminal has sent what it did,
late sales before and after the report among it; two counters that did not know of each other make two replacements; with a
line, and all terminals heard, the whole balance is on the new card at once. Figures are reckoned by hand: 10 points a million."""
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Carried, Shop, Station  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
MILLION = 1_000_000


def programme():
    """The base programme with a provisional part."""
    document = json.loads((ROOT / "programmes/base.json").read_text())
    document["limits"]["provisional"] = {"credit_rials": 200_000, "points": 10}
    file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
    json.dump(document, file)
    file.close()
    return Path(file.name)


class World:
    def __init__(self, shop):
        self.shop, self.count = shop, 0
        self.stations = [Station(shop, name) for name in "abcd"]
        for station in self.stations:
            station.sync()
            station.start()

    def card(self, station=None):
        """A new one; with a station, issued there with 500,000."""
        self.count += 1
        card = Carried(self.shop, f"card{self.count}", ("1k", "desfire")[self.count % 2])
        if station:
            card.number = self.done(card, station, "issue", amount=500_000)["card"]
        return card

    def done(self, held, station, what, **fields):
        answer = held.tap(station, what, **fields)
        if answer["state"] != "done":
            raise RuntimeError(f"{what} at {station.name}: {answer}")
        return answer

    def sell(self, card, station, pays):
        """A basket of a million, of which so much is paid with credit."""
        return self.done(card, station, "sale", amount=MILLION, pay_credit=pays)

    def sync(self, stations):
        with ThreadPoolExecutor(len(stations)) as pool:
            list(pool.map(Station.sync, stations))

    def settle(self, stations):
        """All of them hear of the list, and a second later say that they have."""
        self.sync(stations)
        time.sleep(1.1)
        self.sync(stations)

    def lost(self, card):
        return json.loads(self.shop.club("lost", "show", card.number, "--json").stdout)

    def cases(self):
        return [case["why"] for case in json.loads(self.shop.club("report", "--json", check=False).stdout)["cases"]]


def replaced_offline(world):
    a, b, c, d = world.stations
    old, new, other = world.card(a), world.card(), world.card()
    world.sell(old, b, 100_000)  # 400,000 and 10 points
    world.done(old, d, "balance")
    world.settle(world.stations)
    world.sell(old, a, 50_000)  # 350,000 and 20; a is offline from here on
    ask = {"card": old.number, "wait_ms": 300}
    shown = b.ask("replace", **ask)
    check("the issuer sees what is known, what goes on now, and the worst loss",
          shown["reason"] == "confirm" and shown["known"]["source"] == "seen" and
          [shown["known"][k] for k in ("credit", "points")] == [400_000, 10] and
          [shown["now"][k] for k in ("credit", "points", "gift", "voucher")] == [200_000, 10, 0, 0] and
          [shown["loss"][k] for k in ("credit", "points")] == [200_000, 10], shown)
    got = world.done(new, b, "replace", card=old.number, confirm=True)
    new.number = got["card"]
    check("a replacement is made at once", (got["credit"], got["points"]) == (200_000, 10) and new.number != old.number, got)
    world.sell(new, b, 80_000)  # 120,000 and 20
    world.sell(old, a, 50_000)  # 300,000 and 30: whoever found it shops on where nobody knows
    refused = old.tap(b, "sale", amount=MILLION)
    check("the terminal that took the report refuses the card itself", refused["reason"] == "hotlisted", refused)
    other.number = world.done(other, d, "replace", card=old.number, confirm=True)["card"]
    return old, new, other


def late_sales(world, old, new, other):
    """All but a are heard, which sold to the lost card before the report and after it."""
    a, b, c, d = world.stations
    b.sync()
    told = world.lost(old)
    check("the club shows the same loss at risk",
          (told["state"], told["risk_rials"], told["risk_points"], told["loss_rials"]) == ("replaced", 200_000, 10, 0), told)
    d.sync()
    told = world.lost(old)
    check("a second replacement is a case, and what it began with is lost",
          "replaced" in world.cases() and told["loss_rials"] == 200_000 and [r["which"] for r in told["replacements"]] == ["first", "second"], (told, world.cases()))
    world.settle([b, c, d])
    check("nothing is released while one terminal was not heard", world.lost(old)["rounds"] == 0)
    refused = other.tap(c, "sale", amount=MILLION, pay_credit=1000)
    check("the second replacement is refused everywhere", refused["reason"] == "hotlisted", refused)


def released(world, old, new):
    a, b, c, d = world.stations
    world.settle(world.stations)
    told = world.lost(old)
    check("when all are heard, what the lost card carries follows",
          (told["rials"], told["points"], told["given_rials"], told["given_points"], told["rounds"]) == (300_000, 30, 300_000, 30, 1), told)
    c.sync()
    got = world.done(new, c, "balance")
    # 400,000 were there; the lost card spent 2 x 50,000 of them, the new one 80,000. Points: 10 + 2 x 10 + 10.
    check("and the new card has it to the rial at its next tap",
          (got["credit"], got["points"]) == (220_000, 40) and {x["origin"] for x in got["arrived"]} == {"replacement"}, got)
    refused = old.tap(a, "sale", amount=MILLION, pay_credit=1000)
    check("the lost card is refused where it was taken before",
          refused["reason"] == "hotlisted" and refused["listed"] == "replaced", refused)
    world.sync(world.stations)
    told = world.lost(old)
    check("the loss is what was shown for the second replacement, and no more",
          (told["loss_rials"], told["loss_points"], told["risk_rials"], told["waiting_rials"]) == (200_000, 10, 0, 0), told)
    lines = json.loads(world.shop.club("report", "--json").stdout)["lost"]
    check("and a line of the club's report",
          [(row["card"], row["replaced_by"], row["loss_rials"], row["risk_rials"]) for row in lines] == [(int(old.number), int(new.number), 200_000, 0)], lines)
    text = world.shop.club("lost", "list").stdout
    check("people read it, too",
          f"{old.number} replaced since" in text and f"by {new.number}; settled" in text and "lost to the club 200000, 10\n" in text, text)


def replaced_online(world):
    """The club has heard everybody: the whole balance goes onto the new card, and nothing is left to follow."""
    a, b, c, d = world.stations
    old, new = world.card(a), world.card()
    world.sell(old, c, 130_000)  # b has never seen the card
    world.sync([a, c])
    report = b.ask("report_lost", card=old.number)
    b.sync()
    told = b.ask("replace", card=old.number, wait_ms=300)
    check("what the club knows goes on within the provisional part",
          report["state"] == "done" and told["known"]["source"] == "told" and told["now"]["credit"] == 200_000, told)
    world.settle(world.stations)
    b.sync()
    told = b.ask("replace", card=old.number, wait_ms=300)
    check("what it vouches for, whole and without a loss",
          told["known"]["source"] == "settled" and (told["now"]["credit"], told["now"]["points"]) == (370_000, 10) and
          (told["loss"]["credit"], told["loss"]["points"]) == (0, 0), told)
    got = world.done(new, b, "replace", card=old.number, confirm=True)
    new.number = got["card"]
    world.sync(world.stations)
    told = world.lost(old)
    check("nothing is left to follow",
          (got["credit"], got["points"]) == (370_000, 10) and (told["rounds"], told["risk_rials"], told["loss_rials"]) == (0, 0, 0), (got, told))


def found_again(world):
    a, b, c, d = world.stations
    card = world.card(a)
    a.sync()
    b.ask("report_lost", card=card.number)
    b.sync()
    check("a report lists the card",
          world.lost(card)["state"] == "lost" and "lost" in world.shop.club("hotlist", "list").stdout)
    c.sync()
    c.ask("found", card=card.number)
    c.sync()
    check("found at another counter, a person is asked",
          world.lost(card)["state"] == "lost" and world.cases().count("found") == 1)
    world.shop.club("lost", "found", card.number)
    a.sync()
    check("and then it is taken again",
          world.lost(card)["state"] == "found" and world.sell(card, a, 1000)["credit"] == 499_000)
    refused = card.tap(b, "sale", amount=MILLION)
    b.sync()
    check("but where it was reported not until that one has heard of it, and it is blocked there",
          refused["reason"] == "hotlisted" and card.tap(b, "balance")["status"] == "blocked", refused)
    other = world.card(a)
    a.sync()
    b.ask("report_lost", card=other.number)
    b.sync()
    c.sync()
    b.ask("found", card=other.number)
    b.sync()
    check("and is then, by the next list", world.sell(other, b, 2000)["credit"] == 498_000)


def held_back(world):
    """More than the club lets follow on a terminal's word alone: a person says that it is false."""
    a, b, c, d = world.stations
    club = world.shop.club
    old, new = world.card(a), world.card()
    a.sync()
    bad = [club("lost", "limit", *args, check=False).returncode for args in (["7"], ["x", "1"], ["1", "-1"])]
    check("a club says its limit",
          bad == [2, 2, 2] and "299999 rials and 500 points" in club("lost", "limit", "299999", "500").stdout == club("lost", "limit").stdout, bad)
    world.done(old, b, "balance")
    b.ask("report_lost", card=old.number)
    new.number = world.done(new, b, "replace", card=old.number, confirm=True)["card"]
    b.sync()
    world.settle(world.stations)
    told = world.lost(old)
    check("what is above it is held", (told["state"], told["rounds"]) == ("held", 0) and "held" in world.cases(), told)
    club("lost", "deny", old.number)
    club("lost", "found", old.number)
    world.settle(world.stations)
    refused = new.tap(d, "sale", amount=MILLION)
    check("denied, the false card is refused, and the old one is taken",
          refused["reason"] == "hotlisted" and world.sell(old, d, 1000)["credit"] == 499_000, refused)
    told = world.lost(old)
    check("what the false one began with is lost", (told["state"], told["loss_rials"]) == ("found", 200_000), told)
    check("and there is nothing to confirm", club("lost", "confirm", old.number, check=False).returncode == 1)


def judged(world):
    shop = world.shop
    world.sync(world.stations)
    report = shop.club("report", "--json", check=False)
    check("the books balance", report.returncode == 0 and set(world.cases()) == {"replaced", "found", "held"}, (report.stdout[-300:], world.cases()))
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=json.loads(shop.programme.read_text()))
    path = Path(shop.path("dump.json"))
    path.write_text(json.dumps(dump))
    again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", str(path)], capture_output=True, text=True)
    check("the reference comes to the same", again.returncode == 0 and "0 violations" in again.stdout, again.stdout[-1000:])


def main():
    document = programme()
    with Shop(BUILD, document) as shop:
        shop.start_club()
        shop.club("programme", document)
        shop.run("vafa-keys", "new", shop.path("keys"))
        world = World(shop)
        old, new, other = replaced_offline(world)
        late_sales(world, old, new, other)
        released(world, old, new)
        replaced_online(world)
        found_again(world)
        held_back(world)
        judged(world)
    document.unlink()
    return exit_code()


sys.exit(main())
