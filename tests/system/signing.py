#!/usr/bin/env python3
"""signing - which bundles a device believes by its clock: RAUC itself with the image's configuration, on this machine and
without an emulator. Part of `make systest`.

A board without a battery starts in 1970, where no certificate is valid yet; so the moment of signing counts (0017)."""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from disk import BOARD, ROOT
from tap import check, exit_code

import bundle  # tools/image, by way of disk

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def at(day, *args):
    """A program under a clock that was set, or never."""
    return subprocess.run([str(a) for a in args], capture_output=True, text=True,
                          env={**os.environ, "LD_PRELOAD": str(FAKETIME), "FAKETIME": day})


class Signer:
    def __init__(self, folder, name):
        self.folder, self.keys = folder, folder / name
        bundle.make_keys(self.keys)

    def sign(self, name):
        content = self.folder / f"content-{name}"
        content.mkdir()
        for part in ("rootfs.img", "boot.img"):
            (content / part).write_bytes(os.urandom(65536))
        return bundle.bundle(content, self.folder / f"{name}.raucb", BOARD, 2, self.keys)

    def grows_old(self):
        """Its signer's certificate was for ten days of 2020."""
        done = at("2020-01-01 00:00:00", "openssl", "x509", "-req", "-in", self.keys / "signer.csr", "-CA", self.keys / "ca.pem", "-CAkey",
                  self.keys / "ca.key", "-CAcreateserial", "-days", "10", "-extfile", self.keys / "signer.ext", "-out",
                  self.keys / "signer.pem")
        assert done.returncode == 0, done.stderr


def believes(folder, ca, signed, day):
    conf = (ROOT / "boards/common/image/rauc.conf").read_text().replace("@BOARD@", BOARD).replace("/etc/vafa/update-ca.pem", str(ca))
    (folder / "rauc.conf").write_text(conf)
    done = at(day, "rauc", "-c", folder / "rauc.conf", "info", signed)
    return done.returncode == 0, done.stderr


def main():
    with tempfile.TemporaryDirectory(prefix="vafa-signing.") as name:
        folder = Path(name)
        club, stranger = Signer(folder, "club"), Signer(folder, "stranger")
        good, foreign = club.sign("good"), stranger.sign("foreign")
        for day, when in (("1970-01-01 00:01:00", "a clock that was never set"), ("2060-01-01 00:00:00", "a clock far ahead")):
            is_taken, said = believes(folder, club.keys / "ca.pem", good, day)
            check(f"{when}: the club's bundle is believed", is_taken, said)
            is_taken, said = believes(folder, club.keys / "ca.pem", foreign, day)
            check(f"{when}: another CA's is not", not is_taken and "signature verification failed" in said, said)
        club.grows_old()
        is_taken, said = believes(folder, club.keys / "ca.pem", club.sign("late"), "1970-01-01 00:01:00")
        check("one that was signed after its certificate had ended is not", not is_taken and "verif" in said, said)
    return exit_code()


if __name__ == "__main__":
    sys.exit(main())
