"""Update bundles for RAUC, and the keys that sign them.

Keys: the folder VAFA_UPDATE_KEYS has ca.pem, which goes into the image, signer.pem and signer.key, which sign bundles, and
ca.key, which signs another signer. Without it: trial keys in build/update-keys, made when they are missing, which `make clean`
spares, since what was flashed with them takes no others."""
import errno
import os
import re
import tempfile
from pathlib import Path

from common import ROOT, Refused, run

TRIAL = "Vafa update CA (trial)"   # in an image, too: tools/flash looks for it


def keys_folder():
    return Path(os.environ.get("VAFA_UPDATE_KEYS", ROOT / "build/update-keys")).resolve()


def fill(folder, name):
    day = ["-days", "7300", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run("openssl", "req", "-x509", *day, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-subj", f"/CN={name}",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", *day[2:], "-keyout", folder / "signer.key", "-out", folder / "signer.csr", "-subj",
        f"/CN={name.replace('CA', 'signer')}")
    (folder / "signer.ext").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                                       "extendedKeyUsage=codeSigning\n")
    run("openssl", "x509", "-req", "-in", folder / "signer.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
        "-CAcreateserial", "-days", "7300", "-extfile", folder / "signer.ext", "-out", folder / "signer.pem")


def make_keys(folder, name=TRIAL):
    """A CA that signs nothing but signers, and one signer: all of it or nothing, for its owner alone."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work:
        made = Path(work) / "keys"
        made.mkdir(mode=0o700)
        fill(made, name)
        for path in made.iterdir():
            path.chmod(0o600)
            if path.stat().st_mode & 0o077:   # a file system without owners that says nothing
                raise PermissionError(errno.EPERM, "everybody could read what is there")
        made.rename(folder)


def make_club_keys(name):
    """`image keys FOLDER`"""
    folder = Path(name).resolve()
    if folder.exists():
        raise Refused(f"{folder} is there already, and is left as it is: name a new folder.")
    if folder.is_relative_to(ROOT):
        raise Refused(f"{folder} is in this tree, and would be copied and deleted with it: name a folder elsewhere.")
    try:
        make_keys(folder, "Vafa update CA")
    except OSError as why:
        raise Refused(f"{folder} cannot be made: {why.strerror}. It needs a file system that knows owners, which FAT does not.") from None
    print(f"{folder} has the keys that sign updates: whoever has them is root on every terminal whose image was made with them, so keep "
          "the folder offline, and a copy of it in a second place.\n"
          "If they are lost, these terminals never take an update again, but must each be flashed anew with a key ceremony; if they are "
          "stolen, bring another CA with an update, before the thief does (docs/decisions/0017-image.md).\n"
          f"For make image and make bundle: export VAFA_UPDATE_KEYS='{folder}'")


def need(name, folder=None):
    folder = Path(folder or keys_folder())
    if not (folder / name).exists():
        raise Refused(f"{folder} has no {name}: VAFA_UPDATE_KEYS names the folder of the keys that sign updates, as "
                      "`tools/image/image keys FOLDER` makes it.")
    return folder / name


def ca_path():
    """The certificate that devices believe."""
    folder = keys_folder()
    if "VAFA_UPDATE_KEYS" not in os.environ and not (folder / "ca.pem").exists():
        make_keys(folder)
        print(f"  keys    {folder}: made now, for trials")
    return need("ca.pem")


def are_trial(ca_pem):
    """Whether devices that believe this certificate take what trial keys signed."""
    return TRIAL in run("openssl", "x509", "-noout", "-subject", input=ca_pem)


def say_trial():
    if are_trial(ca_path().read_text()):
        print(f"  keys    TRIAL KEYS, {keys_folder()}: terminals flashed with them take updates signed with them, and no others. "
              "A club has its own: docs/flash.md, \"The image\"")


def database_versions():
    """(version, lowest version whose program may still use it) of the database that these programs make: docs/storage.md."""
    text = (ROOT / "storage/store_priv.h").read_text()
    return tuple(int(re.search(rf"\b{name} = (\d+),", text)[1]) for name in ("STORE_VERSION", "STORE_READABLE_FROM"))


def bundle(content, target, board, version, keys=None, database=None):
    """Signs `content`, a folder with rootfs.img and boot.img, as that version for that board. `database`: other numbers than
    database_versions()."""
    number, readable_from = database or database_versions()
    (content / "manifest.raucm").write_text(
        f"[update]\ncompatible=vafa-{board}\nversion={version}\nbuild=database-{number}-from-{readable_from}\n\n[bundle]\nformat=verity\n\n"
        "[image.rootfs]\nfilename=rootfs.img\n\n[image.boot]\nfilename=boot.img\n")
    target.unlink(missing_ok=True)
    run("rauc", "bundle", "--cert", need("signer.pem", keys), "--key", need("signer.key", keys), content, target)
    return target
