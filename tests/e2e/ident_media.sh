#!/bin/bash
# ident_media - the technician's program vafa-ident on real pseudo terminals and on FIFOs of recorded
# key events: every medium is read, a bank card never shows, an unplugged device is found again.
# BUILD names the folder with the programs. Prints TAP lines.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check}"
export PYTHONDONTWRITEBYTECODE=1
exec timeout 120 python3 - "$BUILD/vafa-ident" <<'END'
import os, pty, random, select, signal, struct, subprocess, sys, tempfile, time, tty
from concurrent.futures import ThreadPoolExecutor

PROGRAM = sys.argv[1]
FAILED = 0
POOL = ThreadPoolExecutor(6)  # the devices mostly wait
RUNS = []

def check(name, good, why=""):
    global FAILED
    print(("ok " if good else "not ok ") + name, flush=True)
    if not good:
        FAILED += 1
        print("#   " + repr(why)[:400], flush=True)

def luhn(payload):
    digits = [int(c) for c in str(payload)]
    total = sum(d if i % 2 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits)))
    return str(payload) + str(-total % 10)

OWN = luhn(936400100000042)
BANK = luhn(603799112233445)   # an Iranian bank's issuer number
VISA = "4111111111111111"      # the scheme's test number

# --- a US keyboard, as linux/input-event-codes.h numbers it ------------------------------------
ROWS = {2: ("1234567890-=", "!@#$%^&*()_+"), 16: ("qwertyuiop[]", "QWERTYUIOP{}"),
        30: ("asdfghjkl;'`", 'ASDFGHJKL:"~'), 43: ("\\zxcvbnm,./", "|ZXCVBNM<>?"), 57: (" ", " ")}
KEYS = {}
for first, (plain, shifted) in ROWS.items():
    for i, c in enumerate(plain):
        KEYS.setdefault(c, (first + i, False))
    for i, c in enumerate(shifted):
        KEYS.setdefault(c, (first + i, True))
ENTER, SHIFT = 28, 42

class Clock:
    us = 5_000_000

def event(kind, code, value):
    Clock.us += 500
    return struct.pack("llHHi", Clock.us // 1000000, Clock.us % 1000000, kind, code, value)

def key(code):
    return b"".join(event(1, code, v) + event(0, 0, 0) for v in (1, 0))

def typed(text, enter=True):
    out = b""
    for c in text:
        code, shift = KEYS[c]
        out += (event(1, SHIFT, 1) if shift else b"") + key(code) + (event(1, SHIFT, 0) if shift else b"")
    return out + (key(ENTER) if enter else b"")

# --- the program ----------------------------------------------------------------------------------
class Ident:
    """vafa-ident on a device that is a link to a pseudo terminal, or a FIFO."""
    def __init__(self, kind, folder, fifo):
        self.path, self.fifo = os.path.join(folder, kind.split("@")[0]), fifo
        self.far = None
        if fifo:
            os.mkfifo(self.path)
        else:
            self.plug()
        self.process = subprocess.Popen([PROGRAM, kind + ":" + self.path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.text = {self.process.stdout: "", self.process.stderr: ""}
        if fifo:
            self.far = os.open(self.path, os.O_WRONLY)  # waits for the reading end
        else:
            # The program drops what lay in the line before it; so wait until it has set the line up.
            end = time.monotonic() + 10
            while time.monotonic() < end and tty.tcgetattr(self.far)[2] & 0o10017 == self.before:
                time.sleep(0.02)

    def plug(self):
        self.far, near = pty.openpty()
        mode = tty.tcgetattr(self.far)
        tty.setraw(self.far)
        mode = tty.tcgetattr(self.far)
        mode[4] = mode[5] = tty.B38400
        tty.tcsetattr(self.far, tty.TCSANOW, mode)
        self.before = tty.tcgetattr(self.far)[2] & 0o10017
        os.symlink(os.ttyname(near), self.path)
        os.close(near)

    def unplug(self):
        os.close(self.far)
        self.far = None
        os.unlink(self.path)

    def send(self, data):
        os.write(self.far, data)

    def take(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select(list(self.text), [], [], left)
            for f in ready:
                part = os.read(f.fileno(), 65536).decode()
                if not part:
                    return
                self.text[f] += part
            yield

    def wait(self, want, where="stdout", seconds=10):
        f = getattr(self.process, where)
        for _ in self.take(seconds):
            if want in self.text[f]:
                break
        return want in self.text[f]

    def rest(self, seconds=0.4):
        for _ in self.take(seconds):
            pass

    @property
    def out(self):
        return self.text[self.process.stdout]

    @property
    def err(self):
        return self.text[self.process.stderr]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.rest(10)
        rc = self.process.wait(10)
        if self.far is not None:
            os.close(self.far)
        return rc

def run(*what):
    RUNS.append(POOL.submit(run_one, *what))

def run_one(name, kind, fifo, sends, out, err=(), never=()):
    """One device: sends parts 600 ms apart; stdout must be exactly `out`, stderr hold each of `err`."""
    with tempfile.TemporaryDirectory() as folder:
        ident = Ident(kind, folder, fifo)
        for part in sends:
            ident.send(part)
            ident.rest(0.6)
        ident.rest()
        rc = ident.end()
        return (name, rc == 0 and ident.out == "".join(o + "\n" for o in out)
                and all(e in ident.err for e in err) and (err or not ident.err)
                and not any(n in ident.out + ident.err for n in never),
                (rc, ident.out, ident.err))

STX, ETX = b"\x02", b"\x03"
frame = STX + b"100086F44426" + ETX

# --- media ------------------------------------------------------------------------------------------
run("a tag on an RDM6300 is shown once while it is held", "em4100-serial", False, [frame * 5],
    ["em4100 0008844356 100086F444"])
run("a tag on an EM-18 is shown", "em4100-serial", False, [b"010063E9AE25"], ["em4100 0006547886 010063E9AE"])
run("a tag on a length-typed reader is shown", "em4100-serial", False,
    [bytes.fromhex("020A0206008E6D5DB003")], ["em4100 0009334109 06008E6D5D"])
run("a tag frame with a wrong check is not shown", "em4100-serial", False,
    [STX + b"100086F44427" + ETX], [])
run("a serial scanner's codes are shown", "scanner-serial", False, [b"VAFA-1\r\n", "عضو ۴۲\r".encode(), b"VAFA-3"],
    ["barcode VAFA-1", "barcode عضو 42", "barcode VAFA-3"])
run("a serial scanner at another speed works", "scanner-serial@115200", False, [b"VAFA-1\t"], ["barcode VAFA-1"])
run("a typing scanner's codes are shown", "scanner-keys", True, [typed("https://vafa.example/m?n=42"), typed("VAFA-2", False)],
    ["barcode https://vafa.example/m?n=42", "barcode VAFA-2"])
run("a typing tag reader's number is shown", "em4100-keys", True, [typed("0006547886")], ["em4100 0006547886"])
run("our stripe's number is shown, not its track", "magstripe-keys", True,
    [typed(f"%B{OWN}^VAFA/MEMBER^2512101?;{OWN}=2512101?")], [f"magstripe {OWN}"], (), ["VAFA/", "2512101"])
run("an unreadable stripe asks for another swipe", "magstripe-keys", True, [typed("%E?;E?")], [], ["swipe"])

# --- bank cards -------------------------------------------------------------------------------------
SECRETS = [BANK, VISA, BANK[6:], VISA[4:], "DOE", "2512101", "0000000000"]
REFUSED = ["bank card"]
for pan in (BANK, VISA):
    run(f"a bank card of {pan[:4]} is refused and shows nothing", "magstripe-keys", True,
        [typed(f"%B{pan}^DOE/JOHN^25121010000000000?;{pan}=25121010000000000?")], [], REFUSED, SECRETS)
    run(f"its tracks one by one, {pan[:4]}", "magstripe-keys", True,
        [typed(f"%B{pan}^DOE/JOHN^25121010000000000?") + typed(f";{pan}=25121010000000000?") + typed("+E?")],
        [], REFUSED, SECRETS)
    run(f"without Enter, {pan[:4]}", "magstripe-keys", True,
        [typed(f";{pan}=25121010000000000?", False)], [], REFUSED, SECRETS)
    run(f"its number from a scanner, {pan[:4]}", "scanner-serial", False,
        [pan.encode() + b"\r", f"pay {pan[:4]}-{pan[4:8]}-{pan[8:12]}-{pan[12:]}\r".encode()], [], REFUSED, SECRETS)
    run(f"its track from a device that was named a scanner, {pan[:4]}", "scanner-keys", True,
        [typed(f";{pan}=25121010000000000?")], [], REFUSED, SECRETS)
    run(f"its track from a device that was named a tag reader, {pan[:4]}", "em4100-keys", True,
        [typed(f"%B{pan}^DOE/JOHN^2512101?")], [], REFUSED, SECRETS)
run("another club's stripe is not shown either", "magstripe-keys", True, [typed(";0012345678?")], [], ["bank card"], ["1234"])
run("our card after a bank card is read", "magstripe-keys", True,
    [typed(f";{BANK}=25121010000000000?"), typed(f";{OWN}?")], [f"magstripe {OWN}"], REFUSED, SECRETS)

for done in RUNS:
    check(*done.result())

# --- plug and unplug --------------------------------------------------------------------------------
with tempfile.TemporaryDirectory() as folder:
    ident = Ident("em4100-serial", folder, False)
    ident.send(frame)
    first = ident.wait("0008844356")
    ident.unplug()
    told = ident.wait("plug it in", "stderr")
    time.sleep(1.5)
    ident.plug()
    back = ident.wait("The device is there", "stderr")
    ident.send(STX + b"010063E9AE25" + ETX)
    second = ident.wait("0006547886")
    check("an unplugged reader is found again", first and told and back and second, (ident.out, ident.err))
    check("it is told once", ident.err.count("unplugged") == 1 and ident.err.count("is there") == 1, ident.err)
    check("it ends in good order", ident.end() == 0, ident.err)
with tempfile.TemporaryDirectory() as folder:
    ident = Ident("magstripe-keys", folder, True)
    ident.send(typed(f";{BANK}=2512", False))
    os.close(ident.far)                      # unplugged in the middle of a bank card
    told = ident.wait("plug it in", "stderr")
    ident.far = os.open(ident.path, os.O_WRONLY)
    back = ident.wait("The device is there", "stderr")
    ident.send(typed(f"{OWN}"))
    good = ident.wait(f"magstripe {OWN}")
    check("a typing device unplugged in mid-swipe forgets the half", told and back and good
          and not any(s in ident.out + ident.err for s in SECRETS), (ident.out, ident.err))
    ident.end()

# --- hostile ----------------------------------------------------------------------------------------
random.seed(20261122)
for kind, fifo in (("em4100-serial", False), ("scanner-serial", False), ("scanner-keys", True), ("magstripe-keys", True)):
    with tempfile.TemporaryDirectory() as folder:
        ident = Ident(kind, folder, fifo)
        for _ in range(25):
            ident.send(random.randbytes(4080))
            ident.rest(0.05)
        ident.rest(0.8)
        alive = ident.process.poll() is None
        rc = ident.end()
        lines = ident.out.splitlines()
        check(f"102,000 random bytes do {kind} no harm", alive and rc == 0 and
              all(len(l.encode()) < 100 for l in lines) and "Sanitizer" not in ident.err
              and "runtime error" not in ident.err, (rc, lines[:3], ident.err[-300:]))

# --- typed, and wrong use -----------------------------------------------------------------------------
def ask(lines):
    p = subprocess.run([PROGRAM, "typed"], input=lines, capture_output=True, timeout=20)
    return p.returncode, p.stdout.decode(), p.stderr.decode()

rc, out, err = ask(f"0123456789\n۰۹۱۲۳۴۵۶۷۸۹\n+98 912 345 6789\n{OWN}\n".encode())
check("what a cashier types is told apart", (rc, out, err) ==
      (0, f"national_code 0123456789\nphone 09123456789\nphone 09123456789\ncard_number {OWN}\n", ""), (rc, out, err))
rc, out, err = ask(f"0123456788\n1111111111\n{BANK}\n0912\n".encode())
check("what is mistyped is refused with a sentence each", rc == 0 and out == "" and err.count("\n") == 4
      and "check digit" in err and "bank card" in err and BANK not in err, (rc, out, err))
rc, out, err = ask(b"9" * 5000 + b"\n0123456789")
check("a line without end is refused as one", rc == 0 and out == "national_code 0123456789\n" and err.count("\n") == 1, (rc, out, err))
rc, out, err = ask(random.randbytes(100000))
check("100,000 random bytes typed do no harm", rc == 0 and "Sanitizer" not in err and "runtime error" not in err, (rc, err[-300:]))
for arguments in ([], ["a", "b"], ["nothing"], ["magstripe:/dev/null"], ["em4100-serial:"], ["scanner-serial@1:/dev/null"]):
    p = subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=10)
    check(f"wrong use is told: {' '.join(arguments) or 'no argument'}", p.returncode == 2 and p.stderr and not p.stdout, p)

sys.exit(1 if FAILED else 0)
END
