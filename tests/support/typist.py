"""typist - somebody at a terminal's keys: waits for what the screen says, types, keeps all that was shown.

    hands = Typist(fd)            the other end of a pseudo-terminal, a socket's, a serial line's
    hands.answers("", "spend", ""); hands.sheets(*sheets); hands.agree()

A sheet is what one custodian has: a half of each master, 32 digits, in the order of docs/keys.md."""
import os
import select
import subprocess
import time


def check_value(key):
    """Of 32 digits, by openssl."""
    said = subprocess.run(["openssl", "mac", "-macopt", "cipher:AES-128-CBC", "-macopt", f"hexkey:{key}", "CMAC"],
                          input=bytes(16), capture_output=True, check=True).stdout
    return said.decode().strip()[:6].lower()


def xor(*halves):
    value = 0
    for half in halves:
        value ^= int(half, 16)
    return f"{value:032x}"


class Typist:
    def __init__(self, fd, patience=1, pause=0.05, keys=None):
        """`pause`: seconds between question and answer, for keys that come before the question are thrown away. `keys`: where
        they go, if not to `fd`."""
        self.fd, self.patience, self.pause, self.keys = fd, patience, pause, fd if keys is None else keys
        self.seen, self.at = "", 0

    def look(self, seconds):
        """Takes in what comes until it is silent for so long; False: the line is gone."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                piece = os.read(self.fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                return False
            self.seen += piece.decode("latin-1")
        return True

    def until(self, text, seconds=20):
        """Waits for it behind what was waited for before."""
        end = time.monotonic() + seconds * self.patience
        while text not in self.seen[self.at:]:
            if time.monotonic() > end or not (self.look(0.02) or text in self.seen[self.at:]):
                raise RuntimeError(f"the screen did not say \"{text}\"; its end: {self.seen[self.at:][-1500:]!r}")
        self.at = self.seen.index(text, self.at) + len(text)

    def press(self, keys):
        os.write(self.keys, keys.encode("latin-1") if isinstance(keys, str) else keys)

    def type(self, text):
        """A line, as terminal programs send it."""
        time.sleep(self.pause)
        self.press(text + "\r")

    def half(self, half, check=None):
        """One half with its check value."""
        self.until("not shown): ")
        self.type(half)
        self.until("not shown): ")
        self.type(check or check_value(half))

    def sheets(self, *sheets):
        """Each custodian in turn."""
        for number, sheet in enumerate(sheets, 1):
            self.until(f"Custodian {number}, alone")
            for half in sheet:
                self.half(half)

    def answers(self, *answers):
        """Version, roles, custodians; "" takes what is offered."""
        for answer in answers:
            self.until("]: ")
            self.type(answer)

    def agree(self):
        self.until("type yes: ")
        self.type("yes")
