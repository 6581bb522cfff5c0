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


def check_ca(path):
    """One certificate, of a CA, that signed itself and has not ended."""
    try:
        with open(path, encoding="ascii") as file:
            pem = file.read(CA_MAX)
    except (OSError, UnicodeDecodeError):
        raise Refused(f"{path} cannot be read: it should be the club's ca.pem.") from None

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


class Order:
    """One terminal's, all of it checked."""
    def __init__(self, options, board, image):
        self.club, host = check_club(options.club or asking.ask("The club's address, HOST:PORT:"))
        self.club_name = check_name(options.club_name or host)
        self.ca = check_ca(options.ca or asking.ask("The file with the club's CA certificate:"))
        self.code = check_code(options.code or asking.ask("The one-time code:"))
        self.board, self.version = board, image.version
        self.date = datetime.date.today().isoformat()
        self.serial = options.serial or f"V{self.date[2:].replace('-', '')}-{''.join(secrets.choice(LETTERS) for _ in range(4))}"
        if not re.fullmatch(r"[A-Za-z0-9-]{1,24}", self.serial):
            raise Refused("--serial takes letters, digits and dashes, at most 24.")

    def code_id(self):
        """Tells codes apart and gives none away: 20 bits of a hash of 60."""
        number = int.from_bytes(hashlib.sha256(self.code.replace("-", "").encode()).digest()[:3], "big") >> 4
        return "".join(LETTERS[number >> shift & 31] for shift in (15, 10, 5, 0))

    def pack(self, folder):
        """What the disk's `ident` will hold, made in that folder."""
        self.content, work = Path(folder) / "ident.squashfs", Path(folder) / "order"
        work.mkdir()
        (work / "terminal.conf").write_text(f"club={self.club}\nclub_name={self.club_name}\ncode={self.code}\nserial={self.serial}\n")
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
