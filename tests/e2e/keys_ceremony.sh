#!/bin/bash
# keys_ceremony.sh - vafa-keys as custodians and scripts use it: right and wrong input, at a pipe and
# at a terminal. Check values are compared with openssl's CMAC. Prints TAP lines.
set -u
: "${BUILD:=build/sim-release}"
keys=$BUILD/vafa-keys
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

. tests/support/tap.sh

# Two halves, and one more, of three masters; a custodian's sheet has them with their check values.
a1=00112233445566778899aabbccddeeff b1=6e1d2cfb4b5a90788716a5b4c3d9e1f2
a2=a5c3e1f00112233445566778899aabbc b2=13579bdf02468ace13579bdf02468acf
a3=5f0c8d2b7e46913ac0d7e81f4b6a2953 b3=e2b47c19d0835f6ea1947b2c3d58f601
c1=9d3be0257a416c8f12d49be6053fa871
kcv() { head -c 16 /dev/zero | openssl mac -macopt cipher:AES-128-CBC -macopt "hexkey:$1" CMAC | cut -c1-6 | tr A-F a-f; }
xor() { python3 -c 'import sys
x = 0
for a in sys.argv[1:]: x ^= int(a, 16)
print("%032x" % x)' "$@"; }
sheet() { for half in "$@"; do printf '%s\n%s\n' "$half" "$(kcv "$half")"; done; }
ceremony() { "$keys" ceremony "$dir/keys" "$@" 2>"$dir/err"; }
shows() { "$keys" check "$dir/keys" | grep -qx "$1"; }
says() { grep -q -- "$1" "$dir/err" || { cat "$dir/err"; false; }; }
fresh() { rm -f "$dir"/keys "$dir"/keys.device; }
nothing_written() { [ -z "$(find "$dir" -name 'keys*')" ]; }
# refuses SENTENCE OPTIONS...: with the lines on standard input of `lines`
refuses() {
    local sentence=$1
    shift
    fresh
    ! lines | ceremony "$@" && says "$sentence" && nothing_written
}

check two_halves_make_a_master_with_the_check_value_of_openssl eval '
    { sheet $a1 $b1; echo yes; } | ceremony --role spend --version 3 &&
    shows "version 3: desfire-spend $(kcv "$(xor $a1 $b1)"), for new cards"'
check the_store_holds_that_role_only eval '[ "$("$keys" check "$dir/keys" | grep -c version)" -eq 1 ]'
check no_half_and_no_master_is_shown_or_in_a_file eval '
    ! grep -rqai -e $a1 -e $b1 -e "$(xor $a1 $b1)" "$dir/err" "$dir/keys" "$dir/keys.device" &&
    python3 -c "
import sys
data = open(\"$dir/keys\", \"rb\").read() + open(\"$dir/keys.device\", \"rb\").read()
sys.exit(any(bytes.fromhex(h)[:6] in data for h in (\"$a1\", \"$b1\", \"$(xor $a1 $b1)\")))"'
check a_key_roll_adds_a_version_and_keeps_the_old_one eval '
    { sheet $a2 $b2; echo yes; } | ceremony --role spend --version 4 &&
    shows "version 3: desfire-spend $(kcv "$(xor $a1 $b1)")" &&
    shows "version 4: desfire-spend $(kcv "$(xor $a2 $b2)"), for new cards"'
check a_version_that_is_there_is_refused_before_anybody_types eval '
    ! ceremony --role spend --version 4 </dev/null && says "already"'
check an_older_version_may_follow eval '
    { sheet $a3 $b3; echo yes; } | ceremony --role spend --version 2 &&
    shows "version 2: desfire-spend $(kcv "$(xor $a3 $b3)")" &&
    shows "version 4: desfire-spend $(kcv "$(xor $a2 $b2)"), for new cards"'
check a_roll_of_other_roles_only_is_refused_before_anybody_types eval '
    ! ceremony --role load --version 5 </dev/null && says "desfire-spend needs a version 5 too"'
check a_key_that_is_in_the_store_is_refused eval '
    ! { sheet $a1 $b1; echo yes; } | ceremony --role load --version 4 &&
    says "in the store already, as desfire-spend version 3"'
fresh
check three_custodians_and_roles_at_once eval '
    { sheet $a1 $a2 $a3 $b1; sheet $b2 $b3 $c1 $a1; sheet $c1 $c1 $b2 $c1; echo yes; } |
    ceremony --role classic --role load --role spend --version 0 --custodians 3 &&
    shows "version 0: classic-sectors $(kcv "$(xor $a1 $b2 $c1)"), for new cards" &&
    shows "version 0: classic-seals $(kcv "$(xor $a2 $b3 $c1)"), for new cards" &&
    shows "version 0: desfire-spend $(kcv "$(xor $a3 $c1 $b2)"), for new cards" &&
    shows "version 0: desfire-load $(kcv "$(xor $b1 $a1 $c1)"), for new cards"'
fresh
check capitals_and_blanks_in_a_half_are_fine eval '
    { echo "0011 2233 4455 6677 8899 AABB CCDD EEFF"; kcv $a1 | tr a-f A-F; sheet $b1; echo yes; } |
    ceremony --role issue --version 15 &&
    shows "version 15: desfire-issue $(kcv "$(xor $a1 $b1)"), for new cards" &&
    says "takes the masters of spend and load too"'

lines() { sheet $a1 $a1; echo yes; }
check equal_halves_are_refused refuses 'the same half' --role spend --version 0
lines() { echo ${a1%f}; kcv $a1; }
check a_short_half_is_refused refuses 'this was 31 characters' --role spend --version 0
lines() { echo "${a1}00"; kcv $a1; }
check a_long_half_is_refused refuses 'this was 34 characters' --role spend --version 0
lines() { echo "${a1%f}g"; kcv $a1; }
check a_half_with_another_letter_is_refused refuses '32 digits' --role spend --version 0
lines() { echo; }
check an_empty_half_is_refused refuses 'this was 0 characters' --role spend --version 0
lines() { printf '%0400d\n' 7; }
check a_very_long_line_is_refused refuses 'too long' --role spend --version 0
lines() { echo 00000000000000000000000000000000; kcv 00000000000000000000000000000000; }
check a_zero_half_is_refused refuses 'one byte repeated' --role spend --version 0
lines() { sheet $a1 "$(xor $a1 41414141414141414141414141414141)"; echo yes; }
check halves_that_give_a_weak_key_are_refused refuses 'key of one byte repeated' --role spend --version 0
lines() { sheet $a1; echo $b1; kcv $a1; echo yes; }
check a_wrong_check_value_is_refused refuses "check value is $(kcv $b1), not $(kcv $a1)" --role spend --version 0
lines() { sheet $a1 $a2 $b1 "$(xor $a1 $b1 $a2)"; echo yes; }
check two_masters_with_the_same_key_are_refused refuses 'the same key' --role spend --role load --version 0
lines() { sheet $a1 $b1; echo no; }
check anything_but_yes_writes_nothing refuses 'not yes' --role spend --version 0
lines() { sheet $a1 $b1; }
check an_input_that_ends_before_yes_writes_nothing refuses 'ended too early' --role spend --version 0
lines() { sheet $a1; }
check an_input_that_ends_after_one_custodian_writes_nothing refuses 'ended too early' --role spend --version 0
lines() { sheet $a1 $a2 $b1; echo yes; }
check a_missing_half_of_the_second_role_writes_nothing refuses '32 digits' --role spend --role load --version 0

# --prove: the master that can do most, of the version for new cards, before anything else is asked.
fresh
two_masters() { { sheet $a1 $a2; sheet $b1 $b2; echo yes; } | ceremony --role spend --role load --version 0; }
same_as_before() { cmp "$dir/keys" "$dir/before"; }
check to_prove_needs_a_store_that_is_there eval '{ sheet $a1 $a2; sheet $b1 $b2; echo yes; } |
    ceremony --role spend --role load --version 0 --prove && cp "$dir/keys" "$dir/before"'
check the_stores_own_halves_let_new_masters_in eval '
    { sheet $a2; sheet $b2; sheet $a3; sheet $b3; echo yes; } | ceremony --prove --role issue --version 0 &&
    says "desfire-load version 0, which is in the store" && shows "version 0: desfire-issue $(kcv "$(xor $a3 $b3)"), for new cards"'
check then_that_master_is_asked_for eval '
    ! { sheet $a2; sheet $b2; sheet $c1; sheet $b1; echo yes; } | ceremony --prove --role media --version 0 &&
    says "not those of the store.s desfire-issue version 0"'
check another_master_of_the_store_is_no_proof eval '
    fresh; two_masters && cp "$dir/keys" "$dir/before" &&
    ! { sheet $a1; sheet $b1; sheet $a3; sheet $b3; echo yes; } | ceremony --prove --role issue --version 0 &&
    says "not those of" && same_as_before'
check one_right_half_is_no_proof eval '
    ! { sheet $a2; sheet $b3; sheet $a3; sheet $b3; echo yes; } | ceremony --prove --role issue --version 0 &&
    says "not those of" && same_as_before'
check halves_of_two_custodians_are_no_proof_for_one eval '
    ! { sheet $a2; } | ceremony --prove --role issue --version 0 && says "ended too early" && same_as_before'
check what_does_not_fit_is_refused_before_the_proof eval '
    ! ceremony --prove --role load --version 1 </dev/null && says "desfire-spend needs a version 1 too" && same_as_before'

for bad in '--role spend' '--version 1' '--role sell --version 1' '--role spend --version 16' \
    '--role spend --version -1' '--role spend --version x' '--role spend --version 1 --custodians 1' \
    '--role spend --version 1 --custodians 4' '--role' '--role spend --version'; do
    check "wrong_use:_$bad" eval 'fresh; ceremony $bad </dev/null; [ $? -eq 2 ] && nothing_written'
done

check a_half_from_vafa-keys_has_its_check_value eval '
    "$keys" half >"$dir/half" && half=$(head -n 1 "$dir/half" | tr -d " ") &&
    [ "$(sed -n "s/check value //p" "$dir/half")" = "$(kcv "$half")" ] && [ ${#half} -eq 32 ] &&
    [ "$("$keys" half | head -n 1 | tr -d " ")" != "$half" ]'
check new_makes_all_masters_and_never_overwrites eval '
    fresh; "$keys" new "$dir/keys" && [ "$("$keys" check "$dir/keys" | grep -c "^version 0: ")" -eq 6 ] &&
    ! "$keys" new "$dir/keys"'
check a_store_in_a_read-only_folder_leaves_nothing eval '
    ! { sheet $a1 $b1; echo yes; } | "$keys" ceremony /proc/keys --role spend --version 0'
check a_stopped_ceremony_leaves_nothing eval '
    fresh; (sheet $a1; sleep 2) | timeout 0.5 "$keys" ceremony "$dir/keys" --role spend --version 0
    nothing_written'

check a_damaged_store_is_refused_before_anybody_types eval '
    fresh; "$keys" new "$dir/keys" && printf x >>"$dir/keys" &&
    ! ceremony --role spend --version 1 </dev/null && says "too long"'
check a_file_of_another_device_is_refused_before_anybody_types eval '
    fresh; "$keys" new "$dir/keys"; rm "$dir/keys.device"; "$keys" new "$dir/keys2"
    mv "$dir/keys2.device" "$dir/keys.device"; rm "$dir/keys2"
    ! ceremony --role spend --version 1 </dev/null && says "another device"'

# At a terminal: halves are not echoed, and a slip may be corrected.
cat >"$dir/at_terminal.py" <<'P'
import os, pty, select, sys, time
keys, store, a, ka, b, kb = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(keys, [keys, "ceremony", store, "--role", "spend", "--version", "2"])
seen, at = b"", 0
def until(word):
    global seen, at
    end = time.time() + 20
    while word not in seen[at:]:
        if time.time() > end or not select.select([fd], [], [], 20)[0]:
            sys.exit("no %r in %r" % (word, seen))
        seen += os.read(fd, 1000)
    at = seen.index(word, at) + len(word)
def say(text): os.write(fd, text.encode() + b"\n")
until(b"not shown): "); time.sleep(0.1); say(a)
until(b"your sheet (not shown): "); time.sleep(0.1); say(a)
until(b"this was 32 characters"); until(b"not shown): "); time.sleep(0.1); say(a)
until(b"your sheet (not shown): "); time.sleep(0.1); say("123456")
until(b"Once more"); until(b"not shown): "); time.sleep(0.1); say(a)
until(b"your sheet (not shown): "); time.sleep(0.1); say(ka)
until(b"not shown): "); time.sleep(0.1); say(b)
until(b"your sheet (not shown): "); time.sleep(0.1); say(kb)
until(b"type yes: "); say("yes")
try:
    while True:
        more = os.read(fd, 1000)
        if not more: break
        seen += more
except OSError: pass
status = os.waitpid(pid, 0)[1]
low = seen.lower().replace(b" ", b"")
assert a.encode()[:8] not in low and b.encode()[:8] not in low, seen
assert status == 0 and os.path.exists(store), (status, seen)
P
cat >"$dir/ctrl_c.py" <<'P'
import os, pty, select, sys, termios, time
keys, store = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(keys, [keys, "ceremony", store, "--role", "spend", "--version", "2"])
seen = b""
while b"not shown): " not in seen:
    assert select.select([fd], [], [], 20)[0], seen
    seen += os.read(fd, 1000)
def echoes(): return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
end = time.time() + 5
while echoes() and time.time() < end: time.sleep(0.02)
assert not echoes()
os.write(fd, b"0011\x03")
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status) and echoes() and not os.path.exists(store), status
P
cat >"$dir/ctrl_z.py" <<'P'
import os, pty, select, sys, time
keys, store, half = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(keys, [keys, "ceremony", store, "--role", "spend", "--version", "2"])
seen = b""
def until(word):
    global seen
    while word not in seen:
        assert select.select([fd], [], [], 20)[0], seen
        seen += os.read(fd, 1000)
until(b"not shown): "); time.sleep(0.1)
os.write(fd, half[:8].encode() + b"\x1a"); time.sleep(0.2)
os.write(fd, b"\x13" + half[8:].encode() + b"\r")
until(b"your sheet")
os.kill(pid, 15); os.waitpid(pid, 0)
assert half[8:16].encode() not in seen and half[:8].encode() not in seen, seen
P
check ctrl-Z_and_ctrl-S_within_a_half_show_nothing_of_it python3 "$dir/ctrl_z.py" "$keys" "$dir/tty" $a1
check ctrl-C_gives_the_echo_back_and_writes_nothing python3 "$dir/ctrl_c.py" "$keys" "$dir/tty"
check at_a_terminal_no_half_is_echoed_and_a_slip_is_corrected \
    python3 "$dir/at_terminal.py" "$keys" "$dir/tty" $a1 "$(kcv $a1)" $b1 "$(kcv $b1)"
exit $failed
