#!/bin/sh
# store_bad - the store on real files: what other programs make of them, and what it makes of bad
# ones. Needs BUILD. Mounts need root; without it those tests say SKIP.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check ONLY=store_bad.sh}"
poke=$PWD/$BUILD/store_poke
dir=$(mktemp -d)
mounts=
cleanup() {
    for m in $mounts; do umount "$m" 2>/dev/null; done
    rm -rf "$dir"
}
trap cleanup EXIT
db=$dir/vafa.db

. tests/support/tap.sh
says() { # says TEXT COMMAND...: prints a line with TEXT
    text=$1; shift
    "$@" >"$dir/said" 2>&1
    cat "$dir/said"
    grep -q -- "$text" "$dir/said"
}
fresh() { rm -f "$dir"/vafa.db*; "$poke" bulk "$db" "${1:-500}"; }

# --- an outside opinion on the chain and on what follows from it ------------------------------
cat >"$dir/outside.py" <<'PY'
import hashlib, sqlite3, struct, sys
db = sqlite3.connect(sys.argv[1])
before, last, pending, shown = bytes(32), 0, {}, {}
intents, used = {}, {}
ACTIVATE, SALE, REFUND, LOAD, UNLOAD = 1, 2, 3, 4, 5


def use(data, sign):
    """What an intent uses of which limits (docs/limits.md), added to the four rows that it belongs to."""
    (time,), (operator,), (card,) = struct.unpack_from("<q", data, 8), struct.unpack_from("<I", data, 20), struct.unpack_from("<Q", data, 24)
    kind = data[88 + 22] >> 2 & 15
    amount, rebate, redeemed, redeemed_value, payment, load, award, due, gift, voucher = struct.unpack_from("<10q", data, 128)
    on, n = load + gift + voucher, [0] * 10  # load, spend, issue, refund, earn: rials and number
    if kind in (ACTIVATE, LOAD):
        n[0:2] = on, int(kind == LOAD or on > 0)
        n[4:6] = (on, 1) if kind == ACTIVATE else (0, 0)
    elif kind == SALE:
        spent = payment + redeemed_value + gift + voucher
        n[2:4], n[8:10] = (spent, int(spent > 0)), (load, award)
    elif kind in (REFUND, UNLOAD):
        n[6:8] = amount, 1
    day = (time + 12600) // 86400 if data[2] & 3 else 0
    for key in ((1, 0, 0), (2, 0, day), (3, operator, day), (4, card, day)) if any(n) else ():
        used[key] = [a + sign * b for a, b in zip(used.get(key, [0] * 10), n)]


for seq, kind, data, chain in db.execute("SELECT seq, kind, bytes, hash FROM journal ORDER BY seq"):
    assert seq == last + 1, f"gap before {seq}"
    assert hashlib.sha256(before + data).digest() == chain, f"chain breaks at {seq}"
    assert data[0] == 3 and data[1] == kind and struct.unpack_from("<I", data, 4)[0] == seq
    if kind == 1:
        card = struct.unpack_from("<Q", data, 24)[0]
        pending[(card, seq)] = data[34:34 + data[33]]
        intents[seq] = card, data
        use(data, 1)
    if kind == 2:
        of, counter, card = struct.unpack_from("<IIQ", data, 24)
        assert intents[of][0] == card
        if data[40] == 2:
            use(intents[of][1], -1)
        del pending[(card, of)]
        if data[40] == 1 and counter > shown.get(card, (0, 0))[0]:
            shown[card] = (counter, seq)
    before, last = chain, seq
assert pending == {(c, s): u for c, s, u in db.execute("SELECT card_number, seq, uid FROM pending")}
assert shown == {n: (c, s) for n, c, s in db.execute("SELECT number, counter, seq FROM cards")}
assert used and used == {tuple(row[:3]): list(row[3:]) for row in db.execute("SELECT * FROM used")}
assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
assert db.execute("PRAGMA foreign_key_check").fetchone() is None
print(last)
PY
fresh 500
check outside_tool_computes_the_same_chain says '^500$' python3 "$dir/outside.py" "$db"
check verify_agrees says '^verify ok 500' "$poke" verify "$db"

# --- bad files --------------------------------------------------------------------------------
sqlite3 "$db" "UPDATE journal SET bytes = CAST(substr(bytes, 1, 11) || x'7f' || substr(bytes, 13) AS BLOB) WHERE seq = 42"
check changed_entry_is_found says 'verify corrupt .*entry 42' "$poke" verify "$db"
fresh 500; sqlite3 "$db" "DELETE FROM journal WHERE seq = 100"
check missing_entry_is_found says 'verify corrupt' "$poke" verify "$db"
fresh 500; sqlite3 "$db" "DELETE FROM pending"
check lost_pending_is_found says 'verify corrupt .*pending' "$poke" verify "$db"
fresh 500; sqlite3 "$db" "UPDATE cards SET counter = counter + 1 WHERE number = (SELECT min(number) FROM cards)"
check changed_card_is_found says 'verify corrupt' "$poke" verify "$db"
fresh 500; sqlite3 "$db" "UPDATE used SET load = load + 1 WHERE scope = 1"
check changed_use_is_found says 'verify corrupt .*limits' "$poke" verify "$db"
fresh 500; sqlite3 "$db" "UPDATE journal SET bytes = x'00' WHERE seq = 450"
check broken_tail_is_found_at_open says 'open corrupt.*entry 450' "$poke" open "$db"
fresh 500; truncate -s 20000 "$db"; rm -f "$db-wal" "$db-shm"
check truncated_file_is_found says 'open corrupt' "$poke" open "$db"
echo 'not a database, but long enough to look at twice; not a database at all' >"$dir/text"
check text_file_is_foreign says 'open foreign' "$poke" open "$dir/text"
sqlite3 "$dir/other" 'CREATE TABLE t(a)'
check other_database_is_foreign says 'open foreign.*another program' "$poke" open "$dir/other"
check missing_file_is_told says 'open io' "$poke" open "$dir/none"
check missing_folder_is_told says 'open io' "$poke" bulk "$dir/none/vafa.db" 1
check folder_is_not_a_database says 'open io' "$poke" bulk "$dir" 1
fresh 500; : >"$db"
check emptied_file_is_found says 'open corrupt.*log is not' "$poke" open "$db"

# --- killed while it writes -------------------------------------------------------------------
killed() {
    rm -f "$dir"/vafa.db*
    for i in 1 2 3 4 5 6 7 8; do
        "$poke" fill "$db" 1000000 >"$dir/lines" &
        pid=$!
        sleep 0.1$i
        kill -9 $pid
        wait $pid 2>/dev/null
        said=$(sed -n '/^[0-9]*$/p' "$dir/lines" | tail -n 1)
        found=$(python3 "$dir/outside.py" "$db") || return 1
        echo "said $said, found $found"
        [ "$found" -ge "${said:-0}" ] || return 1
    done
    "$poke" verify "$db"
}
check killed_process_keeps_what_it_said killed

# --- full disk --------------------------------------------------------------------------------
limited() { # a file-size limit is a full disk that even root feels
    rm -f "$dir"/vafa.db*
    (ulimit -f 2400; "$poke" spend "$db") >"$dir/spent"
    cat "$dir/spent"
    grep -q '^taps [1-9][0-9]*, then full: Make room' "$dir/spent" || return 1
    "$poke" verify "$db" && "$poke" tap "$db" 1
}
check file_size_limit_refuses_new_value_and_breaks_nothing limited
mkdir "$dir/small" "$dir/ro"
if mount -t tmpfs -o size=3m none "$dir/small" 2>/dev/null; then
    mounts="$dir/small"
    filled() {
        "$poke" spend "$dir/small/vafa.db" >"$dir/spent"
        cat "$dir/spent"
        grep -q 'then full: Make room' "$dir/spent" || return 1
        "$poke" verify "$dir/small/vafa.db"
    }
    check full_disk_refuses_new_value_and_breaks_nothing filled
    between() { # the disk fills up between intent and outcome
        rm -f "$dir"/small/*; "$poke" bulk "$dir/small/vafa.db" 100
        mkfifo "$dir/go"
        "$poke" hold "$dir/small/vafa.db" 5 <"$dir/go" >"$dir/held" & pid=$!
        exec 9>"$dir/go"
        while ! grep -q '^intent' "$dir/held"; do sleep 0.02; done
        dd if=/dev/zero of="$dir/small/junk" bs=4k 2>/dev/null
        echo >&9; exec 9>&-
        wait $pid
        cat "$dir/held"
        grep -q '^outcome ok' "$dir/held" || return 1
        "$poke" tap "$dir/small/vafa.db" 6 >"$dir/held"; cat "$dir/held"
        rm "$dir/small/junk"
        "$poke" verify "$dir/small/vafa.db" && "$poke" tap "$dir/small/vafa.db" 6
    }
    check outcome_is_recorded_on_a_disk_that_filled_up_after_the_intent between
else
    echo "ok full_disk_refuses_new_value_and_breaks_nothing # SKIP no right to mount"
    echo "ok outcome_is_recorded_on_a_disk_that_filled_up_after_the_intent # SKIP no right to mount"
fi

# --- read-only --------------------------------------------------------------------------------
if mount --bind "$dir/ro" "$dir/ro" 2>/dev/null; then
    mounts="$mounts $dir/ro"
    "$poke" bulk "$dir/ro/vafa.db" 50
    mount -o remount,ro,bind "$dir/ro"
    check read_only_disk_is_told says 'open io: .*' "$poke" tap "$dir/ro/vafa.db" 1
else
    echo "ok read_only_disk_is_told # SKIP no right to mount"
fi

# --- size -------------------------------------------------------------------------------------
if [ "${PROFILE:-release}" = release ]; then
    large() { # on a RAM disk where there is one: filling is not what is measured
        where=$dir; [ -w /dev/shm ] && where=$(mktemp -d /dev/shm/vafa.XXXXXX)
        "$poke" bulk "$where/vafa.db" 100000 || return 1
        ms=$("$poke" open "$where/vafa.db" | sed -n 's/^open ok \([0-9]*\).*/\1/p')
        "$poke" open "$where/vafa.db"
        [ "$where" = "$dir" ] || rm -rf "$where"
        [ "${ms:-1000}" -lt 100 ]
    }
    check opens_100000_entries_in_100_ms large
    sed -n 's/^open ok/# 100,000 entries: open in/p' "$dir/out"
fi
echo "# append on this disk: $(rm -f "$dir"/vafa.db*; "$poke" latency "$db" 1000)"
