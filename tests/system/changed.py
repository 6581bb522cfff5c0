"""Firmware that differs from this tree's in one thing, built in a folder of its own.

change_storage: a next version, whose database has one table more, made from the journal, so that the version before can
live with it (docs/storage.md, "Older and newer versions"). change_storage_for_good: one that the version before cannot use,
made in STEPS, each of which is on the disk when the console has it. change_terminal: a tap loop that can be made to hang.
change_reader: the reader's line is one that has none."""
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


STEPS = 24   # of a migration, some 0.2 s each: all of them before anybody takes the terminal for hung
# A page a step, which says of which run it is. What the transaction has written so far is brought to the disk, as Linux does with
# what is half a minute old; it is not committed by that.
FILL_SLOWLY = r"""/* A migration of the system's tests, long enough to be met in its middle. */
static enum st fill_later(struct store *store)
{
    unsigned run = 0; /* of all runs, each has its own number */
    enum st st = getentropy(&run, sizeof run) == 0 ? ST_OK : ST_IO;
    for (int step = 1; step <= %d && st == ST_OK; step++) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "INSERT INTO later VALUES(%%d, replace(hex(zeroblob(100)), '00', 'later %%u step %%d, '))",
                       step, run, step);
        st = sql_text(store, text, "fill it");
        (void)sqlite3_db_cacheflush(store->db);
        sync();
        (void)dprintf(2, "migrating %%u, step %%d.\n", run, step);
        (void)usleep(50000);
    }
    return st;
}

/* What the journal of an older file says""" % STEPS

HANG = """    /* A device of the system's tests: the loop stands still for as long as a file says so, or works
     * at its start. */
    if (access("/data/terminal/hang-always", F_OK) == 0 ||
        rename("/data/terminal/hang-once", "/data/terminal/hung") == 0) {
        (void)raise(SIGSTOP);
    }
    const bool works = rename("/data/terminal/work-long", "/data/terminal/worked") == 0;
    for (int second = 0; works && second < 80; second++) {
        log_line(NULL, "T102", "long work goes on");
        (void)poll(NULL, 0, 1000);
    }
    till_run("""


def change_storage_for_good(tree):
    change_storage(tree)
    version, readable_from = number_of(tree, "STORE_VERSION"), number_of(tree, "STORE_READABLE_FROM")
    schema = tree / "storage/schema.c"
    change(tree / "storage/store_priv.h", rf"STORE_READABLE_FROM = {readable_from},", f"STORE_READABLE_FROM = {version},")
    change(schema, r"later\(kind INTEGER PRIMARY KEY, entries INTEGER NOT NULL\)", "later(step INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    change(schema, re.escape(FILLED), "fill_later(store)")
    change(schema, re.escape("/* What the journal of an older file says"), FILL_SLOWLY)
    change(schema, re.escape("#include <string.h>\n"), "#include <string.h>\n#include <unistd.h>\n")


def change_reader(tree):
    conf = tree / f"boards/{BOARD}/board.conf"
    line = re.search(r"^reader=(.*)$", conf.read_text(), re.MULTILINE)[1]
    change(conf, re.escape(f"reader={line}"), "reader=pn532_uart:/dev/nowhere")


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
