#!/bin/bash
# sim_desfire.sh - programs that we did not write work with DESFire, Ultralight and NTAG cards on
# pn532-sim: libnfc's and libfreefare's, as Debian ships them. BUILD names the folder with ours.
# Prints TAP lines.
set -u
: "${BUILD:=build/sim-release}"
sim=$BUILD/pn532-sim
dir=$(mktemp -d) || exit 2
sim_pid=

cleanup() {
    if [ -n "$sim_pid" ]; then
        kill "$sim_pid" 2>/dev/null && wait "$sim_pid" 2>/dev/null
    fi
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

. tests/support/tap.sh
. tests/support/sim.sh

start_sim() {
    "$sim" --link "$dir/reader" --control "$dir/control" --cards "$dir/cards" >>"$dir/sim.log" 2>&1 &
    sim_pid=$!
    say state >/dev/null
}

export LIBNFC_AUTO_SCAN=false LIBNFC_DEFAULT_DEVICE="pn532_uart:$dir/reader"
start_sim

# --- making cards -----------------------------------------------------------------------------

check 'cards_of_all_new_kinds_can_be_made' eval '
    says "new d desfire 04782e21801d80" ok && says "new u ultralight 04112233445566" ok &&
    says "new n213 ntag213 04213213213213" ok && says "new n215 ntag215 04215215215215" ok &&
    says "new n216 ntag216 04216216216216" ok'
check 'a_DESFire_has_no_UID_of_four_bytes' refuses 'new x desfire 04a1b2c3'
check 'a_DESFire_has_no_blocks' refuses 'block d 0'
check 'a_page_has_four_bytes' eval 'says "block u 0" "ok 041122bf" && refuses "block u 16"'

# --- a DESFire, as libnfc and libfreefare see it ----------------------------------------------

check 'nfc-list_sees_a_DESFire_and_its_ATS' eval 'say "insert d" &&
    prints "04 +78 +2e +21 +80 +1d +80" nfc-list && printed "ATQA.*: 03 +44" &&
    printed "SAK.*: 20" && printed "ATS: 75 +77 +81 +02 +80"'
check 'nfc-poll_sees_a_DESFire_come_and_go' eval 'say remove
    (sleep 1; say "insert d"; sleep 1; say remove) & prints "SAK.*: 20" nfc-poll; rc=$?
    wait $!; [ $rc -eq 0 ] && printed "done"'
check 'mifare-desfire-info_tells_a_new_EV1_8K' eval 'swap d &&
    prints "UID: +0x04782e21801d80" mifare-desfire-info && printed "8192 bytes" &&
    printed "Version: +1.0" && printed "Master Key settings \(0x0f\)" &&
    printed "Free memory: 7936 bytes" && printed "random UID: no"'
check 'mifare-desfire-format_formats_it' tool mifare-desfire-format -y

# An NDEF text record of 50 bytes.
printf '\xd1\x01\x2eT\x02enforty-two letters for the card to keep: abc' >"$dir/message"
check 'mifare-desfire-create-ndef_makes_an_NDEF_application' eval '
    tool mifare-desfire-create-ndef -y && prints "Free memory: 224 bytes" mifare-desfire-info'
check 'mifare-desfire-write-ndef_and_read-ndef_keep_a_message' eval '
    tool mifare-desfire-write-ndef -y -i "$dir/message" &&
    tool mifare-desfire-read-ndef -y -o "$dir/ndef" && cmp "$dir/ndef" "$dir/message"'
check 'a_message_of_many_frames_is_kept' eval '
    { printf "\xc1\x01\x00\x00\x03\xebT\x02en"; head -c 1000 /dev/zero | tr "\\0" x; } >"$dir/long" &&
    tool mifare-desfire-write-ndef -y -i "$dir/long" &&
    tool mifare-desfire-read-ndef -y -o "$dir/ndef" && cmp "$dir/ndef" "$dir/long"'
check 'a_wrong_master_key_does_not_format' eval '
    ! prints impossible mifare-desfire-format -y -K 0123456789abcdef && printed authenticate'
check 'the_message_survives_a_restart_of_the_simulator' eval '
    kill "$sim_pid" && wait "$sim_pid"; start_sim && say "insert d" &&
    tool mifare-desfire-read-ndef -y -o "$dir/ndef" && cmp "$dir/ndef" "$dir/long"'
check 'a_dump_can_be_loaded' eval 'says "dump d $dir/d.dump" ok &&
    says "new e desfire 04000000000001" ok && says "load e $dir/d.dump" ok && swap e &&
    tool mifare-desfire-read-ndef -y -o "$dir/ndef" && cmp "$dir/ndef" "$dir/long"'
check 'another_file_is_no_dump' eval 'refuses "load e $dir/long" && refuses "load u $dir/d.dump"'
check 'a_dump_that_contradicts_itself_is_refused' eval '
    { head -c 16 "$dir/d.dump"; tail -c +17 "$dir/d.dump" | tr "\0-\376" "\377"; } >"$dir/torn" &&
    matches "load e $dir/torn" "contradicts itself" && says "load e $dir/d.dump" ok'
check 'format_takes_the_message_away' eval 'swap d && tool mifare-desfire-format -y &&
    prints "Free memory: 7936 bytes" mifare-desfire-info'
check 'mifare-desfire-access_runs' eval 'tool mifare-desfire-access'

check 'a_new_card_is_ready_for_sim_desfire' eval 'say "new s desfire 04782e21801d80" && swap s'
timeout 120 "$BUILD/sim_desfire" </dev/null 2>"$dir/out"

# --- configuration of an EV1 -------------------------------------------------------------------

check 'mifare-desfire-ev1-configure-ats_sets_the_ATS' eval 'say "new c desfire 04c0c0c0c0c0c0" &&
    swap c && tool mifare-desfire-ev1-configure-ats -y && prints "ATS: 75 +77 +81 +02 +80" nfc-list'
check 'mifare-desfire-ev1-configure-default-key_sets_a_key' \
    tool mifare-desfire-ev1-configure-default-key -y
check 'mifare-desfire-ev1-configure-random-uid_hides_the_UID' eval '
    tool mifare-desfire-ev1-configure-random-uid -y &&
    prints "UID \(NFCID3\): 08" nfc-list && first=$(grep UID "$dir/printed") &&
    prints "UID \(NFCID3\): 08" nfc-list && [ "$first" != "$(grep UID "$dir/printed")" ] &&
    prints "random UID: yes" mifare-desfire-info'

# --- cuts ---------------------------------------------------------------------------------------

ndef_cut() { # ndef_cut HOW: tears the message's first write, which is its length
    say 'new t desfire 0411aa11aa11aa' >/dev/null
    swap t && tool mifare-desfire-format -y && tool mifare-desfire-create-ndef -y &&
        tool mifare-desfire-write-ndef -y -i "$dir/message" && say "cut write 1 $1" || return 1
    tool mifare-desfire-write-ndef -y -i "$dir/long"
    says 'wait cut 1' ok && matches state 'card=none .*cut=done' && say 'insert t' &&
        tool mifare-desfire-read-ndef -y -o "$dir/ndef"
}
check 'a_cut_write_keeps_the_old_file' eval 'ndef_cut old && cmp "$dir/ndef" "$dir/message"'
check 'a_cut_write_has_the_new_file' eval 'ndef_cut new && cmp "$dir/ndef" "$dir/long"'
check 'a_card_can_be_cut_after_a_command' eval 'say remove && say "cut after 2" && say "insert d" &&
    { tool mifare-desfire-info; says "wait cut 1" ok; } && matches state "card=none"'
check 'writes_and_commits_are_counted' eval 'say "insert d" && say reset &&
    tool mifare-desfire-create-ndef -y && matches count "^ok commands=[0-9]+ writes=4 commits=0$"'

# --- Ultralight and NTAG ------------------------------------------------------------------------

check 'nfc-list_sees_an_Ultralight' eval 'swap u && prints "04 +11 +22 +33 +44 +55 +66" nfc-list &&
    printed "ATQA.*: 00 +44" && printed "SAK.*: 00"'
check 'mifare-ultralight-info_sees_an_Ultralight' eval '
    prints "Tag with UID 04112233445566 is a Mifare UltraLight$" mifare-ultralight-info'

round_trip() { # round_trip CARD PAGES NAME: reads the card, writes it anew, compares with the card
    swap "$1" && prints "Done, $2 of $2 pages read" nfc-mfultralight r "$dir/$1.mfu" && printed "$3" &&
        say "dump $1 $dir/$1.dump" && cmp "$dir/$1.mfu" "$dir/$1.dump" || return 1
    # New user pages; password and PACK stay what nfc-mfultralight reads: zeros.
    python3 - "$dir/$1.mfu" "$2" <<'END'
import sys
name, pages = sys.argv[1], int(sys.argv[2])
last = {16: 16, 45: 40, 135: 130, 231: 226}[pages]
data = bytearray(open(name, "rb").read())
for page in range(4, last):
    data[4 * page:4 * page + 4] = bytes((page * 3 + i) % 256 for i in range(4))
open(name, "wb").write(data)
END
    printf 'n\nn\nn\nn\nn\n' | prints "pages written" nfc-mfultralight w "$dir/$1.mfu" &&
        printed "0 pages failed" && say "dump $1 $dir/$1.dump" && cmp "$dir/$1.mfu" "$dir/$1.dump"
}
# An NTAG holds a password that reads as zeros; zeros it is then, so that dumps compare.
check 'nfc-mfultralight_round_trip_of_an_Ultralight' round_trip u 16 'Ultralight'
for kind in '213 45 43' '215 135 133' '216 231 229'; do
    set -- $kind
    check "nfc-mfultralight_round_trip_of_an_NTAG$1" eval \
        "say 'block n$1 $3 00000000' && round_trip n$1 $2 NTAG$1"
done
check 'nfc-mfultralight_knows_the_password' eval 'say "block n213 43 01020304" &&
    say "block n213 44 0a0b0000" && swap n213 &&
    prints "PACK: 0a0b" nfc-mfultralight r "$dir/pw.mfu" --pw 01020304 &&
    ! prints "PACK" nfc-mfultralight r "$dir/pw.mfu" --pw 99999999'
check 'a_locked_page_stays' eval 'say "block u 2 44481000" && swap u &&
    printf "n\nn\nn\nn\nn\n" | prints "[1-9][0-9]* pages failed" nfc-mfultralight w "$dir/u.mfu"'

# --- the log ------------------------------------------------------------------------------------

log_is_right() {
    swap d && say reset && tool mifare-desfire-info || return 1
    say log | sed 's/^ok //' >"$dir/log.json"
    python3 - "$dir/log.json" <<'END'
import json, sys
log = json.load(open(sys.argv[1]))
names = [c["name"] for c in log["commands"]]
for name in ("activate", "get version", "more", "get key settings", "get key version", "free memory"):
    assert name in names, names
assert all(c["card_us"] == 5750 for c in log["commands"] if c["name"] == "activate")
assert log["total"]["total_us"] == sum(c["total_us"] for c in log["commands"])
END
}
check 'the_log_names_the_commands' log_is_right

if [ -s "$dir/sim.log" ] && grep -Eq 'ERROR: AddressSanitizer|runtime error' "$dir/sim.log"; then
    echo 'not ok no_sanitizer_complained'
    sed 's/^/#   /' "$dir/sim.log"
    failed=1
else
    echo 'ok no_sanitizer_complained'
fi
exit "$failed"
