#!/usr/bin/env python3
"""media_shop - what only says who a member is, with real processes: club, simulated reader, terminal,
vafa-ident on pseudo terminals, sync. A national code, an NTAG and an EM4100 tag are linked to a card
and find it; none of them spends; a bank card is refused and its digits are in no file.
BUILD names the folder with the programs. Prints TAP lines."""
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from scans import Device, Till  # noqa: E402
from shop import Lines, Shop  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
failed = 0

CODE = "0012345679"     # its check digit by hand: 112 mod 11 = 2, 11 - 2 = 9
PHONE = "09121234567"
TAG = b"\x02" + b"0100" + b"63E9AE" + b"25" + b"\x03"  # RDM6300 frame; prints 0006547886
TAG_PRINTED = "0006547886"
BANK = "6037991122334454"   # an Iranian bank's issuer number; Luhn by hand below
VISA = "4111111111111111"   # the scheme's test number


def luhn_ok(number):
    digits = [int(c) for c in reversed(number)]
    return sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(digits)) % 10 == 0


while not luhn_ok(BANK):
    BANK = BANK[:-1] + str((int(BANK[-1]) + 1) % 10)


def case(name, good, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        print("# " + str(detail)[-1500:].replace("\n", "\n# "), flush=True)


def till(shop, *args, typed=None, wait=10):
    """vafa-till with something typed; the final answer, all lines as "lines"."""
    done = subprocess.run([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", str(wait), "--json",
                           *args], input=typed, capture_output=True, text=True, timeout=60)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {**(lines[-1] if lines else {}), "rc": done.returncode, "lines": lines, "err": done.stderr}


def files_with(shop, text):
    """All files of the shop in which the text is, as ASCII digits or as a 64-bit number."""
    needles = [text.encode(), int(text).to_bytes(8, "little"), int(text).to_bytes(8, "big")]
    found = []
    for path in Path(shop.dir).rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if any(n in data for n in needles):
                found.append(path.name)
    return found


def link_and_find_typed(shop):
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("a national code that is not linked says so", answer.get("reason") == "not_linked" and answer["rc"] == 1, answer)
    answer = till(shop, "find", "-", typed="0012345678\n")
    case("a mistyped national code says that its check digit is wrong",
         answer.get("state") == "not_done" and "check digit" in answer["say"], answer)
    before = shop.done("status")["entries"]
    answer = till(shop, "link", "-", typed=CODE + "\n")
    case("a national code is linked to the card that lies there", answer.get("state") == "done" and
         answer.get("medium") == "national_code", answer)
    case("... in one journal entry", shop.done("status")["entries"] == before + 1)
    answer = till(shop, "link", "-", typed=" ۰۰۱۲۳۴۵۶۷۹ \n")
    case("linked once more, in Persian digits, it is the same and no entry is made",
         answer.get("state") == "done" and shop.done("status")["entries"] == before + 1, answer)
    shop.card("remove")
    balance = {"points": 0, "credit": 500000}
    answer = till(shop, "find", "-", typed=CODE + "\n")
    number = shop.number
    case("the national code finds the card with no card there", answer.get("state") == "done" and
         {k: answer[k] for k in balance} == balance and answer["may_spend"] is False, answer)
    case("... its number shortened", answer["card"] == number[:6] + "******" + number[-4:], answer)
    case("... and when it was seen", abs(answer["seen"] - time.time()) < 300, answer)
    shop.card("insert card1")
    shop.done("sale", "1000000")
    sold = shop.done("balance")
    shop.card("remove")
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("after a sale it shows what this terminal saw last", answer["points"] == sold["points"] == 10 and
         answer["counter"] == sold["counter"], (answer, sold))
    answer = till(shop, "find", "-", typed=number + "\n")
    case("a card number finds the card without a link", answer.get("medium") == "card_number" and
         answer["points"] == 10, answer)
    answer = till(shop, "link", "-", typed=number + "\n")
    case("... and needs none", answer.get("reason") == "refused" and "needs no link" in answer["say"], answer)
    answer = till(shop, "find", CODE)
    case("vafa-till takes no code from the command line, and does not repeat it", answer["rc"] == 2 and
         CODE not in answer["err"], answer)


def ntag(shop):
    shop.card("new tag ntag213 04112233445566")
    shop.card("insert tag")
    shop.card("reset")
    for what in ("find", "balance"):
        answer = shop.till(what)
        case(f"an NTAG that is not linked: {what} says so", answer.get("reason") == "not_linked", answer)
    link = Till(shop, "link")
    link.says("Hold the card")
    time.sleep(0.3)  # the tag goes on lying there: it is not the card
    shop.card("remove")
    shop.card("insert card1")
    answer = link.answer()
    case("an NTAG is linked: the tag first, then the card", answer.get("state") == "done" and
         answer.get("medium") == "uid", answer)
    sold = shop.done("balance")
    shop.card("remove")
    shop.card("insert tag")
    for what in ("find", "balance"):
        answer = shop.till(what)
        case(f"{what} with the NTAG shows the card's last state", answer.get("state") == "done" and
             answer.get("medium") == "uid" and answer["credit"] == sold["credit"] and
             answer["counter"] == sold["counter"] and answer["may_spend"] is False, answer)
    before = shop.done("status")["entries"]
    for words in (("sale", "1000000"), ("sale", "1000000", "--pay-credit", "1000"), ("load", "100000"), ("issue",)):
        answer = shop.till(*words)
        case(f"{' '.join(words)} with the NTAG is refused with what to do", answer.get("reason") == "medium" and
             "hold the card for points and credit" in answer["say"], answer)
    case("... and journals nothing", shop.done("status")["entries"] == before)
    case("nothing was ever written to the NTAG", " writes=0" in shop.card("count"), shop.card("count"))
    shop.card("remove")


def em4100(shop):
    tag = Device(shop, "tags", "em4100-serial")
    link = Till(shop, "link", wait=30)
    link.says("Scan")
    while not any("Hold the card" in line["say"] for line in link.seen) and link.is_alive():
        tag.write(TAG)
        time.sleep(0.7)
    shop.card("insert card1")
    answer = link.answer()
    case("an EM4100 tag is linked: a line on a pseudo terminal, then the card", answer.get("state") == "done" and
         answer.get("medium") == "em4100", answer)
    shop.card("remove")
    answer = Till(shop, "find", wait=20).answer_while(lambda: tag.write(TAG))
    case("the EM4100 tag finds the card", answer.get("state") == "done" and answer.get("medium") == "em4100" and
         answer["may_spend"] is False, answer)
    # A sale waits for its card; the device's process dies, comes again, and brings a scan.
    sale = Till(shop, "sale", "1000000", wait=20)
    sale.says("Hold the card")
    shop.stop("ident.tags", "kill")
    tag.start()
    time.sleep(0.5)
    tag.write(TAG)
    time.sleep(0.3)
    case("a scan, and a killed vafa-ident, leave a waiting sale alone", sale.is_alive(), sale.seen)
    shop.card("insert card1")
    answer = sale.answer()
    case("... which its card then finishes", answer.get("state") == "done" and answer.get("points") == 20, answer)
    shop.card("remove")
    answer = Till(shop, "find", wait=20).answer_while(lambda: tag.write(TAG))
    case("the vafa-ident that came again finds the card again", answer.get("state") == "done", answer)
    # The scan comes, and the till hangs up, before the terminal gets to either.
    before = shop.done("status")["entries"]
    line = Lines(shop.path("till.sock"))
    line.say('{"v":1,"do":"replace","confirm":true,"wait_ms":60000}')
    line.hear()  # "Scan ..."
    time.sleep(3)  # the same tag sooner is the same scan
    shop.processes["terminal"].send_signal(signal.SIGSTOP)
    tag.write(TAG)
    time.sleep(0.5)
    line.file.close()
    line.socket.close()
    shop.processes["terminal"].send_signal(signal.SIGCONT)
    time.sleep(0.5)
    answer = shop.till("find", wait=1)
    case("who hung up gets no replacement, and nobody waits for its card", answer.get("reason") == "no_card" and
         shop.done("status")["entries"] == before, answer)


def bank_card(shop):
    scanner = Device(shop, "scanner", "scanner-serial")
    track = f";{BANK}=29121010000012300000?\r".encode()
    for name, data in (("track", track), ("number", VISA.encode() + b"\r")):
        answer = Till(shop, "find", wait=20).answer_while(lambda: scanner.write(data))
        case(f"a bank card's {name} is refused at the scan", answer.get("reason") == "refused" and
             "bank card" in answer.get("say", ""), answer)
    for number in (BANK, VISA):
        for what in ("find", "link"):
            answer = till(shop, what, "-", typed=number + "\n")
            case(f"a bank card's number typed for {what} is refused", answer.get("reason") == "refused" and
                 "bank card" in answer["say"], answer)
    import socket
    for line in (BANK, f";{BANK}=29121010000012300000?", '"' + VISA, json.dumps({"v": 1, "do": "find", "medium": int(VISA)})):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(shop.path("till.sock"))
            s.sendall(line.encode() + b"\n")
            said = s.makefile().readline()
        case(f"{line[:12]!r}... as a raw line is a bad request, and not repeated", "bad_request" in said and
             BANK not in said and VISA not in said, said)
    with socket.socket(socket.AF_UNIX) as s:  # a vafa-ident that lets one through
        s.connect(shop.path("ident.sock"))
        s.sendall(f"id barcode {VISA}\nno {BANK} is a card\nid uid {BANK}{BANK}{BANK}\nnonsense {BANK}\n".encode())
        time.sleep(0.3)


def conflict_and_club(shop):
    shop.card("new card2 1k 04a1b2c4")
    shop.card("insert card2")
    shop.done("issue")
    answer = till(shop, "link", "-", typed=CODE + "\n")
    case("a medium of another card is not taken over", answer.get("reason") == "refused" and
         "another card" in answer["say"], answer)
    answer = till(shop, "link", "-", typed="+98 912 123 4567\n")
    case("a phone number is linked to the second card", answer.get("medium") == "phone", answer)
    shop.card("remove")
    answer = till(shop, "find", "-", typed=PHONE + "\n")
    case("... and finds it, written another way", answer.get("state") == "done" and answer["points"] == 0, answer)
    shop.sync_once()
    links = json.loads(shop.club("links", "--json").stdout)
    case("the club has the four links", sorted(l["kind"] for l in links) ==
         ["em4100", "national_code", "phone", "uid"] and
         sorted({l["card"] for l in links if l["kind"] != "phone"}) == [shop.number], links)
    case("... and its books balance", shop.club("report").returncode == 0)


def full_disk_and_nobody(shop):
    shop.card("insert card1")
    before = shop.done("status")["entries"]
    pid = shop.processes["terminal"].pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    answer = till(shop, "link", "-", typed="0921 111 1111\n", wait=5)
    case("a link that the disk cannot take is not done, and says so", answer.get("reason") == "disk" and
         answer.get("state") == "not_done", answer)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    answer = till(shop, "find", "-", typed="09211111111\n")
    case("... nothing of it is there", answer.get("reason") == "not_linked" and
         shop.done("status")["entries"] == before, answer)
    shop.card("remove")
    answer = till(shop, "find", wait=1)
    case("a find that nothing is presented for ends", answer.get("reason") == "no_card" and
         "Nothing was scanned" in answer["say"], answer)
    answer = till(shop, "link", "-", typed="0921 111 1111\n", wait=1)
    case("a link without its card ends, and links nothing", answer.get("reason") == "no_card" and
         shop.done("status")["entries"] == before, answer)
    shop.card("insert card1")
    answer = till(shop, "link", wait=5)
    case("a card before the medium is told the order", answer.get("reason") == "refused" and
         "comes first" in answer["say"], answer)
    answer = till(shop, "find", wait=5)
    case("a member card held for find is answered as for a balance", answer.get("card") == shop.number, answer)
    shop.card("remove")
    link = Till(shop, "link", wait=20)
    link.says("Scan")
    link.process.kill()
    link.join()
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("a till that hangs up in the middle leaves the desk free", answer.get("state") == "done", answer)


def second_terminal(shop):
    """Another terminal of the club, with the same masters, in the same folder under other names."""
    shop.stop("terminal")
    for name in ("terminal.db", "terminal.db-wal", "terminal.db-shm", "identity", "terminal.db.hotlist"):
        if os.path.exists(shop.path(name)):
            os.rename(shop.path(name), shop.path("first." + name))
    shop.enrol()
    shop.sync_once()
    shop.start_terminal("--ident", shop.path("ident.sock"))
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("another terminal finds by the national code once it has synced", answer.get("state") == "done" and
         answer["card"] == shop.number[:6] + "******" + shop.number[-4:], answer)
    case("... and knows no state of a card that it never saw", "points" not in answer and
         "not seen the card" in answer["say"], answer)
    shop.card("insert card2")
    answer = till(shop, "link", "-", typed=CODE + "\n")
    case("... and does not link it to another card", answer.get("reason") == "refused", answer)
    answer = till(shop, "link", "-", typed=PHONE + "\n")
    case("... and finds linked already what is", answer.get("state") == "done", answer)
    shop.card("remove")
    case("... without an entry", len(json.loads(shop.club("links", "--json").stdout)) == 4)
    shop.stop("terminal")
    for name in ("terminal.db", "terminal.db-wal", "terminal.db-shm", "identity", "terminal.db.hotlist"):
        if os.path.exists(shop.path(name)):
            os.rename(shop.path(name), shop.path("second." + name))
        if os.path.exists(shop.path("first." + name)):
            os.rename(shop.path("first." + name), shop.path(name))
    shop.start_terminal("--ident", shop.path("ident.sock"))


def restart(shop):
    shop.stop("terminal")
    shop.start_terminal("--ident", shop.path("ident.sock"))
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("a restarted terminal still finds by the national code", answer.get("state") == "done" and
         answer["points"] == 20, answer)
    shop.run("vafa-keys", "new", shop.path("other"))
    shop.stop("terminal")
    os.rename(shop.path("other"), shop.path("keys"))
    os.rename(shop.path("other.device"), shop.path("keys.device"))
    shop.start_terminal("--ident", shop.path("ident.sock"))
    answer = till(shop, "find", "-", typed=CODE + "\n")
    case("with another master the database tells nothing", answer.get("reason") == "not_linked", answer)


def no_master(shop):
    """A key store with the masters of Classic cards alone."""
    sheets = []
    for _ in range(4):
        half, check = shop.run("vafa-keys", "half").stdout.strip().split("check value ")
        sheets += [half.strip(), check.strip()]
    made = subprocess.run([BUILD / "vafa-keys", "ceremony", shop.path("classic"), "--role", "classic", "--version", "0"],
                          input="\n".join(sheets + ["yes", ""]), capture_output=True, text=True, timeout=60)
    shop.stop("terminal")
    for name in ("keys", "keys.device"):
        os.rename(shop.path(name), shop.path("all." + name))
        os.rename(shop.path(name.replace("keys", "classic")), shop.path(name))
    shop.start_terminal("--ident", shop.path("ident.sock"))
    for what in ("find", "link"):
        answer = till(shop, what, "-", typed=CODE + "\n")
        case(f"without a media master {what} says what is missing", answer.get("reason") == "refused" and
             "role media" in answer["say"], (answer, made.stderr))
    answer = till(shop, "find", "-", typed=shop.number + "\n")
    case("... and a card number still finds", answer.get("state") == "done", answer)


def nothing_kept(shop):
    control = Path(shop.path("control"))
    control.write_text("x" + BANK)
    case("the search finds a control", files_with(shop, BANK) == ["control"], files_with(shop, BANK))
    control.unlink()
    for name, text in (("bank card", BANK), ("bank card", VISA), ("national code", CODE), ("phone number", PHONE),
                       ("phone number", PHONE[1:]), ("tag's number", TAG_PRINTED)):
        case(f"no file has the digits of the {name} {text[:4]}...", files_with(shop, text) == [],
             files_with(shop, text))
    case("the terminal's log names refusals, not digits", "T503" in shop.log("terminal"), shop.log("terminal"))


def main():
    with Shop(BUILD) as shop:
        shop.start_club()
        shop.club("programme", shop.programme)
        shop.start_reader()
        shop.run("vafa-keys", "new", shop.path("keys"))
        shop.enrol()
        shop.sync_once()
        shop.start_terminal("--ident", shop.path("ident.sock"))
        shop.card("new card1 1k 04a1b2c3")
        shop.card("insert card1")
        shop.number = shop.done("issue", "--opening", "500000")["card"]
        link_and_find_typed(shop)
        ntag(shop)
        em4100(shop)
        bank_card(shop)
        conflict_and_club(shop)
        full_disk_and_nobody(shop)
        second_terminal(shop)
        nothing_kept(shop)
        restart(shop)
        no_master(shop)
    return failed > 0


sys.exit(main())
