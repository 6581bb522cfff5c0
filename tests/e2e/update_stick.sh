#!/bin/bash
# update_stick.sh - what is checked of a technician's stick is what is installed, whatever the stick shows later: the scripts of
# the image with a device's files, another rauc, and a folder in place of the stick. Prints TAP lines.
set -u
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

. tests/support/tap.sh

mkdir -p "$dir/bin" "$dir/etc/vafa" "$dir/run/vafa" "$dir/data/install" "$dir/data/terminal" "$dir/usr/lib/vafa" "$dir/stick"
program() { cat >"$dir/bin/$1" && chmod +x "$dir/bin/$1"; }
# A bundle here: its version in the first line, then bytes. With a file swap, both the stick and what is mounted of it show an
# older one as soon as somebody has looked at a bundle.
program rauc <<'END'
#!/bin/sh
dir=${0%/bin/rauc}
case "$*" in
*info*)
    for file; do :; done
    printf "RAUC_MF_VERSION='%s'\nRAUC_MF_BUILD='database-9-from-9'\n" "$(head -n 1 "$file")"
    [ ! -f "$dir/swap" ] || for at in "$dir/stick" "$dir/run/stick"; do echo 6 >"$at/vafa.raucb"; done ;;
*service*) exec sleep 100 ;;
install*) head -n 1 "$2" >"$dir/installed" ;;
esac
END
program dbus-daemon <<'END'
#!/bin/sh
exec python3 -c 'import os, socket, time
socket.socket(socket.AF_UNIX).bind(os.environ["DBUS_SYSTEM_BUS_ADDRESS"].split("=")[1])
time.sleep(100)'
END
program mount <<'END'
#!/bin/sh
for to; do :; done
cp "${0%/bin/mount}/stick"/* "$to" 2>/dev/null || true
END
program umount <<'END'
#!/bin/sh
rm -f "$1"/*
END
program df <<'END'
#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/root 60000 1 %s 1%% /data\n' "$(cat "${0%/*}/../free")"
END
program head <<'END'
#!/bin/sh
# A stick that is pulled gives half of it.
[ "$1" != -c ] || [ ! -f "${0%/*}/../pulled" ] || exec /usr/bin/head -c $(($2 / 2)) "$3"
exec /usr/bin/head "$@"
END
for script in update-check update-take; do
    printf '#!/bin/sh\nexec sh "%s" "$@"\n' "$PWD/boards/common/image/$script" >"$dir/usr/lib/vafa/$script"
    chmod +x "$dir/usr/lib/vafa/$script"
done
echo 7 >"$dir/etc/vafa/version"
echo 9 >"$dir/etc/vafa/database"
printf 'version=7\ngood=1\nunsent=0\nfailed=9\n' >"$dir/run/vafa/device"

bundle() { { echo "$1"; /usr/bin/head -c 3000000 /dev/zero; } >"$2"; }
device() { # a stick with version 8, much room, nothing installed yet
    rm -f "$dir"/run/stick/* "$dir"/run/vafa/update "$dir"/run/dbus/* "$dir"/data/install/* "$dir"/installed "$dir"/swap "$dir"/pulled
    bundle 8 "$dir/stick/vafa.raucb"
    echo 50000 >"$dir/free"
}
updates() { VAFA_ROOT=$dir PATH=$dir/bin:$PATH sh boards/common/image/update "${1:-/dev/sda1}" >"$dir/said" 2>&1; }
installs() { # installs VERSION [SOURCE]
    updates "${2:-}" && [ "$(cat "$dir/installed")" = "$1" ] && [ "$(cat "$dir/run/vafa/update")" = "installing $1" ] || { cat "$dir/said"; false; }
}
refuses() { # refuses LINE: in the report; nothing is installed, and no copy is left
    ! updates && grep -q -- "^$1" "$dir/run/vafa/update" && [ ! -f "$dir/installed" ] && [ -z "$(ls "$dir/data/install")" ] ||
        { cat "$dir/said"; ls "$dir/data/install"; false; }
}
from_sync() { # installs 8 of what vafa-sync brought, without a stick
    rm "$dir/stick/vafa.raucb"
    bundle 8 "$dir/data/install/vafa.raucb"
    installs 8 "$dir/data/install/vafa.raucb"
}

device
check a_stick_installs installs 8
device
touch "$dir/swap"
check what_was_checked_is_installed_whatever_the_stick_shows_then installs 8
device
bundle 6 "$dir/stick/vafa.raucb"
refuses_older() { ! updates && grep -q '^refused 6: it is version 6, and version 7 runs already' "$dir/run/vafa/update" && [ ! -f "$dir/installed" ]; }
check an_older_version_is_refused refuses_older
device
echo 7024 >"$dir/free" # 2929 KiB of bundle and 4096
check without_room_for_a_copy_it_is_refused refuses 'refused 0: 7024 KiB are free on /data and 7025 are needed for a copy of the bundle'
device
echo 7025 >"$dir/free"
check with_just_enough_it_is_not installs 8
device
touch "$dir/pulled"
check a_stick_that_is_pulled_meanwhile_is_refused refuses 'refused 0: the stick gave 1500001 of 3000002 bytes'
device
rm "$dir/stick/vafa.raucb"
check a_stick_without_a_bundle_is_refused refuses 'refused 0: the stick has no file'
device
check what_sync_brought_is_installed_as_it_lies_there from_sync
device
bundle 9 "$dir/stick/vafa.raucb"
check a_technician_may_bring_what_fell_back installs 9
left_in() { [ "$(cat "$dir/data/install/tried")" = 9 ] && rm -f "$dir"/run/dbus/* "$dir/installed" "$dir/data/install/vafa.raucb" && ! updates &&
    grep -q '^refused 9: it was installed from a stick and fell back: pull the stick' "$dir/run/vafa/update" && [ ! -f "$dir/installed" ]; }
check a_stick_that_is_left_in_does_not_bring_it_again left_in
device
bundle 8 "$dir/data/install/vafa.raucb"
unnoted() { installs 8 "$dir/data/install/vafa.raucb" && [ ! -f "$dir/data/install/tried" ]; }
check what_sync_brought_is_not_noted_there unnoted
exit $failed
