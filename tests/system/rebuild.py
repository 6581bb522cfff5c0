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

ROOT = Path(__file__).resolve().parents[2]
BOARD = "qemu-virt-arm64"
IMAGE = Path(f"build/{BOARD}-image/{BOARD}.img")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    first = digest(ROOT / IMAGE)
    cache = os.environ.get("VAFA_CACHE", str(ROOT / "build/cache"))
    keys = os.environ.get("VAFA_UPDATE_KEYS", str(ROOT / "build/update-keys"))
    with tempfile.TemporaryDirectory(prefix="vafa-rebuild.") as folder:
        there = Path(folder) / "other"
        shutil.copytree(ROOT, there, ignore=shutil.ignore_patterns("build", ".git"))
        (there / "build").mkdir()
        (there / "build/sysroot-arm64").symlink_to(ROOT / "build/sysroot-arm64")
        subprocess.run(["make", "-s", "image", f"BOARD={BOARD}"], cwd=there, check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "VAFA_CACHE": cache, "VAFA_UPDATE_KEYS": keys, "MAKEFLAGS": ""})
        second = digest(there / IMAGE)
    print(f"{'ok' if first == second else 'not ok'} two builds in two folders are one image")
    print(f"# sha256 {first}" + ("" if first == second else f" and {second}"))
    return first != second


if __name__ == "__main__":
    sys.exit(main())
