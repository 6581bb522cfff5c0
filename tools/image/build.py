"""An image for a board: docs/decisions/0017-image.md says what lies where, and why.

From packages in the cache and what `make image` built before ($PROGRAMS), without root and without mounting.
Every time stamp, order and identifier is fixed, so the same packages and programs give the same bytes."""
import gzip
import hashlib
import os
import re
import shutil
import uuid

import bundle
import debs
import sysroot
from common import EPOCH, ROOT, Board, Refused, run

TRIPLE = {"arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}
BOOT_COMMAND = {"arm64": "booti", "armhf": "bootz"}
# As boards/common/device/rights.h has them.
USERS = {"root": 0, "terminal": 900, "reader": 901, "sync": 902, "register": 903}
GROUPS = {**USERS, "till": 910, "journal": 911}
# {path: (mode, user, group)} of what is not root's: the terminal starts the reader, which runs as its own user.
OWNED = {"usr/bin/vafa-reader": (0o4550, USERS["reader"], USERS["terminal"])}
# What Debian's packages bring and a device does not need.
NOT_ON_A_DEVICE = ("usr/share", "usr/lib/*/gconv", "usr/lib/*/audit", "usr/lib/lsb", "var", "etc", "usr/lib/systemd",
                   "usr/lib/udev", "lib/systemd", "lib/udev")
MIB = 1 << 20
# The disk's first MiB is the boot loader's; then the table of these: name, MiB, what is in it. U-Boot looks for its script
# in the first one; scripts go by these names.
PARTITIONS = (("scr", 16, "scr.vfat"), ("env1", 1, None), ("env2", 1, None), ("boot_a", 64, "boot.vfat"),
              ("root_a", 64, "root.squashfs"), ("boot_b", 64, None), ("root_b", 64, None), ("ident", 4, None),
              ("data", 64, "data.ext4"))
SIZES = {name: mib for name, mib, _ in PARTITIONS}
# The file system for data grows with its disk (boards/common/device/grow.h): it has no more tables for files than a
# terminal needs, and room for the description of a TiB. A twentieth of it, however large, is the terminal's own
# (bring_up.c): the kernel keeps nothing of the 64 MiB that complete the first group, and of each one behind it as many in a
# hundred as it finds before, rounded down.
DATA_OPTIONS = ("-t", "ext4", "-b", 4096, "-I", 256, "-i", 128 << 10, "-m", 11)
DATA_GROWS_TO = (1 << 40) // 4096
ENV_BYTES = 0x4000


def fixed_uuid(name):
    """Always the same for a name: an identifier made by chance would differ from build to build."""
    return str(uuid.uuid5(uuid.UUID("4ac1f3d4-8f0e-4c1e-9a55-5661666100ff"), name))


def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def copy(source, target, mode):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def stamp(folder):
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files, "."):
            os.utime(os.path.join(at, name), (EPOCH, EPOCH), follow_symlinks=False)


def owners(root):
    """For mksquashfs: who owns what, whoever builds."""
    lines = []
    for path in (root, *sorted(root.rglob("*"))):
        name = "/" if path == root else str(path.relative_to(root))
        mode, user, group = OWNED.get(name, (path.lstat().st_mode & 0o7777, 0, 0))
        lines.append(f'"{name}" m {mode:o} {user} {group}')
    return "\n".join([*lines, ""])


def make_data(path, content=None, mib=SIZES["data"]):
    """The file system for data; with what is in the folder `content`."""
    run("mke2fs", "-q", "-F", *DATA_OPTIONS, "-L", "data", "-U", fixed_uuid("data"), "-E",
        f"resize={DATA_GROWS_TO},hash_seed={fixed_uuid('hash')},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
        *(("-d", content) if content else ()), path, f"{mib}M")


class Build:
    def __init__(self, board_name, version):
        self.board = Board(board_name)
        self.version = version
        self.arch = self.board["arch"]
        if self.arch not in TRIPLE:
            raise Refused(f"boards/{board_name}/board.conf: arch={self.arch} is not one of {' '.join(TRIPLE)}.")
        self.programs = ROOT / "build" / f"{board_name}-release"
        if not re.fullmatch("[1-9][0-9]{0,8}", version):
            raise Refused(f"VERSION={version} is not a whole number: a device takes only a higher one than it has.")
        self.out = ROOT / "build" / f"{board_name}-image"
        self.work = self.out / f"work-{version}"
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        os.environ.update(SOURCE_DATE_EPOCH=str(EPOCH), E2FSPROGS_FAKE_TIME=str(EPOCH), TZ="UTC", LC_ALL="C")

    # --- the kernel ------------------------------------------------------------------------

    def unpack_kernel(self):
        self.kernel = self.work / "kernel"
        debs.unpack(debs.fetch(self.board.dir / "lock", self.arch, "kernel", self.board.words("components")), self.kernel)
        self.release = next((self.kernel / "usr/lib/modules").iterdir()).name
        run("depmod", "-b", self.kernel / "usr", self.release)
        self.modules = {}
        for line in (self.kernel / "usr/lib/modules" / self.release / "modules.dep").read_text().splitlines():
            path, needs = line.split(":")
            self.modules[self.module_name(path)] = (path, [self.module_name(n) for n in needs.split()])

    @staticmethod
    def module_name(path):
        return re.sub(r"\.ko(\.xz)?$", "", path.rsplit("/", 1)[-1]).replace("-", "_")

    def in_order(self, names):
        """The modules and what they need, what is needed first."""
        order = []

        def take(name):
            if name not in self.modules:
                raise Refused(f"{self.release} has no module {name}: boards/{self.board.name}/board.conf names it.")
            for need in self.modules[name][1]:
                take(need)
            if name not in order:
                order.append(name)
        for name in names:
            take(name)
        return order

    def put_modules(self, names, folder):
        """The modules in one folder, and the file `load` with their names in order."""
        paths = [self.modules[name][0] for name in self.in_order(names)]
        for path in paths:
            copy(self.kernel / "usr/lib/modules" / self.release / path, folder / path.rsplit("/", 1)[-1], 0o644)
        write(folder / "load", "".join(path.rsplit("/", 1)[-1] + "\n" for path in paths))

    # --- the root file system --------------------------------------------------------------

    def stage_root(self):
        root = self.work / "root"
        debs.unpack(debs.fetch(sysroot.lock_of(self.arch), self.arch, "root"), root)
        if self.board["data_key"] != "none":
            debs.unpack(debs.fetch(sysroot.lock_of(self.arch), self.arch, "vault"), root)
        for pattern in NOT_ON_A_DEVICE:
            for path in root.glob(pattern):
                shutil.rmtree(path)
        for folder in ("proc", "sys", "dev", "run", "data", "ident", "etc/vafa", "usr/lib/vafa", "var"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for link, target in (("var/lock", "/run"), ("etc/resolv.conf", "/run/resolv.conf"), ("tmp", "/run"),
                             ("usr/sbin/init", "/usr/bin/vafa-init")):
            (root / link).symlink_to(target)
        for program in os.environ["PROGRAMS"].split():
            target = root / "usr/bin" / program
            run(f"{TRIPLE[self.arch]}-strip", "-o", target, self.programs / program)
            target.chmod(0o755)
        for tool in ("sh", "ip", "cat", "tail", "grep", "mv", "mkdir", "sleep", "sync", "udhcpc", "sed", "mount", "umount", "wc", "stat",
                     "df", "head", "rm", "od"):
            if not (root / "usr/bin" / tool).exists():
                (root / "usr/bin" / tool).symlink_to("busybox")
        for script in ("slot", "dhcp", "update", "update-check", "update-take"):
            copy(ROOT / "boards/common/image" / script, root / "usr/lib/vafa" / script, 0o755)
        self.put_modules(self.board.words("modules"), root / "usr/lib/modules")
        self.write_etc(root / "etc")
        return root

    def write_etc(self, etc):
        copy(self.board.dir / "board.conf", etc / "vafa/board.conf", 0o644)
        write(etc / "vafa/version", f"{self.version}\n")
        write(etc / "vafa/database", f"{bundle.database_versions()[0]}\n")
        copy(bundle.ca_path(), etc / "vafa/update-ca.pem", 0o644)
        copy(ROOT / "boards/common/image/dbus.conf", etc / "vafa/dbus.conf", 0o644)
        text = (ROOT / "boards/common/image/rauc.conf").read_text()
        write(etc / "vafa/rauc.conf", text.replace("@BOARD@", self.board.name))
        write(etc / "passwd", "".join(f"{n}:x:{i}:{i}:::/bin/false\n" for n, i in USERS.items()))
        write(etc / "group", "".join(f"{n}:x:{i}:\n" for n, i in GROUPS.items()))
        for copy_number in (1, 2):
            write(etc / f"fw_env{copy_number}.config",
                  f"/dev/disk/by-partlabel/env{copy_number} 0x0 {ENV_BYTES:#x}\n")

    def make_root(self):
        root = self.stage_root()
        stamp(root)
        write(self.work / "owners", owners(root))
        run("mksquashfs", root, self.work / "root.squashfs", "-comp", "zstd", "-Xcompression-level", "19", "-noappend",
            "-no-progress", "-quiet", "-pf", self.work / "owners")

    # --- what the boot loader reads --------------------------------------------------------

    def make_initrd(self):
        folder = self.work / "initrd"
        for name in ("bin", "dev", "proc", "sys", "root"):
            (folder / name).mkdir(parents=True)
        copy(self.work / "root/usr/bin/busybox", folder / "bin/busybox", 0o755)
        copy(ROOT / "boards/common/image/initrd-init", folder / "init", 0o755)
        self.put_modules(self.board.words("initrd_modules"), folder / "modules")
        stamp(folder)
        run("sh", "-ec", f"find . | sort | cpio --quiet --reproducible -o -H newc -R 0:0 | gzip -9n >'{self.work}/initrd.gz'",
            cwd=folder)

    def make_device_tree(self):
        """Debian's, with what the board's folder adds to it. None: the boot loader has one."""
        name = self.board["device_tree"]
        if not name:
            return None
        more = self.board.dir / "board.dts"
        text = run("dtc", "-q", "-I", "dtb", "-O", "dts", self.kernel / "usr/lib" / f"linux-image-{self.release}" / name)
        write(self.work / "device_tree.dts", text + (more.read_text() if more.exists() else ""))
        run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", self.work / "device_tree", self.work / "device_tree.dts")
        return self.work / "device_tree"

    def make_kernel(self):
        """As Debian has it, or packed, for boards that read their disk slower than they unpack."""
        kernel = self.kernel / "boot" / f"vmlinuz-{self.release}"
        if not self.board["kernel_unpacks_at"]:
            return kernel
        with open(self.work / "kernel.gz", "wb") as packed:
            packed.write(gzip.compress(kernel.read_bytes(), mtime=0))
        return self.work / "kernel.gz"

    def make_script(self):
        has_tree = self.board["device_tree"] != ""
        words = {"CONSOLE": self.board["console"], "ARGUMENTS": self.board["kernel_arguments"],
                 "UNPACK_AT": self.board["kernel_unpacks_at"], "BOOT": BOOT_COMMAND[self.arch],
                 "LOAD_TREE": "load ${vafa_from} ${fdt_addr_r} device_tree" if has_tree else "true",
                 "TREE": "${fdt_addr_r}" if has_tree else "${fdt_addr}"}
        text = (ROOT / "boards/common/image/boot.cmd").read_text()
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        write(self.work / "boot.cmd", text)
        run("mkimage", "-A", "arm64" if self.arch == "arm64" else "arm", "-T", "script", "-C", "none",
            "-d", self.work / "boot.cmd", self.work / "boot.scr")

    def make_environment(self):
        """What U-Boot has built in, but for two things: no key stops it, and USB is left to the kernel."""
        name, _, size = self.board["u_boot_environment"].partition("@")
        program = (self.kernel / name).read_bytes()
        built_in = re.search(rb"(?:[A-Za-z_0-9]+=[^\0]*\0)*bootcmd=[^\0]*\0(?:[A-Za-z_0-9]+=[^\0]*\0)+(?=\0)", program)
        if not built_in:
            raise Refused(f"{name} has no environment built in: boards/{self.board.name}/board.conf names it.")
        lines = [line for line in built_in[0].decode().split("\0") if not line.startswith(("bootdelay=", "preboot="))]
        write(self.work / "uboot.txt", "\n".join([*filter(None, lines), "bootdelay=-2", ""]))
        run("mkenvimage", "-s", size, "-o", self.work / "uboot.env", self.work / "uboot.txt")
        return self.work / "uboot.env"

    def make_vfat(self, name, size_mib, files):
        """A FAT file system with {name there: file here}."""
        path = self.work / name
        with open(path, "wb") as file:
            file.truncate(size_mib * MIB)
        run("mkfs.vfat", "--invariant", "-i", fixed_uuid(name)[:8], path)
        for target, source in files.items():
            os.utime(source, (EPOCH, EPOCH))
            run("mcopy", "-m", "-i", path, source, f"::{target}")

    def make_boot(self):
        self.make_initrd()
        self.make_script()
        files = {"kernel": self.make_kernel(), "initrd": self.work / "initrd.gz"}
        if tree := self.make_device_tree():
            files["device_tree"] = tree
        self.make_vfat("boot.vfat", 40, files)
        first = {"boot.scr": self.work / "boot.scr", **{path.name: path for path in self.boot_files()}}
        if self.board["u_boot_environment"]:
            first["uboot.env"] = self.make_environment()
        self.make_vfat("scr.vfat", SIZES["scr"], first)

    def boot_files(self):
        """What a board's first stages read beside the script: from packages, from its folder, or its device tree."""
        for name in self.board.words("boot_files"):
            if "/" in name:
                yield self.kernel / name
                continue
            if name != "device_tree":
                copy(self.board.dir / name, self.work / name, 0o644)
            yield self.work / name

    # --- the whole -------------------------------------------------------------------------

    def genimage_text(self):
        table = self.board["partition_table"]
        lines = [f'image {self.board.name}.img {{', '  hdimage {', f'    partition-table-type = "{table}"',
                 '    gpt-location = 1M', f'    disk-uuid = "{fixed_uuid("disk")}"', "  }", *self.raw_text()]
        for name, size, content in PARTITIONS:
            lines += [f"  partition {name} {{", f"    size = {size}M", '    partition-type-uuid = "L"',
                      f'    partition-uuid = "{fixed_uuid(name)}"']
            lines += [f'    image = "{content}"'] if content else []
            lines += ["    partition-type = 0xC"] if table == "hybrid" and name == "scr" else []
            lines += ["  }"]
        return "\n".join([*lines, "}", ""])

    def raw_text(self):
        """A boot loader that lies on the disk itself: FILE@KIB."""
        if not self.board["boot_raw"]:
            return []
        name, _, kib = self.board["boot_raw"].partition("@")
        return ["  partition boot_loader {", "    in-partition-table = false", f"    offset = {kib}K",
                f'    image = "{self.kernel / name}"', "  }"]

    def assemble(self):
        write(self.work / "genimage.cfg", self.genimage_text())
        (self.work / "empty").mkdir()
        run("genimage", "--config", self.work / "genimage.cfg", "--rootpath", self.work / "empty", "--tmppath",
            self.work / "tmp", "--inputpath", self.work, "--outputpath", self.work)
        image = self.out / f"{self.board.name}.img"
        os.replace(self.work / image.name, image)
        run("bmaptool", "create", "-o", f"{image}.bmap", image)   # tools/flash writes and compares by it
        return image

    def make_slot(self):
        self.unpack_kernel()
        self.make_root()
        self.make_boot()

    def bundle(self):
        """An update with what would be in the image's slot A."""
        self.make_slot()
        content = self.work / "bundle"
        content.mkdir()
        os.replace(self.work / "root.squashfs", content / "rootfs.img")
        os.replace(self.work / "boot.vfat", content / "boot.img")
        target = bundle.bundle(content, self.out / f"{self.board.name}-{self.version}.raucb", self.board.name, self.version)
        print(f"  bundle  {target.relative_to(ROOT)}  {target.stat().st_size:,} bytes")
        bundle.say_trial()

    def run(self):
        self.make_slot()
        make_data(self.work / "data.ext4")
        image = self.assemble()
        with open(image, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        print(f"  image   {image.relative_to(ROOT)}  version {self.version}")
        for what in ("root.squashfs", "initrd.gz"):
            print(f"          {what} {(self.work / what).stat().st_size:,} bytes")
        print(f"          kernel {(self.kernel / 'boot' / f'vmlinuz-{self.release}').stat().st_size:,} bytes")
        print(f"          {image.stat().st_size:,} bytes, {image.stat().st_blocks * 512:,} on the disk, sha256 {digest}")
        bundle.say_trial()
        return image


def build(board_name, version="1"):
    Build(board_name, version).run()


def build_bundle(board_name, version):
    Build(board_name, version).bundle()
