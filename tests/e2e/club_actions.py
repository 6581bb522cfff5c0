#!/usr/bin/env python3
"""club_actions - actions from the operator's side, with real processes: orders, charges that are killed, a key that is kept
elsewhere, a club that is restored, and what is not right."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = os.environ.get("BUILD", str(ROOT / "build/sim-release"))
CARDS = 600 if os.environ.get("PROFILE") == "sanitize" else 3000


def actions(shop, *options):
    return json.loads(shop.club("action", "list", "--json", *options).stdout)


def states(shop, *options):
    return {a["id"]: a["state"] for a in actions(shop, *options)}


def sql(shop, text, *values):
    with sqlite3.connect(shop.path("club/club.db")) as db:
        return db.execute(text, values).fetchall()


def refused(shop, name, words, *arguments, rc=1):
    before = sql(shop, "SELECT count(*), coalesce(sum(offer), 0) FROM action")
    done = shop.club(*arguments, check=False)
    same = sql(shop, "SELECT count(*), coalesce(sum(offer), 0) FROM action") == before
    check(name, done.returncode == rc and all(w in done.stderr for w in words) and same, (done.returncode, done.stderr))


def collected(shop, card):
    """A bank's load, given twice, is on the card once, and the books say whose it is."""
    for _ in range(2):
        shop.club("action", card, "credit", 70000, "--origin", "bank", "--id", "TRX-1", "--text", "Bank load", "--giver", "Melli")
    shop.club("action", card, "points", 12, "--origin", "prize", "--id", "P-1", "--until", "1499-12-29")
    check("given twice, made once", states(shop) == {"TRX-1": "waiting", "P-1": "waiting"}, states(shop))
    shop.sync_once()
    balance = shop.done("balance")
    check("the next tap brings them", balance["credit"] == 570000 and balance["points"] == 12, balance["text"])
    shop.sync_once()
    check("the club hears of it", states(shop) == {"TRX-1": "applied", "P-1": "applied"}, states(shop))
    report = json.loads(shop.club("report", "--json").stdout)
    bank = [a for a in report["actions"] if a["origin"] == "bank"][0]
    check("the report names the giver", bank["giver"] == "Melli" and bank["applied_sum"] == 70000 and bank["waiting"] == 0, bank)


def measured(shop, card):
    """Points for what the operator finds worth them: by name, once a reference, whatever its points become later."""
    refused(shop, "a measure that there is not", ["no measure"], "measure", "give", "profile", card, "--id", "M-1")
    refused(shop, "a measure of no points", ["from 1 to 268435455"], "measure", "set", "profile", 0, rc=2)
    refused(shop, "a measure of many points", ["whole number"], "measure", "set", "profile", "many", rc=2)
    refused(shop, "a name that is too long", ["24 bytes"], "measure", "set", "x" * 25, 5, rc=2)
    before = shop.done("balance")["points"]
    shop.club("measure", "set", "profile filled in", 15)
    shop.club("measure", "set", "profile filled in", 20)
    shop.club("measure", "set", "رفتار خوب", 7)
    listed = json.loads(shop.club("measure", "list", "--json").stdout)
    check("measures are the operator's own, each with its points",
          listed == [{"name": "profile filled in", "points": 20}, {"name": "رفتار خوب", "points": 7}], listed)
    for _ in range(2):
        shop.club("measure", "give", "profile filled in", card, "--id", "M-1", "--giver", "the desk")
    shop.club("measure", "give", "رفتار خوب", card, "--id", "M-2")
    refused(shop, "a reference that stands for another measure", ["M-1"], "measure", "give", "رفتار خوب", card, "--id", "M-1")
    shop.club("measure", "set", "profile filled in", 500)
    shop.club("measure", "drop", "رفتار خوب")
    shop.sync_once()
    balance = shop.done("balance")
    check("the next tap brings both, each once", balance["points"] == before + 27, balance["text"])
    shop.sync_once()
    mine = [a for a in actions(shop, "--card", card) if a["id"].startswith("M-")]
    given = {a["id"]: (a["text"], a["amount"], a["state"]) for a in mine}
    check("and the card's history has them by name",
          given == {"M-1": ("profile filled in", 20, "applied"), "M-2": ("رفتار خوب", 7, "applied")}, given)


def taken_back(shop, card):
    shop.club("action", card, "credit", 900, "--origin", "bank", "--id", "TRX-2")
    shop.sync_once()
    shop.club("action", "withdraw", "--origin", "bank", "--id", "TRX-2")
    listed = shop.club("action", "list", "--open").stdout
    check("withdrawn: the list says who has to sync", "ended" in listed and "must sync" in listed and " 1" in listed, listed)
    time.sleep(1.1)  # times are in seconds
    shop.sync_once()  # takes the void
    time.sleep(1.1)
    shop.sync_once()  # says so
    check("then the giver has the money again", states(shop)["TRX-2"] == "returned", states(shop))
    balance = shop.done("balance")
    check("and the card has nothing of it", balance["credit"] == 570000, balance["text"])
    refused(shop, "what a card has taken cannot be withdrawn", ["taken"], "action", "withdraw", "--origin", "bank", "--id", "TRX-1")


def not_right(shop, card):
    give = ("action", card, "credit")
    bank = ("--origin", "bank", "--id")
    refused(shop, "a load of zero", ["from 1 to 68719476735"], *give, 0, *bank, "Z", rc=2)
    refused(shop, "more than a card holds", ["from 1 to"], *give, 2**36, *bank, "Z", rc=2)
    refused(shop, "no number", ["whole number"], *give, "many", *bank, "Z", rc=2)
    refused(shop, "a wrong check digit", ["not a card number"], "action", int(card) + 1, "credit", 5, *bank, "Z", rc=2)
    refused(shop, "a card that nobody knows", ["never heard"], "action", "9364000001000190", "credit", 5, *bank, "Z")
    refused(shop, "a reference that stands for another amount", ["TRX-1"], *give, 70001, *bank, "TRX-1")
    refused(shop, "a last day that is past", ["past"], *give, 5, *bank, "Z", "--until", "2020-01-01")
    refused(shop, "a last day that is none", ["2027-02-30"], *give, 5, *bank, "Z", "--until", "2027-02-30", rc=2)
    refused(shop, "a text that is too long", ["24 bytes"], *give, 5, *bank, "Z", "--text", "x" * 25, rc=2)
    refused(shop, "an unknown kind", ["none of credit"], "action", card, "money", 5, *bank, "Z", rc=2)
    refused(shop, "an unknown origin", ["none of bank"], *give, 5, "--origin", "moon", "--id", "Z", rc=2)
    refused(shop, "no reference", ["missing"], *give, 5, "--origin", "bank", rc=2)
    refused(shop, "a tier that there is not", ["not an action"], "action", card, "tier", 16, *bank, "Z", rc=2)
    refused(shop, "an amount for a block", ["takes no amount"], "action", card, "block", 5, *bank, "Z", rc=2)
    refused(shop, "nothing of that reference to withdraw", ["no action"], "action", "withdraw", *bank, "nobody")
    refused(shop, "a charge of a group that there is not", ["0 to 255"], "charge", 5, "--group", 256, "--id", "Z", rc=2)


def key_elsewhere(shop, card):
    os.rename(shop.path("club/programme.key"), shop.path("stick.key"))
    refused(shop, "the key is kept elsewhere: it says what to do", ["--key"], "action", card, "credit", 5, "--origin", "bank", "--id", "K")
    done = shop.club("action", card, "credit", 5, "--origin", "bank", "--id", "K", "--key", shop.path("stick.key"))
    check("with the key's file it is made", "Made" in done.stdout, done.stdout)
    refused(shop, "another key", ["not the private key"], "action", card, "credit", 5, "--origin", "bank", "--id", "K2", "--key",
            shop.path("club/server.key"))
    os.rename(shop.path("stick.key"), shop.path("club/programme.key"))


def charged(shop, card):
    """A group's gift, killed again and again; each card has it once."""
    payload = int(card) // 10 + 1000

    def luhn(number):
        total = sum(sum(divmod(int(d) * 2, 10)) if n % 2 == 0 else int(d) for n, d in enumerate(reversed(str(number))))
        return number * 10 + -total % 10
    image = bytearray(sql(shop, "SELECT image FROM card WHERE card_no = ?", card)[0][0])
    image[5] = image[5] & 0xc0 | 7 >> 2  # group: bits 42 to 49
    image[6] = image[6] & 0x3f | (7 & 3) << 6
    with sqlite3.connect(shop.path("club/club.db")) as db:
        db.executemany("INSERT INTO card (card_no, hi, top, cnt, known, b0, b1, b2, b3, image)"
                       " SELECT ?, hi, top, cnt, known, b0, b1, b2, b3, ? FROM card WHERE card_no = ?",
                       [(luhn(payload + n), bytes(image), card) for n in range(CARDS)])
    command = [str(Path(BUILD).resolve() / "vafa-club"), "charge", "20000", "--group", "7", "--id", "nowruz", "--text", "Nowruz", "--data",
               shop.path("club")]
    kills, made = 0, []
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            process.wait(0.05 + 0.01 * kills)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            made.append(sql(shop, "SELECT count(*) FROM action WHERE charge <> 0")[0][0])
            continue
        break
    process.stdout.close(), process.stderr.close()
    got = sql(shop, "SELECT count(*), count(DISTINCT card_no), sum(amount) FROM action WHERE charge <> 0")[0]
    check("a charge that was killed gives each card the amount once",
          process.returncode == 0 and got == (CARDS, CARDS, CARDS * 20000) and kills > 0 and 0 < max(made) < CARDS, (got, kills, made))
    print(f"# killed {kills} times, at {made}")
    again = shop.club(*command[1:-2])
    listed = json.loads(shop.club("charge", "list", "--json").stdout)[0]
    check("once more: it says so", "made before" in again.stdout and listed["waiting"] == CARDS and listed["done"] is True, again.stdout)
    refused(shop, "another amount under that reference", ["another one"], "charge", 20001, "--group", 7, "--id", "nowruz", "--text", "Nowruz")
    check("the books balance", shop.club("report", check=False).returncode == 0)
    start = time.monotonic()
    shop.sync_once()
    with sqlite3.connect(shop.path("terminal.db")) as db:
        tables = [t for t, in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '%action%'")]
        held = db.execute(f"SELECT count(*) FROM {tables[0]}").fetchone()[0]
    check(f"one sync brings all to the terminal ({time.monotonic() - start:.1f} s)", held == CARDS + 1, (tables, held))


def restored(shop, card):
    """The club is put back to before an order that a card has taken; the giver asks again."""
    shop.stop("club")
    shutil.copytree(shop.path("club"), shop.path("backup"))
    shop.start_club()
    shop.club("action", card, "credit", 4000, "--origin", "web", "--id", "W-1")
    shop.sync_once()
    balance = shop.done("balance")
    credit, points = balance["credit"], balance["points"]
    shop.stop("club")
    shutil.rmtree(shop.path("club"))
    shutil.copytree(shop.path("backup"), shop.path("club"))
    said = shop.club("restored").stdout
    check("whoever restores a club is told what no terminal brings back", all(word in said for word in ("revoked", "dead", "operators")), said)
    shop.start_club()
    told = shop.club("action", card, "points", 3, "--origin", "web", "--id", "W-2").stdout
    check("a club that was restored gives no new numbers yet",
          "every terminal has synced" in told and states(shop)["W-2"] == "queued" and "must sync" in shop.club("action", "list").stdout, told)
    time.sleep(1.1)
    shop.sync_once()
    time.sleep(1.1)
    shop.sync_once()
    check("and gives them when its terminal has synced", states(shop)["W-2"] == "waiting", states(shop)["W-2"])
    stray = [a for a in actions(shop) if a["state"] == "stray"]
    cases = sql(shop, "SELECT say FROM tcase WHERE why = 'action'")
    check("a restored club does not know what the card took, and says so",
          len(stray) == 1 and stray[0]["done"] == 4000 and len(cases) == 1 and "give it the order again" in cases[0][0], (stray, cases))
    shop.club("action", card, "credit", 4000, "--origin", "web", "--id", "W-1")
    check("the order given again is known: nothing is made twice", states(shop)["W-1"] == "applied", states(shop)["W-1"])
    shop.sync_once()
    balance = shop.done("balance")
    check("and the card has it once", balance["credit"] == credit and balance["points"] == points + 3, balance["text"])
    shop.sync_once()
    check("the books balance after all", shop.club("report", check=False).returncode == 0)


with Shop(BUILD) as shop:
    shop.open()
    card = shop.done("issue", "--opening", "500000")["card"]
    shop.sync_once()
    collected(shop, card)
    taken_back(shop, card)
    measured(shop, card)
    not_right(shop, card)
    key_elsewhere(shop, card)
    charged(shop, card)
    restored(shop, card)
sys.exit(exit_code())
