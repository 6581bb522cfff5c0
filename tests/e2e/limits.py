#!/usr/bin/env python3
"""Limits that hold offline, at a real counter: a terminal's allowance, a card's and an operator's day, to the rial; a
merchant's ceiling split by the club; what both homes count is what a naive recount of the journal counts. Figures are worked
by hand. BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from shop import ROOT, Shop  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/reference"))
import vafa_reference as ref  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
FIGURES = "load loads spend spends issue issues refund refunds earn points".split()
failed = 0


def case(name, good, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name.replace(" ", "_") + ("" if good else f"\n#   {str(detail)[:900]}"),
          flush=True)


def rows(path, sql):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = db.execute(sql).fetchall()
    db.close()
    return found


def recount(shop):
    """What this terminal used in all, from its journal's bytes alone."""
    used, intents, undone = dict.fromkeys(FIGURES, 0), {}, set()
    for (raw,) in rows(shop.path("terminal.db"), "SELECT bytes FROM journal ORDER BY seq"):
        entry = ref.entry_decode(raw)
        if entry["what"] == "intent":
            intents[entry["sequence"]] = entry
        elif entry["what"] == "outcome" and raw[40] == 2:
            undone.add(int.from_bytes(raw[24:28], "little"))
        elif entry["what"] == "accrual":
            used["earn"] += entry["cashback"]
            used["points"] += entry["award"]
        elif entry["what"] == "bon" and not entry["back"]:
            used["spend"] += entry["amount"]
            used["spends"] += 1
    for sequence, entry in intents.items():
        parts, kind = entry["parts"], entry["after"]["kind"]
        kind = kind if isinstance(kind, str) else ref.KINDS[kind]
        on = parts["load"] + parts["gift"] + parts["voucher"]
        if sequence in undone:
            continue
        if kind in ("load", "activate"):
            used["load"] += on
            used["loads"] += kind == "load" or on > 0
        if kind == "activate":
            used["issue"] += on
            used["issues"] += 1
        if kind == "sale":
            spent = parts["payment"] + parts["redeemed_value"] + parts["gift"] + parts["voucher"]
            used["spend"] += spent
            used["spends"] += spent > 0
            used["earn"] += parts["load"]
            used["points"] += parts["award"]
        if kind in ("refund", "unload"):
            used["refund"] += parts["amount"]
            used["refunds"] += 1
    return used


def counted(path, term=0):
    (row,) = rows(path, f"SELECT {', '.join(FIGURES)} FROM used WHERE scope = 1 AND id = {term} AND day = 0")
    return dict(zip(FIGURES, row))


def refused(answer, *words):
    return answer.get("state") == "not_done" and answer.get("reason") == "limit" and \
        all(word in answer["say"] for word in words)


def typed(text, *args):
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "10", "--json", *args], input=text,
                          capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


def earn_without_the_card():
    """Points of sales that never were are what a thief would make: counted with the card or without."""
    typed("phone 09121112233\nconsent membership\n", "join", "-")
    points = counted(shop.path("terminal.db"))["points"] + 30
    for what, unit, most in (("earn", "points", points), ("earn", "rials", 0), ("refund", "rials", 0)):
        shop.club("allowance", "set", terminal, what, unit, str(most + (700000 if what == "refund" else 0)))
    shop.sync_once()
    case("what a stolen terminal is worth names the points", "and 30 points" in shop.till("status")["if_stolen"], shop.till("status")["if_stolen"])
    case("a sale without the card earns 20", typed("09121112233\n", "sale", "2500000", "--member", "-")["parts"]["award"] == 20)
    case("... and is off what is left", "and 10 points" in shop.till("status")["if_stolen"], shop.till("status")["if_stolen"])
    over = typed("09121112233\n", "sale", "2000000", "--member", "-")
    case("without the card, too, a point too much is refused", refused(over, "10 are left"), over)
    case("the last points are allowed", typed("09121112233\n", "sale", "1000000", "--member", "-")["parts"]["award"] == 10)
    case("and then none", refused(typed("09121112233\n", "sale", "1000000", "--member", "-"), "0 are left"))


def pay_with_vouchers():
    texts = Path(shop.path("bons"))
    shop.club("bon", "make", "--organisation", "Bank", "--amount", 500000, "--count", 2, "--from", "2020-01-01", "--to", "2079-01-01",
              "--out", texts)
    first, second = [line.split()[2] for line in texts.read_text().splitlines()]
    spent = counted(shop.path("terminal.db"))["spend"]
    shop.club("allowance", "set", terminal, "spend", "rials", str(spent + 999999))
    shop.sync_once()
    case("a voucher is spent within the limit", typed(first, "bon", "-", "--receipt", "R-1")["state"] == "done")
    over = typed(second, "bon", "-", "--receipt", "R-2")
    case("the next would pass it by one rial", refused(over, "may spend", "49,999.9 are left"), over)
    case("given back it makes no room", typed(first, "bon-back", "-", "--receipt", "R-1")["state"] == "done" and
         refused(typed(second, "bon", "-", "--receipt", "R-2"), "49,999.9 are left"))
    shop.club("allowance", "set", terminal, "spend", "rials", str(spent + 1000000))
    shop.sync_once()
    case("to the rial", typed(second, "bon", "-", "--receipt", "R-2")["state"] == "done")


programme = json.loads((ROOT / "programmes/base.json").read_text())
programme["limits"]["card_day"] = {"load": {"rials": 2500000, "count": 4}}
programme["limits"]["operator_day"] = {"refund": {"rials": 700000}}

with Shop(BUILD) as shop:
    path = Path(shop.path("programme.json"))
    path.write_text(json.dumps(programme))
    shop.programme = path
    shop.open()
    shop.done("issue", "--opening", "300000")
    terminal = shop.till("status")["terminal"]
    case("without an allowance there is no bound", "no bound" in shop.till("status")["if_stolen"])

    shop.club("allowance", "set", terminal, "load", "rials", "1800000")
    listed = json.loads(shop.club("allowance", "list", "--json").stdout)
    case("the club says that it is not in force before the terminal has it", listed[0]["in_force"] is False, listed)
    shop.sync_once()
    shop.sync_once()
    listed = json.loads(shop.club("allowance", "list", "--json").stdout)
    case("and that it is then, with what was used", (listed[0]["in_force"], listed[0]["used"], listed[0]["left"]) ==
         (True, 300000, 1500000), listed)

    shop.stop("club")
    # The card is pulled away in the third write, which commits: nobody knows, so it counts; the card tells that it was not done, so it goes back.
    shop.card("cut write 3 old")
    answer = shop.till("load", "1500000", wait=2)
    case("a load is in doubt", answer["rc"] == 3, answer)
    case("what is in doubt counts as used", counted(shop.path("terminal.db"))["load"] == 1800000)
    shop.card("new other 1k 04a1b2c9")
    shop.card("insert other")
    case("so nothing more is given to another card", refused(shop.till("issue", "--opening", "1"), "0 are left"))
    shop.card("remove")
    shop.card("insert card1")
    shop.done("balance")
    case("settled as not done it goes back", counted(shop.path("terminal.db"))["load"] == 300000)
    loads = [shop.done("load", "1000000")]
    over = shop.till("load", "500001")
    case("one rial too much is refused, and the sentence says of what", refused(
        over, "this terminal may load 180,000 toman in all", "130,000 are used", "50,000 are left", "Ask the club"), over)
    case("nothing has changed on the card", shop.done("balance")["credit"] == 1300000)
    before = shop.till("status")["entries"]
    shop.stop("terminal", "kill")
    shop.start_terminal()
    case("not after a restart either", refused(shop.till("load", "500001")))
    case("and no intent was journalled", shop.till("status")["entries"] == before + 1)
    loads.append(shop.done("load", "500000"))
    case("the last rial is allowed", loads[1]["credit"] == 1800000)
    case("and then nothing more", refused(shop.till("load", "100000"), "0 are left"))
    case("what gives nothing goes on", shop.till("sale", "1000000", "--pay-credit", "400000")["rc"] == 0)
    status = shop.till("status")
    row = [r for r in status["allowance"] if r["what"] == "load"][0]
    case("status tells granted, used and left", (row["granted"], row["used"], row["left"]) == (1800000, 1800000, 0), row)

    # An operator's day: 700,000 of refunds. Two loads go back: 500,000, then 200,001 or 200,000 of the other.
    case("an operator refunds within his day", shop.till("unload", loads[1]["counter"])["rc"] == 0)
    over = shop.till("unload", loads[0]["counter"], "200001")
    case("his day is passed by one rial", refused(over, "an operator may refund 70,000 toman a day", "20,000 are left"),
         over)
    case("and reached exactly", shop.till("unload", loads[0]["counter"], "200000")["rc"] == 0)
    case("what went back makes no room to load", refused(shop.till("load", "100000"), "0 are left"))

    shop.start_club()
    shop.club("allowance", "grant", terminal, "load", "rials", "5000000")
    shop.sync_once()
    # A card's day: 2,500,000 and 4 loads; 1,800,000 in 3 loads (the opening credit is one) are used.
    over = shop.till("load", "700001")
    case("a card's day is passed by one rial", refused(over, "a card may load 250,000 toman a day", "70,000 are left"),
         over)
    shop.done("load", "100000")
    over = shop.till("load", "100000")
    case("and by one load", refused(over, "a card may load 4 times a day", "4 are used"), over)
    shop.card("new card2 1k 04a1b2c4")
    shop.card("remove")
    shop.card("insert card2")
    shop.done("issue")
    case("another card has a day of its own", shop.till("load", "100000")["rc"] == 0)

    # B11: the merchant's ceiling, split.
    merchant = rows(shop.path("club/club.db"), f"SELECT merch FROM term WHERE term_id = {terminal}")[0][0]
    bad = shop.club("allowance", "ceiling", merchant, "load", "rials", "1000000", check=False)
    case("a ceiling below what is granted is refused", bad.returncode == 1 and "6800000" in bad.stderr, bad)
    shop.club("allowance", "ceiling", merchant, "load", "rials", "7000001")
    bad = shop.club("allowance", "grant", terminal, "load", "rials", "200002", check=False)
    case("a grant past the ceiling is refused by one rial", bad.returncode == 1 and "7000001" in bad.stderr, bad)
    shop.club("allowance", "split", merchant)
    listed = json.loads(shop.club("allowance", "list", "--json").stdout)
    case("a split gives out the ceiling and not a rial more",
         [r["max"] for r in listed if r["of"] == "terminal"] == [7000001], listed)
    bad = shop.club("allowance", "set", 77, "load", "rials", "1", check=False)
    case("a terminal that is not there is refused", bad.returncode == 1 and "no terminal 77" in bad.stderr, bad)
    for wrong in (("lend", "rials", "5"), ("load", "toman", "5"), ("load", "rials", "-5"), ("load", "rials", "5x")):
        bad = shop.club("allowance", "set", terminal, *wrong, check=False)
        case(f"{' '.join(wrong)} is refused", bad.returncode == 2, bad)

    earn_without_the_card()
    pay_with_vouchers()

    # The club counts the same, and says what it sees passed.
    operator = shop.club("operator", "add", "Ali", "--role", "cashier", "--card", shop.done("balance")["card"]).stdout.split()[0]
    shop.club("operator", "limit", operator, "load", "rials", "100000")
    shop.till("load", "150000", "--operator", operator)  # before the terminal has heard of it
    shop.sync_once()
    cases = [c for c in json.loads(shop.club("report", "--json").stdout)["cases"] if c["why"] == "limit"]
    case("what the club sees passed is a case", len(cases) == 1 and "150000" in json.dumps(cases) and
         "100000" in json.dumps(cases), cases)
    naive = recount(shop)
    case("a naive recount of the journal agrees with the terminal", counted(shop.path("terminal.db")) == naive,
         (counted(shop.path("terminal.db")), naive))
    case("and with the club", counted(shop.path("club/club.db"), terminal) == naive,
         (counted(shop.path("club/club.db"), terminal), naive))

    db = sqlite3.connect(shop.path("terminal.db"))
    db.execute("UPDATE sync SET acknowledged = 0")
    db.commit()
    db.close()
    shop.sync_once()
    case("what is sent again is not counted again", counted(shop.path("club/club.db"), terminal) == naive)

    # A club that was restored has forgotten the mandate: the terminal keeps its own until a newer one is signed.
    shop.stop("club")
    db = sqlite3.connect(shop.path("club/club.db"))
    db.execute("UPDATE mandate SET version = 5")
    db.commit()
    db.close()
    shop.start_club()
    kept = shop.till("status")["mandate"]
    shop.sync_once()
    case("an older mandate is not taken", shop.till("status")["mandate"] == kept)
    shop.club("mandate", "renew")
    shop.sync_once()
    case("a renewed one is", shop.till("status")["mandate"] > kept)
sys.exit(1 if failed else 0)
