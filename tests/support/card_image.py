"""card_image - an image like a board's, small, and loop devices in place of memory cards.

It has the partitions of a real one, by their names, and in them what tools/flash looks at; it does not boot."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools/image"))

import build  # noqa: E402
import bundle  # noqa: E402

MIB = 1 << 20
PARTITIONS = (("scr", 1), ("env1", 1), ("env2", 1), ("boot_a", 2), ("root_a", 2), ("boot_b", 2), ("root_b", 2), ("ident", 1), ("data", 24))


def run(*args, **kw):
    return subprocess.run([str(a) for a in args], check=True, capture_output=True, text=True, **kw).stdout


def make_data(path, content, size=24 * MIB):
    """An image's file system for data with what is in the folder `content`."""
    build.make_data(path, content, size // MIB)
    return Path(path)


def make_image(path, work, board, version, data=None, keys=bundle.TRIAL):
    """The image, and its block map beside it. `data`: a file system in place of an empty one. `keys`: the name of its CA for updates."""
    work = Path(work)
    work.mkdir()
    (work / "root/etc/vafa").mkdir(parents=True)
    (work / "root/etc/vafa/rauc.conf").write_text(f"[system]\ncompatible=vafa-{board}\n")
    (work / "root/etc/vafa/version").write_text(f"{version}\n")
    bundle.make_keys(work / "keys", keys)
    (work / "root/etc/vafa/update-ca.pem").write_text((work / "keys/ca.pem").read_text())
    run("mksquashfs", work / "root", work / "root_a", "-noappend", "-quiet", "-no-progress")
    (work / "empty").mkdir()
    (work / "boot_a").write_bytes(os.urandom(300000))
    os.link(data or make_data(work / "data.ext4", work / "empty"), work / "data")
    script = "label: gpt\n" + "".join(f"size={mib}MiB, name={name}\n" for name, mib in PARTITIONS)
    with open(path, "wb") as file:
        file.truncate((2 + sum(mib for _, mib in PARTITIONS)) * MIB)
    run("sfdisk", "-q", path, input=script)
    at = MIB
    for name, mib in PARTITIONS:
        if (work / name).exists():
            run("dd", f"if={work / name}", f"of={path}", f"seek={at // MIB}", "bs=1M", "conv=notrunc,sparse")
        at += mib * MIB
    run("bmaptool", "create", "-o", f"{path}.bmap", path)
    return Path(path)


class Loop:
    """A file of that size as a block device, filled with what an old card may hold. None can be had: OSError."""
    def __init__(self, path, size, *options, fill=b"\xa5", source=None):
        self.file = Path(path)
        with open(path, "wb") as file:
            file.write(fill * (min(size, 40 * MIB) if source is None else 0))
            file.write(Path(source).read_bytes() if source else b"")
            file.truncate(size)
        done = subprocess.run(["losetup", "--find", "--show", *options, path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise OSError(done.stderr.strip() or "no loop device")
        self.path = done.stdout.strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["losetup", "-d", self.path], check=True)
        self.file.unlink()

    def bytes(self, at=0, size=-1):
        with open(self.path, "rb") as file:
            file.seek(at)
            return file.read(size)
