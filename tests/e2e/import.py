#!/usr/bin/env python3
"""import - balances from another club's system, with real processes: a trial that says of each bad line what would be right, a
file that is imported once, a card that collects it at its next tap, and an undo that says what cannot be undone."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from hotlist import number  # noqa: E402
from shop import Shop  # noqa: E402
from tap import check, exit_code  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()


def take(shop, text, *options, name="old.csv"):
    path = Path(shop.path(name))
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return shop.run("vafa-club", "import", path, "--data", shop.path("club"), *options, check=False)


def state(shop):
    return (shop.club("dump").stdout, shop.club("import", "list").stdout, shop.club("action", "list", "--json").stdout)


def trials(shop, card):
    """Every line that is wrong, with its number, the reason and what would be right."""
    before = state(shop)
    good = f"card,credit,points\n{card},120000,30\n"
    done = take(shop, good, "--unit", "rial")
    check("a trial says what would happen",
          done.returncode == 0 and "1 cards, 0 of them not seen" in done.stdout and "credit 120000 rials (12000.0 toman)" in done.stdout and
          "points 30" in done.stdout and "A trial: nothing was imported" in done.stdout, done.stdout)
    done = take(shop, good, "--unit", "toman")
    check("the same in toman is ten times as much", "credit 1200000 rials (120000.0 toman)" in done.stdout, done.stdout)
    unknown = number(936400000500123)
    lines = (
        (f"{card},1,200,000", "more fields than the header's 2"),
        (f'{card},"1,200,000"', '"1,200,000": digits only: 1200000'),
        (f"{card},۱۲۰۰۰۰", "digits only: 120000"),
        (f"{card},12.50", "a whole number"),
        (f"{card},-500", "a balance is 0 or more"),
        (f"{card},1e6", "a whole number"),
        (f"{card},99999999999999", "Is the unit right?"),
        (f"{card},999999999999999999999", "more than a card can hold"),
        (f"{int(card) + 1},5", f"its last digit does not check: with the others it would be {number((int(card) + 1) // 10)}"),
        (f"{str(card)[:4]}-{str(card)[4:8]}-{str(card)[8:12]}-{str(card)[12:]},5", "16 digits"),
        (f"{str(card)[:4]} {str(card)[4:8]} {str(card)[8:12]} {str(card)[12:]},5", f"write it as {card}"),
        ("1234,5", "16 digits"),
        (f"{card}", "fewer fields"),
        ("'; DROP TABLE card; --,5", "16 digits"),
        (f"{unknown},5", None),
        (f"{unknown},7", "is in line 16 already"),
    )
    done = take(shop, "\ufeffcard,credit\r\n" + "\r\n".join(line for line, _ in lines) + "\r\n", "--unit", "rial", "--commit", "--by", "Sara")
    said = {int(l.split(":")[0].split()[1]): l for l in done.stdout.splitlines() if l.startswith("line ")}
    for n, (line, say) in enumerate(lines, 2):
        check(f"line {n}, {line[:30]}: {say}", say is None and n not in said or say is not None and say in said.get(n, ""), said.get(n))
    check("one bad line keeps all out, also with --commit",
          done.returncode == 2 and f"{len(lines) - 1} lines are not right: nothing was imported" in done.stderr and "1 cards, 1 of them not seen" in done.stdout, done.stderr)
    jsonl = (f'{{"card":"{card}","credit":5}}', f'{{"card":"{card}","credit":"5"}}', f'{{"card":{card},"credit":5}}', f'{{"card":"{card}","credit":5.0}}',
             '{"credit":5}', f'{{"card":"{card}","credit_toman":5}}', f'{{"card":"{card}","credit":5,"credit":6}}', '[1]', '{"card":')
    done = take(shop, "\n".join(jsonl), "--unit", "rial", name="old.jsonl")
    said = [l for l in done.stdout.splitlines() if l.startswith("line ")]
    check("the same of JSON Lines",
          done.returncode == 2 and [int(l.split(":")[0].split()[1]) for l in said] == list(range(2, 10)), said)
    for text, options, say in (("", ("--unit", "rial"), "empty"), ("naam,credit\nx,1\n", ("--unit", "rial"), "is no column"), ("card\n1\n", ("--unit", "rial"), "at least one"),
                               ("card,card,credit\n", ("--unit", "rial"), "twice"), (good, (), "missing: --unit"), (good, ("--unit", "dollar"), "rial or toman"),
                               ("card,credit\n" + "9" * 5000, ("--unit", "rial"), "longer than"), (good, ("--unit", "rial", "--commit"), "--by"),
                               (good, ("--unit", "rial", "--commit", "--by", ""), "who imports"), ("card,credit\n", ("--unit", "rial", "--commit", "--by", "x"), "no line"),
                               (good, ("--unit", "rial", "--commit", "--by", "x", "--text", "x" * 25), "24 bytes"), (b"\xff\xfec", ("--unit", "rial"), "not UTF-8"), (good + "\0", ("--unit", "rial"), "no text"), (good + "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), ("--unit", "rial", "--commit", "--by", "x"), "not right")):
        done = take(shop, text, *options)
        check(f"refused: {say}", done.returncode == 2 and say in done.stderr, done.stderr)
    done = shop.run("vafa-club", "import", shop.path("none"), "--unit", "rial", "--data", shop.path("club"), check=False)
    check("a file that is not there", done.returncode == 1 and "Cannot read" in done.stderr, done.stderr)
    check("nothing of all this is in the books", state(shop) == before)


def story(shop):
    shop.open()
    card = int(shop.done("issue", "--opening", "500000")["card"])
    shop.sync_once()
    trials(shop, card)
    absent = number(936400000100050)
    text = f"card,points,credit\n{card},40,1200000\n{absent},7,\n"
    done = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", "--text", "From the old club")
    check("a file is imported", done.returncode == 0 and "Import 1 is done" in done.stdout, done.stdout + done.stderr)
    again = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="copy.csv")
    check("the same file again is refused", again.returncode == 1 and "import 1 already" in again.stderr, again.stderr)
    listed = json.loads(shop.club("import", "list", "--json").stdout)["imports"][0]
    check("the list",
          (listed["name"], listed["by"], listed["cards"], listed["points"], listed["credit"], listed["undone_at"]) == ("old.csv", "Sara", 2, 47, 1200000, None), listed)
    before = json.loads(shop.club("card", card, "--json").stdout)
    shop.sync_once()
    shop.sync_once()
    seen = shop.done("balance")
    check("the card collects it at its next tap",
          (seen["credit"], seen["points"]) == (500000 + 1200000, before["points"] + 40), seen["text"])
    again = shop.done("balance")
    check("once", (again["credit"], again["points"]) == (seen["credit"], seen["points"]))
    shop.sync_once()
    books = json.loads(shop.club("card", card, "--json").stdout)
    check("and the books say so",
          (books["credit"], books["points"], books["state"]) == (1700000, before["points"] + 40, "ok"), books)
    done = shop.club("import", "undo", "1", "--by", "Reza")
    check("undo says what it is too late for",
          "1 balances are withdrawn, 2 are on cards already and not undone" in done.stdout and "points withdrawn 7, not undone 40" in done.stdout and
          "credit withdrawn 0, not undone 1200000" in done.stdout and f"card {card}, credit 1200000 is not undone" in done.stdout, done.stdout)
    again = shop.club("import", "undo", "1", "--by", "Reza")
    check("undone again, it says the same", again.stdout == done.stdout, again.stdout)
    listed = json.loads(shop.club("import", "list", "--json").stdout)["imports"][0]
    check("the list says that it is undone", listed["undone_by"] == "Reza" and listed["undone_at"], listed)
    codes = [shop.run("vafa-club", "import", "undo", n, "--by", by, "--data", shop.path("club"), check=False).returncode for n, by in (("9", "x"), ("x", "x"), ("1", ""))]
    check("what is no import cannot be undone", codes == [1, 2, 2], codes)
    done = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara")
    check("after the undo the file may be imported again: it is the operator's word", "Import 2 is done" in done.stdout, done.stderr)
    look = json.loads(shop.club("settlement", "--from", "2020-01-01", "--to", "2099-12-31", "--json").stdout)
    lines = {(r["book"], r["account"]): r["amount"] for r in look["lines"] if r["merchant"] == 0}
    check("the settlement has it as the club's own, and sums to zero",
          look["sum"] == 0 and lines[("credit", "given")] == -2 * 1200000 and lines[("credit", "pending")] == 1200000 and lines[("credit", "cards")] == 1700000, lines)
    report = shop.run("vafa-club", "report", "--data", shop.path("club"), check=False)
    check("the books balance", report.returncode == 0, report.stdout[-400:])


def cut(shop, name, text, made):
    """Begins to import a file, and is killed when so many lines are made, or a few more."""
    path = Path(shop.path(name))
    path.write_text(text)
    work = subprocess.Popen([BUILD / "vafa-club", "import", path, "--unit", "rial", "--commit", "--by", "Sara", "--data", shop.path("club")],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    slowest = 0.0
    while True:
        listed = [i for i in json.loads(shop.club("import", "list", "--json").stdout)["imports"] if i["name"] == name]
        if listed and listed[0]["made"] >= made:
            return work, listed[0], slowest
        begin = time.monotonic()
        shop.sync_once()
        slowest = max(slowest, time.monotonic() - begin)


def pieces(shop):
    """Cut short anywhere, the same file goes on where it was; terminals sync meanwhile; an undo stops it."""
    lines = 1500 if os.environ.get("PROFILE") == "sanitize" else 3000
    text = "card,points,credit\n" + "".join(f"{number(936400000400000 + n)},{n % 7},{1000 + n}\n" for n in range(lines))
    total = sum(1000 + n for n in range(lines))
    for at in (1, lines // 3, lines * 2 // 3):
        work, listed, slowest = cut(shop, "large.csv", text, at)
        work.kill()
        work.communicate()
        check(f"killed with {listed['made']} of {lines} lines made",
              at <= listed["made"] < lines and listed["cards"] == lines, listed)
        print(f"# a sync while it is imported takes at most {slowest * 1000:.0f} ms, process and TLS included", flush=True)
    other = take(shop, text, "--unit", "toman", "--commit", "--by", "Sara", name="large.csv")
    check("in the other unit it does not go on", other.returncode == 1 and "other unit" in other.stderr, other.stdout + other.stderr)
    os.rename(shop.path("club/programme.key"), shop.path("stick.key"))
    undone = shop.run("vafa-club", "import", "undo", "5", "--by", "Reza", "--data", shop.path("club"), check=False)
    os.rename(shop.path("stick.key"), shop.path("club/programme.key"))
    check("without the club's key nothing is undone", undone.returncode == 1 and "--key" in undone.stderr, undone.stdout + undone.stderr)
    done = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="large.csv")
    mine = [a for a in json.loads(shop.club("action", "list", "--json").stdout) if a["origin"] == "import" and a["giver"] == "import 5"]
    check("the same command goes on, and each balance is made once",
          "Import 5 is done" in done.stdout and sum(a["amount"] for a in mine if a["kind"] == "credit") == total and
          sum(a["amount"] for a in mine if a["kind"] == "points") == sum(n % 7 for n in range(lines)) and len({a["id"] for a in mine}) == len(mine), done.stdout + done.stderr)
    again = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="large.csv")
    check("then it is whole", again.returncode == 1 and "import 5 already" in again.stderr, again.stderr)
    work, listed, _ = cut(shop, "second.csv", text.replace(",1000\n", ",999\n"), 1)
    os.rename(shop.path("club/programme.key"), shop.path("stick.key"))
    undone = shop.club("import", "undo", str(listed["import"]), "--by", "Reza", "--key", shop.path("stick.key"))
    os.rename(shop.path("stick.key"), shop.path("club/programme.key"))
    said = work.communicate()[1]
    listed = json.loads(shop.club("import", "list", "--json").stdout)["imports"][-1]
    check("an undo stops one that is under way, and takes back what it had made",
          work.returncode == 1 and "is being undone" in said and listed["undone_by"] == "Reza" and listed["made"] < lines and ", 0 are on cards" in undone.stdout, (said, listed, undone.stdout))
    open_ = [a for a in json.loads(shop.club("action", "list", "--open", "--json").stdout) if a["giver"] == f"import {listed['import']}" and a["state"] in ("waiting", "queued")]
    check("nothing of it waits", open_ == [], open_[:2])
    check("the books balance after all that",
          shop.run("vafa-club", "report", "--data", shop.path("club"), check=False).returncode == 0)


def code(digits):
    """A national code with its check digit: ISIRI's sum of 11s, worked out here."""
    rest = sum(int(d) * (10 - i) for i, d in enumerate(f"{digits:09d}")) % 11
    return f"{digits:09d}{rest if rest < 2 else 11 - rest}"


def people(shop):
    """Lines that say whose the card is: a member each, with consent, once; what contradicts the books is a bad line."""
    cards = [number(936400000600000 + n) for n in range(9)]
    head = "card,points,name,national_code,phone,birthday,kind,consent\n"
    text = head + (f"{cards[0]},40,\"Amiri, Maryam\",{code(8457594)},09121234567,1361-12-01,2,membership\n" f"{cards[1]},,Reza,{code(8457595)},,,,all\n" f"{cards[2]},5,,,,,,\n" f"{cards[8]},3,Mina,,,,,all\n")
    trial = take(shop, text, "--unit", "rial", name="people.csv")
    check("a trial counts them and makes none",
          trial.returncode == 0 and "3 members, with what they say" in trial.stdout and json.loads(shop.club("member", "list", "--json").stdout) == [], trial.stdout)
    done = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="people.csv")
    number_of = done.stdout.split("Import ")[1].split()[0] if "Import " in done.stdout else "0"
    members = {m["name"]: m for m in json.loads(shop.club("member", "list", "--json").stdout)}
    maryam = members.get("Amiri, Maryam", {})
    check("three members with their cards; the third line is a balance alone",
          (maryam.get("cards"), maryam.get("phone"), maryam.get("birthday"), maryam.get("route"), maryam.get("kind")) == ([str(cards[0])], "09121234567", "1983-02-20", "import", "2") and
          set(members) == {"Amiri, Maryam", "Reza", "Mina"}, members)
    access = shop.club("member", "access").stdout
    check("who brought them is noted", access.count(" add ") == 3 and "Sara" in access, access)
    again = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="people.csv")
    check("the same file again is refused as one that is made", again.returncode == 1 and "already" in again.stderr, again.stdout + again.stderr)
    lines = ((f"{cards[3]},1,Sara,{code(8457594)},,,,all", "its national code is the member's with account"), (f"{cards[0]},1,Sara,{code(8457599)},,,,all", f"card {cards[0]} is the member's"),
             (f"{cards[4]},1,Sara,,,,,", "consent must say"), (f"{cards[4]},1,,0084575947,,,,all", "check digit is wrong"), (f"{cards[5]},1,,,12,,,all", "mobile number"), (f"{cards[6]},1,Ali,{code(8457600)},,,,all", None),
             (f"{cards[7]},1,Ali,{code(8457600)},,,,all", "its national code is in line 7, too"), (f"{cards[4]},1,Sara,,,1369-13-01,,all", "birthday"))
    bad = take(shop, head + "\n".join(line for line, _ in lines) + "\n", "--unit", "rial", "--commit", "--by", "Sara", name="bad.csv")
    said = {int(l.split(":")[0].split()[1]): l for l in bad.stdout.splitlines() if l.startswith("line ")}
    for n, (line, say) in enumerate(lines, 2):
        check(f"people, line {n}: {say}", say is None and n not in said or say is not None and say in said.get(n, ""), said.get(n))
    check("none of them is made, and no code is written out",
          bad.returncode == 2 and "0084575947" not in bad.stdout and len(json.loads(shop.club("member", "list", "--json").stdout)) == 3, bad.stdout)
    undone = shop.club("import", "undo", number_of, "--by", "Reza")
    check("an undo takes back balances, not people",
          "are withdrawn" in undone.stdout and "members stay" in undone.stdout and len(json.loads(shop.club("member", "list", "--json").stdout)) == 3, undone.stdout)
    done = take(shop, text, "--unit", "rial", "--commit", "--by", "Sara", name="people.csv")
    check("imported after that, nobody is there twice",
          done.returncode == 0 and len(json.loads(shop.club("member", "list", "--json").stdout)) == 3, done.stdout + done.stderr)


def main():
    with Shop(BUILD) as shop:
        story(shop)
        people(shop)
        pieces(shop)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
