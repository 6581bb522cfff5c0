"""Debian packages of another architecture, exactly those that a lock file names.

A lock file has a line "SET NAME VERSION SHA256" for each package. The machine's own package source and
its signatures are used, with a package state apart from the machine's: nothing is installed here. What
was fetched once stays in the cache and is known by its hash, so a build from a full cache needs no network."""
import hashlib
import os
import re
import subprocess
import time
from collections import namedtuple
from pathlib import Path

from common import CACHE, Refused

Locked = namedtuple("Locked", "set name version sha256")
PARTS = Path("/etc/apt/sources.list.d")
STATE_HOLDS_S = 6 * 3600   # how long one look at the package source is good for


class Source:
    """The machine's package source as another architecture sees it, with `components` besides those it names."""
    def __init__(self, arch, components=()):
        self.arch = arch
        self.dir = CACHE / "apt" / "+".join((arch, *components))
        self.archives = self.dir / "cache/archives"
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (self.dir / folder).mkdir(parents=True, exist_ok=True)
        (self.dir / "status").touch()
        self.parts = self.write_parts(components) if components else PARTS

    def write_parts(self, components):
        """The machine's own list, signatures and all, with those components added to each entry."""
        parts = self.dir / "parts"
        parts.mkdir(exist_ok=True)
        for path in PARTS.glob("*.sources"):
            text = re.sub("^Components:.*", lambda line: " ".join((line[0], *components)), path.read_text(), flags=re.M)
            (parts / path.name).write_text(text)
        return parts

    def call(self, program, *args, cwd=None):
        options = {"Dir::State": self.dir / "state", "Dir::State::status": self.dir / "status",
                   "Dir::Cache": self.dir / "cache", "Dir::Etc::sourceparts": self.parts,
                   "APT::Architecture": self.arch, "APT::Architectures": self.arch, "APT::Install-Recommends": "false",
                   "APT::Sandbox::User": "root", "Acquire::Languages": "none", "Acquire::Retries": "3"}
        words = [w for name, value in options.items() for w in ("-o", f"{name}={value}")]
        return subprocess.run([program, *words, *args], cwd=cwd, capture_output=True, text=True,
                              env={**os.environ, "LC_ALL": "C"})

    def look(self, partly=False):
        """Reads what the source has, unless that was done lately. `partly`: a part of it that cannot be
        read is left out. That is safe for packages whose hashes are locked."""
        mark = self.dir / "looked"
        if mark.exists() and time.time() - mark.stat().st_mtime < STATE_HOLDS_S:
            return
        done = self.call("apt-get", "update")
        if done.returncode != 0 and not partly:
            raise Refused(f"The package source cannot be read for {self.arch}:\n{done.stderr}"
                          "If it is being updated right now (\"unexpected size\"), run this again later, or lock what "
                          "the rest of it has: tools/image/image lock-partly BOARD.")
        mark.touch()

    def forget(self):
        (self.dir / "looked").unlink(missing_ok=True)

    def download(self, *packages):
        """Those packages alone, into the archives. Gives apt's complaint, or None."""
        done = self.call("apt-get", "download", *packages, cwd=self.archives)
        return done.stderr if done.returncode != 0 else None

    def download_all(self, *packages):
        """Those packages and all that they need."""
        done = self.call("apt-get", "install", "-y", "--download-only", "--no-install-recommends", *packages)
        if done.returncode != 0:
            raise Refused(f"The package source cannot give {' '.join(packages)} for {self.arch}:\n{done.stderr}")

    def newest(self, name):
        said = self.call("apt-cache", "policy", name).stdout
        return next((line.split()[1] for line in said.splitlines() if "Candidate:" in line), "(none)")

    def needs(self, name):
        said = self.call("apt-cache", "depends", "--important", name).stdout
        return [line.split()[-1] for line in said.splitlines() if "Depends:" in line]

    def fresh(self):
        for deb in self.archives.glob("*.deb"):
            deb.unlink()

    def fetched(self):
        return sorted(self.archives.glob("*.deb"))


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def kept(arch, name, digest):
    return CACHE / "debs" / arch / f"{name}_{digest[:16]}.deb"


def keep(arch, deb):
    """Moves a fetched package to where it is known by its hash. Gives (name, version, sha256)."""
    said = subprocess.run(["dpkg-deb", "-f", deb, "Package", "Version"], capture_output=True, text=True, check=True)
    about = dict(line.split(": ", 1) for line in said.stdout.splitlines())
    digest = sha256(deb)
    path = kept(arch, about["Package"], digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(deb, path)
    return about["Package"], about["Version"], digest


def read_lock(path):
    if not path.exists():
        raise Refused(f"{path} is missing: make it with tools/image/image lock.")
    lines = (line.split() for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return [Locked(*words) for words in lines]


def write_lock(path, source, sets):
    """`sets`: {set: (names with all that they need, names alone)}."""
    arch = source.arch
    lines = []
    for name, (whole, alone) in sets.items():
        source.fresh()
        if whole:
            source.download_all(*whole)
        if alone and (complaint := source.download(*alone)):
            raise Refused(f"The package source cannot give {' '.join(alone)} for {arch}:\n{complaint}")
        lines += [" ".join((name, *keep(arch, deb))) for deb in source.fetched()]
    path.write_text("# Set, package, version, SHA-256. Written by tools/image/image lock: docs/porting.md\n" +
                    "\n".join(sorted(lines)) + "\n")


def drift(source, missing, path, complaint):
    moved = [f"  {p.name}: locked {p.version}, the package source has {new}"
             for p in missing if (new := source.newest(p.name)) != p.version]
    if not moved:
        return Refused(f"Locked packages cannot be fetched:\n{complaint}")
    return Refused(f"The package source has moved on since {path} was written:\n" + "\n".join(moved) +
                   "\nTo move on: tools/image/image lock BOARD, read what changed with git diff, then make image,"
                   "\nmake systest, and commit the lock. Until then a cache that is full (VAFA_CACHE) still builds.")


def fetch(path, arch, name, components=()):
    """The packages of one set of a lock file, as paths in the cache, in the lock's order. `components`: of the package
    source, besides those that the machine takes from."""
    packages = [p for p in read_lock(path) if p.set == name]
    missing = [p for p in packages if not kept(arch, p.name, p.sha256).exists()]
    if missing:
        source = Source(arch, components)
        source.look(partly=True)
        source.fresh()
        complaint = source.download(*(f"{p.name}={p.version}" for p in missing))
        if complaint:
            raise drift(source, missing, path, complaint)
        for deb in source.fetched():
            keep(arch, deb)
    for p in missing:
        if not kept(arch, p.name, p.sha256).exists():
            raise Refused(f"{p.name} {p.version} for {arch} is not the package that {path} locked: its hash differs. "
                          "Do not go on before you know why.")
    return [kept(arch, p.name, p.sha256) for p in packages]


def unpack(debs, folder):
    """All files of the packages, one tree with /usr merged, as Debian's own installer lays it out. No script runs."""
    for part in ("bin", "sbin", "lib"):
        (folder / "usr" / part).mkdir(parents=True, exist_ok=True)
        if not (folder / part).is_symlink():
            (folder / part).symlink_to(f"usr/{part}")
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as data:
            subprocess.run(["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", folder],
                           stdin=data.stdout, check=True)
        if data.returncode != 0:
            raise Refused(f"{deb} cannot be unpacked: remove it and run this again.")
