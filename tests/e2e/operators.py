#!/usr/bin/env python3
"""Operators at a real counter: cards, PINs, roles, locks, a lost card; PINs are in no file; the journal and the club name
who did it. BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/reference"))
import vafa_reference as ref  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
PINS = {"cashier": "739105", "manager": "20481357", "issuer": "5928"}
failed = 0


def case(name, good, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name.replace(" ", "_") + ("" if good else f"\n#   {str(detail)[:900]}"),
          flush=True)


def piped(shop, program, *args, text):
    return subprocess.run([str(BUILD / program), *map(str, args)], input=text + "\n", capture_output=True, text=True,
                          timeout=60)


def lay(shop, card):
    shop.card("remove")
    if card:
        shop.card(f"insert {card}")


def sign_in(shop, card, pin):
    lay(shop, card)
    done = piped(shop, "vafa-till", "--socket", shop.path("till.sock"), "--wait", 5, "--json", "sign-in", text=pin)
    answer = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
    lay(shop, "member")
    return answer


def refused(answer, word="sign_in"):
    return answer.get("state") == "not_done" and answer.get("reason") == word


def give_pin(shop, number, pin):
    made = piped(shop, "vafa-keys", "pin", shop.path("keys"), text=pin)
    assert made.returncode == 0, made.stderr
    done = piped(shop, "vafa-club", "operator", "pin", number, "--data", shop.path("club"), text=made.stdout.strip())
    assert done.returncode == 0, done.stderr


def entries(shop):
    import sqlite3
    db = sqlite3.connect(f"file:{shop.path('terminal.db')}?mode=ro", uri=True)
    return [ref.entry_decode(raw) for (raw,) in db.execute("SELECT bytes FROM journal ORDER BY seq")]


with Shop(BUILD) as shop:
    shop.open(card=None)
    cards = {}
    for n, name in enumerate(["member", "cashier", "manager", "issuer", "technician", "lost"]):
        shop.card(f"new {name} 1k 04a1b2c{n}")
        lay(shop, name)
        cards[name] = shop.done("issue")["card"]
    lay(shop, "member")
    case("without operators the till's word is taken", shop.done("load", "500000", "--operator", 321)["rc"] == 0 and
         [e["operator"] for e in entries(shop) if e["what"] == "intent"][-1] == 321)

    numbers = {}
    for name in ("cashier", "manager", "issuer", "technician"):
        out = shop.club("operator", "add", f"{name} یک", "--role", name, "--card", cards[name]).stdout
        numbers[name] = int(out.split()[0])
    for name, pin in PINS.items():
        give_pin(shop, numbers[name], pin)
    shop.club("operator", "require", "on", "--idle", "1")

    bad = piped(shop, "vafa-keys", "pin", shop.path("keys"), text="1234")
    case("a PIN that is tried first is refused", bad.returncode == 1 and "another PIN" in bad.stderr, bad)
    bad = piped(shop, "vafa-club", "operator", "pin", numbers["cashier"], "--data", shop.path("club"), text="739105")
    case("the club takes no PIN itself", bad.returncode == 2 and "never the PIN" in bad.stderr, bad)
    bad = shop.club("operator", "add", "x", "--role", "boss", "--card", cards["member"], check=False)
    case("a role that is none is refused", bad.returncode == 2 and "cashier, issuer" in bad.stderr, bad)
    bad = shop.club("operator", "add", "x", "--role", "cashier", "--card", cards["manager"], check=False)
    case("a card is one operator's", bad.returncode == 1 and f"operator {numbers['manager']}" in bad.stderr, bad)

    shop.sync_once()
    before = len(entries(shop))
    answers = [shop.till("load", "100000", "--operator", 1), shop.till("sale", "1000000"), shop.till("issue")]
    case("where it is required nothing of value is done without", all(map(refused, answers)), answers)
    case("and nothing is journalled", len(entries(shop)) == before)
    case("but reading is free", shop.till("balance")["rc"] == 0)

    case("a member card is no operator card", refused(sign_in(shop, "member", "739105")))
    case("without a PIN nobody signs in", refused(sign_in(shop, "technician", "739105")))
    answer = sign_in(shop, "cashier", PINS["cashier"])
    case("card and PIN sign in", answer["state"] == "done" and "cashier" in answer["say"], answer)
    done = shop.done("load", "100000", "--operator", 999)
    intent = [e for e in entries(shop) if e["what"] == "intent"][-1]
    case("every intent names who is signed in, whatever the till says", intent["operator"] == numbers["cashier"], intent)
    case("and so does its outcome", entries(shop)[-1]["operator"] == numbers["cashier"])
    case("a cashier may not refund", refused(shop.till("refund", done["counter"])))
    case("nor take back a load", refused(shop.till("unload", done["counter"])))
    before = len(entries(shop))
    lost = [shop.till("replace", cards["lost"]), shop.till("replace", cards["lost"], "--confirm"), shop.till("found", cards["lost"])]
    case("nor replace a lost card, nor say that one was found", all(map(refused, lost)) and len(entries(shop)) == before, lost)
    case("but may report it", shop.till("report-lost", cards["lost"])["rc"] == 0 and
         (entries(shop)[-1]["what"], entries(shop)[-1]["operator"]) == ("report", numbers["cashier"]), entries(shop)[-1])
    status = shop.till("status")
    case("status says who", (status["operator"], status["role"], status["sign_in"]) ==
         (numbers["cashier"], "cashier", True), status)
    tehran = time.gmtime(time.time() + 12600).tm_hour
    case("and how long it has been quiet, and which hour it is here", status["quiet"] <= 5 and status["hour"] in (tehran, (tehran + 23) % 24), status)
    case("a cashier does not switch support on", refused(shop.till("support", "on")) and shop.till("status")["support"] == 0)
    case("a cashier does not unlock", refused(shop.till("unlock", numbers["issuer"])))

    wrong = [sign_in(shop, "issuer", "0000"), sign_in(shop, "issuer", "1111")]
    case("a wrong PIN says how many are left", "2 more" in wrong[0]["say"] and "1 more" in wrong[1]["say"], wrong)
    shop.stop("terminal", "kill")
    shop.start_terminal()
    case("a restart signs out", refused(shop.till("load", "100000")))
    third = sign_in(shop, "issuer", "2222")
    case("a restart forgets no wrong PIN: the third locks", refused(third) and "is locked" in third["say"], third)
    case("then the right one does not help", refused(sign_in(shop, "issuer", PINS["issuer"])))
    shop.stop("terminal")
    shop.start_terminal()
    case("nor after another restart", refused(sign_in(shop, "issuer", PINS["issuer"])))
    assert sign_in(shop, "manager", PINS["manager"])["state"] == "done"
    case("a manager may refund", shop.till("unload", done["counter"])["rc"] == 0)
    on = shop.till("support", "on", "--hours", "2")
    case("a manager switches support on, for so many hours", on["rc"] == 0 and 7100 < shop.till("status")["support"] <= 7200, on)
    case("and off", shop.till("support", "off")["rc"] == 0 and shop.till("support", "status")["support"] == 0)
    case("not for a week", shop.till("support", "on", "--hours", "168")["rc"] == 2)
    case("a manager signs him open", shop.till("unlock", numbers["issuer"])["rc"] == 0)
    case("once", refused(shop.till("unlock", numbers["issuer"])))
    case("and he signs in", sign_in(shop, "issuer", PINS["issuer"])["state"] == "done")
    case("an issuer may replace a lost card", shop.till("replace", cards["lost"])["reason"] == "confirm")
    case("signing out", shop.till("sign-out")["rc"] == 0 and refused(shop.till("sale", "1000000")))

    for pin in ("0001", "0002", "0003"):
        sign_in(shop, "cashier", pin)
    shop.sync_once()
    listed = {row["number"]: row for row in json.loads(shop.club("operator", "list", "--json").stdout)}
    case("the club sees the lock", listed[numbers["cashier"]]["last"] == "locked", listed)
    cases = json.loads(shop.club("report", "--json").stdout)["cases"]
    case("and opens a case", [c["why"] for c in cases].count("pin") == 2, cases)
    shop.club("operator", "unlock", numbers["cashier"])
    shop.sync_once()
    case("the club unlocks", sign_in(shop, "cashier", PINS["cashier"])["state"] == "done")
    shop.club("operator", "block", numbers["cashier"])
    shop.sync_once()
    case("who is blocked is signed out", refused(shop.till("sale", "1000000")))
    case("and does not come back", refused(sign_in(shop, "cashier", PINS["cashier"])))

    assert sign_in(shop, "issuer", PINS["issuer"])["state"] == "done"
    shop.club("operator", "remove", numbers["issuer"])
    shop.sync_once()
    case("who is removed is signed out at the next sync", refused(shop.till("sale", "1000000")))
    gone = sign_in(shop, "issuer", PINS["issuer"])
    case("and cannot sign in", refused(gone) and "no operator card" in gone["say"], gone)
    listed = {row["number"]: row for row in json.loads(shop.club("operator", "list", "--json").stdout)}
    case("the books keep his name", listed[numbers["issuer"]]["name"] == "issuer یک" and listed[numbers["issuer"]]["removed"] is True and
         listed[numbers["issuer"]]["pin"] is False and "REMOVED" in shop.club("operator", "list").stdout, listed)
    for what in ("unblock", "unlock"):
        bad = shop.club("operator", what, numbers["issuer"], check=False)
        case(f"he does not come back by {what}", bad.returncode == 1 and "was removed" in bad.stderr, bad)
    bad = shop.club("operator", "add", "x", "--role", "cashier", "--card", cards["member"], "--number", numbers["issuer"], check=False)
    case("his number is nobody else's", bad.returncode == 1 and "nobody else's" in bad.stderr, bad)
    heir = shop.club("operator", "add", "heir", "--role", "cashier", "--card", cards["issuer"]).stdout.split()[0]
    case("his card may be another's, under a new number", int(heir) > max(numbers.values()), heir)
    case("a second time changes nothing", shop.club("operator", "remove", numbers["issuer"]).stderr.startswith("0 terminals"))

    shop.club("hotlist", "add", cards["manager"])
    shop.sync_once()
    lost = sign_in(shop, "manager", PINS["manager"])
    case("a lost operator card is refused", refused(lost), lost)

    kinds = [(e["number"], e["event"]) for e in entries(shop) if e["what"] == "operator"]
    case("the journal tells all of it", kinds.count((numbers["issuer"], 3)) == 2 and
         (numbers["issuer"], 4) in kinds and (numbers["issuer"], 5) in kinds and (numbers["cashier"], 2) in kinds, kinds)
    everywhere = b"".join(p.read_bytes() for p in shop.dir.rglob("*") if p.is_file())
    case("no PIN is in any file or log", not [pin for pin in PINS.values() if len(pin) > 5 and pin.encode() in everywhere])

    import sqlite3
    shop.stop("terminal")
    db = sqlite3.connect(shop.path("terminal.db"))
    text, = db.execute("SELECT text FROM mandate").fetchone()
    head, body, seal = text.split(".")
    forged = head + "." + body[:-8] + "AAAAAAAA" + "." + seal
    db.execute("UPDATE mandate SET text = ?, version = version + 1", (forged,))
    db.commit()
    db.close()
    shop.start_terminal()
    answer = shop.till("sale", "1000000")
    case("a mandate that was changed on the disk stops all that has value", refused(answer), answer)
    case("and says so", shop.till("status")["mandate_say"] != "")
sys.exit(1 if failed else 0)
