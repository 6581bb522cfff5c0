"""A shop with real processes, for tests and benches: club, simulated reader, terminal, sync.

    with Shop(build) as shop:
        shop.open()                       # all of it, enrolled, with the base programme
        shop.till("issue")                # -> the final answer as a dict, "rc" added
        shop.card("remove")               # a command to the simulator
        shop.sync_once()

    Station(shop, "b")                # another terminal of the club, with a reader of its own

Everything lives in a folder of its own and ends with the `with` block."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lines:
    """A line out, a line back, over one connection, so that no process is started in what is measured."""
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        for _ in range(200):  # its name is there a moment before anybody listens
            if self.socket.connect_ex(path) == 0:
                break
            time.sleep(0.05)
        else:
            raise ConnectionRefusedError(path)
        self.socket.settimeout(None)
        self.file = self.socket.makefile("rw")

    def say(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def hear(self):
        return self.file.readline().strip()


class Shop:
    def __init__(self, build, programme=ROOT / "programmes/base.json"):
        self.build = Path(build).resolve()
        self.programme = programme
        self.dir = Path(tempfile.mkdtemp(prefix="vafa-shop."))
        self.port = free_port()
        self.processes = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- processes -------------------------------------------------------------------------

    def path(self, name):
        return str(self.dir / name)

    def run(self, program, *args, check=True, timeout=60):
        done = subprocess.run([str(self.build / program), *map(str, args)], capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} {args}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, name, program, *args, env=None):
        log = open(self.dir / f"{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            [str(self.build / program), *map(str, args)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **(env or {})})
        log.close()
        return self.processes[name]

    def stop(self, name, how="terminate"):
        process = self.processes.pop(name, None)
        if process:
            getattr(process, how)()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def log(self, name):
        path = self.dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def until(self, condition, seconds=15, what="condition"):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                logs = "\n".join(f"[{p.name}] {p.read_text(errors='replace')[-500:]}" for p in self.dir.glob("*.log"))
                raise RuntimeError(f"{what} did not come within {seconds} s\n{logs}")
            time.sleep(0.01)

    # --- the parts -------------------------------------------------------------------------

    def start_club(self):
        self.start("club", "vafa-club", "serve", "--data", self.path("club"), "--listen", f"127.0.0.1:{self.port}")

        def up():
            return subprocess.run(["curl", "-sk", f"https://localhost:{self.port}/v1/health"],
                                  capture_output=True).returncode == 0
        self.until(up, what="the club")

    def club(self, *args, **kw):
        return self.run("vafa-club", *args, "--data", self.path("club"), **kw)

    def start_reader(self, *extra):
        self.start("sim", "pn532-sim", "--link", self.path("reader"), "--control", self.path("sim.control"),
                   "--cards", self.path(""), *extra)
        self.until(lambda: os.path.exists(self.path("reader")), what="the simulated reader")

    def card(self, command, **kw):
        return self.run("pn532-sim", "--say", self.path("sim.control"), command, **kw).stdout.strip()

    def enrol(self):
        code = self.club("code", "--merchant", "Refah", "--branch", "Tajrish").stdout
        code = next(w for w in code.split() if w.count("-") >= 2 and w.replace("-", "").isalnum() and w == w.upper())
        self.start("enrol", "vafa-sync", "enrol", "--db", self.path("terminal.db"), "--identity",
                   self.path("identity"), "--club", f"localhost:{self.port}", "--ca", self.path("club/ca.pem"),
                   "--code", code, "--wait", 20)
        self.until(lambda: self.club("pending").stdout.strip(), what="the enrolment request")
        self.club("approve", "all")
        if self.processes.pop("enrol").wait(30) != 0:
            raise RuntimeError("enrolment failed: " + self.log("enrol"))

    def sync_once(self, check=True, port=None, timeout=120):
        return self.run("vafa-sync", "once", "--db", self.path("terminal.db"), "--identity", self.path("identity"),
                        "--club", f"localhost:{port or self.port}", check=check, timeout=timeout)

    def start_terminal(self, *extra):
        mark = self.log("terminal").count("ready")
        reader = () if "--reader" in extra else ("--reader", "pn532_uart:" + self.path("reader"))
        process = self.start("terminal", "vafa-terminal", "--db", self.path("terminal.db"), "--keys",
                             self.path("keys"), *reader, "--socket", self.path("till.sock"), *extra)
        self.until(lambda: self.log("terminal").count("ready") > mark or process.poll() is not None,
                   what="the terminal")
        return process

    def open(self, card="card1", reader=()):
        self.start_club()
        self.club("programme", self.programme)
        self.start_reader(*reader)
        self.run("vafa-keys", "new", self.path("keys"))
        self.enrol()
        self.sync_once()
        self.start_terminal()
        if card:
            self.card(f"new {card} 1k 04a1b2c3")
            self.card(f"insert {card}")

    # --- the cashier -----------------------------------------------------------------------

    def till(self, *args, wait=10, timeout=60):
        done = self.run("vafa-till", "--socket", self.path("till.sock"), "--wait", wait, "--json", *args,
                        check=False, timeout=timeout)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        answer = json.loads(lines[-1]) if lines else {}
        answer["rc"] = done.returncode
        answer["text"] = done.stdout + done.stderr
        return answer

    def done(self, *args, **kw):
        answer = self.till(*args, **kw)
        if answer["rc"] != 0:
            raise RuntimeError(f"till {args}: {answer['text']}")
        return answer


class Station:
    """One more terminal of the shop's club, with a simulated reader of its own. Cards are carried to it as files."""
    def __init__(self, shop, name):
        self.shop, self.name = shop, name
        self.folder = shop.dir / name
        self.folder.mkdir()
        self.db, self.identity = self.path("terminal.db"), self.path("identity")
        arguments = ["enrol", "--db", self.db, "--identity", self.identity, "--club", f"localhost:{shop.port}", "--ca",
                     shop.path("club/ca.pem"), "--code", self.code()]
        shop.run("vafa-sync", *arguments, check=False)
        shop.club("approve", "all")
        shop.run("vafa-sync", *arguments)
        shop.start(f"{name}.sim", "pn532-sim", "--link", self.path("reader"), "--control", self.path("sim.control"),
                   "--cards", self.path(""))
        shop.until(lambda: os.path.exists(self.path("sim.control")), what=f"the reader of {name}")
        self.reader = Lines(self.path("sim.control"))

    def path(self, name):
        return str(self.folder / name)

    def code(self):
        return next(w for w in self.shop.club("code", "--merchant", "Refah", "--branch", self.name).stdout.split()
                    if w.count("-") >= 2)

    def start(self):
        log = f"{self.name}.terminal"
        mark = self.shop.log(log).count("ready")
        self.shop.start(log, "vafa-terminal", "--db", self.db, "--keys", self.shop.path("keys"), "--reader",
                        "pn532_uart:" + self.path("reader"), "--socket", self.path("till.sock"))
        self.shop.until(lambda: self.shop.log(log).count("ready") > mark, what=f"the terminal of {self.name}")
        self.till = Lines(self.path("till.sock"))

    def stop(self, how="terminate"):
        self.shop.stop(f"{self.name}.terminal", how)

    def sync(self, check=True):
        return self.shop.run("vafa-sync", "once", "--db", self.db, "--identity", self.identity, "--club",
                             f"localhost:{self.shop.port}", check=check)

    def card(self, command):
        self.reader.say(command)
        answer = self.reader.hear()
        if not answer.startswith("ok"):
            raise RuntimeError(f"{self.name}: {command}: {answer}")
        return answer

    def ask(self, what, wait_ms=10000, **fields):
        """The final answer of one request."""
        self.till.say(json.dumps({"v": 1, "do": what, "wait_ms": wait_ms, **fields}))
        while not (answer := json.loads(self.till.hear()))["final"]:
            pass
        return answer


class Carried:
    """A card that is carried from station to station as a file. `family`: 1k or desfire."""
    def __init__(self, shop, name, family):
        self.name, self.file, self.at, self.number, self.known = name, shop.path(name + ".card"), None, None, []
        number = sum(256 ** n * ord(c) for n, c in enumerate(reversed(name[-3:])))
        self.uid = f"04{number:06x}" if family == "1k" else f"04a1b2c3{number:06x}"
        self.family = family

    def tap(self, station, what, **fields):
        """One request with the card on the reader; the final answer."""
        if station not in self.known:
            station.card(f"new {self.name} {self.family} {self.uid}")
            self.known.append(station)
        if self.at not in (None, station):
            station.card(f"load {self.name} {self.file}")
        station.card(f"insert {self.name}")
        self.at = station
        try:
            return station.ask(what, **fields)
        finally:
            self.go()

    def go(self):
        """It is taken away once the terminal has let go of it, unless a planned cut took it."""
        end = time.monotonic() + 5
        while "cut=done" not in (state := self.at.card("state")):
            if "state=halt" in state or time.monotonic() > end:
                self.at.card("remove")
                break
            time.sleep(0.002)
        self.at.card(f"dump {self.name} {self.file}")
