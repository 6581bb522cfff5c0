#!/bin/bash
# update_check.sh - what a device refuses before it installs an update: the script of the image, with a device's files and
# another rauc. Prints TAP lines.
set -u
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

. tests/support/tap.sh

mkdir -p "$dir/bin" "$dir/etc/vafa" "$dir/run/vafa" "$dir/data/terminal" "$dir/data/install"
# What RAUC 1.8 says of a bundle that it believes; $dir/about has the lines, nothing there: it refuses.
cat >"$dir/bin/rauc" <<'END'
#!/bin/sh
[ -s "${0%/*}/../about" ] || { echo 'rauc-Message: signature verification failed: Verify error: self signed certificate' >&2; exit 1; }
cat "${0%/*}/../about"
END
# $dir/free: KiB that are free on /data.
cat >"$dir/bin/df" <<'END'
#!/bin/sh
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/root 60000 1 %s 1%% /data\n' "$(cat "${0%/*}/../free")"
END
chmod +x "$dir/bin/rauc" "$dir/bin/df"
echo 50000 >"$dir/free"
bundle() { # bundle VERSION BUILD
    printf "RAUC_MF_COMPATIBLE='vafa-qemu-virt-arm64'\nRAUC_MF_VERSION='%s'\nRAUC_MF_DESCRIPTION=''\nRAUC_MF_BUILD='%s'\n" "$@" >"$dir/about"
}
device() { # device NAME=VALUE...: a healthy one of version 7, but for these lines of its report
    printf '%s\n' "$@" >"$dir/run/vafa/device"
    printf 'board=qemu-virt-arm64\nversion=7\ngood=1\nunsent=0\n' | while IFS= read -r line; do
        grep -q "^${line%%=*}=" "$dir/run/vafa/device" || echo "$line"
    done >>"$dir/run/vafa/device"
}
asks() { VAFA_ROOT=$dir PATH=$dir/bin:$PATH sh boards/common/image/update-check "$dir/vafa.raucb" "${1:-stick}" >"$dir/said" 2>&1; }
takes() { asks "${2:-}" && [ "$(cat "$dir/said")" = "$1" ] || { cat "$dir/said"; false; }; }
refuses() { ! asks "${2:-}" && grep -q -- "^$1" "$dir/said" && [ "$(wc -l <"$dir/said")" -eq 1 ] || { cat "$dir/said"; false; }; }

echo 7 >"$dir/etc/vafa/version"
echo 9 >"$dir/etc/vafa/database"
head -c 10000000 /dev/zero >"$dir/data/terminal/terminal.db"
: >"$dir/vafa.raucb"

bundle 8 database-9-from-9
device
check a_newer_version_is_taken takes 8
bundle 7 database-9-from-9
check the_same_version_is_refused refuses '7 it is version 7, and version 7 runs already'
bundle 6 database-9-from-9
check an_older_version_is_refused refuses '6 it is version 6, and version 7 runs already'
bundle 10 database-9-from-9
check versions_are_compared_as_numbers takes 10
: >"$dir/about"
check what_rauc_does_not_believe_is_refused refuses '0 it is damaged, or not signed by whom this device believes. rauc-Message: signature'
bundle 8a database-9-from-9
check a_version_that_is_no_number_is_refused refuses '0 it is damaged'

bundle 8 database-9-from-9
device good=0
check on_trial_nothing_is_installed refuses '8 version 7 is still on trial'
rm "$dir/run/vafa/device"
check without_a_report_nothing_is_installed refuses '8 version 7 is still on trial'

device failed=8
check a_version_that_fell_back_is_refused_whatever_the_offer_said refuses '8 it was installed before and fell back' bundle
check and_taken_from_a_technicians_stick takes 8
echo 8 >"$dir/data/install/tried"
check but_not_again_from_one_that_was_left_in refuses '8 it was installed from a stick and fell back: pull the stick and plug it in again'
echo 9 >"$dir/data/install/tried"
check and_taken_when_that_brought_another takes 8
echo 8 >"$dir/data/install/tried"
device failed=0
check and_taken_when_it_was_cut_and_did_not_fall_back takes 8
device failed=6
check and_another_version_than_that_is_taken takes 8 bundle

bundle 8 database-10-from-9
device unsent=12
check a_database_that_the_fallback_can_use_is_taken_with_entries_unsent takes 8
bundle 8 database-10-from-10
check one_that_it_cannot_use_is_refused_with_entries_unsent refuses '8 this device has 12 entries that the club has not, and version 7 could not read them'
device unsent=-1
check and_when_nobody_knows_how_many refuses '8 this device has an unknown number of entries'
device unsent=0
check and_is_taken_once_all_is_sent takes 8
# What the database is now: its version and, from the other half, the lowest that may use it.
is_of() { rm -f "$dir/data/terminal/terminal.db" && python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript("PRAGMA user_version = " + sys.argv[2] + "; CREATE TABLE t(a)")' "$dir/data/terminal/terminal.db" "$1"; }
device unsent=-1
is_of 9
check a_database_of_the_version_that_runs_is_protected refuses '8 this device has an unknown number of entries'
is_of $((10 + 65536 * 9))
check and_a_newer_one_that_it_can_use refuses '8 this device has an unknown number of entries'
is_of 10
check who_fell_back_to_a_database_that_it_cannot_use_is_helped_by_a_stick takes 8
is_of $((12 + 65536 * 10))
check likewise_when_more_than_one_version_can_use_it takes 8
: >"$dir/data/terminal/terminal.db"
check a_database_that_is_empty_is_no_such refuses '8 this device has an unknown number of entries'
head -c 10000000 /dev/zero >"$dir/data/terminal/terminal.db"
device unsent=0
bundle 8 ''
check a_bundle_that_does_not_say_is_refused refuses '8 it does not say which database it brings'

bundle 8 database-9-from-9
device
echo 13860 >"$dir/free" # 9765 KiB of database and 4096
check a_disk_without_room_is_refused refuses '8 13860 KiB are free and 13861 are needed'
echo 13861 >"$dir/free"
check a_disk_with_just_enough_is_not takes 8
head -c 3000000 /dev/zero >"$dir/vafa.raucb" # 2929 KiB
echo 10932 >"$dir/free"
check what_the_copy_of_a_sticks_bundle_takes_is_free_again takes 8
check and_what_sync_brought_is_not refuses '8 10932 KiB are free and 13861 are needed' bundle
echo 10931 >"$dir/free"
check and_no_more_than_that_is refuses '8 13860 KiB are free and 13861 are needed'
exit $failed
