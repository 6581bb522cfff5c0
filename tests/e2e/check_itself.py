#!/usr/bin/env python3
"""check_itself - tests/check, and tests/system/run, on a tree of tests that pass, fail, die or are left out: nothing that fails or
was skipped is taken for passed, in neither of the lanes of tests/check, and Ctrl-C ends both."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from tap import check, exit_code  # noqa: E402

BUSY, WAITING = "build/here/fault_store", "tests/e2e/wait.sh"   # one of each lane, by tests/check's own list
PASSES = {BUSY: 'echo "[  PASSED  ] 2 test(s)."', WAITING: 'echo "ok one"'}
FAILS = {BUSY: 'echo "[  PASSED  ] 1 test(s)."; echo "[  FAILED  ] 1 test(s), listed below:"; exit 1', WAITING: 'echo "not ok one"'}


class Tree:
    def __init__(self, folder):
        self.dir = Path(folder)
        for name in ("tests/e2e", "build/here"):
            (self.dir / name).mkdir(parents=True)
        shutil.copy(ROOT / "tests/check", self.dir / "tests/check")
        self.logs = self.dir / "build/here/test-logs"

    def put(self, **changed):
        tests = {**PASSES, **{{"busy": BUSY, "waiting": WAITING}[lane]: text for lane, text in changed.items()}}
        for name, text in tests.items():
            (self.dir / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.dir / name).chmod(0o755)
        (self.dir / "Makefile").write_text(f"list-tests:\n\t@printf '%s\\n' {' '.join(tests)}\n")

    def start(self, *names):
        return subprocess.Popen([self.dir / "tests/check", *names], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                                env={**os.environ, "BUILD": "build/here", "MAKEFLAGS": "", "JOBS": "2"})

    def run(self, *names):
        """(its last line, its exit code)"""
        process = self.start(*names)
        said = process.communicate(timeout=60)[0]
        return said.splitlines()[-1], process.returncode


def counts(tree):
    tree.put()
    check("both lanes are run and counted", tree.run() == ("3 passed, 0 failed", 0))
    for lane, name in (("busy", BUSY), ("waiting", WAITING)):
        tree.put(**{lane: FAILS[name]})
        found = tree.run()
        check(f"one that fails in the {lane} lane is counted", found == ("2 passed, 1 failed", 1), found)
        for what, text in (("dies", "kill -9 $$"), ("runs nothing", "exit 0")):
            tree.put(**{lane: text})
            found = tree.run()
            check(f"one that {what} in the {lane} lane has failed", found[1] == 1 and found[0].endswith(" 1 failed"), found)


def leaves_none_out(tree):
    """A result that is not there has failed; one too many, as of a run before that goes on, makes up for nothing."""
    tree.put(busy=f'rm -rf "$PWD/build/here/test-logs"; mkdir build/here/test-logs; {PASSES[BUSY]}', waiting=f"sleep 1; {PASSES[WAITING]}")
    found = tree.run()
    check("one whose result is gone has failed", found[1] == 1, found)
    tree.put(waiting=f'echo "1 0" >build/here/test-logs/other.log.result; {FAILS[WAITING]}')
    found = tree.run("wait.sh")
    check("a stranger's result hides no failure", found[1] == 1, found)


def ends_by_ctrl_c(tree):
    begun = [tree.dir / lane for lane in ("busy", "waiting")]
    tree.put(**{mark.name: f"touch {mark}; sleep 2" for mark in begun})
    process = tree.start()
    until = time.monotonic() + 20
    while not all(mark.exists() for mark in begun) and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    time.sleep(3)   # what had begun has ended by itself
    results = list(tree.logs.glob("*.result"))
    check("Ctrl-C ends both lanes, and no result comes behind it", process.returncode != 0 and results == [], (process.returncode, results))


def counts_on_a_board(folder):
    """tests/system/run's last line and exit code, where `one` is a test of that board."""
    for name in ("tests/system", "boards/here"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "tests/system/run", folder / "tests/system/run")
    (folder / "boards/here/qemu.conf").write_text("tests=one\n")
    test = folder / "tests/system/one.py"
    for what, text, wanted in (
            ("one that is skipped is said, and neither passed nor failed", "echo ok this; echo 'ok that # SKIP why'", ("1 passed, 0 failed, 1 skipped", 0)),
            ("where all is skipped, none passed", "echo 'ok one # SKIP there is no loop device'", ("0 passed, 0 failed, 1 skipped", 0)),
            ("one that passes", "echo ok this", ("1 passed, 0 failed", 0)),
            ("one that fails", "echo ok this; echo not ok that; exit 1", ("1 passed, 1 failed", 1)),
            ("one that dies", "echo ok this; kill -9 $$", ("1 passed, 1 failed", 1)),
            ("one that runs nothing has failed", "exit 0", ("0 passed, 1 failed", 1))):
        test.write_text(f"#!/bin/sh\n{text}\n")
        test.chmod(0o755)
        done = subprocess.run([folder / "tests/system/run"], capture_output=True, text=True, check=False, env={**os.environ, "BOARD": "here"})
        found = done.stdout.splitlines()[-1], done.returncode
        check(f"on a board: {what}", found == wanted, (found, done.stderr))


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-check.") as folder:
        tree = Tree(Path(folder) / "check")
        counts(tree)
        leaves_none_out(tree)
        ends_by_ctrl_c(tree)
        counts_on_a_board(Path(folder) / "system")
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
