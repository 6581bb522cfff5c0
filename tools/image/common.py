"""What the parts of tools/image share: where things are, a board's facts, running a program."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("VAFA_CACHE", ROOT / "build/cache")).resolve()
# Stamped on every file of an image, so that two builds are one: 2026-01-01T00:00:00Z.
EPOCH = 1767225600


class Refused(Exception):
    """Something that whoever runs this can put right; its text says how."""


def facts(path):
    """The lines NAME=VALUE of a file as a mapping."""
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


class Board:
    """boards/NAME/board.conf as a mapping; a name that is not there is an error."""
    def __init__(self, name):
        self.name = name
        self.dir = ROOT / "boards" / name
        path = self.dir / "board.conf"
        if not path.exists():
            others = sorted(p.parent.name for p in ROOT.glob("boards/*/board.conf"))
            raise Refused(f"BOARD={name} has no board.conf, so no image: choose one of {' '.join(others)}.")
        self.facts = facts(path)

    def __getitem__(self, fact):
        if fact not in self.facts:
            raise Refused(f"boards/{self.name}/board.conf has no line {fact}=: docs/porting.md says what it is.")
        return self.facts[fact]

    def words(self, fact):
        return self[fact].split()


def run(*args, **kw):
    """A program whose failure is ours: its words are shown."""
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **kw)
    if done.returncode != 0:
        raise Refused(f"{args[0]} failed ({done.returncode}): {' '.join(str(a) for a in args)}\n"
                      f"{done.stdout}{done.stderr}")
    return done.stdout
