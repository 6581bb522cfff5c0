#!/usr/bin/env python3
"""Random programmes, cards, baskets and histories: do all builds of the engine and this reference agree?

    vafa_millions.py [--plans N] [--first BLOCK] [--workers N] [--keep FOLDER] PLAN_EVAL...

Each PLAN_EVAL is tests/unit/plan_eval.c in one build. Plans come in blocks of 1,000. A block's number is
its seed, so that any block can be made again alone. Each case is planned by this reference and by every
build, and the lines must be equal: what expires, refusal or the card's next image, the parts, the card's
facts. Between builds the refusal's sentence and the sale's explanation must be equal, too. A block lives:
cards go on from plan to plan, so that histories hold sales, refunds, expiry and newer programmes as they
arise; now and then a card, its history or its facts are made up of any bits that a card may hold.

Prints what was made, one line for each kind of result, and "digest" over all of this reference's lines,
which is the same wherever the same blocks are run. Exit status 1 at a difference; the first ones are shown.
With --keep the blocks' input is left in FOLDER, for profiling and fuzzing.
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time

import vafa_facts
import vafa_programme
import vafa_random
import vafa_reference as ref
from vafa_programme import PARTS, Refusal

BLOCK = 1000
MONEY_MAX = ref.MONEY_MAX
WIDTH = dict(ref.IMAGE)
BLANK = {name: 0 for name, _ in ref.IMAGE}
RINGS = [9, 33, 64]  # Classic, DESFire, as far as a plan looks
REFERS = ("refund", "unload")


def day_minute(day, offset, minute):
    """The card's minute of a local one; day 0 = 2024-01-01."""
    return day * 1440 + minute - offset


class Case:
    """One plan's input, and what this reference makes of it."""

    def __init__(self, programme, history, images, wish, found, sale_parts, minute, terminal, sequence):
        self.line = "C %s %d %d %d %d %d %d %d %d %s %d %d %d %s %s" % (
            wish["kind"], wish["amount"], wish["gift"], wish["voucher"], wish["pay_credit"], wish["pay_gift"],
            wish["pay_voucher"], wish["redeem"], wish["refers_counter"],
            ",".join(map(str, wish["inherits"])) if "inherits" in wish else "-", minute, terminal, sequence, ref.occasion_encode(found).hex() if found is not None else "-",
            ",".join(str(sale_parts[p]) for p in PARTS) if sale_parts else "-")
        self.line += "".join(" " + image for image in images)
        occasion = ref.occasion_of(found or {}, history[0] if history else None)
        gone = 0
        if history:
            gone = vafa_programme.expired(programme, history[0], occasion["facts"], minute)
        self.after = None
        try:
            self.parts, self.after, self.facts = vafa_programme.plan(
                programme, history, wish, occasion, sale_parts, minute, terminal, sequence, BLANK)
            self.word = "done"
            self.image = ref.image_encode(self.after).hex()
            self.result = "%d none %s %s %s" % (gone, self.image, ",".join(str(self.parts[p]) for p in PARTS),
                                                vafa_facts.encode(self.facts).hex())
        except Refusal as refusal:
            self.word = str(refusal)
            self.result = "%d %s" % (gone, self.word)


class Actions:
    """The club's actions on one card, in the same form."""

    def __init__(self, programme, card, image, actions, found, minute, terminal, sequence):
        self.line = "A %d %d %d %s %s %s" % (minute, terminal, sequence, ref.occasion_encode(found).hex(),
                                             b"".join(map(ref.action_encode, actions)).hex(), image)
        facts = ref.occasion_of(found, card)["facts"]
        self.after = None
        try:
            self.parts, self.after, self.facts, moved, stop = vafa_programme.plan_actions(
                programme, card, facts, actions, minute, terminal, sequence)
            self.word = "done" if stop == "none" else stop
            self.result = "none %s %s %s %d %s %s" % (
                ref.image_encode(self.after).hex(), ",".join(str(self.parts[p]) for p in PARTS),
                vafa_facts.encode(self.facts).hex(), len(moved), stop, ",".join(map(str, moved)))
        except Refusal as refusal:
            self.word = "none: " + str(refusal)
            self.result = str(refusal)


class Life:
    """One card after the other, with programmes that change under them."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.lines, self.results = [], []
        self.words, self.programmes = collections.Counter(), 0
        self.new_programme()
        self.new_card()

    # --- amounts ---

    def near(self, *edges):
        """On an edge, beside it, or anywhere below it."""
        draw = self.draw
        edge = draw.choice(edges)
        kind = draw.random()
        value = edge if kind < .25 else edge + draw.choice([-1, 1]) if kind < .5 else draw.randrange(edge + 1)
        return max(0, min(value, MONEY_MAX))

    def new_programme(self):
        while True:
            text, is_refused = vafa_random.programme(self.draw)
            self.lines.append("P " + text)
            self.results.append("refused" if is_refused else "loaded")
            self.words["programme " + self.results[-1]] += 1
            if not is_refused:
                break
        self.programme = json.loads(text)
        limits = self.programme["limits"]
        self.edges = [limits["sale_max_rials"]] * 3
        for rule in self.programme["rules"]:
            for effect in rule["do"].values():
                if isinstance(effect, dict):
                    for name in ("per_rials", "rials", "max_rials"):
                        if effect.get(name):
                            times = self.draw.randrange(1, 8) if name == "per_rials" else 1
                            self.edges.append(min(limits["sale_max_rials"], effect[name] * times))
            self.edges += [n for n in self.literals(rule["when"]) if 0 < n <= limits["sale_max_rials"]]

    def literals(self, node):
        if isinstance(node, dict):
            return [n for value in node.values() for n in self.literals(value)]
        if isinstance(node, list):
            return [n for value in node for n in self.literals(value)]
        return [int(node)] if isinstance(node, (int, float)) and not isinstance(node, bool) else []

    # --- cards and clock ---

    def new_card(self):
        self.history, self.images, self.parts, self.facts = [], [], [], None
        self.moved = None  # what left the last card for the next one
        self.slots = self.draw.choice(RINGS)
        self.now = self.draw.choice([500000, 1400000, self.draw.randrange(1, 2**24 - 1)])
        self.member = {"kind": self.draw.choice([0, 15, 255] + [k["number"] for k in self.programme["kinds"]]),
                       "birthday": self.draw.choice([0, self.draw.randrange(1, 65536)]),
                       "wedding": self.draw.choice([0, self.draw.randrange(1, 65536)]),
                       "expires": self.draw.choice([0, 0, min(65535, 45290 + self.now // 1440 + self.draw.randrange(400)),
                                                    self.draw.randrange(1, 65536)])}

    def push(self, card, parts, facts):
        self.history = [card] + self.history[:self.slots - 1]
        self.images = [ref.image_encode(card).hex()] + self.images[:self.slots - 1]
        self.parts = [parts] + self.parts[:self.slots - 1]
        self.facts = facts

    def any_bits(self, name, value):
        draw = self.draw
        most = 2**WIDTH[name] - 1
        return draw.choice([0, 1, most, most - 1, max(0, value - 1), min(most, value + 1), draw.randrange(most + 1)])

    def strange_card(self, card):
        """Changes some of a snapshot's fields; what snapshot.h asks for still holds."""
        draw, card = self.draw, dict(card)
        for name in draw.sample(["action", "tier", "group", "points", "credit", "gift", "voucher", "stamps", "kind",
                                 "reference", "idle", "offer", "flags", "amount", "redeemed", "minute", "points", "credit",
                                 "stamps", "flags"], draw.randrange(1, 4)):
            card[name] = self.any_bits(name, card[name])
        card["offer"] = min(card["offer"], 26)
        card["kind"] = max(1, min(card["kind"], 12))
        if card["kind"] in (3, 5):
            if card["counter"] == 1:
                card["kind"] = 2
            card["reference"] = max(1, min(card["reference"], card["counter"] - 1))
        return card

    def make_strange(self):
        """Something that no terminal of ours wrote, or a card at its end."""
        draw = self.draw
        kind = draw.random()
        at = 0 if kind < .4 else draw.randrange(len(self.history))
        if kind < .85:
            self.history[at] = self.strange_card(self.history[at])
        elif kind < .9:  # a gap
            for card in self.history[:at]:
                card["counter"] = min(2**20 - 1, card["counter"] + 1)
        elif kind < .95:  # near the end of its counter
            last = 2**20 - 1 - draw.randrange(3)
            self.history = [dict(card, counter=last - i) for i, card in enumerate(self.history)]
        elif kind < .97:
            self.history[0] = dict(self.history[0], status=draw.choice([2, 3]))
        else:  # full of points, or empty of all
            points = draw.choice([2**28 - 1, 2**28 - 2, 0])
            self.history[0] = dict(self.history[0], points=points, credit=0)
        self.images = [ref.image_encode(card).hex() for card in self.history]
        if self.facts and self.facts["counter"] != self.history[0]["counter"]:
            self.facts = dict(self.facts, counter=self.history[0]["counter"])

    def minute(self):
        draw, offset = self.draw, self.programme["utc_offset_minutes"]
        self.now += 1 + draw.randrange(draw.choice([1, 60, 1440, 1440, 14400, 14400, 43200, 200000, 525600]))
        if draw.random() < .05:  # to the edge of a Jalali year or month
            year, month, _ = vafa_programme.jalali(max(0, (self.now + offset) // 1440))
            if year < 1433:
                day = vafa_programme.jalali_day(*draw.choice([(year + 1, 1, 1), (year + 1, 7, 1)] +
                                                             ([(year, month + 1, 1)] if month < 12 else [])))
                self.now = day_minute(day, offset, draw.choice([-1, 0, 1, 1439]))
        if not 0 < self.now < 2**24:
            self.now = 500000
        kind = draw.random()
        if kind < .03:
            return draw.choice([0, 0, draw.randrange(1, 1500)])  # not set; set so far back that it is 2023 there
        return draw.randrange(1, self.now + 1) if kind < .06 else self.now

    # --- wishes ---

    def sale(self, wish):
        draw, card = self.draw, self.history[0]
        wish["amount"] = max(1, self.near(*self.edges))
        if draw.random() < .35:
            value = self.programme["redemption"]["rials_per_point"]
            wish["redeem"] = self.near(card["points"], card["points"] // 4, self.programme["redemption"]["min_points"],
                                       wish["amount"] // max(1, value), wish["amount"] // max(1, value) // 2)
            if draw.random() < .02:
                wish["redeem"] = draw.choice([2**20 - 1, 2**20, 2**28, 2**31 - 1])
            wish["redeem"] = min(wish["redeem"], 2**31 - 1)
        if draw.random() < .4:
            due = max(0, wish["amount"] - wish["redeem"] * self.programme["redemption"]["rials_per_point"])
            wish["pay_credit"] = self.near(card["credit"], min(card["credit"], due), due, due // 3)
        for purse in ("gift", "voucher"):
            if draw.random() < (.4 if card[purse] else .02):
                due = max(0, wish["amount"] - wish["redeem"] * self.programme["redemption"]["rials_per_point"] -
                          wish["pay_credit"])
                wish["pay_" + purse] = self.near(card[purse], min(card[purse], due), due, due // 3)

    def gives_back(self, wish):
        draw = self.draw
        of = 2 if wish["kind"] == "refund" else 4
        there = [card for card in self.history[:-1] if card["kind"] == of]
        card = draw.choice(there if there and draw.random() < .95 else self.history)
        if draw.random() < .5:  # the same one again: parts of it
            again = [c for c in there if any(later["kind"] == of + 1 and
                                             later["counter"] - later["reference"] == c["counter"]
                                             for later in self.history)]
            card = draw.choice(again or [card])
        wish["refers_counter"] = max(0, min(2**20 - 1, card["counter"] + (draw.random() < .02)))
        back = sum(later["amount"] for later in self.history
                   if later["kind"] == of + 1 and later["counter"] - later["reference"] == card["counter"])
        left = max(0, card["amount"] - back)
        wish["amount"] = 0 if draw.random() < .3 else self.near(left, left // 2, left // 3, 1000, card["amount"])

    def wish(self, gone):
        draw = self.draw
        wish = dict(vafa_programme.WISH, kind="activate")
        purses = self.programme["purses"]
        if not self.history:
            if self.moved or draw.random() < .1:
                self.takes_over(wish)
            else:
                self.opens(wish, purses)
            return wish
        wish["kind"] = draw.choice(["sale"] * 9 + ["load"] * 2 + ["refund"] * 5 + ["unload"] * 2 + ["transfer"])
        if draw.random() < .02:
            wish["kind"] = "duplicate"
            return wish
        if draw.random() < (.7 if gone else .01):
            wish["kind"] = "expire"
        elif wish["kind"] == "sale":
            self.sale(wish)
        elif wish["kind"] == "transfer":
            credit = self.history[0]["credit"]
            wish["amount"] = max(1, self.near(credit, MONEY_MAX - credit, credit // 2))
        elif wish["kind"] == "load":
            limits, purse = self.programme["limits"], draw.choice(["credit"] * 3 + ["gift", "voucher"])
            room = max(0, purses[purse]["max_rials"] - self.history[0][purse])
            steps = [step["from_rials"] for step in purses["credit"].get("bonus", [])]
            wish["amount" if purse == "credit" else purse] = max(1, self.near(
                limits["load_max_rials"], limits["load_min_rials"], room, *steps))
        else:
            self.gives_back(wish)
        return wish

    def takes_over(self, wish):
        """Mostly what the card before has left."""
        draw, card = self.draw, self.moved
        wish["kind"] = "duplicate"
        if not card or draw.random() < .1:
            card = {name: self.any_bits(name, 0) for name in ("tier", "group", "stamps", "points", "credit", "gift",
                                                              "voucher")}
        wish.update(amount=card["credit"], gift=card["gift"], voucher=card["voucher"],
                    inherits=tuple(card[name] for name in ("tier", "group", "stamps", "points")))

    def opens(self, wish, purses):
        """Mostly what a card of this kind may carry."""
        draw, terms = self.draw, vafa_programme.kind_terms(self.programme, self.member)
        for name, field in (("credit", "amount"), ("gift", "gift")):
            said = terms.get("opening_" + name)
            if said:
                wish[field] = self.near(said["max_rials"], said["min_rials"])
            elif name == "credit":
                wish[field] = self.near(self.programme["limits"]["opening_max_rials"], 0)
        if draw.random() < .1:
            wish[draw.choice(["gift", "voucher"])] = self.near(purses["voucher"]["max_rials"], 1)

    # --- what is known beside ---

    def lines_of(self, amount):
        draw, left = self.draw, amount
        numbers = [p["number"] for p in self.programme["products"]]
        numbers = draw.sample(numbers, draw.randrange(len(numbers) + 1))
        numbers = sorted(set(numbers + [0] + ([draw.randrange(1, 256)] if draw.random() < .2 else [])))[:33]
        lines = []
        for number in numbers:
            part = left if number == numbers[-1] else draw.choice([0, left, draw.randrange(left + 1)])
            left -= part
            milli = draw.choice([0, 500, 1000, 2000, draw.randrange(5000), 4 * 10**9, 4 * 10**9 - 1])
            lines.append({"product": number, "amount": part, "milli": milli})
        if draw.random() < .03:
            lines[0]["amount"] = min(MONEY_MAX, max(0, lines[0]["amount"] + draw.choice([-1, 1])))
        return lines

    def occasion(self, wish):
        draw, found = self.draw, {}
        if draw.random() < .01 and wish["kind"] not in ("transfer", "duplicate"):
            return None
        if not self.history and draw.random() < .01:
            found["facts"] = dict({name: 0 for name in vafa_facts.WIDTH}, counter=1)
        if not self.history and wish["kind"] == "duplicate" and draw.random() < .8:
            found["facts"] = dict(self.moved["facts"] if self.moved else {name: draw.randrange(most + 1) for name, most
                                                                         in vafa_facts.MOST.items()}, counter=1)
        if self.history and self.facts and draw.random() < .95:
            facts = self.facts
            if draw.random() < .04:
                facts = dict(facts)
                for name in draw.sample([name for name, _ in vafa_facts.FIELDS[1:]], 3):
                    most = vafa_facts.MOST[name]
                    facts[name] = draw.choice([0, most, facts[name] // 2, draw.randrange(most + 1)])
                facts["counter"] += draw.choice([0, 0, 0, 1])
            found["facts"] = facts
        if draw.random() < .7:
            found.update(self.member)
            if draw.random() < .3 and self.now:  # a birthday that is near
                found["birthday"] = min(65535, max(0, 45290 + self.now // 1440 + draw.randrange(-3, 9) - 365 * 20 - 5))
        if wish["kind"] == "transfer":
            found["peer"] = dict(direction=draw.choice([1, 2]), card=0, terminal=0, sequence=0)
        if wish["kind"] == "activate" and draw.random() < .9:
            named = [0] * 12 + [group["number"] for group in self.programme["groups"]][:3] + [draw.randrange(256)]
            found["newcomer"] = [draw.randrange(6), draw.randrange(8), draw.choice(named)]
            found["merchant"], found["branch"] = draw.choice([0, 1, 2, 2**32 - 1]), draw.randrange(3)
        if wish["kind"] == "duplicate":
            found["peer"] = dict(direction=1 if self.history else 2, card=0, terminal=0, sequence=0)
        if wish["kind"] == "sale":
            if draw.random() < .3:
                found["code"] = draw.randrange(1, len(self.programme["codes"]) + 2)
            found["merchant"], found["branch"] = draw.choice([0, 1, 2, 2**32 - 1]), draw.randrange(3)
            if draw.random() < .5:
                found["lines"] = self.lines_of(wish["amount"])
        return found

    def sale_parts(self, wish):
        """As the journal has them, which another terminal has not; and now and then any."""
        draw = self.draw
        parts = [p for card, p in zip(self.history, self.parts) if card["counter"] == wish["refers_counter"]]
        if wish["kind"] != "refund" or not parts or draw.random() < .3:
            return None
        if draw.random() < .05:
            return {name: self.near(MONEY_MAX, parts[0][name]) for name in PARTS}
        return parts[0]

    # --- the club's actions ---

    def action(self, number):
        draw, card = self.draw, self.history[0]
        kind = draw.choice(sorted(ref.ACTIONS))
        low, high = ref.ACTION_VALUE.get(kind, (0, 0))
        most = ref.ACTION_AMOUNT.get(kind, 0)
        purse = {2: "credit", 3: "gift", 4: "voucher", 5: "points", 6: "credit", 7: "points"}.get(kind)
        amount = max(1, min(most, self.near(most, max(0, most - card[purse]), card[purse], 1000))) if purse else draw.randint(0, most)
        until = 0 if kind == 14 else draw.choice([0, 0, 0, 1704067200 + 60 * self.now + draw.choice([-1, 0, 59, 60, 86400])])
        return dict(number=number, kind=kind, amount=amount, value=draw.randrange(low, high + 1), origin=1,
                    card=6362140000000011, until=until, id=number, text="")

    def act(self):
        """Actions for the card, mostly the next ones; None: it has had its last."""
        draw = self.draw
        first = self.history[0]["action"] + (1 if draw.random() < .97 else draw.randrange(3))
        count = draw.randrange(1, 5)
        if not 1 <= first <= 4096 - count:
            return None
        return [self.action(first + n) for n in range(count)]

    # --- one step ---

    def step(self):
        draw = self.draw
        if not self.history or draw.random() < .015:
            self.new_card()
        if not self.history or draw.random() < .02:
            self.new_programme()
        if self.history and draw.random() < .04:
            self.make_strange()
        minute = self.minute()
        actions = self.act() if self.history and draw.random() < .08 else None
        if actions:
            wish = {"kind": "action"}
            case = Actions(self.programme, self.history[0], self.images[0], actions, self.occasion(wish) or {},
                           minute, draw.choice([1, 2, 3, 2**20 - 1]), draw.randrange(1, 2**24))
            self.done(wish, case)
            return
        gone = 0
        if self.history:
            gone = vafa_programme.expired(self.programme, self.history[0], self.facts, minute)
        wish = self.wish(gone)
        case = Case(self.programme, self.history, self.images, wish, self.occasion(wish), self.sale_parts(wish),
                    minute, draw.choice([1, 2, 3, 2**20 - 1]), draw.randrange(1, 2**24))
        self.done(wish, case)

    def done(self, wish, case):
        self.lines.append(case.line)
        self.results.append(case.result)
        self.words["%s %s" % (wish["kind"], case.word)] += 1
        if case.after and wish["kind"] == "duplicate" and self.history:
            moved = dict(self.history[0], facts=self.facts or case.facts)
            self.new_card()
            self.moved = moved
        elif case.after:
            self.push(case.after, case.parts, case.facts)
        elif case.word in ("card_blocked", "card_closed", "counter_used_up"):
            self.history = []


def compare(seed, mine, lines, outputs):
    """Differences, as sentences. The first build's lines are held against ours, the others' against its."""
    found = []
    first = outputs[0][1].splitlines()
    programme = ""
    for line, result, theirs in zip(lines, mine, first + [""] * len(mine)):
        programme = line if line[0] == "P" else programme
        if theirs.split("\t")[0] != result:
            found.append("block %d, %s differs\n  programme: %s\n  input:     %s\n  reference: %s\n  engine:    %s" %
                         (seed, outputs[0][0], programme, line, result, theirs))
    if len(first) != len(mine):
        found.append("block %d, %s answered %d of %d lines" % (seed, outputs[0][0], len(first), len(mine)))
    for name, output in outputs[1:]:
        if output != outputs[0][1]:
            at = next((i for i, (a, b) in enumerate(zip(first, output.splitlines())) if a != b), None)
            found.append("block %d, %s differs from %s\n  input: %s\n  %s\n  %s" %
                         ((seed, name, outputs[0][0]) +
                          ((lines[at], first[at], output.splitlines()[at]) if at is not None else ("its length", "", ""))))
    return found


def block(job):
    seed, builds, keep = job
    life = Life(seed)
    for _ in range(BLOCK):
        life.step()
    text = "\n".join(life.lines) + "\n"
    if keep:
        with open(os.path.join(keep, "block-%d" % seed), "w", encoding="utf-8") as file:
            file.write(text)
    outputs, found = [], []
    for build in builds:
        done = subprocess.run([build], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            found.append("block %d: %s ended with %d: %s" % (seed, build, done.returncode, done.stderr.decode()[-600:]))
        outputs.append((build, done.stdout.decode()))
    found += compare(seed, life.results, life.lines, outputs) if outputs else []
    digest = hashlib.sha256("\n".join(life.results).encode()).hexdigest()
    return seed, life.words, digest, found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plans", type=int, default=20000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep")
    parser.add_argument("builds", nargs="*")
    asked = parser.parse_args()
    jobs = [(asked.first + n, asked.builds, asked.keep) for n in range(max(1, asked.plans // BLOCK))]
    words, digest, differences, begin = collections.Counter(), hashlib.sha256(), 0, time.monotonic()
    with multiprocessing.Pool(asked.workers) as pool:
        for _, made, one, found in pool.imap(block, jobs):
            words += made
            digest.update(one.encode())
            for text in found[:max(0, 5 - differences)]:
                print(text)
            differences += len(found)
    for word, count in sorted(words.items()):
        print("%9d %s" % (count, word))
    print("millions: %d plans by the reference and %d builds, blocks %d to %d, %d differences, digest %s, %d s" %
          (len(jobs) * BLOCK, len(asked.builds), jobs[0][0], jobs[-1][0], differences, digest.hexdigest()[:32],
           time.monotonic() - begin))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
