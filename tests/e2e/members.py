#!/usr/bin/env python3
"""members - people become members, with real processes: club, simulated reader, terminal, sync. Particulars go through the
terminal sealed; a second member with one code is refused; somebody joins without a card, earns and gets one later; a stack of
cards survives kills; card numbers run out and more come. BUILD names the folder with the programs. Prints TAP lines."""
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/reference")]
import vafa_box  # noqa: E402
import vafa_reference as reference  # noqa: E402
from shop import Shop  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
failed = 0

SARA = {"name": "سارا احمدی", "national_code": "0012345679", "phone": "09121234567", "birthday": "1365-01-01",
        "wedding": "2010-10-15", "consent": "all", "account": "partner"}
ALI = {"name": "Ali Rezaei", "national_code": "0499370899", "phone": "09351112233"}
FIRST = 936400000000000


def case(name, good, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        print("# " + str(detail)[-1500:].replace("\n", "\n# "), flush=True)


def check_digit(nine):
    r = sum(int(d) * (10 - i) for i, d in enumerate(nine)) % 11
    return nine + str(r if r < 2 else 11 - r)


def luhn(payload):
    digits = [int(c) for c in reversed(str(payload) + "0")]
    total = sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(digits))
    return f"{payload}{(10 - total % 10) % 10}"


def till(shop, *args, person=None, typed=None, wait=10):
    """vafa-till with what a person says typed, who agrees that the club keeps it; the final answer."""
    person = {"consent": "membership", **person} if person else person
    text = typed if typed is not None else "".join(f"{k} {v}\n" for k, v in (person or {}).items())
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", str(wait), "--json", *args],
                          input=text, capture_output=True, text=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {**(lines[-1] if lines else {}), "rc": done.returncode, "err": done.stderr}


def journal(shop, name="terminal.db"):
    with sqlite3.connect(f"file:{shop.path(name)}?mode=ro", uri=True) as db:
        return [reference.entry_decode(row[0]) for row in db.execute("SELECT bytes FROM journal ORDER BY seq")]


def files_with(shop, text, but=()):
    needle = text.encode()
    return [str(p.relative_to(shop.dir)) for p in Path(shop.dir).rglob("*")
            if p.is_file() and not p.is_symlink() and p.name not in but and needle in p.read_bytes()]


def club_json(shop, *args):
    return json.loads(shop.club(*args, "--json").stdout)


def put_setting(shop, name, value):
    """As the terminal keeps it: docs/storage.md."""
    digest = hashlib.sha256(name.encode() + b"\0" + value.encode()).digest()
    with sqlite3.connect(shop.path("terminal.db")) as db:
        db.execute("INSERT INTO settings(name, value, digest) VALUES(?1, ?2, ?3) ON CONFLICT(name)"
                   " DO UPDATE SET value = ?2, digest = ?3", (name, value, digest))
    db.close()


PARTS = ("terminal.db", "terminal.db-wal", "terminal.db-shm", "identity", "terminal.db.hotlist")


def put_away(shop, name):
    """The shop's terminal steps aside under a name ..."""
    shop.stop("terminal")
    for part in PARTS:
        if os.path.exists(shop.path(part)):
            os.rename(shop.path(part), shop.path(f"{name}.{part}"))


def bring_back(shop, name):
    for part in PARTS:
        if os.path.exists(shop.path(f"{name}.{part}")):
            os.rename(shop.path(f"{name}.{part}"), shop.path(part))
    shop.start_terminal()


def new_card(shop, name, uid, kind="1k"):
    shop.card(f"new {name} {kind} {uid}")
    shop.card("remove")
    shop.card(f"insert {name}")


def issue_with_particulars(shop):
    answer = till(shop, "issue", "-", "--opening", "500000", person=SARA)
    case("a card is issued with what the member says", answer.get("state") == "done" and answer["credit"] == 500000, answer)
    shop.sara = answer["card"]
    member = [e for e in journal(shop) if e["what"] == "member"]
    case("... the journal has one entry of it, right behind the intent", len(member) == 1 and
         journal(shop)[member[0]["sequence"] - 2]["what"] == "intent" and
         f"{member[0]['account']}" == f"{member[0]['card']}" == shop.sara, member)
    for field in ("name", "national_code", "phone"):  # the club has not seen them yet
        found = files_with(shop, SARA[field])
        case(f"... no file has the {field}, but the card its name", found == (["card1.mfd"] if field == "name" else []), found)
    image = vafa_box.unseal(vafa_box.private_number(shop.path("club/member.key")), b"vafa-member-1", member[0]["box"])
    case("... the reference opens the box with the club's key", image[20:41] == b"0012345679" b"09121234567" and
         image[41:41 + 19].decode() == SARA["name"], image)
    shop.club("member", "list")
    shop.sync_once()
    shown = club_json(shop, "member", "show", shop.sara)
    case("the club knows the member after one sync", {k: shown[k] for k in ("name", "national_code", "phone", "wedding", "consent")} ==
         {k: SARA[k] for k in ("name", "national_code", "phone", "wedding", "consent")} and
         shown["birthday"] == "1986-03-21" and shown["account_kind"] == "partner" and shown["route"] == "counter" and
         shown["cards"] == [shop.sara], shown)
    found = subprocess.run([BUILD / "vafa-club", "member", "find", "-", "--json", "--data", shop.path("club")],
                           input="۰۹۱۲۱۲۳۴۵۶۷\n", capture_output=True, text=True)
    case("... and finds them by the phone, typed", json.loads(found.stdout)[0]["account"] == shop.sara, found)
    case("... a list shows no whole code", SARA["national_code"] not in shop.club("member", "list").stdout and
         "*5679" in shop.club("member", "list").stdout, shop.club("member", "list").stdout)
    seen = club_json(shop, "member", "access")
    case("... each look is noted", {"show", "find", "list"} <= {row["what"] for row in seen} and
         all(row["who"].startswith("console:") for row in seen), seen)
    case("the key that opens is the club's alone, and so is its folder", oct(os.stat(shop.path("club/member.key")).st_mode)[-3:] == "600" and
         oct(os.stat(shop.path("club")).st_mode)[-3:] == "700")


def bad_input(shop):
    new_card(shop, "card2", "04a1b2c4")
    for name, person, word in (
            ("a wrong check digit", {**ALI, "national_code": "0499370898"}, "check digit"),
            ("a second member with one national code", {**ALI, "national_code": SARA["national_code"]}, "member's already"),
            ("a day that is none", {**ALI, "birthday": "1404-12-30"}, "YYYY-MM-DD"),
            ("a phone that is none", {**ALI, "phone": "0912"}, "digits"),
            ("a group that the club has not", {**ALI, "group": "nobody"}, "no group"),
            ("a name without consent", {"name": "Ali", "consent": "none"}, "Ask them first"),
            ("a code with consent to messages alone", {"national_code": ALI["national_code"], "consent": "messages"}, "Ask them first"),
            ("an account kind that is none", {**ALI, "account": "boss"}, "customer, colleague"),
            ("a bank card as a name", {**ALI, "name": "4111111111111111"}, "bank card"),
            ("a field that is none", {**ALI, "shoe_size": "43"}, "no field")):
        before = shop.done("status")["entries"]
        answer = till(shop, "issue", "-", person=person)
        case(f"{name} is refused with what would be right", answer.get("state") == "not_done" and word in answer["say"] and
             shop.done("status")["entries"] == before, answer)
    answer = till(shop, "issue", "-", "--opening", "68719476735", person=ALI)
    case("opening credit beyond the club's limit is refused", answer.get("reason") == "refused", answer)
    answer = till(shop, "issue", "-", person=ALI)
    case("... and the card is blank still: it is issued right after", answer.get("state") == "done", answer)
    shop.ali = answer["card"]
    phone = check_digit("112233445")
    new_card(shop, "card3", "04a1b2c5")
    answer = till(shop, "issue", "-", person={"name": "His son", "national_code": phone, "phone": ALI["phone"]})
    case("a phone of the family is taken ...", answer.get("state") == "done", answer)
    shop.card("remove")
    answer = till(shop, "find", "-", typed=ALI["phone"] + "\n")
    case("... and goes on finding whoever gave it first", answer.get("card", "")[-4:] == shop.ali[-4:], answer)


def join_and_earn(shop):
    leila = {"name": "Leila", "national_code": check_digit("223344556"), "phone": "09901234567"}
    answer = till(shop, "join", "-", person={"name": "Leila"})
    case("who joins without a card needs a code or a phone", "national code or a phone" in answer.get("say", ""), answer)
    answer = till(shop, "join", "-", person={**leila, "consent": "none"})
    case("nor does anybody join without their consent", answer.get("state") == "not_done" and "Ask them first" in answer["say"], answer)
    answer = till(shop, "join", "-", "--lang", "en", person=leila)
    case("join has no receipt", answer.get("reason") == "bad_request", answer)
    answer = till(shop, "join", "-", person=leila)
    case("somebody joins without a card", answer.get("state") == "done" and len(answer.get("account", "")) == 16, answer)
    shop.leila = answer["account"]
    again = till(shop, "join", "-", person=leila)
    case("... and not twice", again.get("state") == "not_done" and shop.leila in again["say"], again)
    sold = till(shop, "sale", "2500000", "--member", "-", typed=leila["phone"] + "\n")
    case("a sale to them earns without a card", sold.get("state") == "done" and sold["parts"]["award"] == 20 and
         sold["parts"]["due"] == 2500000 and shop.leila not in json.dumps(sold), sold)
    spends = till(shop, "sale", "2500000", "--pay-credit", "1000", "--member", "-", typed=leila["phone"] + "\n")
    case("... and spends nothing", spends.get("reason") == "bad_request" and "nothing is spent" in spends["say"], spends)
    nobody = till(shop, "sale", "1000000", "--member", "-", typed="09120000000\n")
    case("a phone that finds nobody says so", nobody.get("reason") == "refused", nobody)
    shop.sync_once()
    report = club_json(shop, "report")
    case("the club booked it as accrued, by its own arithmetic", report["cases"] == [], report)
    with sqlite3.connect(f"file:{shop.path('club/club.db')}?mode=ro", uri=True) as db:
        sums = dict(db.execute("SELECT acct, sum(amount) FROM jrn WHERE purse = 0 GROUP BY acct"))
        rows = list(db.execute("SELECT number, points, credit FROM accrual"))
    case("... 20 points wait for their card", rows == [(int(shop.leila), 20, 0)] and sums.get(17) == 20, (sums, rows))
    new_card(shop, "card4", "04a1b2c6")
    answer = till(shop, "issue", "--member", shop.leila)
    case("they get a card later, with a number of its own", answer.get("state") == "done" and answer["card"] != shop.leila, answer)
    shop.leila_card = answer["card"]
    shop.sync_once()
    shown = club_json(shop, "member", "show", shop.leila_card)
    case("... the club knows whose it is", shown["account"] == shop.leila and shown["cards"] == [shop.leila_card], shown)
    moved = shop.club("member", "move", shop.leila, "7").stdout

    def arrived():
        shop.sync_once()
        return till(shop, "balance").get("points") == 20
    shop.until(arrived, what="what was earned")
    balance = till(shop, "balance")
    case("what was earned without a card is on the card at a later tap, once", balance["points"] == 20, balance)
    till(shop, "sale", "1000000")
    shop.sync_once()
    group = [e["after"]["group"] for e in journal(shop) if e["what"] == "intent" and str(e["card"]) == shop.leila_card][-1]
    case("... and so is the group that the club moved them to", "next tap" in moved and group == 7, (moved, group))
    case("... the books agree", club_json(shop, "report")["cases"] == [])
    till(shop, "sale", "2500000", "--member", "-", typed=leila["phone"] + "\n")
    shop.sync_once()
    with sqlite3.connect(f"file:{shop.path('club/club.db')}?mode=ro", uri=True) as db:
        case("a member with a card earns without it, too: for that card", db.execute(
            "SELECT count(*) FROM accrual WHERE given <> 0").fetchone() == (2,))


def failed_issue_goes_on(shop):
    """The first card is pulled away for good; the same person asks again with another one."""
    reza = {"name": "Reza", "national_code": check_digit("334455667")}
    new_card(shop, "card5", "04a1b2c7")
    shop.card("cut write 8 old")
    answer = till(shop, "issue", "-", person=reza, wait=2)
    case("a card that leaves in the middle of its issue is no card", answer.get("state") in ("hold_again", "not_done"), answer)
    shop.card("cut clear")
    new_card(shop, "card6", "04a1b2c8")
    answer = till(shop, "issue", "-", person=reza)
    members = [e for e in journal(shop) if e["what"] == "member"]
    case("the same person gets another card on the same account", answer.get("state") == "done" and
         members[-1]["account"] == members[-2]["account"] and members[-1]["box"] is None and
         str(members[-1]["card"]) == answer["card"], (answer, members[-2:]))
    again = till(shop, "issue", "-", person=reza)
    case("... and no third", again.get("state") == "not_done", again)
    shop.sync_once()
    shown = club_json(shop, "member", "show", answer["card"])
    case("... the club has one member", shown["name"] == "Reza" and len([m for m in club_json(shop, "member", "list") if m["name"] == "Reza"]) == 1,
         shown)


def batch(shop):
    rows = [f'"Person, {n}",{check_digit("44556677" + str(n))},{10000 * n}' for n in range(5)]
    rows.insert(2, f"Double,{SARA['national_code']},0")
    Path(shop.path("list.csv")).write_text("name,national_code,opening,consent\n" + "".join(row + ",membership\n" for row in rows))
    for n in range(7):
        shop.card(f"new stack{n} 1k 04b1b2{n:02x}")
    shop.card("remove")

    def start(wait=20):
        return subprocess.Popen([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", str(wait), "issue-batch",
                                 shop.path("list.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def record():
        path = Path(shop.path("list.csv.record"))
        return path.read_text() if path.exists() else ""
    issued, kills = 0, 0
    process = start()
    for n in range(5):
        shop.until(lambda: record().count("begun") > issued or process.poll() is not None, what="the next row")
        if n in (1, 3):  # killed while it waits for a card
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            process = start()
            time.sleep(0.3)
        shop.card(f"insert stack{n}")
        if n == 2:  # killed at once after the card lies there: the terminal goes on
            time.sleep(0.15)
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            shop.until(lambda: shop.till("status").get("state") == "done", what="the terminal")
            time.sleep(1.0)
            shop.card("remove")
            process = start()
            time.sleep(2.0)
            if record().count(" done ") == issued:  # on a busy machine it was killed before it had asked
                shop.card(f"insert stack{n}")
        shop.until(lambda: record().count(" done ") > issued or process.poll() is not None, what=f"row of card {n}")
        shop.card("remove")
        issued += 1
    out, err = process.communicate(timeout=30)
    case(f"a stack of cards is issued over {kills} kills", "5 of 6 issued, 1 refused" in out and process.returncode == 1, (out, err, record()))
    case("... the progress is told", "of 6 issued" in err, err)
    done = [line.split() for line in record().splitlines() if " done " in line]
    case("... each row once, by the record", len({r[1] for r in done}) == len(done) == 5 and len({r[3] for r in done}) == 5, record())
    shop.sync_once()
    people = [m for m in club_json(shop, "member", "list") if m["name"].startswith("Person")]
    case("... and by the club: five members, one card each", len(people) == 5 and all(len(m["cards"]) == 1 for m in people) and
         {m["route"] for m in people} == {"batch"}, people)
    again = start().communicate(timeout=30)[0]
    case("run again, it has nothing to do", "5 of 6 issued" in again and len([line for line in record().splitlines() if " done " in line]) == 5)
    Path(shop.path("list.csv")).write_text("name,national_code,opening,consent\nOther,,0,membership\n")
    other = start()
    other.communicate(timeout=30)
    case("a record of another list is refused", other.returncode == 2)


def two_terminals(shop):
    """Offline, each of two terminals takes the same person in."""
    mina = {"name": "Mina", "national_code": check_digit("556677889")}
    new_card(shop, "card7", "04a1b2d1")
    first = till(shop, "issue", "-", person=mina)
    put_away(shop, "first")
    shop.enrol()
    shop.sync_once()
    shop.start_terminal()
    refused = till(shop, "issue", "-", person=SARA)
    case("another terminal refuses who is a member, once it has synced", "member's already" in refused.get("say", ""), refused)
    new_card(shop, "card8", "04a1b2d2")
    second = till(shop, "issue", "-", person=mina)
    case("whom it does not know it takes in", first.get("state") == second.get("state") == "done", (first, second))
    shop.sync_once()
    put_away(shop, "second")
    bring_back(shop, "first")
    shop.sync_once()
    cases = [c for c in club_json(shop, "report")["cases"] if c["why"] == "member"]
    case("the club opens a case for the two", len(cases) >= 1 and first["card"] in json.dumps(cases), cases)
    case("... both stay", len([m for m in club_json(shop, "member", "list") if m["name"] == "Mina"]) == 2)


def numbers(shop):
    left = shop.done("status")["card_numbers_left"]
    first = FIRST + 100000
    shop.stop("terminal")
    put_setting(shop, "cards.used", f"{first} {first + 99997}")
    shop.start_terminal()
    case("two numbers are left", shop.done("status")["card_numbers_left"] == 2, left)
    shop.sync_once()
    status = shop.done("status")
    case("the club gives more in good time", status["card_numbers_left"] == 100002, status)
    shop.sync_once()
    case("... once", shop.done("status")["card_numbers_left"] == 100002)
    taken = []
    for n in range(4):
        new_card(shop, f"num{n}", f"04c1b2{n:02x}")
        taken.append(till(shop, "issue").get("card"))
    case("the old range is used up first, then the new one", taken[:2] == [luhn(first + 99998), luhn(first + 99999)] and
         int(taken[2]) // 10 >= FIRST + (1 << 19) * 100000 and int(taken[3]) // 10 == int(taken[2]) // 10 + 1, taken)
    shop.sync_once()
    case("... and the club takes them for this terminal's", not [c for c in club_json(shop, "report")["cases"] if c["why"] == "number"])
    range_at = int(taken[3]) // 10 // 100000 * 100000
    shop.some_left = f"{range_at} {range_at + 50}"
    shop.stop("terminal")
    put_setting(shop, "cards.used", f"{range_at} {range_at + 99999}")
    shop.start_terminal()
    new_card(shop, "num9", "04c1b209")
    for what in (("issue",), ("join", "-")):
        answer = till(shop, *what, person={"phone": "09131112233"} if what[0] == "join" else None)
        case(f"used up: {what[0]} says what to do", answer.get("state") == "not_done" and ("used up" in answer["say"] or "new range" in answer["say"]), answer)
    for number in ("9364000000000000", "1234567890123452", "x"):
        answer = till(shop, "issue", "--member", number)
        case(f"an account {number} is refused", answer["rc"] != 0 and answer.get("state") != "done", answer)


def sealed_elsewhere(shop):
    """A club whose private key is kept in the safe."""
    os.rename(shop.path("club/member.key"), shop.path("safe.key"))
    shop.stop("club")
    shop.start_club()
    shop.stop("terminal")
    put_setting(shop, "cards.used", shop.some_left)
    shop.start_terminal()
    secret = {"name": "Hidden Name", "national_code": check_digit("667788990")}
    answer = till(shop, "join", "-", person=secret)
    shop.sync_once()
    case("without its key the club keeps what they say sealed", answer.get("state") == "done" and
         files_with(shop, secret["name"]) == [] and "sealed" in shop.club("member", "show", answer["account"]).stdout, answer)
    opened = shop.club("member", "open", "--key", shop.path("safe.key")).stdout
    case("... until somebody opens it with the key", "1 opened" in opened and
         club_json(shop, "member", "show", answer["account"])["name"] == secret["name"], opened)


def main():
    with Shop(BUILD) as shop:
        shop.open(card="card1")
        issue_with_particulars(shop)
        bad_input(shop)
        join_and_earn(shop)
        failed_issue_goes_on(shop)
        batch(shop)
        two_terminals(shop)
        numbers(shop)
        sealed_elsewhere(shop)
    return failed > 0


sys.exit(main())
