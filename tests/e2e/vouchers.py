#!/usr/bin/env python3
"""vouchers - an organisation's vouchers with real processes: made by the club, read and verified here by other means
(base64, struct, openssl), taken by terminals without a line, taken twice, given back, forged, late. All sums by hand.
BUILD names the folder with the programs. Prints TAP lines."""
import base64
import datetime
import json
import os
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
from scans import Device, Till  # noqa: E402
from shop import Shop  # noqa: E402
from hotlist import Other  # noqa: E402

BUILD = Path(os.environ.get("BUILD", ROOT / "build/sim-release")).resolve()
AMOUNT = 5_000_000
failed = 0


def case(good, name, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        print("# " + str(detail)[-1500:].replace("\n", "\n# "), flush=True)


def day(offset):
    """A day of Iran's calendar, as YYYY-MM-DD of the Gregorian one."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3, minutes=30)
    return (now.date() + datetime.timedelta(days=offset)).isoformat()


def make(shop, count=3, first=0, last=30, **options):
    more = [word for name, value in options.items() for word in ("--" + name, value)]
    path = shop.path(f"bons.{len(list(shop.dir.glob('bons.*')))}")
    shop.club("bon", "make", "--organisation", "Bank of Alborz", "--amount", AMOUNT, "--count", count, "--from",
              day(first), "--to", day(last), "--out", path, *more)
    return [line.split()[2] for line in Path(path).read_text().splitlines()], path


def bytes_of(text):
    body = text[4:]
    return base64.b32decode(body + "=" * (-len(body) % 8))


def text_of(raw):
    return "VAFA" + base64.b32encode(raw).decode().rstrip("=")


def der(seal):
    """r || s as the SEQUENCE of two INTEGERs that openssl wants."""
    def integer(raw):
        raw = raw.lstrip(b"\0") or b"\0"
        raw = (b"\0" if raw[0] & 0x80 else b"") + raw
        return b"\x02" + bytes([len(raw)]) + raw
    body = integer(seal[:32]) + integer(seal[32:])
    return b"\x30" + bytes([len(body)]) + body


def openssl_verifies(shop, raw):
    message, seal = Path(shop.path("message")), Path(shop.path("seal"))
    message.write_bytes(b"vafa-bon-1" + raw[:24])
    seal.write_bytes(der(raw[24:]))
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", shop.path("club/programme.pem"), "-signature", seal,
                           message], capture_output=True).returncode == 0


def till(shop, *args, text=None):
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "5", "--json", args[0],
                           *(["-"] if text else []), *map(str, args[1:])], input=text, capture_output=True, text=True,
                          timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {**(lines[-1] if lines else {}), "rc": done.returncode, "err": done.stderr}


def take(shop, text, receipt):
    return till(shop, "bon", "--receipt", receipt, text=text)


def back(shop, text, receipt):
    return till(shop, "bon-back", "--receipt", receipt, text=text)


def done(answer):
    return answer["rc"] == 0 and answer.get("state") == "done"


def refused(answer, word):
    return answer["rc"] == 1 and answer.get("state") == "not_done" and word in answer["say"]


def entries(shop):
    return shop.done("status")["entries"]


def settlement(shop):
    """The settlement book of the ledger, from the raw rows, and its sum."""
    with sqlite3.connect(f"file:{shop.path('club/club.db')}?mode=ro", uri=True) as db:
        rows = dict(db.execute("SELECT acct, sum(amount) FROM jrn WHERE purse = 4 GROUP BY acct"))
    assert sum(rows.values()) == 0, rows
    return {name: rows.get(number, 0) for number, name in ((30, "bon"), (31, "cost"), (32, "twice"))}


def uses(shop, series=1):
    return [(use["serial"], use["terminal"], use["receipt"], use["state"])
            for use in json.loads(shop.club("bon", "used", series, "--json").stdout)]


# --- the cases --------------------------------------------------------------------------------

def what_the_club_makes(shop, texts, path):
    raws = [bytes_of(text) for text in texts]
    today = (datetime.date.fromisoformat(day(0)) - datetime.date(1900, 1, 1)).days
    case([struct.unpack("<B3xIIIHHI", raw[:24]) for raw in raws] ==
         [(1, 1, n, AMOUNT, today, today + 30, 0) for n in (1, 2, 3)], "the club's vouchers say what was asked", raws)
    case(all(openssl_verifies(shop, raw) for raw in raws), "openssl finds the club's seal good")
    case(all(len(text) == 145 and set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:") for text in texts),
         "each fits the alphanumeric mode of a QR code")
    shop.club("bon", "make", "--series", 1, "--out", shop.path("again"))
    case(Path(shop.path("again")).read_text() == Path(path).read_text(), "the same series is written again, the same")
    for options, word in ((("--amount", 0), "--amount"), (("--amount", 2**30), "--amount"), (("--count", 0), "--count"),
                          (("--to", day(-1)), "--from"), (("--from", "2026-02-30"), "--from"),
                          (("--merchant", 99), "merchant 99")):
        given = {"--organisation": "X", "--amount": AMOUNT, "--count": 1, "--from": day(0), "--to": day(1)}
        given[options[0]] = options[1]
        bad = shop.club("bon", "make", *[w for pair in given.items() for w in pair], check=False)
        case(bad.returncode != 0 and word in bad.stderr and "VAFA" not in bad.stdout, f"{options} is refused", bad.stderr)
    case(len(json.loads(shop.club("bon", "list", "--json").stdout)) == 1, "... and makes no series")


def one_terminal(shop, texts):
    before = entries(shop)
    first = take(shop, texts[0], "A-17")
    case(done(first) and first["amount"] == AMOUNT and first["serial"] == 1, "a voucher is taken with no line", first)
    case(entries(shop) == before + 1, "... in one journal entry")
    again = take(shop, texts[0].lower(), "A-17")
    case(done(again) and again.get("earlier") is True and entries(shop) == before + 1,
         "asked again for the same receipt it is the same, not a second one", again)
    case(refused(take(shop, texts[0], "A-18"), "A-17"), "for another receipt it is used", take(shop, texts[0], "A-18"))
    case(refused(back(shop, texts[0], "A-18"), "not taken here"), "another receipt does not give it back")
    case(refused(back(shop, texts[1], "A-17"), "not taken here"), "one that was not taken is not given back")
    case(done(back(shop, texts[0], "A-17")), "its own receipt gives it back")
    case(done(take(shop, texts[0], "A-19")) and entries(shop) == before + 3, "then it is as new")
    shop.stop("terminal", "kill")
    shop.start_terminal()
    again = take(shop, texts[0], "A-19")
    case(done(again) and again.get("earlier") is True, "a terminal that was killed still knows it", again)


def a_scan(shop, texts):
    scanner = Device(shop, "scanner", "scanner-serial")
    asked = Till(shop, "bon", "--receipt", "S-1")
    asked.says("Scan")
    answer = asked.answer_while(lambda: scanner.write(texts[1].encode() + b"\r"))
    case(done(answer) and answer["serial"] == 2, "a voucher that is scanned is taken", answer)
    asked = Till(shop, "bon", "--receipt", "S-2")
    asked.says("Scan")
    answer = asked.answer_while(lambda: scanner.write(b"LOYALTY-12345\r"))
    case(refused(answer, "no voucher"), "a member's code is no voucher", answer)
    asked = Till(shop, "find")
    asked.says("Scan")
    answer = asked.answer_while(lambda: scanner.write(texts[1].encode() + b"\r"))
    case(refused(answer, "voucher"), "a voucher finds no member", answer)
    shop.stop("ident.scanner")


def forged_and_wrong(shop, texts):
    raw = bytes_of(texts[2])
    before = entries(shop)
    richer = raw[:12] + struct.pack("<I", AMOUNT * 10) + raw[16:]
    case(refused(take(shop, text_of(richer), "F-1"), "not the club's"), "ten times the amount under the same seal")
    case("T504" in shop.log("terminal"), "... is noted in the log")
    other = raw[:8] + struct.pack("<I", 4) + raw[12:]
    case(refused(take(shop, text_of(other), "F-2"), "not the club's"), "another serial under the same seal")
    key = shop.path("forger.pem")
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True,
                   capture_output=True)
    Path(shop.path("message")).write_bytes(b"vafa-bon-1" + raw[:24])
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, shop.path("message")], check=True,
                               capture_output=True).stdout
    length = signature[3]
    r, s = signature[4:4 + length], signature[6 + length:]
    own = raw[:24] + r[-32:].rjust(32, b"\0") + s[-32:].rjust(32, b"\0")
    case(refused(take(shop, text_of(own), "F-3"), "not the club's"), "another club's seal, a good one")
    case(refused(take(shop, texts[2][:-1], "F-4"), "not read whole"), "a scan that is cut by one character")
    case(refused(take(shop, "VAFA" + "1" * 141, "F-5"), "not read whole"), "no voucher at all, though it begins like one")
    for receipt in ("", "sixteen-letters!", "with blank", "فاکتور"):
        answer = take(shop, texts[2], receipt)
        case(answer["rc"] != 0 and entries(shop) == before, f"receipt {receipt!r} is refused", answer)
    case(entries(shop) == before, "none of it made an entry")


def late_early_elsewhere(shop):
    texts, _ = make(shop, 1, first=-10, last=-1)
    case(refused(take(shop, texts[0], "L-1"), "ended 1 days ago"), "a voucher whose last day was yesterday")
    texts, _ = make(shop, 1, first=1, last=9)
    case(refused(take(shop, texts[0], "L-2"), "not good yet: in 1 days"), "one that begins tomorrow")
    texts, _ = make(shop, 1, first=-1, last=0)
    case(done(take(shop, texts[0], "L-3")), "one whose last day is today")
    shop.club("code", "--merchant", "Ofogh", "--branch", "Karaj")
    texts, _ = make(shop, 1, merchant=2)
    case(refused(take(shop, texts[0], "L-4"), "another merchant's"), "one that only another merchant takes")
    texts, _ = make(shop, 1, merchant=1)
    case(done(take(shop, texts[0], "L-5")), "one that only this merchant takes")


def two_offline_shops(shop, other, texts):
    shop.stop("terminal")
    shop.start_terminal("--db", other.db)
    case(done(take(shop, texts[0], "B-1")), "a second shop, with no line, takes a picture of the same voucher")
    case(done(take(shop, texts[2], "B-2")), "... and one of its own")
    shop.stop("terminal")
    shop.sync_once()
    case(settlement(shop) == {"bon": 4 * AMOUNT, "cost": -4 * AMOUNT, "twice": 0}, "the first shop's are the organisation's",
         settlement(shop))
    other.sync()
    case(settlement(shop) == {"bon": 6 * AMOUNT, "cost": -5 * AMOUNT, "twice": -AMOUNT},
         "the second shop is paid as well, and it shows who is charged", settlement(shop))
    report = json.loads(shop.club("report", "--json").stdout)
    cases = [c["say"] for c in report["cases"] if c["why"] == "bon"]
    case(len(cases) == 1 and "A-19" in cases[0] and "B-1" in cases[0], "one case names both receipts", report["cases"])
    merchant = [m for m in report["merchants"] if m["name"] == "Refah"]
    case(merchant and merchant[0]["club_owes"] == merchant[0]["bon"] == 6 * AMOUNT, "the merchant's balance has all six", report["merchants"])
    case(uses(shop) == [(1, 1, "A-17", "given_back"), (1, 1, "A-19", "used"), (1, 2, "B-1", "twice"),
                        (2, 1, "S-1", "used"), (3, 2, "B-2", "used")], "each redemption can be listed", uses(shop))
    shop.sync_once()
    other.sync()
    case(settlement(shop) == {"bon": 6 * AMOUNT, "cost": -5 * AMOUNT, "twice": -AMOUNT}, "syncing again changes nothing")
    shop.start_terminal()
    case(refused(take(shop, texts[2], "A-30"), "another terminal"), "after a sync the first shop refuses the other's")
    case(done(back(shop, texts[0], "A-19")), "the first use is given back")
    shop.sync_once()
    case(settlement(shop) == {"bon": 5 * AMOUNT, "cost": -5 * AMOUNT, "twice": 0},
         "... and the second one is no longer one too many", settlement(shop))
    case(refused(take(shop, texts[0], "A-31"), "another terminal"), "... but it stays used")
    shop.stop("terminal")
    shop.start_terminal("--db", other.db)
    case(done(back(shop, texts[2], "B-2")), "the other shop gives its own back")
    shop.stop("terminal")
    other.sync()
    shop.sync_once()
    shop.start_terminal()
    case(done(take(shop, texts[2], "A-32")), "... and after a sync it is good at the first")


def a_club_restored(shop, texts, backup):
    """The club forgets the redemptions; terminals send them again, and get its news from the beginning."""
    shop.sync_once()
    before = settlement(shop), uses(shop)
    shop.stop("club")
    for name in Path(shop.path("club")).glob("club.db*"):
        name.unlink()
    Path(backup).rename(shop.path("club/club.db"))
    shop.start_club()
    shop.sync_once()
    Other.sync(shop.other)
    shop.sync_once()
    case((settlement(shop), uses(shop)) == before, "a club restored from a backup has the same books after two syncs",
         (before, settlement(shop), uses(shop)))
    case(refused(take(shop, texts[0], "A-40"), "another terminal"), "... and the terminals know what they knew")


def main():
    with Shop(BUILD) as shop:
        shop.open(card=None)
        shop.other = Other(shop)
        shop.other.sync()
        texts, path = make(shop)
        shop.stop("terminal")
        shop.start_terminal("--ident", shop.path("ident.sock"))
        what_the_club_makes(shop, texts, path)
        backup = shop.path("backup.db")
        subprocess.run(["sqlite3", shop.path("club/club.db"), f".backup {backup}"], check=True)
        shop.stop("club")
        one_terminal(shop, texts)
        shop.stop("terminal")
        shop.start_terminal("--ident", shop.path("ident.sock"))
        a_scan(shop, texts)
        forged_and_wrong(shop, texts)
        late_early_elsewhere(shop)
        shop.start_club()
        two_offline_shops(shop, shop.other, texts)
        a_club_restored(shop, texts, backup)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
