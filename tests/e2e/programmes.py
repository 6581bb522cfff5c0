#!/usr/bin/env python3
"""programmes - programmes of format 2 with real processes: two homes, two terminals that do not sync in between,
days, refunds, a change by the line. Expected figures are worked by hand from programmes/starters; in rials."""
import base64
import hashlib
import json
import os
import sqlite3
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402
from hotlist import Other  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
SANITIZED = os.environ.get("PROFILE") == "sanitize"  # libfaketime and ASan do not go together
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), "libfaketime is not installed")
FAMILIES = {"MIFARE Classic": "1k 04a1b2c3", "DESFire": "desfire 04a1b2c3d4e5f6"}


def starter(name):
    """A starter's document. Its calendars are moved into the past: no date of today may change a price here."""
    document = json.loads((ROOT / f"programmes/starters/{name}.json").read_text())
    for calendar in document["calendars"]:
        calendar.update({"from": "1400-01-01", "to": "1400-01-02"})
    return document


class Home(Shop):
    """A shop with the starter, a card of the family, and, with `two`, a second terminal B; A is the first."""
    def __init__(self, name, family, two=False):
        super().__init__(BUILD)
        self.name, self.family, self.two, self.at, self.clock = f"{name}, {family}", family, two, "A", {}
        self.document = starter(name)
        self.programme = self.path("programme.json")
        Path(self.programme).write_text(json.dumps(self.document))

    def __enter__(self):
        self.open(card=None)
        self.card(f"new member {FAMILIES[self.family]}")
        self.card("insert member")
        if self.two:
            self.other = Other(self)
            self.other.sync()
        return self

    def start(self, name, program, *args, env=None):
        return super().start(name, program, *args, env=self.clock if name == "terminal" else env)

    def go(self, terminal, when=None):
        """The reader is this terminal's from now on, on that day. Nothing syncs."""
        if when is not None:
            self.clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"@{when} 12:00:00", "DONT_FAKE_MONOTONIC": "1",
                          "TZ": "UTC"}
        if terminal != self.at or when is not None:
            self.stop("terminal")
            self.start_terminal(*(("--db", self.other.db) if terminal == "B" else ()))
            self.at = terminal

    def sale(self, *args):
        """-> rebate, due, points earned, credit given; and the answer."""
        answer = self.done("sale", *args)
        parts = answer["parts"]
        return (parts["rebate"], parts["due"], parts["award"], parts["load"]), answer

    def same_at_the_club(self):
        """Everything is sent: no case, above all none of kind `differs`."""
        if self.two:
            self.other.sync()
        self.sync_once()
        report = self.club("report", "--json")
        seen = json.loads(report.stdout)
        states = [card["state"] for card in seen["cards"]]
        check(f"{self.name}: the club reckons the same: no case", seen["cases"] == [] and states == ["ok"],
               (seen["cases"], states))


def sign(key, document):
    """A programme as the club signs it (RFC 7515, ES256), whatever it says."""
    b64url = lambda data: base64.urlsafe_b64encode(data).decode().rstrip("=")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    n = private.public_key().public_numbers()
    x, y = (b64url(v.to_bytes(32, "big")) for v in (n.x, n.y))
    kid = b64url(hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest())
    text = b64url(json.dumps({"alg": "ES256", "kid": kid, "typ": "vafa-programme"}).encode()) + "." + b64url(document)
    r, s = decode_dss_signature(private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return text + "." + b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def two_homes():
    with Home("cafe", "MIFARE Classic") as cafe, Home("clothing", "DESFire") as clothing:
        expected = {
            # 1 point for each 100,000; no group of products, no credit: 10,000,000 / 100,000.
            cafe: [(0, 10_000_000, 100, 0), (0, 2_000_000, 20, 0)],
            # 5 % off the shoes; 10 % of 9,500,000 as credit; then 10 % of 2,000,000. No points.
            clothing: [(500_000, 9_500_000, 0, 950_000), (0, 2_000_000, 0, 200_000)]}
        for home, sales in expected.items():
            home.done("issue")
            first, _ = home.sale("10000000", "--line", "shoes:10000000")
            second, last = home.sale("2000000")
            check(f"{home.name}: two sales by its own programme", [first, second] == sales, (first, second))
            check(f"{home.name}: and the card carries it",
                  (last["points"], last["credit"]) == (sales[0][2] + sales[1][2], sales[0][3] + sales[1][3]), last)
        refused = cafe.till("load", "1000000")
        check("the cafe sells no credit", refused["rc"] == 1 and refused["reason"] == "refused", refused["text"])
        loaded = clothing.done("load", "1000000")
        check("the clothes shop does", loaded["credit"] == 2_150_000, loaded["text"])
        for home in expected:
            home.same_at_the_club()


def fourth_is_free(family):
    with Home("cafe", family, two=True) as cafe:
        cafe.done("issue")
        seen = []
        for terminal in "ABABA":
            cafe.go(terminal)
            parts, answer = cafe.sale("1000000")
            seen.append((*parts[:3], answer["points"]))
        paid = [(0, 1_000_000, 10, points) for points in (10, 20, 30, 40)]
        check(f"{cafe.name}: three orders at two terminals are paid", seen[:3] == paid[:3], seen)
        check(f"{cafe.name}: the fourth is free, by the stamps on the card", seen[3] == (1_000_000, 0, 0, 30), seen)
        check(f"{cafe.name}: the fifth is paid", seen[4] == paid[3], seen)
        cafe.same_at_the_club()


def bigger_basket(family):
    """W02. 1404 has no festival. Five visits, 10 days apart, 50,000 toman each: the very next one has the offer."""
    with Home("grocery", family, two=True) as grocery:
        seen = []
        for when in ("2025-05-01", "2025-05-11", "2025-05-21", "2025-05-31", "2025-06-10"):
            grocery.go("A", when)
            if not seen:
                grocery.done("issue")
            parts, answer = grocery.sale("500000")
            seen.append((*parts, answer["points"]))
        # 50 points of welcome for the first; 500,000 is half a block.
        check(f"{grocery.name}: five small baskets at A in forty days",
              seen == [(0, 500_000, 50, 0, 50)] + [(0, 500_000, 0, 0, 50)] * 4, seen)
        grocery.go("B", "2025-06-20")
        parts, answer = grocery.sale("2000000")
        check(f"{grocery.name}: the sixth, four times as large, gives 20 % as credit at B, which heard of none",
              (*parts, answer["credit"], answer["points"]) == (0, 2_000_000, 20, 400_000, 400_000, 70), answer["text"])
        parts, answer = grocery.sale("2000000")
        check(f"{grocery.name}: the next does not",
              (*parts, answer["credit"], answer["points"]) == (0, 2_000_000, 20, 0, 400_000, 90), answer["text"])
        grocery.same_at_the_club()


def given_back(family):
    """10 % cashback of all that is bought; a refund of any part takes all of it back ("extras": "lost")."""
    with Home("clothing", family, two=True) as clothing:
        clothing.done("issue", "--opening", "1000000")
        refund = lambda sale, *args: clothing.till("refund", sale["counter"], *args)
        state = lambda answer: (answer["rc"], answer.get("parts", {}).get("due"), answer.get("credit"))

        _, sold = clothing.sale("2000000")
        back = refund(sold)
        check(f"{clothing.name}: a refund takes the cashback back",
              sold["credit"] == 1_200_000 and state(back) == (0, 2_000_000, 1_000_000), (sold["text"], back["text"]))
        _, sold = clothing.sale("2000000")
        clothing.go("B")
        back = refund(sold, "500000")
        check(f"{clothing.name}: at another terminal, a part: all of it", state(back) == (0, 500_000, 1_000_000), back["text"])

        # 500,000 of 2,000,000 paid with credit, 200,000 given: 1,000,000 - 500,000 + 200,000.
        clothing.go("A")
        parts, both = clothing.sale("2000000", "--pay-credit", "500000")
        check(f"{clothing.name}: a sale that takes credit and gives some",
              parts == (0, 1_500_000, 0, 200_000) and both["credit"] == 700_000, both["text"])
        clothing.go("B")
        back = refund(both)
        check(f"{clothing.name}: another terminal cannot tell them apart and says who can",
              (back["rc"], back["state"], back["reason"]) == (1, "not_done", "refused") and
              "took and gave credit: only terminal 1, which made it" in back["say"], back["text"])
        seen = clothing.done("balance")
        check(f"{clothing.name}: and leaves the card alone", (seen["counter"], seen["credit"]) == (both["counter"], 700_000), seen)
        clothing.go("A")
        back = refund(both)
        check(f"{clothing.name}: the terminal that made it gives both back", state(back) == (0, 1_500_000, 1_000_000), back["text"])
        again = refund(both)
        check(f"{clothing.name}: once", again["rc"] == 1 or again.get("earlier"), again["text"])
        seen = clothing.done("balance")
        check(f"{clothing.name}: and the card is where it began", seen["credit"] == 1_000_000, seen)
        clothing.same_at_the_club()


def changed_at_the_club():
    """A newer programme by the line, to a terminal that runs on; then one that no firmware of today knows."""
    with Home("cafe", "MIFARE Classic") as cafe:
        cafe.done("issue")
        process = cafe.processes["terminal"]
        file, old = cafe.path("next.json"), cafe.document["version"]
        running = lambda: json.loads(cafe.club("terminals", "--json").stdout)["terminals"][0]

        def document(version, rials, **more):
            cafe.document["version"] = version
            cafe.document["rules"][0]["do"] = {"award": {"points": 1, "per_rials": rials}, **more}
            Path(file).write_text(json.dumps(cafe.document))

        before, _ = cafe.sale("1000000")
        document(old + 1, 50_000)
        cafe.club("programme", file)
        unsynced, _ = cafe.sale("1000000")
        cafe.sync_once()
        after, answer = cafe.sale("1000000")
        # A point for each 100,000, then for each 50,000.
        check("a new programme counts after the sync, without a restart",
              [parts[2] for parts in (before, unsynced, after)] == [10, 10, 20] and process.poll() is None and
              cafe.done("status")["programme"] == old + 1, answer)
        check("the club's list says that the terminal runs it", running()["programme"] == old + 1, running())

        document(old + 2, 10_000, lottery={"tickets": 1})
        refused = cafe.club("programme", file, check=False)
        check("one with an unknown effect is refused by the club, by rule and effect",
              refused.returncode == 1 and "lottery" in refused.stderr and "points" in refused.stderr, refused.stderr)
        cafe.sync_once()
        check("and no terminal hears of it", cafe.done("status")["programme"] == old + 1)

        # As a newer club would send it: signed with the club's key, stored without a look.
        signed = sign(Path(cafe.path("club/programme.key")), Path(file).read_bytes())
        with sqlite3.connect(cafe.path("club/club.db")) as db:
            db.execute("INSERT INTO programme (version, stored_at, text, signed) VALUES (?, 1, ?, ?)",
                       (old + 2, Path(file).read_text(), signed))
        cafe.sync_once()
        free, _ = cafe.sale("1000000")
        still, answer = cafe.sale("1000000")
        status = cafe.done("status")
        check("by the line it is refused whole: the one before goes on, down to its stamps",
              (free[0], still[2], status["programme"]) == (1_000_000, 20, old + 1), (free, answer, status))
        with sqlite3.connect(cafe.path("terminal.db")) as db:
            why, = db.execute("SELECT value FROM settings WHERE name = 'programme.refused'").fetchone()
        check("the terminal keeps why", "lottery" in why, why)
        listed = running()
        check("the club's list shows what it runs, what it refused, and why",
              (listed["programme"], listed["refused"]) == (old + 1, old + 2) and
              why == "A programme was refused: " + listed["refused_say"], listed)
        check("in words, too", "lottery" in cafe.club("terminals").stdout, cafe.club("terminals").stdout)
        with sqlite3.connect(cafe.path("club/club.db")) as db:  # as a database of before, which just got the columns
            db.execute("UPDATE term SET refused = 0, refused_say = ''")
        forgot = running()
        cafe.sync_once()
        again = running()
        check("where the club does not know it yet, the next sync tells",
              (forgot["refused"], again["refused"], again["refused_say"]) == (0, old + 2, listed["refused_say"]), (forgot, again))
        document(old + 3, 20_000)
        cafe.club("programme", file)
        cafe.sync_once()
        parts, answer = cafe.sale("1000000")
        listed = running()
        check("the next good one is taken, and nothing is refused any more",
              (parts[2], listed["programme"], listed["refused"], listed["refused_say"]) == (50, old + 3, 0, ""), (answer, listed))
        cafe.same_at_the_club()


def offers_later():
    """A club without offers, whose cards remember all the same; then it adopts one."""
    with Home("cafe", "MIFARE Classic", two=True) as cafe:
        cafe.done("issue")
        for _ in range(13):  # the ring holds nine
            cafe.sale("500000")
        cafe.document["version"] += 1
        cafe.document["modules"].append("marks")
        cafe.document["marks"] = [{"id": "regular", "number": 14, "per": "ever"}]
        cafe.document["rules"].append({"id": "regular", "when": {"==": [{"var": "history.period_spend"}, 5000000]},
                                       "once": "regular", "do": {"award": {"points": 70}}})
        Path(cafe.programme).write_text(json.dumps(cafe.document))
        cafe.club("programme", cafe.programme)
        cafe.other.sync()
        cafe.go("B")
        # Of 13 orders 3 were free, so 10 were paid in this year.
        parts, answer = cafe.sale("500000")
        check(f"{cafe.name}: an offer by what the card kept while no rule asked for it", parts[2] == 5 + 70, answer)
        cafe.same_at_the_club()


def main():
    two_homes()
    for family in FAMILIES:
        fourth_is_free(family)
        given_back(family)
        if SANITIZED:
            print(f"ok grocery, {family} # SKIP faketime and the sanitizers do not go together")
        else:
            bigger_basket(family)
    changed_at_the_club()
    offers_later()
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
