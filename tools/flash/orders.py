"""What makes a disk one terminal's: where its club is, whom it believes, and a code that lets it in once.

The device makes its key and its certificate request itself, at its first start with a line."""
import datetime
import hashlib
import re
import secrets
import subprocess
from pathlib import Path

import asking
import provision
from common import Refused, run
from plain import plain

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"   # of codes: none that is misread
CODE = re.compile(f"[{LETTERS}]{{4}}(-[{LETTERS}]{{4}}){{2}}")
CLUB = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
NAME = re.compile(r"[A-Za-z0-9.:_-]{1,99}")
SERIAL = re.compile("[A-Za-z0-9-]{1,24}")
# What else may stand in terminal.conf, by whoever wrote it (tools/image/provision.py): a new code leaves it there.
MORE = re.compile("(interval|quiet|update_rate)=[0-9]{1,9}")
LINE_MAX = 99     # of a value in terminal.conf: boards/common/device/init_main.c
CA_MAX = 1 << 16


def check_club(text):
    found = CLUB.fullmatch(text)
    if not found or not 1 <= int(found[2]) <= 65535 or len(text) > LINE_MAX:
        raise Refused(f"\"{plain(text, LINE_MAX)}\" is no club's address: HOST:PORT, as in club.example.ir:8443.")
    return text, found[1].strip("[]")


def check_name(text):
    if not NAME.fullmatch(text):
        raise Refused(f"\"{plain(text, LINE_MAX)}\" is no name of a club's server: letters, digits, dots and dashes, as in its certificate.")
    return text


def check_code(text):
    """Dashes and capitals may be left out, as at the club."""
    plain = re.sub("[- ]", "", text).upper()
    code = "-".join(plain[at:at + 4] for at in range(0, len(plain), 4))
    if not CODE.fullmatch(code):
        raise Refused("This is no one-time code: 12 letters and digits, as vafa-club code prints them, without I, L, O, U.")
    return code


def check_serial(text):
    if not SERIAL.fullmatch(text):
        raise Refused("--serial takes letters, digits and dashes, at most 24.")
    return text


def read_ca(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read(CA_MAX)
    except (OSError, UnicodeDecodeError):
        raise Refused(f"{path} cannot be read: it should be the club's ca.pem.") from None


def check_ca(pem, path="It"):
    """One certificate, of a CA, that signed itself and has not ended."""
    def openssl(*args):
        return subprocess.run(["openssl", *args], input=pem, capture_output=True, text=True, check=False)
    if "PRIVATE KEY" in pem:
        raise Refused(f"{path} holds a private key, which must not leave the club: it should be its ca.pem, a certificate alone.")
    told = openssl("x509", "-noout", "-ext", "basicConstraints")
    if told.returncode != 0 or pem.count("BEGIN CERTIFICATE") != 1:
        raise Refused(f"{path} is no certificate: it should be the club's ca.pem, which vafa-club serve names.")
    if "CA:TRUE" not in told.stdout:
        raise Refused(f"{path} is a certificate, but not of a CA: it should be the club's ca.pem, not its server.pem.")
    if openssl("x509", "-noout", "-checkend", "0").returncode != 0:
        raise Refused(f"{path} has ended: ask the club for its new one.")
    return pem


class Before:
    """What a disk's `ident` says already; "" where that is nothing, or not what may stand there."""
    def __init__(self, disk=None):
        self.conf, pem = {}, ""
        if disk is not None:
            conf, pem = (read_ident(disk, name) for name in ("terminal.conf", "ca.pem"))
            self.conf = dict(line.split("=", 1) for line in conf.splitlines() if "=" in line)
        self.club = self.good("club", lambda text: check_club(text)[0])
        self.code, self.serial = self.good("code", check_code), self.good("serial", check_serial)
        self.more = [f"{line}\n" for line in map("=".join, self.conf.items()) if MORE.fullmatch(line)]
        try:
            self.ca = check_ca(pem)
        except Refused:
            self.ca = ""

    def good(self, name, check):
        try:
            return check(self.conf.get(name, ""))
        except Refused:
            return ""

    def club_name(self):
        """One that was given: not the host of the address."""
        name = self.good("club_name", check_name)
        return name if self.club and name != check_club(self.club)[1] else ""


def read_ident(disk, name):
    """A file of it; "": there is none."""
    offset, _ = provision.partition(disk.path, "ident")
    with subprocess.Popen(["unsquashfs", "-o", str(offset), "-cat", disk.path, name], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        text = process.stdout.read(CA_MAX)   # however large it says that it is
        process.kill()
    return text.decode("ascii", errors="replace")


class Order:
    """One terminal's, all of it checked. What is no option is as it was before, or asked for."""
    def __init__(self, options, before=None):
        before = before or Before()
        self.club, host = check_club(options.club or before.club or asking.ask("The club's address, HOST:PORT:"))
        self.club_name = check_name(options.club_name or before.club_name() or host)
        self.ca = before.ca if before.ca and not options.ca else self.ask_ca(options.ca)
        self.code = check_code(options.code or before.code or asking.ask("The one-time code:"))
        self.date = datetime.date.today().isoformat()
        self.serial = check_serial(options.serial or before.serial or self.make_serial())
        self.more = before.more

    @staticmethod
    def ask_ca(path):
        path = path or asking.ask("The file with the club's CA certificate:")
        return check_ca(read_ca(path), path)

    def make_serial(self):
        return f"V{self.date[2:].replace('-', '')}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"

    def code_id(self):
        """Tells codes apart and gives none away: 20 bits of a hash of 60."""
        number = int.from_bytes(hashlib.sha256(self.code.replace("-", "").encode()).digest()[:3], "big") >> 4
        return "".join(LETTERS[number >> shift & 31] for shift in (15, 10, 5, 0))

    def pack(self, folder):
        """What the disk's `ident` will hold, made in that folder."""
        self.content, work = Path(folder) / "ident.squashfs", Path(folder) / "order"
        work.mkdir()
        (work / "terminal.conf").write_text(f"club={self.club}\nclub_name={self.club_name}\ncode={self.code}\nserial={self.serial}\n"
                                            f"{''.join(self.more)}")
        (work / "ca.pem").write_text(self.ca)
        provision.pack(work, self.content)

    def provision(self, disk):
        provision.write_partition(disk.path, "ident", self.content)
        run("blockdev", "--flushbufs", disk.path)
        want = self.content.read_bytes()
        with open(disk.path, "rb") as file:
            file.seek(provision.partition(disk.path, "ident")[0])
            if file.read(len(want)) != want:
                raise Refused(f"{disk.path} does not hold what was written for its terminal: it is broken; take another disk.")
