"""What terminal_bad.sh runs: real processes, and everything that a shop can do wrong to them.

Each case says what is wrong, whether the message tells what to do, and whether card and journal
stayed as they were. One TAP line a case."""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from shop import Shop  # noqa: E402

BUILD = Path(os.environ["BUILD"]).resolve()
failed = 0


def case(name, good, detail=""):
    global failed
    failed += not good
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        print(str(detail)[-1500:], flush=True)


def raw(shop, line, wait=3):
    """One line to the till's socket as it is; the first answer, or None when the line is cut."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(wait)
        s.connect(shop.path("till.sock"))
        s.sendall(line if isinstance(line, bytes) else line.encode() + b"\n")
        answer = s.makefile().readline()
    return json.loads(answer) if answer else None


def state(shop):
    """What must not change: the card's balance and the journal's transactions."""
    balance = shop.done("balance")
    status = shop.done("status")
    return balance["counter"], balance["points"], balance["credit"], status["pending"]


def unchanged(shop, name, before, good, detail=""):
    after = state(shop)
    case(name, good and after == before, f"{before} -> {after} {detail}")


def amounts(shop):
    before = state(shop)
    for text, word in (("-5", "negative"), ("0", "1 to"), ("99999999999999", "1 to"), ("10.5", "digits"),
                       ("1,000", "digits"), ("ten", "digits"), ("", "digits"), ("۱۰۰۰", "digits")):
        answer = shop.till("sale", text)
        unchanged(shop, f"amount {text!r} is refused with what would be right", before,
                  answer["rc"] == 2 and word in answer["text"], answer)
    for line, word in (
            ('{"v":1,"do":"sale","amount":1000000.0}', "whole number"),
            ('{"v":1,"do":"sale","amount":-1}', "whole number"),
            ('{"v":1,"do":"sale","amount":0}', "from 1"),
            ('{"v":1,"do":"sale","amount":"1000000"}', "whole number"),
            ('{"v":1,"do":"sale","amount":18446744073709551616}', "JSON"),
            ('{"v":1,"do":"sale","amount":68719476736}', "whole number"),
            ('{"v":1,"do":"sale"}', "missing"),
            ('{"v":1,"do":"sale","amount":1000000,"pay_kredit":5}', "pay_kredit"),
            ('{"v":1,"do":"sale","amount":1,"amount":2}', "JSON"),
            ('{"v":1,"do":"refund"}', "counter"),
            ('{"v":1,"do":"issue","birthday":"1990-02-30"}', "YYYY-MM-DD"),
            ('{"v":1,"do":"dance"}', "not known"), ('{"v":2,"do":"status"}', '"v"'),
            ('[]', "object"), ('{"v":1', "JSON"), ('', "JSON"), ('\x00\xff', "JSON")):
        answer = raw(shop, line) or {}
        unchanged(shop, f"line {line[:60]!r} is a bad_request that says what would be right", before,
                  answer.get("reason") == "bad_request" and word in answer.get("say", ""), answer)
    answer = raw(shop, b"x" * 25000) or {}
    unchanged(shop, "a line of 25,000 bytes is refused and that client let go", before,
              answer.get("reason") == "bad_request", answer)


def busy(shop):
    before = state(shop)
    shop.card("remove")
    one = subprocess.Popen([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "3", "--json", "sale",
                            "1000000"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    two = shop.till("balance")
    case("a second request is answered busy while the first has the card", two.get("reason") == "busy", two)
    status = shop.till("status")
    case("the status is answered meanwhile", status["rc"] == 0, status)
    first = json.loads(one.communicate(timeout=20)[0].splitlines()[-1])
    case("a sale without a card ends with no_card", first.get("reason") == "no_card", first)
    hang = socket.socket(socket.AF_UNIX)
    hang.connect(shop.path("till.sock"))
    hang.sendall(b'{"v":1,"do":"sale","amount":1000000,"wait_ms":60000}\n')
    hang.recv(4096)
    hang.close()
    time.sleep(0.9)
    shop.card("insert card1")
    unchanged(shop, "a register that hangs up before a card came sells nothing", before, True)


def flood(shop):
    """A register that asks and asks, and another one: 600 lines at once, fetched by a thread of their own."""
    lines, answered = 600, []
    one, two = (socket.socket(socket.AF_UNIX) for _ in range(2))
    for each in (one, two):
        each.connect(shop.path("till.sock"))
        each.settimeout(30)
    stream = one.makefile()
    fetch = threading.Thread(target=lambda: [answered.append(stream.readline()) for _ in range(lines)])
    one.sendall(b'{"v":1,"do":"status"}\n' * lines)
    fetch.start()
    two.sendall(b'{"v":1,"do":"status"}\n')
    two.makefile().readline()
    before = len(answered)
    fetch.join(30)
    case("a register that floods lets another one have its turn", before < lines / 4, before)
    case("and has all of its answers", len(answered) == lines and all('"ready"' in line for line in answered), len(answered))
    for each in (one, two):
        each.close()


def unread(shop):
    """A register that dies with its answer unread asks again when it is up: the same sale, not a second one."""
    before = state(shop)
    entries = shop.done("status")["entries"]
    register = socket.socket(socket.AF_UNIX)
    register.connect(shop.path("till.sock"))
    register.sendall(b'{"v":1,"do":"sale","amount":1230000}\n')
    shop.until(lambda: shop.done("status")["entries"] == entries + 2, what="the sale")
    time.sleep(0.3)  # the answer is in the register's socket by now
    register.close()
    time.sleep(0.6)
    again = shop.till("sale", "1230000")
    case("a register that dies with its answer unread is told again, and the sale is not done twice",
         again.get("earlier") is True and again.get("counter") == before[0] + 1, again)
    once_more = shop.till("sale", "1230000")
    case("asked once more it is a sale of its own", "earlier" not in once_more
         and once_more.get("counter") == before[0] + 2, once_more)


def programmes(shop):
    before = state(shop)
    shop.stop("terminal")
    base = json.load(open(ROOT / "programmes/base.json"))
    club, stranger = shop.path("club/programme.key"), shop.path("stranger.key")
    shop.run("vafa-programme", "key", stranger)

    def signed(document, key=club):
        Path(shop.path("plain.json")).write_text(json.dumps(document))
        return shop.run("vafa-programme", "sign", "--key", key, shop.path("plain.json")).stdout

    good = signed(dict(base, version=2))
    for name, text, word in (("is not JSON", "{", "not signed"), ("is not signed", json.dumps(dict(base, version=2)), "not signed"),
                             ("a stranger signed", signed(dict(base, version=2), stranger), "trusted"),
                             ("was changed", good[:200] + ("A" if good[200] != "A" else "B") + good[201:], ""),
                             ("was cut", good[:len(good) // 2], ""), ("is of 10 MB", good + " " * 10_000_000, "long"),
                             ("is not there", None, "read")):
        path = Path(shop.path("bad.json"))
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        done = terminal(shop, "--programme", path)
        case(f"a programme that {name} is refused by name", done.returncode == 1 and word in done.stderr
             and len(done.stderr) > 30, done)
    older = Path(shop.path("older.jws"))
    older.write_text(signed(dict(base, club="Older")))
    shop.start_terminal("--programme", older)
    unchanged(shop, "a programme that is not newer leaves the old one in force", before, True)


def terminal(shop, *more, db=None, keys=None, limit=None, sock="other.sock"):
    def limits():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    command = [str(BUILD / "vafa-terminal"), "--db", db or shop.path("terminal.db"), "--keys",
               keys or shop.path("keys"), "--reader", "pn532_uart:" + shop.path("nobody"), "--socket",
               shop.path(sock), *map(str, more)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limits)
    try:
        out, err = process.communicate(timeout=8)
    except subprocess.TimeoutExpired:
        process.terminate()
        out, err = process.communicate(timeout=10)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def enrolled_while_it_runs(shop, fresh):
    """Entries in its journal, before and after."""
    def entries():
        return json.loads(shop.run("vafa-till", "--socket", shop.path("fresh.sock"), "--json", "status").stdout.splitlines()[-1])["entries"]
    before = entries()
    code = next(w for w in shop.club("code", "--merchant", "Refah", "--branch", "Vanak").stdout.split() if w.count("-") == 2)
    for _ in range(2):
        shop.run("vafa-sync", "enrol", "--db", fresh, "--identity", shop.path("fresh.identity"), "--club", f"localhost:{shop.port}",
                 "--ca", shop.path("club/ca.pem"), "--code", code, check=False)
        shop.club("approve", "all")
    return [before, entries()]


def configuration(shop):
    before = state(shop)
    shop.stop("terminal")
    foreign = Path(shop.path("foreign.db"))
    foreign.write_bytes(b"SQLite format 3\0" + b"nonsense" * 600)
    other = shop.path("other.db")
    subprocess.run([sys.executable, "-c", f"import sqlite3; c=sqlite3.connect({other!r}); c.execute('create table t(a)');"
                    "c.commit()"], check=True)
    before_bytes = Path(other).read_bytes()
    for name, kw in (("a damaged file as database", {"db": str(foreign)}), ("another program's database", {"db": other}),
                     ("a database in no folder", {"db": shop.path("no/where.db")}),
                     ("no key store", {"keys": shop.path("nokeys")}), ("a key store of nonsense", {"keys": str(foreign)})):
        done = terminal(shop, **kw)
        case(f"{name} stops the start with a sentence", done.returncode == 1 and done.stderr.startswith("vafa-terminal: ")
             and len(done.stderr) > 40, done)
    case("another program's database was not touched", Path(other).read_bytes() == before_bytes)
    open_keys = shop.path("open-keys")
    Path(open_keys).write_bytes(Path(shop.path("keys")).read_bytes())
    os.chmod(open_keys, 0o644)
    done = terminal(shop, keys=open_keys)
    case("a key store that others may read is refused", done.returncode == 1 and "vafa-terminal" in done.stderr, done)
    fresh = shop.path("fresh.db")
    shop.start("fresh", "vafa-terminal", "--db", fresh, "--keys", shop.path("keys"), "--reader",
               "pn532_uart:" + shop.path("nobody"), "--socket", shop.path("fresh.sock"))
    shop.until(lambda: os.path.exists(shop.path("fresh.sock")), what="the fresh terminal")
    done = shop.run("vafa-till", "--socket", shop.path("fresh.sock"), "sale", "1000000", check=False)
    case("a terminal that is not enrolled sells nothing and says what to do",
         done.returncode == 1 and "enrol" in done.stdout, done)
    case("and one that is enrolled while it runs writes its start at once", enrolled_while_it_runs(shop, fresh) == [0, 1])
    shop.stop("fresh")
    shop.start_terminal()
    second = terminal(shop, sock="till.sock")
    case("a second terminal on the same socket is refused", second.returncode == 1 and "already" in second.stderr, second)
    unchanged(shop, "after all that the terminal sells as before", before, True)


def reader(shop):
    before = state(shop)
    shop.card("cut after 6")
    answer = shop.till("sale", "1000000", wait=2)
    case("a card that is pulled in mid-sale: nothing is said to be done", answer["rc"] in (1, 3), answer)
    shop.card("insert card1")
    unchanged(shop, "and the next tap finds it unchanged, nothing in doubt", before, True)
    pid = shop.processes["terminal"].pid
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    shop.card("remove")
    sale = subprocess.Popen([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "10", "--json", "sale",
                             "1000000"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    os.kill(int(children[0]), signal.SIGKILL)
    time.sleep(0.3)
    shop.card("insert card1")
    answer = json.loads(sale.communicate(timeout=30)[0].splitlines()[-1])
    case("the reader's process is killed while a card is awaited: the sale goes on", answer["state"] == "done", answer)
    before = state(shop)
    # The device goes with it: the kernel may give its number to another test's simulator at once.
    Path(shop.path("reader")).unlink()
    shop.stop("sim", "kill")
    answer = shop.till("sale", "1000000", wait=3)
    case("an unplugged reader: not done, and what to check", answer["rc"] == 1 and answer.get("reason") == "reader"
         and "reader" in answer.get("say", ""), answer)
    status = shop.till("status")
    case("the status says that the reader is away", status.get("reader") == "away" and not status["ready"], status)
    shop.start_reader()
    shop.card("insert card1")
    shop.until(lambda: shop.till("status").get("reader") == "up", what="the reader's return")
    unchanged(shop, "plugged in again it serves, and nothing has changed", before, True)


def disk(shop):
    """A file-size limit on the running process: from its next write on the disk is full."""
    before = state(shop)
    pid = shop.processes["terminal"].pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    answer = shop.till("sale", "1000000", wait=5)
    case("a disk that fills up: nothing is sold, and the message says what to do",
         answer["rc"] == 1 and answer.get("reason") == "disk" and len(answer.get("say", "")) > 20, answer)
    balance = shop.till("balance", wait=5)
    case("a balance is answered all the same", balance["rc"] == 0 and balance["counter"] == before[0], balance)
    status = shop.till("status")
    case("the status says so", status.get("disk") not in ("ok", None) and not status["ready"], status)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    unchanged(shop, "with room again nothing has changed", before, True)
    answer = shop.till("sale", "1000000", wait=5)
    case("and it sells", answer["rc"] == 0, answer)
    shop.stop("terminal")
    done = terminal(shop, limit=4096)
    case("a disk that is full at the start: the message says what to do",
         (done.returncode == 1 and done.stderr.startswith("vafa-terminal: ")) or "disk=full" in done.stdout, done)
    shop.start_terminal()


def clean_stop(shop):
    before = state(shop)
    process = shop.processes["terminal"]
    shop.card("remove")
    sale = subprocess.Popen([BUILD / "vafa-till", "--socket", shop.path("till.sock"), "--wait", "30", "--json", "sale",
                             "1000000"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    process.terminate()
    case("SIGTERM while a card is awaited ends the process cleanly", process.wait(10) == 0, shop.log("terminal"))
    shop.processes.pop("terminal")
    answer = sale.communicate(timeout=10)[0].splitlines()
    case("and the register is told that nothing was done", '"not_done"' in answer[-1], answer)
    case("and the socket is gone", not os.path.exists(shop.path("till.sock")))
    shop.card("insert card1")
    shop.start_terminal()
    unchanged(shop, "and nothing has changed", before, True)


with Shop(BUILD) as the_shop:
    the_shop.open()
    the_shop.done("issue", "--opening", "500000")
    the_shop.done("sale", "1000000")
    for part in (amounts, busy, flood, unread, programmes, configuration, reader, disk, clean_stop):
        try:
            part(the_shop)
        except Exception as error:  # a case that cannot even run is a failed one
            case(f"{part.__name__} ran to its end", False, repr(error))
            break
sys.exit(1 if failed else 0)
