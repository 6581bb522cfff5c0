"""Listens at a terminal's console until its self-test has spoken: a serial device, or the socket of an emulator."""
import os
import re
import select
import socket
import stat
import termios
import time
from dataclasses import dataclass, field

import images
from common import Board, Refused
from plain import plain

# In the order in which the device tests them (boards/common/device/selftest.h); the last is no part of it: LAST.
PARTS = ("data", "keys", "database", "journal", "reader", "programme", "clock")
LAST = "club"   # it has not let the terminal in, all of which works
STAMP = re.compile(r"^\[ *\d+\.\d{3}\] ")
LINES_KEPT, LINE_MAX = 12, 4096


def is_screen(board):
    """Its console is no serial line: nobody but a person reads there (boards/NAME/board.conf)."""
    return re.match(r"tty\d", Board(board)["console"]) is not None


def read_there(board):
    return (f"The console of {board} is its screen: give it power and read there. Within 4 minutes it says \"vafa: self-test ok\", or "
            "\"vafa: self-test failed\" and why (docs/flash.md, 3).")


@dataclass
class Result:
    """`works`: the self-test went well. Else `why` is the device's own sentence, or, with `is_silent`, ours."""
    works: bool = False
    why: str = ""
    is_silent: bool = False
    is_clock_set: bool = True
    is_code_refused: bool = False   # by the club, the last time that it was asked
    slot: str = "?"
    version: str = "?"
    seconds: float = 0
    lines: list = field(default_factory=list)

    def parts(self):
        """[(part, True, False or None: it was not reached)]"""
        failed = self.why.split(":")[0]
        if self.works or failed == LAST:
            return [(part, True) for part in PARTS]
        if self.is_silent or failed not in PARTS:
            return [(part, None) for part in PARTS]
        at = PARTS.index(failed)
        return [(part, True if n < at else False if n == at else None) for n, part in enumerate(PARTS)]


def open_line(path, speed=termios.B115200):
    """A descriptor to read from."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISSOCK(mode):
            line = socket.socket(socket.AF_UNIX)
            line.connect(path)
            return line.detach()
        if not stat.S_ISCHR(mode):
            raise Refused(f"{path} is no serial line: /dev/ttyUSB0 is the usual name of an adapter's.")
        fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as why:
        raise Refused(f"{path}: {why.strerror}. Is the adapter plugged in, and may you read it (group dialout)?") from None
    if os.isatty(fd):
        terms = termios.tcgetattr(fd)
        terms[0] = terms[1] = terms[3] = 0                                  # raw
        terms[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        terms[4] = terms[5] = speed
        termios.tcsetattr(fd, termios.TCSANOW, terms)
    return fd


def hear(result, line):
    """True: that was its last word."""
    said = STAMP.sub("", line)
    result.lines = [*result.lines, line][-LINES_KEPT:]
    if said.startswith("sync: vafa-sync: The club "):
        result.is_code_refused = "403 (code)" in said
    if found := re.fullmatch(r"device: slot (\w), version (\d+)(, on trial)?", said):
        result.slot, result.version = found[1].upper(), found[2]
    if found := re.fullmatch(r"vafa: self-test failed: (.*)", said):
        result.why = found[1]
        return True
    if found := re.fullmatch(r"vafa: self-test ok(.*)", said):
        result.works, result.is_clock_set = True, found[1] == ""
        return True
    return False


def give_up(result, seconds):
    result.is_silent = True
    screens = ", ".join(filter(is_screen, images.boards()))
    result.why = (f"The console said nothing for {seconds} seconds: is the terminal under power, the cable at its console, and the "
                  f"right line named? (Boards whose console is a screen: {screens or 'none'}.)" if not result.lines else
                  f"The terminal started, and its self-test said nothing within {seconds} seconds: read its last lines.")


def listen(path, seconds):
    result, rest = Result(), b""
    begun = time.monotonic()
    fd = open_line(path)
    try:
        while (left := begun + seconds - time.monotonic()) > 0:
            if not select.select([fd], [], [], min(left, 1))[0]:
                continue
            try:
                piece = os.read(fd, 4096)
            except OSError:
                piece = b""
            if not piece:
                result.is_silent, result.why = True, "The line was cut: put the adapter back, then begin anew."
                break
            *whole, rest = (rest[-LINE_MAX:] + piece).split(b"\n")
            if any([hear(result, plain(line.decode(errors="replace").strip("\r\0"))) for line in whole]):
                break
        else:
            give_up(result, seconds)
    finally:
        os.close(fd)
    result.seconds = time.monotonic() - begun
    return result
