#!/usr/bin/env python3
"""rebuild - the same packages and programs give the same image, byte for byte. Part of `make systest`.

The second build is made later, from programs that were compiled anew in another folder."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from disk import BOARD, IMAGE, ROOT
from common import Board  # tools/image, by way of disk


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    first = digest(IMAGE)
    cache = os.environ.get("VAFA_CACHE", str(ROOT / "build/cache"))
    keys = os.environ.get("VAFA_UPDATE_KEYS", str(ROOT / "build/update-keys"))
    with tempfile.TemporaryDirectory(prefix="vafa-rebuild.") as folder:
        there = Path(folder) / "other"
        shutil.copytree(ROOT, there, ignore=shutil.ignore_patterns("build", ".git"))
        (there / "build").mkdir()
        sysroot = f"build/sysroot-{Board(BOARD)['arch']}"
        (there / sysroot).symlink_to(ROOT / sysroot)
        subprocess.run(["make", "-s", "image", f"BOARD={BOARD}"], cwd=there, check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "VAFA_CACHE": cache, "VAFA_UPDATE_KEYS": keys, "MAKEFLAGS": ""})
        second = digest(there / IMAGE.relative_to(ROOT))
    print(f"{'ok' if first == second else 'not ok'} two builds in two folders are one image")
    print(f"# sha256 {first}" + ("" if first == second else f" and {second}"))
    return first != second


if __name__ == "__main__":
    sys.exit(main())
