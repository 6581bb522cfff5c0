"""Headers and libraries for a cross compiler, in a folder of their own: the machine's packages stay as they are."""
import hashlib
import os
import shutil

import debs
from common import ROOT


def lock_of(arch):
    return ROOT / "boards/common" / f"lock.{arch}"


def relink(folder):
    """Absolute links would leave the folder: the linker follows them without --sysroot."""
    for at, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(at, name)
            if os.path.islink(path) and os.readlink(path).startswith("/"):
                target = os.path.relpath(f"{folder}{os.readlink(path)}", at)
                os.unlink(path)
                os.symlink(target, path)


def make(arch):
    """build/sysroot-ARCH, made anew when the lock has changed. Its file `complete` is written last."""
    folder = ROOT / "build" / f"sysroot-{arch}"
    lock = lock_of(arch)
    packages = [p for p in debs.read_lock(lock) if p.set == "sysroot"]
    want = hashlib.sha256(repr(packages).encode()).hexdigest()
    mark = folder / "complete"
    if not mark.exists() or mark.read_text() != want:
        print(f"  sysroot {folder.relative_to(ROOT)}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        debs.unpack(debs.fetch(lock, arch, "sysroot"), folder)
        relink(folder)
        mark.write_text(want)
    os.utime(mark)
    return folder
