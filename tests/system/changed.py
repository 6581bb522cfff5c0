"""Firmware that differs from this tree's in one thing, built in a folder of its own.

change_storage: a next version, whose database has one table more, made from the journal, so that the version before can
live with it (docs/storage.md, "Older and newer versions"). change_terminal: a tap loop that can be made to hang."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from disk import BOARD, ROOT

TABLE = '{"later", "CREATE TABLE later(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL) STRICT"},\n};\n/* How many'
FILLED = 'sql_text(store, "INSERT INTO later SELECT kind, count(*) FROM journal GROUP BY kind", "count")'


def change(path, pattern, text):
    new, count = re.subn(pattern, lambda _: text, path.read_text(), count=1)
    assert count == 1, (path, pattern)
    path.write_text(new)


def number_of(tree, name):
    return int(re.search(rf"\b{name} = (\d+),", (tree / "storage/store_priv.h").read_text())[1])


def change_storage(tree):
    version = number_of(tree, "STORE_VERSION")
    schema = tree / "storage/schema.c"
    last = re.search(rf"\[{version}\] = (\d+)", schema.read_text())
    change(tree / "storage/store_priv.h", rf"STORE_VERSION = {version},", f"STORE_VERSION = {version + 1},")
    change(schema, r"\};\n/\* How many", TABLE)
    change(schema, re.escape(last[0]), f"{last[0]}, [{version + 1}] = {int(last[1]) + 1}")
    change(schema, re.escape("return st == ST_OK && version < 10 ?"),
           f"st = st == ST_OK ? {FILLED} : st;\n    return st == ST_OK && version < 10 ?")


HANG = """    /* A device of the system's tests: the loop stands still for as long as a file says so. */
    if (access("/data/terminal/hang-always", F_OK) == 0 ||
        rename("/data/terminal/hang-once", "/data/terminal/hung") == 0) {
        (void)raise(SIGSTOP);
    }
    till_run("""


def change_terminal(tree):
    change(tree / "firmware/terminal/terminal_main.c", re.escape("    till_run("), HANG)


def make(target, change_tree, goal="bundle", version=2):
    """What `make bundle` or `make image` makes of the changed tree. Takes about a minute."""
    cache = os.environ.get("VAFA_CACHE", str(ROOT / "build/cache"))
    keys = os.environ.get("VAFA_UPDATE_KEYS", str(ROOT / "build/update-keys"))
    made = f"{BOARD}-{version}.raucb" if goal == "bundle" else f"{BOARD}.img"
    with tempfile.TemporaryDirectory(prefix="vafa-changed.") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns("build", ".git"))
        (tree / "build").mkdir()
        (tree / "build/sysroot-arm64").symlink_to(ROOT / "build/sysroot-arm64")
        change_tree(tree)
        subprocess.run(["make", "-s", goal, f"BOARD={BOARD}", f"VERSION={version}"], cwd=tree, check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "VAFA_CACHE": cache, "VAFA_UPDATE_KEYS": keys, "MAKEFLAGS": ""})
        subprocess.run(["cp", "--sparse=always", tree / f"build/{BOARD}-image" / made, target], check=True)
    return target
