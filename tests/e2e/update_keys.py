#!/usr/bin/env python3
"""update_keys - the keys that sign updates: a club's own, made once, and trial keys, which `make clean` spares."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from tap import check, exit_code  # noqa: E402


def run(*words, **env):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, timeout=60,
                          env={name: value for name, value in {**os.environ, "VAFA_UPDATE_KEYS": None, **env}.items() if value is not None})


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def python(tree, text, **env):
    """Lines run beside tools/image of that tree."""
    return run(sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tree / 'tools/image')!r})\nimport bundle\n{text}", **env)


def club(folder):
    keys = folder / "club"
    done = run(ROOT / "tools/image/image", "keys", keys)
    check("a club's keys are made, for their owner alone", done.returncode == 0 and keys.stat().st_mode & 0o777 == 0o700 and
          all(path.stat().st_mode & 0o777 == 0o600 for path in keys.iterdir()), done.stderr)
    check("it is said what they are, and what is lost with them", all(word in done.stdout for word in (
        "offline", "second place", "lost", "stolen", f"VAFA_UPDATE_KEYS='{keys}'")), done.stdout)
    told = run("openssl", "verify", "-CAfile", keys / "ca.pem", keys / "signer.pem")
    uses = run("openssl", "x509", "-in", keys / "signer.pem", "-noout", "-ext", "extendedKeyUsage,basicConstraints")
    check("the signer is the CA's, for code signing and no CA", told.returncode == 0 and "Code Signing" in uses.stdout and "CA:FALSE" in
          uses.stdout, told.stderr + uses.stdout)
    before = content(keys)
    done = run(ROOT / "tools/image/image", "keys", keys)
    check("a folder that is there is left as it is", done.returncode == 1 and "is there already" in done.stderr and content(keys) == before,
          done.stderr)
    for name, where, word in (("in this tree", ROOT / "build/club-keys", "in this tree"), ("below a file", keys / "ca.pem/x", "cannot be made")):
        done = run(ROOT / "tools/image/image", "keys", where)
        check(f"a folder {name} is refused", done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr and
              not where.exists(), done.stderr)
    check("a club's keys are not called trial keys", python(ROOT, "bundle.say_trial()", VAFA_UPDATE_KEYS=str(keys)).stdout == "")
    (keys / "signer.key").unlink()
    done = python(ROOT, f"import pathlib\nbundle.bundle(pathlib.Path({str(folder)!r}), pathlib.Path({str(folder / 'x')!r}), 'b', 1)",
                  VAFA_UPDATE_KEYS=str(keys))
    check("what is missing in the folder is named, with what makes it", "has no signer.key" in done.stderr and "image keys" in done.stderr,
          done.stderr)


def trial(folder):
    """In a tree of its own, which is this one but for build/."""
    tree = folder / "tree"
    (tree / "build/sim-release").mkdir(parents=True)
    shutil.copytree(ROOT / "tools", tree / "tools")
    for path in ROOT.iterdir():
        if path.name not in ("build", "tools", ".git"):
            (tree / path.name).symlink_to(path)
    done = python(tree, "bundle.ca_path()\nbundle.say_trial()")
    keys = tree / "build/update-keys"
    check("trial keys are made where there are none, and said to be such", keys.stat().st_mode & 0o777 == 0o700 and
          f"{keys}: made now" in done.stdout and f"TRIAL KEYS, {keys}" in done.stdout, done.stdout + done.stderr)
    before = content(keys)
    for _ in range(2):
        done = run("make", "-s", "-C", tree, "clean", MAKEFLAGS=None)
    check("make clean removes all but them", done.returncode == 0 and [path.name for path in (tree / "build").glob("*")] == ["update-keys"] and
          content(keys) == before, done.stderr)
    done = python(tree, "bundle.ca_path()\nbundle.say_trial()")
    check("and the next image is made for the same", content(keys) == before and "made now" not in done.stdout and "TRIAL KEYS" in done.stdout,
          done.stdout + done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-update-keys.") as name:
        club(Path(name).resolve())
        trial(Path(name).resolve())
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
