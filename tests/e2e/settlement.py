#!/usr/bin/env python3
"""settlement - what merchants and club owe each other for days: a week that was reckoned by hand, and random weeks against a
recount from the raw journals; closed periods never change, what comes late falls into the next, also in a restored club."""
import base64
import csv
import io
import json
import random
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reference"))
from club_world import BUILD, ROOT, World
from tap import check, exit_code  # noqa: E402
import vafa_reference as reference

IRAN = timezone(timedelta(hours=3, minutes=30))
BRANCHES = {1: ("Refah", "Tajrish"), 2: ("Refah", "Vanak"), 3: ("Kourosh, the \"great\"", "Karaj")}
NUMBERS = {1: (1, 1), 2: (1, 2), 3: (2, 3)}  # terminal: merchant, branch


def at(day, clock):
    hour, minute, second = map(int, clock.split(":"))
    return int(datetime(2026, 10, day, hour, minute, second, tzinfo=IRAN).timestamp())


def bodies(script):
    """The journals of a script as {terminal: [body]}."""
    done = subprocess.run([BUILD / "posting-script", "programmes/base.json", "500"], input=script, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    found = {}
    for line in done.stdout.splitlines():
        terminal, body = line.split(" ", 1)
        found.setdefault(int(terminal), []).append(json.loads(body))
    return found


def cut(body, first, last, unsent=0, oldest=0):
    """Transactions first..last (from 1) of a body that holds a whole journal; an intent and an outcome each."""
    part = dict(body, entries=body["entries"][2 * first - 2:2 * last], after=2 * first - 2)
    part["base"] = reference.chain([base64.b64decode(e) for e in body["entries"][:2 * first - 2]]).hex()
    part["health"] = dict(body["health"], unsent=unsent, oldest=oldest)
    return part


def open_world():
    world = World()
    world.start()
    world.club("programme", "programmes/base.json")
    for merchant, branch in BRANCHES.values():
        world.enrol(merchant, branch)
    return world


def send(world, terminal, body):
    status, answer = world.sync(terminal, json.dumps(body))
    if status != 200:
        raise RuntimeError(f"terminal {terminal}: {status} {answer}")


def lines_of(settlement):
    return {(r["merchant"], r["branch"], r["book"], r["account"]): (r["amount"], r["late"]) for r in settlement["lines"]}


def nets(settlement):
    return {r["merchant"]: (r["amount"], r["late"], r["net"]) for r in settlement["merchants"]}


# --- a week by hand ----------------------------------------------------------------------------
#
# base.json: 10 points for each 1,000,000 rials, a point is worth 1,000 rials. Business days end at midnight in Iran.
#
# terminal card  when                       what                                 legs, rials (positive: the club owes it)
WEEK = [
    (1, 1, at(3, "10:00:00"), "activate", "1000000"),            # Tajrish  opening  -1,000,000
    (3, 1, at(3, "23:59:59"), "load", "500000"),                 # Karaj    taken      -500,000
    (2, 1, at(4, "00:00:00"), "sale", "3000000 300000"),         # Vanak    owed       +300,000
    (3, 2, at(4, "11:00:00"), "activate", "0"),                  # nothing
    (3, 2, at(4, "12:00:00"), "load", "2000000"),                # Karaj    taken    -2,000,000
    (1, 2, at(5, "09:00:00"), "sale", "1500000 1200000"),        # Tajrish  owed     +1,200,000
    (1, 1, at(5, "09:30:00"), "sale", "400000 0 20"),            # Tajrish  redemption +20,000 (20 points of the 30 earned)
    (3, 2, at(6, "10:00:00"), "sale", "700000 700000"),          # Karaj    owed       +700,000
    (3, 1, at(6, "11:00:00"), "load", "900000"),                 # Karaj    taken      -900,000
    (1, 2, at(6, "12:00:00"), "refund", "0 0 0 3"),              # Tajrish  owed     -1,200,000 (card 2's third)
]
FIRST = {  # days 3 and 4; what cards hold: 1,000,000 + 500,000 - 300,000 + 2,000,000
    (0, 0, "credit", "cards"): (3200000, 0),
    (1, 1, "credit", "opening"): (-1000000, 0),
    (1, 2, "credit", "owed"): (300000, 0),
    (2, 3, "credit", "taken"): (-2500000, 0),
}
SECOND = {  # days 5 and 6; Karaj's load of day 6 comes later
    (0, 0, "credit", "cards"): (-1200000 - 700000 + 1200000, 0),
    (0, 0, "settlement", "cost"): (-20000, 0),
    (1, 1, "credit", "owed"): (0, 0),  # 1,200,000 sold and given back: two entries that come to nothing
    (1, 1, "settlement", "redemption"): (20000, 0),
    (2, 3, "credit", "owed"): (700000, 0),
}
THIRD = {  # days 7 and 8, on which nothing was done: only what is late
    (0, 0, "credit", "cards"): (0, 900000),
    (2, 3, "credit", "taken"): (0, -900000),
}


def by_hand(world):
    journals = bodies("".join("%d %d %d %s %s\n" % row for row in WEEK))
    one, two, three = (journals[t][0] for t in (1, 2, 3))
    close = ("settlement", "close", "--by", "Sara", "--json", "--to")
    send(world, 1, cut(one, 1, 1))
    send(world, 2, two)
    send(world, 3, cut(three, 1, 3, unsent=10, oldest=at(3, "23:59:59")))
    look = world.club_json("settlement", "--from", "2026-10-03", "--to", "2026-10-04")
    check("days 3 and 4, as reckoned by hand", lines_of(look) == FIRST and look["sum"] == 0, look["lines"])
    check("Refah owes 700,000, Kourosh 2,500,000, cards hold the rest",
          nets(look) == {0: (3200000, 0, 3200000), 1: (-700000, 0, -700000), 2: (-2500000, 0, -2500000)}, nets(look))
    check("the same days by the Jalali calendar",
          world.club_json("settlement", "--from", "1405-07-11", "--to", "1405-07-12") == look)
    half = world.club_json("settlement", "--from", "2026-10-03", "--to", "2026-10-03")
    check("a second before midnight and midnight are two days",
          lines_of(half) == {(0, 0, "credit", "cards"): (1500000, 0), (1, 1, "credit", "opening"): (-1000000, 0),
                             (2, 3, "credit", "taken"): (-500000, 0)}, half["lines"])

    done = world.club(*close, "2026-10-04", check=False)
    check("a terminal has more to send: not closed", done.returncode == 1 and "Not every terminal" in done.stderr, done.stderr)
    done = world.club(*close, "2026-10-04", "--anyway")
    first = json.loads(done.stdout)
    check("closed anyway: settlement 1",
          lines_of(first) == FIRST and (first["settlement"], first["closed_by"], first["from"], first["to"], first["to_jalali"]) ==
          (1, "Sara", "2026-10-03", "2026-10-04", "1405-07-12"), first)

    send(world, 1, cut(one, 2, 4))
    send(world, 3, cut(three, 4, 4))
    done = world.club(*close, "2026-10-06")
    second = json.loads(done.stdout)
    check("settlement 2: days 5 and 6, by hand", lines_of(second) == SECOND and second["sum"] == 0, second["lines"])
    send(world, 3, cut(three, 5, 5))
    third = json.loads(world.club(*close, "2026-10-08").stdout)
    check("settlement 3: what came late is shown as late",
          lines_of(third) == THIRD and nets(third)[2] == (0, -900000, -900000), third)
    check("closed ones stay as they were",
          [world.club_json("settlement", "show", n) for n in (1, 2, 3)] == [first, second, third])
    rows = list(csv.reader(io.StringIO(world.club("settlement", "show", "1", "--csv").stdout, newline="")))
    check("as CSV, names in quotes",
          rows[0] == ["merchant", "name", "branch", "branch_name", "book", "account", "entries", "amount", "late"] and
          rows[-1] == ["2", 'Kourosh, the "great"', "3", "Karaj", "credit", "taken", "2", "-2500000", "0"], rows)
    text = world.club("settlement", "show", "1").stdout
    check("as text", "merchant 2" in text and "net -2500000" in text, text)
    return journals


def refusals(world):
    before = (world.club("settlement", "list", "--json").stdout, world.club("dump").stdout)
    today = (datetime.now(IRAN)).date()
    for words, code, say in ((("close", "--to", "2026-10-08", "--by", "x"), 1, "closed already"), (("close", "--to", today, "--by", "x"), 1, "not over"),
                             (("close", "--to", "2026-10-09", "--by", ""), 2, "who closes"), (("close", "--to", "2026-02-30", "--by", "x"), 2, "no day"),
                             (("close", "--to", "2026-10-09"), 2, "missing: --by"), (("show", "9"), 1, "no settlement 9"), (("show", "x"), 2, "number"),
                             (("--from", "2026-10-05", "--to", "2026-10-04"), 2, "after --to"), (("--from", "2026-10-05"), 2, "missing: --to")):
        done = world.club("settlement", *words, check=False)
        check(f"settlement {' '.join(map(str, words))[:40]} is refused",
              (done.returncode, say in done.stderr) == (code, True), done.stderr)
    manager, reader = world.key("manager"), world.key("reader")
    ask = lambda number, body, key=manager: world.api(key, "PUT", f"/settlements/{number}", body)
    good = {"to": "2026-10-08", "by": "Sara"}
    check("the same number and day again is no change",
          ask(3, good) == (200, {"v": 1, **world.club_json("settlement", "show", 3)}))
    for number, body, status in ((3, {"to": "2026-10-07", "by": "Sara"}, 409), (5, {"to": "2026-10-09", "by": "Sara"}, 409), (4, {"to": "2026-10-08", "by": "Sara"}, 409),
                                 (4, {"to": str(today), "by": "Sara", "anyway": True}, 409), (4, {"to": "9", "by": "Sara"}, 400), (4, {"to": "2026-10-09"}, 400),
                                 (4, {"to": 20261009, "by": "Sara"}, 400), (0, good, 404), (9000000, good, 404), ("x", good, 404)):
        check(f"PUT /settlements/{number} {body} is {status}", ask(number, body)[0] == status, ask(number, body))
    check("a reader closes nothing", ask(4, {"to": "2026-10-09", "by": "Sara"}, reader)[0] == 403)
    check("nothing of all this closed anything",
          (world.club("settlement", "list", "--json").stdout, world.club("dump").stdout) == before)


def restored(world, journals):
    """The club's database is put back to before settlement 2; the folder's files stay."""
    shown = [world.club_json("settlement", "show", n) for n in (1, 2, 3)]
    world.stop("kill")
    for name in ("club.db-wal", "club.db-shm"):
        (world.data / name).unlink(missing_ok=True)
    shutil.copy(world.dir / "backup.db", world.data / "club.db")
    world.start()
    behind = world.club("settlement", "close", "--to", "2026-10-09", "--by", "Sara", check=False)
    check("a club that has forgotten entries does not close", behind.returncode == 1, behind.stderr)
    listed = world.club("settlement", "list")
    check("settlements 2 and 3 are back as they were",
          [world.club_json("settlement", "show", n) for n in (1, 2, 3)] == shown, listed.stdout)
    for terminal in (1, 2, 3):
        send(world, terminal, journals[terminal][0])
        if terminal == 2:
            done = world.club("settlement", "close", "--to", "2026-10-09", "--by", "Sara", check=False)
            check("two of three terminals have sent again: not closed", done.returncode == 1, done.stderr)
    fourth = json.loads(world.club("settlement", "close", "--to", "2026-10-09", "--by", "Sara", "--json").stdout)
    check("after the terminals have sent again, there is nothing left to settle",
          fourth["lines"] == [] and fourth["sum"] == 0 and fourth["settlement"] == 4, fourth)
    name = world.data / "settlement-000005.json"
    name.write_text('{"no":5}')
    done = world.club("settlement", "close", "--to", "2026-10-10", "--by", "Sara", check=False)
    check("a file that is none stops closing", done.returncode == 2 and "not settlement 5" in done.stderr, done.stderr)
    name.unlink()


# --- random weeks, counted again ------------------------------------------------------------------


def legs(intent):
    """docs/club.md 4, once more: {(book, account): rials} of the merchant and of the club."""
    parts, kind = intent["parts"], reference.KINDS[intent["after"]["kind"]]
    sign = {"sale": 1, "refund": -1}.get(kind)
    if sign:
        return {("credit", "owed"): sign * parts["payment"], ("credit", "cashback"): -sign * parts["load"],
                ("settlement", "redemption"): sign * parts["redeemed_value"], ("settlement", "cost"): -sign * parts["redeemed_value"]}
    return {"activate": {("credit", "opening"): -parts["load"]}, "load": {("credit", "taken"): -parts["load"]},
            "unload": {("credit", "taken"): parts["load"]}}[kind]


def recount(dump, first, last):
    """The lines of these days from the raw entries of a dump."""
    found = {}

    def add(key, amount):
        found[key] = found.get(key, 0) + amount

    for row in dump["terminals"]:
        entries = [reference.entry_decode(bytes.fromhex(text)) for text in row["entries"]]
        done = {e["intent"] for e in entries if e["what"] == "outcome" and e["verdict"] == "done"}
        for entry in entries:
            day = datetime.fromtimestamp(entry["time"], IRAN).date()
            if entry["what"] != "intent" or entry["sequence"] not in done or not first <= day <= last:
                continue
            merchant, branch = NUMBERS[row["terminal"]]
            for (book, account), amount in legs(entry).items():
                owner = (0, 0) if account == "cost" else (merchant, branch)
                add((*owner, book, account), amount)
            before = entry["before"]["credit"] if entry["before"] else 0
            add((0, 0, "credit", "cards"), entry["after"]["credit"] - before)
    return {key: amount for key, amount in found.items() if amount}


def amounts(settlement, late=0):
    return {key: value[late] for key, value in lines_of(settlement).items() if value[late]}


def random_script(rng, days):
    """Taps in order of time; cards wander between terminals."""
    script, made = [], {}
    for day in range(days):
        for _ in range(rng.randint(5, 14)):
            card, terminal = rng.randint(1, 9), rng.randint(1, 3)
            moment = at(1 + day, "00:00:00") + rng.choice((0, 86399, rng.randint(1, 86398)))
            script.append([moment, terminal, card])
    script.sort()
    lines = []
    for moment, terminal, card in script:
        if card not in made:
            made[card] = rng.randint(1, 9) * 100000
            lines.append(f"{terminal} {card} {moment} activate {made[card]}")
        elif rng.random() < 0.3:
            amount = rng.randint(1, 20) * 100000
            made[card] += amount
            lines.append(f"{terminal} {card} {moment} load {amount}")
        else:
            amount = rng.randint(1, 2000000)
            pay = min(made[card], rng.choice((0, rng.randint(0, amount))))
            made[card] -= pay
            lines.append(f"{terminal} {card} {moment} sale {amount} {pay}")
    return "\n".join(lines) + "\n"


def by_chance(seed):
    rng = random.Random(seed)
    world = open_world()
    try:
        days = 12
        journals = {t: b[0] for t, b in bodies(random_script(rng, days)).items()}
        sent, closed, last_day = {t: 0 for t in journals}, [], 0
        right = True
        for day in range(1, days + 1):
            for terminal, body in journals.items():
                total = len(body["entries"]) // 2
                to = min(total, sent[terminal] + rng.randint(0, 2 * total // days))
                if to > sent[terminal]:
                    send(world, terminal, cut(body, sent[terminal] + 1, to))
                    sent[terminal] = to
            if rng.random() < 0.5 and day > last_day:
                dump = json.loads(world.club("dump").stdout)
                settlement = json.loads(world.club("settlement", "close", "--to", f"2026-10-{day:02}", "--by", "x", "--anyway", "--json").stdout)
                first, last = date.fromisoformat(settlement["from"]), date.fromisoformat(settlement["to"])
                wanted = recount(dump, first, last)
                past = recount(dump, date.min, first - timedelta(1))
                for old in closed:
                    for late in (0, 1):
                        for key, amount in amounts(old, late).items():
                            past[key] = past.get(key, 0) - amount
                right = right and amounts(settlement) == wanted and amounts(settlement, 1) == {k: v for k, v in past.items() if v} and settlement["sum"] == 0
                closed.append(settlement)
                last_day = day
        dump = json.loads(world.club("dump").stdout)
        for _ in range(6):
            first = date(2026, 10, rng.randint(1, days))
            last = first + timedelta(rng.randint(0, 5))
            look = world.club_json("settlement", "--from", first, "--to", last)
            right = right and amounts(look) == recount(dump, first, last) and look["sum"] == 0
        late = sum(len(amounts(s, 1)) for s in closed)
        check(f"seed {seed}: {len(closed)} closed periods, {late} late lines, as counted from the journals",
              right and closed and [world.club_json("settlement", "show", s["settlement"]) for s in closed] == closed)
        return late
    finally:
        world.close()


def main():
    world = open_world()
    try:
        journals = None
        original = world.club

        def club(*args, **kw):  # a backup is made after settlement 1
            done = original(*args, **kw)
            if args[:2] == ("settlement", "close") and done.returncode == 0 and not (world.dir / "backup.db").exists():
                subprocess.run(["sqlite3", world.data / "club.db", f".backup {world.dir / 'backup.db'}"], check=True)
            return done
        world.club = club
        journals = by_hand(world)
        refusals(world)
        restored(world, journals)
    finally:
        world.close()
    late = sum(by_chance(seed) for seed in (1, 2))
    check("random weeks had something late", late > 0, late)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
