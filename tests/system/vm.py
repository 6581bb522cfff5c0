"""A device under QEMU: power, console, and the cash register's serial line. No KVM, no shell inside.

    vm = Machine(image, reader_pty, folder)
    vm.power_on(); vm.until("ready to serve cards"); vm.till(do="status"); vm.pull_power()

The image file is the device's disk: what is written there survives the next power_on(). How QEMU plays a board is in
the board's folder, in qemu.conf."""
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

from disk import MACHINE

PATIENCE = int(MACHINE["patience"])
WAIT_MS = 15000   # how long the till waits for a card, if it is told nothing else
# What a guest says last before its machine should start anew, in Linux and in U-Boot.
RESETS = ("reboot: Restarting system", "resetting ...")
SILENT_S = 5


class Machine:
    def __init__(self, image, reader, folder):
        self.image, self.reader = image, reader
        self.register_path = Path(folder) / "register.sock"
        self.log_path = Path(folder) / "console.log"
        self.console = "stdio,id=console,signal=off"   # QEMU's words for where the console is
        self.monitor = "none"
        self.key = None   # a file with the board's key for /data
        self.has_clock = True   # that runs while power is off, if QEMU's machine has one
        self.process = None
        self.register = None

    def power_on(self, stick=None):
        """`stick`: the image of a technician's USB stick, as a second disk."""
        self.lines = []
        self.on_at = time.monotonic()
        self.start(stick)

    def start(self, stick):
        self.register_path.unlink(missing_ok=True)
        self.stick, self.hangs, self.nudged_at = stick, False, 0
        words = " ".join([MACHINE["machine"], *([MACHINE["stick"]] if stick else []), *([MACHINE["data_key"]] if self.key else []),
                          *([] if self.has_clock else [MACHINE["no_clock"]])])
        files = {"DISK": self.image, "STICK": stick, "KEY": self.key, "FIRST": Path(self.image).parent / "first"}
        for word, path in files.items():
            words = words.replace(word, str(path))
        self.process = subprocess.Popen(
            [*words.split(), "-display", "none", "-monitor", self.monitor,
             "-chardev", f"serial,id=reader,path={os.path.realpath(self.reader)}" if self.reader else "null,id=reader",
             "-chardev", f"socket,id=register,path={self.register_path},server=on,wait=off",
             "-chardev", self.console],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.listen, args=(self.process.stdout,), daemon=True).start()

    def listen(self, stream):
        with open(self.log_path, "a", encoding="utf-8") as log:
            for raw in stream:
                line = raw.decode(errors="replace").rstrip()
                self.lines.append((time.monotonic() - self.on_at, line))
                self.hangs |= MACHINE["resets"] == "no" and any(text in line for text in RESETS)
                log.write(f"{self.lines[-1][0]:7.2f} {line}\n")
                log.flush()

    def now(self):
        """Seconds since power came."""
        return time.monotonic() - self.on_at

    def until(self, text, seconds=90, after=0):
        """Seconds from power to the first line with that text; `after`: so many lines are passed over."""
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            if self.hangs:
                self.pull_power()
                self.start(self.stick)
            for at, line in self.lines[after:]:
                if text in line:
                    return at
            if self.process.poll() is not None:
                break
            if self.is_silent():
                self.process.stdin.write(b" ")
                self.process.stdin.flush()
            time.sleep(0.02)
        last = "\n".join(line for _, line in self.lines[-15:])
        raise RuntimeError(f"the console did not say \"{text}\" within {seconds * PATIENCE} s; its end:\n{last}")

    def is_silent(self):
        """Whether a console that may fall silent (`nudge` of qemu.conf) has, since the device itself speaks: once each SILENT_S."""
        last_at = max(self.nudged_at, self.lines[-1][0] if self.lines else 0)
        if MACHINE.get("nudge") != "yes" or self.now() - last_at < SILENT_S or not any("device: " in line for _, line in self.lines):
            return False
        self.nudged_at = self.now()
        return True

    def pull_power(self):
        """No signal reaches the guest: what it had not written is gone."""
        if self.register:
            self.register.close()
            self.register = None
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    # --- the register's line ---------------------------------------------------------------

    def ask(self, **request):
        """A line to the till, as a cash register writes it."""
        if self.register is None:
            self.register = socket.socket(socket.AF_UNIX)
            self.register.connect(str(self.register_path))
            self.heard = b""
        request = {"v": 1, "wait_ms": WAIT_MS * PATIENCE, **request}
        self.register.sendall((json.dumps(request) + "\n").encode())

    def hear(self, seconds):
        """The next whole line, or None."""
        end = time.monotonic() + seconds * PATIENCE
        while b"\n" not in self.heard:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.register.settimeout(left)
            try:
                piece = self.register.recv(65536)
            except TimeoutError:
                return None
            if not piece:
                raise RuntimeError("the register's line is gone")
            self.heard += piece
        line, self.heard = self.heard.split(b"\n", 1)
        return json.loads(line)

    def until_it_answers(self):
        """As a register does after power: ask until there is an answer, then wait for silence."""
        for _ in range(10):
            self.ask(do="status")
            if self.hear(3):
                while self.hear(0.3):
                    pass
                return
        raise RuntimeError("the till does not answer at the register's line")

    def till(self, seconds=30, **request):
        """The final answer."""
        self.ask(**request)
        while True:
            answer = self.hear(seconds)
            if answer is None:
                raise RuntimeError(f"the till did not answer {request} within {seconds} s")
            if answer.get("final"):
                return answer
