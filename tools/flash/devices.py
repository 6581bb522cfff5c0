"""The disks of this machine: which there are, what is on them, and which of them may be overwritten."""
import contextlib
import fcntl
import json
import os
import stat
import time
from pathlib import Path

import held
from common import Refused, run
from plain import plain

COLUMNS = "NAME,PATH,TYPE,SIZE,LOG-SEC,MODEL,SERIAL,RO,FSTYPE,LABEL,PARTLABEL,MOUNTPOINTS"
SECTOR = 512
WORDS_MAX = 64     # of what a disk says of itself
LOCK_WAIT_S = 5    # udev has it for a moment, too, when it looks at a disk
# File systems that are parts of something larger, and what to do about them.
PARTS = {"LVM2_member": "LVM", "linux_raid_member": "a RAID", "crypto_LUKS": "an enciphered disk", "zfs_member": "ZFS"}


def clean(node):
    """What anybody may have written on the disk is shown as letters only."""
    for name in ("model", "serial", "fstype", "label", "partlabel"):
        node[name] = plain(node[name], WORDS_MAX) if node[name] else node[name]
    node["mountpoints"] = [point and plain(point) for point in node["mountpoints"]]
    node["children"] = [clean(child) for child in node.get("children") or ()]
    return node


def lsblk(*paths):
    return [clean(node) for node in json.loads(run("lsblk", "-J", "-b", "-o", COLUMNS, *paths))["blockdevices"]]


def turn_of(path):
    """The kernel's count of disks and of cards put in: another one under the same name has another number."""
    try:
        return Path(f"/sys/class/block/{Path(path).name}/diskseq").read_text()
    except OSError:
        return None


class Disk:
    """One whole disk, as lsblk tells of it and of what stands on it."""
    def __init__(self, node):
        self.node, self.path, self.size = node, node["path"], int(node["size"])
        self.turn = turn_of(self.path)

    def nodes(self, node=None):
        """The disk, its partitions, and what is made of them."""
        node = node or self.node
        yield node
        for child in node.get("children") or ():
            yield from self.nodes(child)

    def say(self):
        model = " ".join(word for word in (self.node["model"], self.node["serial"]) if word) or self.node["type"]
        on_it = [node["partlabel"] or node["label"] or node["fstype"] for node in self.nodes()]
        return f"{self.path}  {self.size / 1e9:.1f} GB  {model}: {', '.join(filter(None, on_it)) or 'nothing known'}"

    def is_terminals(self):
        return set(held.OURS) <= {node["partlabel"] for node in self.nodes()}

    def refusal(self, bytes_needed):
        """Why it is not to be overwritten, and what to do; None: it may be."""
        if self.node["type"] == "part":
            return f"{self.path} is a partition: name the whole disk."
        mounted = [(node["path"], point) for node in self.nodes() for point in node["mountpoints"] or () if point]
        for path, point in mounted:
            if point == "/" or point.startswith("/boot") or point.startswith("/usr"):
                return f"{self.path} is this machine's own disk ({path} is {point}): choose another one."
        for path, point in mounted:
            if point == "[SWAP]":
                return f"{path} is this machine's swap space: swapoff {path}, if it is the right disk."
            return f"{path} is mounted at {point}: umount {path}, if it is the right disk."
        for node in self.nodes():
            if node["fstype"] == "crypto_LUKS" and node["partlabel"] == "data" and self.is_terminals():
                continue   # held.py says what that means
            part_of = PARTS.get(node["fstype"]) or (node["type"] if node["type"] not in ("disk", "part", "loop") else None)
            if part_of:
                return f"{node['path']} belongs to {part_of}: is it the right disk? If so, take it out of that first (wipefs)."
        if self.node["ro"] in (True, "1", 1):
            return f"{self.path} is read-only: look for the card's lock, or take another one."
        if int(self.node["log-sec"]) != SECTOR:
            return f"{self.path} has sectors of {self.node['log-sec']} bytes, terminals' boot loaders know {SECTOR}: take another disk."
        if self.size < bytes_needed:
            return f"{self.path} is too small: {self.size / 1e6:.0f} MB, the image needs {bytes_needed / 1e6:.0f} MB."
        return None

    def check(self, bytes_needed):
        why = self.refusal(bytes_needed)
        if why:
            raise Refused(why)
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_EXCL))
        except PermissionError:
            raise Refused(f"{self.path} may only be written by root: run this with sudo.") from None
        except OSError as why_not:
            raise Refused(f"{self.path} cannot be had for itself ({why_not.strerror}): something uses it.") from None

    def check_still_it(self, bytes_needed):
        """Questions take their time, and a card is soon changed."""
        now = find(self.path)
        if (now.turn, now.size, now.node["model"], now.node["serial"]) != (self.turn, self.size, self.node["model"], self.node["serial"]):
            raise Refused(f"{self.path} is another disk by now than the one that was looked at: begin again.")
        now.check(bytes_needed)

    @contextlib.contextmanager
    def alone(self):
        """No other flash writes it meanwhile, and udev looks at none of its partitions, which desktops would mount."""
        until = time.monotonic() + LOCK_WAIT_S
        with open(self.path, "rb") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise Refused(f"{self.path} is being written by another flash: wait until that has ended, then begin again.") from None
                    time.sleep(0.1)
            yield


def find(path):
    """The disk of that name; also by a name in /dev/disk."""
    real = os.path.realpath(path if "/" in path else f"/dev/{path}")
    try:
        is_block = stat.S_ISBLK(os.stat(real).st_mode)
    except OSError as why:
        raise Refused(f"{path}: {why.strerror}. lsblk lists the disks.") from None
    if not is_block:
        raise Refused(f"{path} is no disk: images go onto one. lsblk lists them.")
    if not os.access(real, os.R_OK):
        raise Refused(f"{path} may only be read by root: run this with sudo.")
    return Disk(lsblk(real)[0])


def all_disks():
    """Those that may be overwritten, whatever their size."""
    return [disk for disk in map(Disk, lsblk()) if disk.node["type"] == "disk" and disk.size and disk.refusal(0) is None]
