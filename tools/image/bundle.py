"""Update bundles for RAUC, and the keys that sign them.

Keys: the folder VAFA_UPDATE_KEYS (default: build/update-keys, made when it is missing, for trials) has ca.pem, which goes
into the image, signer.pem and signer.key. The CA's own key is ca.key; a club keeps it off this machine."""
import os
import re
from pathlib import Path

from common import ROOT, Refused, run


def keys_folder():
    return Path(os.environ.get("VAFA_UPDATE_KEYS", ROOT / "build/update-keys")).resolve()


def make_keys(folder):
    """A CA that signs nothing but signers, and one signer."""
    folder = Path(folder)
    folder.mkdir(parents=True, mode=0o700)
    day = ["-days", "7300", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    run("openssl", "req", "-x509", *day, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-subj",
        "/CN=Vafa update CA (trial)", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("openssl", "req", *day[2:], "-keyout", folder / "signer.key", "-out", folder / "signer.csr", "-subj",
        "/CN=Vafa update signer (trial)")
    (folder / "signer.ext").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                                       "extendedKeyUsage=codeSigning\n")
    run("openssl", "x509", "-req", "-in", folder / "signer.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
        "-CAcreateserial", "-days", "7300", "-extfile", folder / "signer.ext", "-out", folder / "signer.pem")


def ca_path():
    """The certificate that devices believe."""
    folder = keys_folder()
    if not (folder / "ca.pem").exists():
        if "VAFA_UPDATE_KEYS" in os.environ:
            raise Refused(f"{folder} has no ca.pem: VAFA_UPDATE_KEYS names the folder of the keys that sign updates.")
        make_keys(folder)
    return folder / "ca.pem"


def database_versions():
    """(version, lowest version whose program may still use it) of the database that these programs make: docs/storage.md."""
    text = (ROOT / "storage/store_priv.h").read_text()
    return tuple(int(re.search(rf"\b{name} = (\d+),", text)[1]) for name in ("STORE_VERSION", "STORE_READABLE_FROM"))


def bundle(content, target, board, version, keys=None, database=None):
    """Signs `content`, a folder with rootfs.img and boot.img, as that version for that board. `database`: other numbers than
    database_versions()."""
    keys = Path(keys) if keys else keys_folder()
    number, readable_from = database or database_versions()
    (content / "manifest.raucm").write_text(
        f"[update]\ncompatible=vafa-{board}\nversion={version}\nbuild=database-{number}-from-{readable_from}\n\n[bundle]\nformat=verity\n\n"
        "[image.rootfs]\nfilename=rootfs.img\n\n[image.boot]\nfilename=boot.img\n")
    target.unlink(missing_ok=True)
    run("rauc", "bundle", "--cert", keys / "signer.pem", "--key", keys / "signer.key", content, target)
    return target
