#!/bin/bash
# keys_pkcs11.sh - the ceremony into a token (SoftHSM2 in a folder of its own), beside the same
# ceremony into a file: same check values, and no master in what the token left on disk.
# tests/unit/test_keystore_pkcs11.c compares the derived keys. Prints TAP lines.
set -u
: "${BUILD:=build/sim-release}"
keys=$BUILD/vafa-keys
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
umask 077

. tests/support/tap.sh

mkdir "$dir/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$dir/tokens" >"$dir/softhsm2.conf"
export SOFTHSM2_CONF=$dir/softhsm2.conf
echo 271828 >"$dir/pin"
token="pkcs11:token=vafa?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:$dir/pin"

a1=00112233445566778899aabbccddeeff b1=6e1d2cfb4b5a90788716a5b4c3d9e1f2
a2=a5c3e1f00112233445566778899aabbc b2=13579bdf02468ace13579bdf02468acf c1=9d3be0257a416c8f12d49be6053fa871
kcv() { head -c 16 /dev/zero | openssl mac -macopt cipher:AES-128-CBC -macopt "hexkey:$1" CMAC | cut -c1-6; }
sheet() { for half in "$@"; do printf '%s\n%s\n' "$half" "$(kcv "$half")"; done; }
lines() { sheet $a1 $a2; sheet $b1 $b2; echo yes; }
xor() { python3 -c 'import sys; print("%032x" % (int(sys.argv[1], 16) ^ int(sys.argv[2], 16)))' "$@"; }
ceremony() { "$keys" ceremony "$@"; }
masters() { "$keys" check "$1" | grep '^version'; }

check a_token_is_made softhsm2-util --init-token --free --label vafa --pin 271828 --so-pin 314159
check an_empty_token_is_no_store eval '! "$keys" check "$token" 2>"$dir/err" && grep -q "do a ceremony" "$dir/err"'
check a_broken_off_ceremony_leaves_the_token_empty eval '
    ! lines | head -n 7 | ceremony "$token" --role classic --version 1 &&
    ! "$keys" check "$token" 2>"$dir/err" && grep -q "no masters yet" "$dir/err"'
check the_ceremony_goes_into_the_token eval 'lines | ceremony "$token" --role classic --version 1'
check the_same_ceremony_goes_into_a_file eval 'lines | ceremony "$dir/keys" --role classic --version 1'
check both_show_the_same_check_values eval '
    masters "$token" >"$dir/in_token" && masters "$dir/keys" >"$dir/in_file" &&
    cmp "$dir/in_token" "$dir/in_file" && [ "$(wc -l <"$dir/in_token")" -eq 2 ] &&
    grep -qi "classic-sectors $(kcv "$(xor $a1 $b1)")," "$dir/in_token"'
check another_role_goes_into_the_token eval '
    { sheet $a2 $b1; echo yes; } | ceremony "$token" --role spend --version 1 &&
    [ "$("$keys" check "$token" | grep -c "for new cards")" -eq 3 ]'
check a_key_roll_takes_all_roles eval '! ceremony "$token" --role spend --version 2 2>"$dir/err" &&
    grep -q "classic-sectors needs a version 2 too" "$dir/err"'
check a_key_roll_goes_into_the_token eval '
    { sheet $a1 $b1 $a2; sheet $b2 $c1 $c1; echo yes; } |
    ceremony "$token" --role spend --role classic --version 2 &&
    [ "$("$keys" check "$token" | grep -c "^version")" -eq 6 ] &&
    [ "$("$keys" check "$token" | grep -c "version 2: .*, for new cards")" -eq 3 ]'
check a_version_that_is_there_is_refused eval '! ceremony "$token" --role classic --version 1'
check no_master_is_on_disk_in_clear python3 -c "
import os, sys
data = b''.join(open(os.path.join(d, f), 'rb').read()
                for d, _, files in os.walk('$dir/tokens') for f in files)
keys = [int(a, 16) ^ int(b, 16) for a, b in (('$a1', '$b1'), ('$a2', '$b2'), ('$a2', '$b1'))]
assert len(data) > 1000
sys.exit(any(k.to_bytes(16, 'big')[:8] in data for k in keys))"
check a_wrong_PIN_is_told eval '
    echo 999999 >"$dir/pin"; ! "$keys" check "$token" 2>"$dir/err" && grep -q "PIN is wrong" "$dir/err"'

# A terminal with that token in place of a file.
echo 271828 >"$dir/pin"
"$BUILD/vafa-terminal" --db "$dir/db" --keys "$token" --reader "pn532_uart:$dir/reader" \
    --socket "$dir/till" >"$dir/terminal.log" 2>&1 &
terminal=$!
trap 'kill $terminal 2>/dev/null; wait $terminal 2>/dev/null; rm -rf "$dir"' EXIT
is_ready() { local i; for i in $(seq 100); do grep -q ready "$dir/terminal.log" && return; sleep 0.1; done; cat "$dir/terminal.log"; false; }
check a_terminal_starts_with_the_token is_ready
exit $failed
