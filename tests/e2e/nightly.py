#!/usr/bin/env python3
"""nightly - .ci/nightly in a tree whose tests end at once: what it runs, and what it writes into docs/nightly.md."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from tap import check, exit_code  # noqa: E402

MAKEFILE = """
BOARD = one
nightly:
	@.ci/nightly $(ONLY)
systest:
	@echo "BOARD=$(BOARD) FULL=$(FULL) ONLY=$(ONLY)"; echo "$(if $(FULL),7,2) passed, $(BAD) failed$(SKIPS)"; test $(BAD) = 0
"""


class Tree:
    def __init__(self, folder):
        self.dir = Path(folder)
        for name in (".ci", "docs", "boards/one"):
            (self.dir / name).mkdir(parents=True)
        shutil.copy(ROOT / ".ci/nightly", self.dir / ".ci/nightly")
        page = (ROOT / "docs/nightly.md").read_text()
        (self.dir / "docs/nightly.md").write_text(re.sub(r"^\| `.*\n?", "", page, flags=re.M))   # none has run yet
        (self.dir / "boards/one/qemu.conf").touch()
        (self.dir / "Makefile").write_text(MAKEFILE)
        git = ("git", "-c", "user.name=n", "-c", "user.email=n@example", "-C", folder)
        for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
            subprocess.run([*git, *words], check=True)

    def make(self, part, bad=0, skips=""):
        """Exit code, what the part's own log says, and the rows of its page."""
        done = subprocess.run(["make", "-s", "nightly", f"ONLY={part}"], cwd=self.dir, capture_output=True, text=True, check=False,
                              env={**os.environ, "MAKEFLAGS": "", "BAD": str(bad), "SKIPS": skips})
        log = self.dir / f"build/nightly/{part}.log"
        return done.returncode, log.read_text() if log.exists() else done.stderr, re.findall(r"^\| `.*", (self.dir / "docs/nightly.md").read_text(), re.M)


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-nightly.") as folder:
        tree = Tree(folder)
        code, said, rows = tree.make("one")
        check("a board's part is all of its tests", code == 0 and "BOARD=one FULL= ONLY=\n" in said, said)
        check("its row has command and counts", len(rows) == 1 and rows[0].startswith("| `one` | `make systest BOARD=one` | 20") and
              "| passed: 2 passed, 0 failed |" in rows[0], rows)
        code, said, rows = tree.make("long", bad=3)
        check("the long part, too; one that fails says so in its row and at its end", code != 0 and "FULL=1 ONLY=\n" in said and len(rows) == 2 and
              "| failed: 7 passed, 3 failed |" in rows[1], (said, rows))
        code, _, rows = tree.make("long")
        check("the next result takes the place of the last one", code == 0 and len(rows) == 2 and "| passed: 7 passed, 0 failed |" in rows[1], rows)
        code, _, rows = tree.make("one", skips=", 3 skipped")
        check("what was skipped is in the row", code == 0 and "| passed: 2 passed, 0 failed, 3 skipped |" in rows[0], rows)
        code, said, again = tree.make("two")
        check("a part that is none is said", code != 0 and "two is no part" in said and again == rows, said)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
