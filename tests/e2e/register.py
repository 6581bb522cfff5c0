#!/usr/bin/env python3
"""register - vafa-register between a serial line and the till's socket: bytes pass, a terminal that is away or has no place is
called again now and then, and a line that is gone ends it. The line is a pseudoterminal, the till is this test."""
import os
import pty
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
from tap import check, exit_code  # noqa: E402


def listen(path):
    till = socket.socket(socket.AF_UNIX)
    till.bind(path)
    till.listen(8)
    till.settimeout(5)
    return till


def calls_within(till, seconds):
    """How often it calls while each call is hung up at once."""
    count, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        till.settimeout(left)
        try:
            till.accept()[0].close()
        except TimeoutError:
            break
        count += 1
    till.settimeout(5)
    return count


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-register.") as folder:
        path = f"{folder}/till.sock"
        desk, line = pty.openpty()
        name = os.ttyname(line)
        process = subprocess.Popen([f"{os.environ['BUILD']}/vafa-register", name, path], stderr=subprocess.PIPE, text=True)
        till = listen(path)
        call = till.accept()[0]
        os.close(line)
        time.sleep(0.2)
        os.write(desk, b'{"v":1,"do":"status"}\n')
        check("what the register says reaches the till", call.recv(100) == b'{"v":1,"do":"status"}\n')
        call.sendall(b'{"ready":true}\n')
        check("and back", os.read(desk, 100) == b'{"ready":true}\n')
        os.write(desk, b'{"v":1,"do":"sa\x04')
        check("the byte that hangs up ends the call, and half a line with it", call.recv(100) == b"")
        call.close()
        call = till.accept()[0]
        time.sleep(0.3)
        os.write(desk, b'{"v":1,"do":"balance"}\n')
        check("and what is said next is said in a new one", call.recv(100) == b'{"v":1,"do":"balance"}\n')
        call.close()
        calls = calls_within(till, 1)
        check("a till that has no place is called some times a second", 5 <= calls <= 25, calls)
        call = till.accept()[0]
        os.close(desk)
        try:
            _, said = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            said = process.communicate()[1] + "it did not end"
        check("a line that is gone ends it, with what to look at", process.returncode == 1 and said ==
              f"{name} is gone: is its cable pulled?\n", (process.returncode, said))
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
