#!/usr/bin/env python3
"""actions - what the club wants done to cards, held by five offline terminals, with real processes: applied exactly once.

Each card goes to four of the terminals, in an order that no other card of its family has; at each it is torn away after
some command. FULL=1: all 120 orders on both families, which tears at every command of the change. What must have come
out is counted here by hand, from the history on the card."""
import itertools
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop, Station  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
IS_FULL = os.environ.get("FULL") == "1"
IS_SANITIZE = os.environ.get("PROFILE") == "sanitize"
ORDERS = list(itertools.permutations(range(5), 4))
STRIDE = 1 if IS_FULL else 40 if IS_SANITIZE else 15  # of the 120 orders, a family
OPENING, PAYS, AWARD = 100_000, 1_000, 10  # a sale of 1,000,000 rials earns 10 points by programmes/base.json
# kind, amount: five for every card, so that they take two transactions.
CHARGES = [("credit", 70_000), ("points", 25), ("gift", 5_000), ("voucher", 4_000), ("points", 7)]
CREDIT, POINTS = 70_000, 32


class Card:
    """A card that is carried from reader to reader as a file."""
    def __init__(self, shop, index, order):
        self.family = ("1k", "desfire")[index % 2]
        self.name = f"c{index}"
        self.uid = f"04a1{index:04x}" if self.family == "1k" else f"04a1b2c3d4{index:04x}"
        self.file, self.order, self.at = shop.path(self.name + ".card"), order, None
        self.told, self.sold, self.doubted = [], 0, 0

    def come(self, station):
        """It is laid on the terminal's reader, as it left the one before."""
        if self.name not in station.known:
            station.card(f"new {self.name} {self.family} {self.uid}")
            station.known.add(self.name)
        if self.at not in (None, station):
            station.card(f"load {self.name} {self.file}")
        station.card(f"insert {self.name}")
        self.at = station

    def go(self):
        """It is taken away once the terminal has let go of it, unless the planned cut took it."""
        end = time.monotonic() + 5
        while "cut=done" not in (state := self.at.card("state")):
            if "state=halt" in state or time.monotonic() > end:
                self.at.card("remove")
                break
            time.sleep(0.002)
        self.at.card("cut clear")
        self.at.card(f"dump {self.name} {self.file}")

    def tap(self, station, what, cut=None, **fields):
        """One request; `cut`: the card is away after so many commands, and does not come back."""
        with station.lock:
            if cut is not None:
                station.card(f"cut after {cut}")
            self.come(station)
            answer = station.ask(what, wait_ms=10_000 if cut is None else 80, **fields)
            self.go()
        self.told += [a["number"] for a in answer.get("arrived", [])]
        return answer


def stations(shop):
    made = [Station(shop, name) for name in "abcde"]
    for station in made:
        station.known, station.lock = set(), threading.Lock()
    return made


def issue(shop, station, cards):
    for card in cards:
        answer = card.tap(station, "issue", amount=OPENING)
        if answer["state"] != "done":
            raise RuntimeError(answer)
        card.number = answer["card"]


def charge(shop):
    for n, (kind, amount) in enumerate(CHARGES):
        shop.club("charge", amount, "--group", 0, "--kind", kind, "--id", f"C{n}", "--text", "Nowruz")


def commands_of_a_tap(station, card):
    """How many commands a card gets in the tap that brings the actions and sells, which is not cut."""
    station.card("reset")
    answer = card.tap(station, "sale", amount=1_000_000, pay_credit=PAYS)
    check(f"{card.family}: five actions in two transactions, and then the sale, in one tap",
          answer["state"] == "done" and [a["number"] for a in answer["arrived"]] == [1, 2, 3, 4, 5] and
          answer["credit"] == OPENING + CREDIT - PAYS and answer["points"] == POINTS + AWARD and answer["counter"] == 4, answer)
    lines = [line for line in answer["lines"] if line["kind"] == "arrived"]
    check(f"{card.family}: the receipt begins with what came",
          len(lines) == 5 and lines[0]["text"].startswith("Nowruz: ") and answer["lines"][0] == lines[0], answer["lines"])
    count = station.card("count")
    card.sold += 1
    return int(count.split("commands=")[1].split()[0])


def walk(made, card, step, commands):
    """Four taps at four terminals, each torn off after another command; the tear goes on from card to card."""
    for n, where in enumerate(card.order):
        answer = card.tap(made[where], "sale", cut=(step + 7 * n) % (commands + 1), amount=1_000_000, pay_credit=PAYS)
        card.sold += answer["state"] == "done"
        card.doubted += answer["state"] == "hold_again"


def judge(made, card):
    """At the fifth terminal the card is whole: by its history, each action once, and as many sales as it shows."""
    last = made[next(n for n in range(5) if n not in card.order)] if card.order else made[1]
    answer = card.tap(last, "history")
    kinds = [row["kind"] for row in answer.get("history", [])]
    sales = kinds.count("sale")
    card.last = answer
    good = (answer["state"] == "done" and answer["credit"] == OPENING + CREDIT - PAYS * sales and
            answer["points"] == POINTS + AWARD * sales and kinds.count("action") == 2 and
            card.sold <= sales <= card.sold + card.doubted and len(kinds) == answer["counter"] == 3 + sales and
            len(set(card.told)) == len(card.told))
    return None if good else (card.order, card.told, card.sold, card.doubted, answer)


def books_agree(shop, made, cards):
    for station in made:
        station.sync()
    report = json.loads(shop.club("report", "--json").stdout)
    check("the club has no case", report["cases"] == [], report["cases"][:3])
    states = [a["state"] for a in json.loads(shop.club("action", "list", "--json").stdout)]
    check("every action is applied", len(states) == len(CHARGES) * len(cards) and set(states) == {"applied"},
           {s: states.count(s) for s in set(states)})
    wrong = []
    by_number = {f"{c['card']:016}" if isinstance(c["card"], int) else c["card"]: c for c in report["cards"]}
    for card in cards:
        books = by_number.get(card.number, {})
        if books.get("credit") != card.last["credit"] or books.get("points") != card.last["points"]:
            wrong.append((card.number, card.last["credit"], card.last["points"], books))
    check(f"card and books agree, {len(cards)} cards", not wrong, wrong[:3])
    dump = json.loads(shop.club("dump").stdout)
    dump.update(cards=[], programme=json.loads(Path(shop.programme).read_text()))
    Path(shop.path("dump.json")).write_text(json.dumps(dump))
    done = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check", shop.path("dump.json")],
                          capture_output=True, text=True)
    check("the reference agrees", " 0 violations" in done.stdout, done.stdout[-600:] + done.stderr[-600:])


def order(shop, card, *words):
    """One action for one card; the reference is made of the words."""
    return shop.club("action", card.number, *words, "--origin", "bank", "--id", "-".join(map(str, (card.name, *words))))


def states_of(shop, card):
    return [a["state"] for a in json.loads(shop.club("action", "list", "--card", card.number, "--json").stdout)]


def refused(station):
    with sqlite3.connect(station.db) as db:
        return [row[0] for row in db.execute("SELECT bytes FROM journal WHERE kind = 12")]


def the_club_is_told(shop, made, cards):
    """Of what was raised at terminal 2: a case each, with the action as it was there, and the club's beside it."""
    made[1].sync()
    report = json.loads(shop.club("report", "--json").stdout)
    check("the club has a case for each that was tampered with",
          [(c["why"], c["terminal"], c["card"]) for c in report["cases"]] == [("forged", 2, int(c.number)) for c in cards] and
          all("held credit of 1000000000 " in c["say"] and "The club has credit of 9000 there" in c["say"] for c in report["cases"]), report["cases"])
    case = json.loads(shop.club("case", "show", f"2-{report['cases'][0]['sequence']}-forged", "--json").stdout)
    entry = refused(made[1])[0]
    check("with its bytes and seal as evidence",
          case["shows"]["image"] == entry[40:104].hex() and case["shows"]["seal"] == entry[104:168].hex(), case)
    for case in report["cases"]:
        shop.club("case", "close", f"2-{case['sequence']}-forged", "--by", "test", "--why", "the test did it")


def what_is_tampered_with_stays_where_it_is(shop, made, card):
    """In the terminal's own database an amount is raised: the sale goes on, nothing comes, and somebody is told."""
    order(shop, card, "credit", 9_000)
    made[1].sync()
    made[2].sync()
    with sqlite3.connect(made[1].db) as db:
        changed = db.execute("UPDATE actions SET image = CAST(substr(image, 1, 16) || x'00ca9a3b00000000' || substr(image, 25) AS BLOB)"
                             " WHERE card_number = ?", (int(card.number),)).rowcount
    told = len(refused(made[1]))
    answer = card.tap(made[1], "sale", amount=500_000)
    check(f"{card.family}: a raised amount does not come, and the sale goes on",
          changed == 1 and answer["state"] == "done" and "arrived" not in answer and "not sealed" in answer["waits"] and
          " T211 " in shop.log("b.terminal") and answer["credit"] == card.last["credit"], answer)
    status = made[1].ask("status")
    with sqlite3.connect(made[1].db) as db:
        held = db.execute("SELECT count(*) FROM actions").fetchone()[0]
    check(f"{card.family}: status says so, too", status["actions"] == held > 0 and "not sealed" in status["actions_say"], status)
    shop.until(lambda: len(refused(made[1])) > told, what="the refusal in the journal")
    card.tap(made[1], "balance")
    check(f"{card.family}: the journal has it once, however often the card comes", len(refused(made[1])) == told + 1, refused(made[1]))
    again = card.tap(made[2], "balance", lang="en")
    check(f"{card.family}: at another terminal it comes, with a balance, and says so",
          again["credit"] == card.last["credit"] + 9_000 and [a["number"] for a in again["arrived"]] == [6] and
          again["lines"] == [{"kind": "arrived", "text": "By bank: credit", "result": "900 toman"}], again)
    card.last = again


def a_block_and_its_end(shop, made, card):
    order(shop, card, "block")
    made[2].sync()
    answer = card.tap(made[2], "sale", amount=500_000)
    check(f"{card.family}: a block arrives, and the sale is refused",
          answer["state"] == "not_done" and answer["status"] == "blocked" and answer["arrived"][0]["kind"] == "block", answer)
    order(shop, card, "unblock")
    made[3].sync()
    answer = card.tap(made[3], "sale", amount=500_000)
    check(f"{card.family}: its end arrives, and the sale is done in the same tap",
          answer["state"] == "done" and answer["status"] == "active" and answer["arrived"][0]["kind"] == "unblock", answer)
    card.last = answer


def the_applying_terminal_dies(shop, made, cards):
    """What terminal e put on the cards nobody has heard from it: they prove it at another one."""
    for card in cards:
        order(shop, card, "credit", 8_000)
        order(shop, card, "points", 3)
    made[4].sync()
    for card in cards:
        before = card.last["credit"]
        card.last = card.tap(made[4], "balance")
        check(f"{card.family}: arrives at the terminal that is going to die",
              len(card.last.get("arrived", [])) == 2 and card.last["credit"] == before + 8_000, card.last)
    made[4].stop("kill")
    for file in made[4].folder.glob("terminal.db*"):
        file.unlink()
    made[0].sync()
    for card in cards:
        noted = shop.log("a.terminal").count(" T208 ")
        answer = card.tap(made[0], "balance")
        shop.until(lambda: shop.log("a.terminal").count(" T208 ") > noted, what="the sightings")
        check(f"{card.family}: another terminal holds them too and does not bring them again",
              "arrived" not in answer and answer["credit"] == card.last["credit"] and answer["points"] == card.last["points"], answer)
        card.last = answer
    made[0].sync()
    shop.club("terminal", "dead", 5)
    made[0].sync()
    for card in cards:
        check(f"{card.family}: the club knows it from the card", set(states_of(shop, card)) == {"applied"}, states_of(shop, card))


def main():
    with Shop(BUILD) as shop:
        shop.start_club()
        shop.club("programme", shop.programme)
        shop.run("vafa-keys", "new", shop.path("keys"))
        made = stations(shop)
        made[0].sync()
        made[0].start()
        orders = [None, None] + [order for order in ORDERS[::STRIDE] for _ in range(2)]
        cards = [Card(shop, n, order) for n, order in enumerate(orders)]
        issue(shop, made[0], cards)
        made[0].sync()
        charge(shop)
        for station in made:
            station.sync()
            if station is not made[0]:
                station.start()
        commands = [commands_of_a_tap(made[0], card) for card in cards[:2]]
        print(f"# commands of a tap that brings five actions and sells: Classic {commands[0]}, DESFire {commands[1]}")
        with ThreadPoolExecutor(4) as pool:  # a terminal serves one card at a time; the others need not wait for it
            walks = [pool.submit(walk, made, card, n // 2 * (1 if IS_FULL else 7), commands[n % 2])
                     for n, card in random.Random(1).sample(list(enumerate(cards[2:])), len(cards) - 2)]
        for done in walks:
            done.result()
        bad = [judged for judged in (judge(made, card) for card in cards) if judged]
        check(f"{len(cards) - 2} cards in as many orders, torn off at every tap: each action came once", not bad, bad[:3])
        books_agree(shop, made, cards)
        for card in cards[:2]:
            what_is_tampered_with_stays_where_it_is(shop, made, card)
            a_block_and_its_end(shop, made, card)
        the_club_is_told(shop, made, cards[:2])
        for station in made:
            station.sync()
        the_applying_terminal_dies(shop, made, cards[:2])
        report = json.loads(shop.club("report", "--json").stdout)
        check("and has no case besides", [c for c in report["cases"] if not c["closed_at"]] == [], report["cases"][:3])
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
