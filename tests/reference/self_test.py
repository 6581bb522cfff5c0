#!/usr/bin/env python3
"""Proves that `vafa_reference.py check` passes a sound world and sees each kind of harm. TAP output.

The world: three terminals, six cards, a few hundred random transactions, some of them in doubt or not
done, with sightings; fixed seed.
"""
import contextlib
import copy
import io
import json
import os
import random
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vafa_facts
import vafa_reference as ref
import vafa_transfers
import vafa_vectors

PROGRAMME = vafa_vectors.PROGRAMME
NUMBERS = [636214000000000 + n for n in range(6)]


def card_number(payload):
    return next(n for n in range(payload * 10, payload * 10 + 10) if ref.luhn_ok(n))


class World:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.journal = {17: [], 18: [], 19: []}
        self.cards = {card_number(payload): [] for payload in NUMBERS}
        self.facts = {}
        for terminal in self.journal:
            self.append(terminal, 4, b"0.1.0".ljust(16, b"\0"))
        for number in self.cards:
            self.tap(number, dict(kind="activate", amount=500000))
        for _ in range(400):
            number = self.random.choice(list(self.cards))
            self.tap(number, self.wish(self.cards[number]))
        for number, history in self.cards.items():
            self.append(17, 3, self.medium(number) + bytes(4) + ref.image_encode(history[0]))
        # Without the card: 2,500,000 earn 20 points and 1,000,000 earn 10, which go back.
        self.earn(18, 2500000, 20)
        self.earn(18, 1000000, 10)
        self.earn(18, 1000000, 10, len(self.journal[18]))

    def earn(self, terminal, amount, award, refers=0):
        self.append(terminal, 9, struct.pack("<QBB2xI5qII", next(iter(self.cards)), 6, refers != 0, PROGRAMME["version"],
                                             amount, 0, 0, award, amount, 1415000, refers) + b"\0")

    def append(self, terminal, kind, body):
        entries = self.journal[terminal]
        entries.append(struct.pack("<BBHIqII", 3, kind, 2, len(entries) + 1, 1790000000, terminal, 0)
                       + body)

    @staticmethod
    def medium(number):
        return struct.pack("<QBB10s", number, 1, 4, number.to_bytes(8, "big")[4:])

    def wish(self, history):
        draw, card = self.random, history[0]
        kind = draw.choice(["sale"] * 4 + ["load", "refund", "refund", "unload"])
        wish = dict(kind=kind, amount=draw.randrange(1, 5000000), pay_credit=0, redeem=0,
                    refers_counter=0)
        if kind == "sale":
            wish["pay_credit"] = min(draw.randrange(0, card["credit"] + 1), wish["amount"])
            wish["redeem"] = min(draw.randrange(0, card["points"] + 1),
                                 (wish["amount"] - wish["pay_credit"]) // 1000)
        elif kind != "load":
            wish["refers_counter"] = draw.choice(history)["counter"]
            wish["amount"] = draw.choice([0, 0, wish["amount"] // 10 + 1])
        return wish

    def tap(self, number, wish):
        history, terminal = self.cards[number], self.random.choice(list(self.journal))
        wish = dict(dict(pay_credit=0, redeem=0, refers_counter=0), **wish)
        sequence = len(self.journal[terminal]) + 1
        try:
            known = {"facts": self.facts[number]} if history else {}
            parts, image, facts = ref.plan(PROGRAMME, history, wish, 1415000, terminal, sequence, known)
        except ref.Refusal:
            return
        self.append(terminal, 1, self.medium(number) + struct.pack("<I", 1) +
                    (ref.image_encode(history[0]) if history else bytes(40)) + image +
                    struct.pack("<10q", *[parts[name] for name in ref.PARTS]) +
                    struct.pack("<IB3xB", wish["refers_counter"], 1 if history else 0, 1 if history else 0) +
                    (vafa_facts.encode(self.facts[number]) if history else b""))
        after = ref.image_decode(image)
        fate = self.random.randrange(20) if history else 2
        if fate == 0:  # The card was gone before the write: nothing happened.
            self.outcome(terminal, sequence, after["counter"], number, 2, 3)
            return
        history.insert(0, after)
        self.facts[number] = facts
        if fate != 1:  # Else in doubt for ever: the card itself is the proof.
            self.outcome(terminal, sequence, after["counter"], number, 1, 1)

    def outcome(self, terminal, sequence, counter, number, verdict, evidence):
        self.append(terminal, 2, struct.pack("<IIQBB6x", sequence, counter, number, verdict,
                                             evidence))

    def data(self):
        return {
            "programme": PROGRAMME,
            "terminals": [{"terminal": t, "entries": [raw.hex() for raw in raws],
                           "hash": ref.chain(raws).hex()} for t, raws in self.journal.items()],
            "cards": [{"number": str(n), "images": [ref.image_encode(s).hex() for s in h[:9]]}
                      for n, h in self.cards.items()],
            "club": [dict({p: h[0][p] for p in ref.PURSES}, card=n, counter=h[0]["counter"])
                     for n, h in self.cards.items()]}


def check(data):
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(data, file)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        status = ref.run_check(file.name)
    os.unlink(file.name)
    return status, text.getvalue()


def patched(hex_text, at, new):
    raw = bytearray(bytes.fromhex(hex_text))
    raw[at:at + len(new)] = new
    return bytes(raw).hex()


def find(data, kind, verdict=None, transaction=None):
    """The first entry of this kind: (its terminal's row, index)."""
    for row in data["terminals"]:
        for index, text in enumerate(row["entries"]):
            entry = ref.entry_decode(bytes.fromhex(text))
            if entry["what"] == kind and verdict in (None, entry.get("verdict")) and (
                    transaction is None or ref.KINDS[entry["after"]["kind"]] == transaction):
                return row, index
    raise AssertionError(kind)


def harms(data):
    """Yields (what was done, the harmed copy)."""
    def fresh():
        harmed = copy.deepcopy(data)
        for row in harmed["terminals"]:
            del row["hash"]  # What is left must be seen without the chain.
        return harmed

    def patch(what, at, new, *which):
        harmed = fresh()
        row, index = find(harmed, *which)
        row["entries"][index] = patched(row["entries"][index], at, new)
        return what, harmed

    yield patch("an amount of a sale is one rial off", 128, b"\1", "intent", None, "sale")
    yield patch("an award is 255", 176, b"\xff", "intent", None, "sale")
    yield patch("a snapshot names another terminal", 88 + 36, b"\7", "intent", None, "sale")
    yield patch("a done transaction is called not done", 40, b"\2", "outcome", "done")
    yield patch("a transaction that is not done is called done", 40, b"\1", "outcome", "not done")
    yield patch("an entry of another terminal", 16, b"\x63", "intent")
    yield patch("a spare byte", 199, b"\1", "intent")
    yield patch("an outcome of another counter", 28, b"\xf0", "outcome")

    harmed = copy.deepcopy(data)
    harmed["terminals"][1]["hash"] = "00" * 32
    yield "a chain value", harmed
    harmed = fresh()
    harmed["terminals"][0]["entries"].pop(3)
    yield "an entry is missing", harmed
    harmed = fresh()
    entries = harmed["terminals"][0]["entries"]
    entries[2], entries[3] = entries[3], entries[2]
    yield "two entries are swapped", harmed
    harmed = fresh()
    harmed["terminals"].pop()
    yield "a terminal's journal is missing", harmed
    harmed = fresh()
    harmed["terminals"].append(dict(harmed["terminals"][0]))
    yield "a terminal twice", harmed
    harmed = fresh()
    row, index = find(harmed, "outcome", "done")
    row["entries"].append(patched(row["entries"][index], 4,
                                  struct.pack("<I", len(row["entries"]) + 1)))
    yield "a second outcome", harmed
    yield patch("a sale without the card earns one point more", 64, b"\x15", "accrual")
    for what, at, new in (("a second time", None, b""), ("one point more than it earned", 64, b"\x0b"),
                          ("of another sale", 84, b"\2"), ("of another member", 24, struct.pack("<Q", card_number(NUMBERS[3])))):
        harmed = fresh()
        entries = harmed["terminals"][1]["entries"]
        if at is None:
            entries.append(patched(entries[-1], 4, struct.pack("<I", len(entries) + 1)))
        else:
            entries[-1] = patched(entries[-1], at, new)
        yield "a sale without the card goes back, " + what, harmed
    for name in ref.PURSES:
        harmed = fresh()
        harmed["club"][0][name] += 1
        yield "the club is one off in " + name, harmed
    harmed = fresh()
    harmed["club"][0]["credit"] = harmed["club"][0]["credit"] * 10 + 10
    yield "the club counts toman as rials", harmed
    harmed = fresh()
    harmed["club"][1]["counter"] -= 1
    yield "the club is one transaction behind", harmed
    harmed = fresh()
    harmed["cards"][0]["images"].pop(0)
    yield "a card was put back by one transaction", harmed
    harmed = fresh()
    harmed["cards"][0]["images"].pop(1)
    yield "a card's ring has a gap", harmed
    harmed = fresh()
    image = ref.image_decode(bytes.fromhex(harmed["cards"][0]["images"][0]))
    harmed["cards"][0]["images"][0] = ref.image_encode(dict(image, credit=image["credit"] + 1)).hex()
    yield "a card holds one rial more than its journal says", harmed
    harmed = fresh()
    row, index = find(harmed, "intent", None, "sale")
    raw = bytes.fromhex(row["entries"][index])
    row["entries"][index] = patched(row["entries"][index], len(raw) - 24 + 5, bytes([raw[-24 + 5] ^ 2]))
    yield "a terminal noted one visit that was not", harmed
    harmed = fresh()
    harmed["programme"]["rules"][0]["do"]["award"]["points"] = 11
    yield "the programme gives 11 points, not 10", harmed


class Heard:
    """What a check has to say."""
    def __init__(self):
        self.said = []

    def bad(self, text, *args):
        self.said.append(text % args)


def half(sequence, card, amount, direction, peer=0, out=0):
    parts = {"payment": amount if direction == 1 else 0, "load": amount if direction == 2 else 0}
    return {"key": (17, sequence), "card": card, "parts": parts,
            "occasion": {"peer": dict(direction=direction, card=peer, terminal=17 if out else 0, sequence=out)}}


def transfers():
    """Three transfers of terminal 17: taken, handed over, on its way. 30 of 100 + 30 + 7 - 100 wait for card 3."""
    def row(sequence, card, amount, to, by, ordered, is_open):
        return dict(terminal=17, sequence=sequence, card=card, amount=amount, how=0, to=to, by=by, ordered=ordered,
                    orders=1 if ordered else 0, open=is_open)
    return {"intents": [half(5, 1, 100, 1), half(7, 2, 100, 2, 1, 5), half(9, 1, 30, 1), half(12, 2, 7, 1)],
            "releases": {(17, 9): [3]},
            "data": {"transfers": [row(5, 1, 100, 0, 0, 0, 0), row(9, 1, 30, 3, 11, 99, 0), row(12, 2, 7, 0, 0, 0, 1)],
                     "transfers_in": [dict(terminal=17, sequence=7, card=2, amount=100, how=0, out=5, open=0)],
                     "actions": [dict(origin=4, id=99, card=3, amount=30, state=1)],
                     "accounts": [dict(book="credit", account="transit", amount=7)]}}


def transfer_harms():
    def harmed(change):
        world = copy.deepcopy(transfers())
        change(world, world["data"])
        return world

    yield "transit is one rial off", harmed(lambda w, d: d["accounts"][0].update(amount=8))
    yield "a transfer that no journal has", harmed(lambda w, d: w["intents"].pop(3))
    yield "a transfer that the club does not have", harmed(lambda w, d: d["transfers"].pop(0))
    yield "another card is said to have let it out", harmed(lambda w, d: d["transfers"][2].update(card=3))
    yield "a transfer goes to another card than was said", harmed(lambda w, d: d["transfers"][1].update(to=4))
    yield "a transfer is said to be settled", harmed(lambda w, d: d["transfers"][2].update(open=0))
    yield "a transfer that was taken is said to wait", harmed(lambda w, d: d["transfers"][0].update(open=1))
    yield "nobody said that it should go anywhere", harmed(lambda w, d: w["releases"].clear())
    yield "its action is of another amount", harmed(lambda w, d: d["actions"][0].update(amount=31))
    yield "its action came back", harmed(lambda w, d: d["actions"][0].update(state=4))
    yield "no action brings it", harmed(lambda w, d: (d["transfers"][1].update(ordered=0, orders=0, open=1),
                                                      d["accounts"][0].update(amount=37)))
    yield "a second half of another transfer", harmed(lambda w, d: d["transfers_in"][0].update(out=9))
    yield "a second half is missing", harmed(lambda w, d: d["transfers_in"].clear())


def said_of(world):
    heard = Heard()
    vafa_transfers.check(heard, world["data"], world["intents"], world["releases"])
    return heard.said


def main():
    data = World(1).data()
    failed = 0

    def verdict(condition, what, text=""):
        nonlocal failed
        failed += not condition
        print("%s %s" % ("ok" if condition else "not ok", what))
        if not condition:
            print(text)

    status, text = check(data)
    verdict(status == 0 and " 0 violations" in text, "a sound world has no violation", text)
    print("# " + text.splitlines()[-1])
    for what, harmed in harms(data):
        status, text = check(harmed)
        verdict(status == 1 and "violation: " in text, "seen: " + what, text)
    verdict(not said_of(transfers()), "sound transfers have no violation", said_of(transfers()))
    for what, harmed in transfer_harms():
        verdict(said_of(harmed), "seen: " + what)
    status, text = check({"terminals": []})
    verdict(status == 2, "a file of another form is refused", text)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
