#!/usr/bin/env python3
"""two_cards_transfer.py - credit from one member's card to another's, with real processes.

Both cards at one counter, the terminal killed in between, the second half cut at every card command; the
second half taken once only; a card that is not there, to which the club delivers; what nobody took, found
again 20,000 entries later and handed to the club; sync, and a ledger in which nothing is in transit at the end.
BUILD names the folder with the programs. Prints TAP lines."""
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Lines, Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402


def hold(shop, name):
    shop.card("remove")
    shop.card(f"insert {name}")


def credit(shop, name):
    hold(shop, name)
    return shop.done("balance")["credit"]


def transit(shop):
    report = json.loads(shop.club("report", "--json").stdout)
    return sum(row["amount"] for row in report["ledger"] if row.get("account") == "transit"), report


def waiting(shop):
    """What no card has taken yet, as the till lists it: number -> rials."""
    answer = shop.done("transfers")
    rows = {row["sequence"]: row["amount"] for row in answer["waiting"]}
    status = shop.done("status")
    sums = (len(rows), sum(rows.values()))
    ok = sums == (answer["transfers"], answer["transfers_amount"]) == (
        status["transfers"], status["transfers_amount"])
    return rows if ok else {"sums": (answer, status["transfers"], status["transfers_amount"])}


def ask(till, wait_ms=10_000, **fields):
    """The final answer, without a process: a wait may be short."""
    till.say(json.dumps({"v": 1, "do": "transfer", "wait_ms": wait_ms, "lang": "en", **fields}))
    while not (answer := json.loads(till.hear()))["final"]:
        pass
    return answer


def cut_second_halves(shop, given):
    """The card that gets it leaves after each of its commands; asked for again, it settles by itself."""
    till = Lines(shop.path("till.sock"))
    seen, credit = {}, {"ali": 0, "leila": 0}
    for commands in range(40):
        hold(shop, "ali")
        out = ask(till, amount=given)
        hold(shop, "leila")
        shop.card(f"cut after {commands}")
        first = ask(till, wait_ms=300, **{"from": out["sequence"]})  # that card is away
        shop.card("cut clear")
        whole = first["state"] == "done"
        hold(shop, "leila")
        again = first if whole else ask(till, **{"from": out["sequence"]})
        seen.setdefault((first["state"], again["state"]), []).append(commands)
        credit = {"ali": out["credit"], "leila": again["credit"]}
        if whole:
            break
    return seen, commands + 1, credit


def live_on(shop, count):
    """As many starts in the journal as if the terminal had lived long; it is not running."""
    path = shop.path("terminal.db")
    with sqlite3.connect(path) as db:
        sequence, value = db.execute("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        terminal = int(db.execute("SELECT value FROM settings WHERE name = 'terminal'").fetchone()[0])
        rows = []
        for sequence in range(sequence + 1, sequence + count + 1):
            raw = struct.pack("<BBHIqII16s", 3, 4, 1, sequence, int(time.time()), terminal, 0, b"1.0")
            value = hashlib.sha256(value + raw).digest()
            rows.append((sequence, 4, raw, value))
        db.executemany("INSERT INTO journal VALUES(?, ?, ?, ?)", rows)
    db.close()


def main():
    with Shop(os.environ.get("BUILD", ROOT / "build/sim-release")) as shop:
        shop.open(card=None)
        numbers = {}
        for name, what in (("ali", "1k 04a1b2c3"), ("leila", "desfire 04112233445566")):
            shop.card(f"new {name} {what}")
            hold(shop, name)
            numbers[name] = shop.done("issue", "--opening", "1000000")["card"]

        hold(shop, "ali")
        answer = shop.till("transfer", "1000001")
        check("more than the card has is refused", answer["state"] == "not_done" and
              credit(shop, "ali") == 1000000, answer)
        hold(shop, "ali")
        answer = shop.till("transfer", "300000", "--to", numbers["ali"])
        check("a transfer to itself is refused", answer["state"] == "not_done" and
              credit(shop, "ali") == 1000000, answer)

        hold(shop, "ali")
        out = shop.done("transfer", "300000")
        check("the first half leaves the card", out["credit"] == 700000 and
              out["parts"]["payment"] == 300000, out)
        answer = shop.till("transfer", "--from", str(out["sequence"]))
        check("the card that it left cannot take it", answer["state"] == "not_done" and
              "comes from" in answer["say"], answer)

        shop.stop("terminal", "kill")
        shop.start_terminal()
        shop.sync_once()
        moving, report = transit(shop)
        check("in between the ledger has it in transit", moving == 300000, report["ledger"])
        hold(shop, "leila")
        back = shop.done("transfer", "--from", str(out["sequence"]))
        check("the other card has it, also after the terminal died", back["credit"] == 1300000, back)
        answer = shop.till("transfer", "--from", str(out["sequence"]))
        check("no card has it twice", answer["state"] == "not_done" and "already" in answer["say"] and
              credit(shop, "leila") == 1300000, answer)
        answer = shop.till("transfer", "--from", "1")
        check("what is no transfer is refused", answer["state"] == "not_done", answer)

        seen, count, now = cut_second_halves(shop, 1000)
        check("a cut second half is settled by the tap that asks for it again",
              set(seen) <= {("not_done", "done"), ("hold_again", "done"), ("done", "done")} and
              ("hold_again", "done") in seen and len(seen) == 3, seen)
        check("and each was taken once", now == {"ali": 700000 - 1000 * count, "leila": 1300000 + 1000 * count},
              (count, now))
        print(f"# {count} cuts: " + ", ".join(f"{a} then {b}: {len(n)}" for (a, b), n in seen.items()))
        hold(shop, "leila")
        back = shop.done("transfer", str(1000 * count))
        hold(shop, "ali")
        shop.done("transfer", "--from", str(back["sequence"]))
        check("nothing waits", waiting(shop) == {}, waiting(shop))

        hold(shop, "ali")
        out = shop.done("transfer", "40000")
        old = shop.done("transfer", "2000")
        check("what waits is listed", waiting(shop) == {out["sequence"]: 40000, old["sequence"]: 2000}, waiting(shop))
        shop.stop("terminal")
        live_on(shop, 20001)
        shop.start_terminal()
        check("also 20,000 entries later", waiting(shop) == {out["sequence"]: 40000, old["sequence"]: 2000},
              waiting(shop))
        hold(shop, "leila")
        back = shop.done("transfer", "--from", str(old["sequence"]))
        check("and taken", back["credit"] == 1302000, back)
        answer = shop.till("transfer", "--release", str(old["sequence"]))
        check("what was taken cannot be handed over", answer["state"] == "not_done" and "already" in answer["say"],
              answer)
        given = shop.done("transfer", "--release", str(out["sequence"]), "--to", numbers["leila"])
        check("what waits can", given["amount"] == 40000 and given["to"] == numbers["leila"] and
              f" T506 transfer={out['sequence']} card=*{numbers['leila'][-4:]}" in shop.log("terminal"), given)
        twice = shop.done("transfer", "--release", str(out["sequence"]), "--to", numbers["leila"])
        check("which is one request however often it is asked", twice.get("earlier") and
              twice["entry"] == given["entry"], twice)
        answer = shop.till("transfer", "--release", str(out["sequence"]))
        check("for one card only", answer["state"] == "not_done" and numbers["leila"][-4:] in answer["say"], answer)
        hold(shop, "leila")
        answer = shop.till("transfer", "--from", str(out["sequence"]))
        check("no card takes it here any more", answer["state"] == "not_done" and "club" in answer["say"] and
              waiting(shop) == {}, answer)
        hold(shop, "ali")
        back = shop.done("transfer", "5000")
        home = shop.done("transfer", "--release", str(back["sequence"]))
        check("or back to the card that it left", home["to"] == numbers["ali"], home)

        hold(shop, "leila")
        far = shop.done("transfer", "500000", "--to", numbers["ali"])
        check("to a card that is not here", far["credit"] == 802000, far)
        answer = shop.till("transfer", "--from", str(far["sequence"]))
        check("which the club delivers and nobody else", answer["state"] == "not_done" and
              "club" in answer["say"], answer)
        shop.sync_once()
        shop.sync_once()
        hold(shop, "ali")
        got = shop.done("balance")
        check("at the card's next tap, and what goes back with it", got["credit"] == 1158000 and
              sorted((a["origin"], a["amount"]) for a in got["arrived"]) == [("transfer", 5000), ("transfer", 500000)],
              got)
        hold(shop, "leila")
        got = shop.done("balance")
        check("the club brings what was handed over", got["credit"] == 842000 and
              got["arrived"][0]["amount"] == 40000, got)
        shop.sync_once()
        moving, report = transit(shop)
        check("at the end nothing is in transit", moving == 0, report["ledger"])
        check("the books balance without a case", report.get("cases") == [], report.get("cases"))
        dump = json.loads(shop.club("dump").stdout)
        with open(ROOT / "programmes/base.json", encoding="utf-8") as file:
            dump.update(cards=[], programme=json.load(file))
        with open(shop.path("dump.json"), "w", encoding="utf-8") as file:
            json.dump(dump, file)
        again = subprocess.run([sys.executable, str(ROOT / "tests/reference/vafa_reference.py"), "check",
                                shop.path("dump.json")], capture_output=True, text=True)
        check("the reference comes to the same", again.returncode == 0 and "0 violations" in again.stdout,
              again.stdout)
        told = shop.club("report", check=False)
        check("and the club says so", told.returncode == 0, told.stdout)


main()
sys.exit(exit_code())
