#!/bin/bash
# reader_faults.sh - the real vafa-reader on the simulated PN532: whatever breaks, the driver says
# so, and serves the next card within 2 s of the reader's return.
#
# reader-probe serves cards for ever and prints each change; the simulator's control socket breaks
# things. Prints TAP lines, and what was measured as `# ` lines.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check ONLY=reader_faults.sh}"

LIMIT_MS=2000 # from the reader's return to a served card
AWAY_MS=1500  # from a fault to the sentence: a select of 500 ms, and libnfc's own 300

dir=$(mktemp -d /tmp/reader_faults.XXXXXX)
out=$dir/probe.out
sim_pid='' probe_pid=''
finish() {
    [ -n "$probe_pid" ] && kill -9 "$probe_pid" 2>/dev/null
    [ -n "$sim_pid" ] && kill -9 "$sim_pid" 2>/dev/null
    wait 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT

sim() { "$BUILD/pn532-sim" --say "$dir/control" "$*"; }
do_sim() { sim "$@" >"$dir/said" || echo "# the simulator refused: $*: $(cat "$dir/said")"; }
now_ms() { date +%s%3N; }
result() { # result RC NAME
    if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; tail -n 8 "$out" | sed 's/^/    /'; fi
}

# wait_line WORD SINCE_MS WITHIN_MS: prints the date of the first line WORD not before SINCE_MS.
wait_line() {
    local until=$(($2 + $3))
    while :; do
        awk -v word="$1" -v since="$2" '$2 == word && $1 >= since {print $1; found = 1; exit}
            END {exit !found}' "$out" && return 0
        [ "$(now_ms)" -gt "$until" ] && return 1
        sleep 0.02
    done
}
sentence_at() { sed -n "s/^$1 away //p" "$out" | head -n 1; }

# An empty reader that works, whatever came before.
calm() {
    do_sim remove
    do_sim fault clear
    local start
    start=$(now_ms)
    while [ "$(tail -n 1 "$out" | cut -d' ' -f2)" != empty ]; do
        [ $(($(now_ms) - start)) -gt 5000 ] && return 1
        sleep 0.02
    done
}

# expect_away NAME SINCE_MS PATTERN: the driver tells it in time. Sets away_ms, told_ms.
expect_away() {
    local at said rc=0
    at=$(wait_line away "$2" $((AWAY_MS + 1000))) || rc=1
    away_ms=${at:-$(now_ms)}
    said=$(sentence_at "$away_ms")
    told_ms=$((away_ms - $2))
    [ "$rc" -eq 0 ] && [ $((away_ms - $2)) -le "$AWAY_MS" ] && [[ $said =~ $3 ]]
    result $? "reader_faults $1: the driver says so"
}

# expect_served NAME SINCE_MS: a card that lies there now is served in time. Sets took_ms.
expect_served() {
    local at
    at=$(wait_line served "$2" $((LIMIT_MS + 3000))) || at=$(($2 + 99999))
    took_ms=$((at - $2))
    echo "# $1: told after ${told_ms:-?} ms, served $took_ms ms after the reader's return"
    [ "$took_ms" -le "$LIMIT_MS" ]
    result $? "reader_faults $1: the next card is served within $LIMIT_MS ms"
}

# A fault that strikes one command and is over: the reader is back when the driver has noticed.
strike_once() { # strike_once NAME PATTERN COMMAND...
    local name=$1 pattern=$2 at
    shift 2
    calm || { result 1 "reader_faults $name: the reader works before"; return; }
    at=$(now_ms)
    do_sim "$@"
    expect_away "$name" "$at" "$pattern"
    do_sim insert a
    expect_served "$name" "$away_ms"
}

start_all() {
    "$BUILD/pn532-sim" --link "$dir/tty" --control "$dir/control" --cards "$dir" --real-time \
        >"$dir/sim.out" 2>&1 &
    sim_pid=$!
    sim list >/dev/null || exit 1
    do_sim new a 1k 01020304
    "$BUILD/reader-probe" "$BUILD/vafa-reader" "pn532_uart:$dir/tty" >"$out" 2>"$dir/probe.err" &
    probe_pid=$!
    wait_line empty 0 "$(($(now_ms) + 5000))" >/dev/null
    result $? "reader_faults: the reader opens"
}
reader_pid() { pgrep -P "$probe_pid" -x vafa-reader; }
# A zombie whose new parent takes its time is dead all the same.
is_alive() { grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }
probe_descriptors() { find "/proc/$probe_pid/fd" -mindepth 1 | wc -l; }

tap_costs_its_own_commands_only() {
    calm
    do_sim reset
    local at log
    at=$(now_ms)
    do_sim insert a
    wait_line served "$at" 2000 >/dev/null
    sim "wait halted 5" >/dev/null
    log=$(sim log)
    echo "# PN532 commands of one tap: $(grep -o '"name":"[^"]*"' <<<"$log" | cut -d'"' -f4 | tr '\n' ',' | sed 's/,$//')"
    [ "$(grep -o '"name":"[^"]*"' <<<"$log" | cut -d'"' -f4 | tr '\n' ' ')" = "select auth a read halt " ]
    result $? "reader_faults: select, auth, read and halt are one PN532 command each"
}

kills() {
    calm
    local at
    at=$(now_ms)
    kill -9 "$(reader_pid)"
    expect_away "kill -9" "$at" "signal 9"
    do_sim insert a
    expect_served "kill -9" "$at"

    # At any moment of a tap: the card lies there, and each restart serves it anew.
    local worst=0 rc=0
    for delay in 0 .03 .06 .08 .09 .1 .105 .11 .115 .12 .125 .13 .135 .14 .145 .15 .155 .16 .18 .2; do
        at=$(now_ms)
        kill -9 "$(reader_pid)" 2>/dev/null
        sleep "$delay"
        kill -9 "$(reader_pid)" 2>/dev/null
        at=$(now_ms)
        local served
        served=$(wait_line served "$at" 4000) || { rc=1; break; }
        [ $((served - at)) -gt "$worst" ] && worst=$((served - at))
    done
    echo "# kill -9, 40 times at any moment of open and tap: at worst served after $worst ms"
    [ "$rc" -eq 0 ] && [ "$worst" -le "$LIMIT_MS" ]
    result $? "reader_faults kill -9 at any moment: the next card is served within $LIMIT_MS ms"
}

stops() {
    calm
    local at
    at=$(now_ms)
    kill -STOP "$(reader_pid)"
    expect_away "SIGSTOP" "$at" "does not answer"
    do_sim insert a
    expect_served "SIGSTOP" "$away_ms"
}

mutes() {
    local at worst=0 rc=0 times='' name="mute reader"
    calm
    at=$(now_ms)
    do_sim fault mute on
    expect_away "$name" "$at" "does not answer"
    # The reader may come back at any moment of the retries.
    for pause in 1.0 1.2 1.4 1.6 1.8 2.0 2.2; do
        do_sim fault mute on
        do_sim insert a
        sleep "$pause"
        at=$(now_ms)
        do_sim fault mute off
        local served
        served=$(wait_line served "$at" 5000) || { rc=1; break; }
        times="$times $((served - at))"
        [ $((served - at)) -gt "$worst" ] && worst=$((served - at))
        do_sim remove
    done
    echo "# $name: told after $told_ms ms, back at seven moments, served after$times ms"
    [ "$rc" -eq 0 ] && [ "$worst" -le "$LIMIT_MS" ]
    result $? "reader_faults $name: the next card is served within $LIMIT_MS ms of its return"
}

unplugs() {
    local at
    for pause in 0.1 1 3; do
        calm
        at=$(now_ms)
        do_sim fault unplug
        expect_away "unplugged for $pause s" "$at" "line broke|there is no|does not answer"
        sleep "$pause"
        do_sim plug
        at=$(now_ms)
        do_sim insert a
        expect_served "unplugged for $pause s" "$at"
    done
}

aborts() {
    calm
    local at
    do_sim fault status 80
    at=$(now_ms)
    do_sim insert a
    expect_away "status 80 (libnfc aborts)" "$at" "signal 6"
    expect_served "status 80 (libnfc aborts)" "$away_ms"
}

# These are answers of the card's, not trouble of the reader's.
card_answers() {
    local at word
    for word in "01 gone" "13 gone" "14 denied" "27 gone"; do
        calm
        local before
        before=$(reader_pid)
        do_sim fault status "${word% *}"
        at=$(now_ms)
        do_sim insert a
        wait_line "${word#* }" "$at" 2000 >/dev/null && wait_line served "$at" 3000 >/dev/null &&
            [ "$(reader_pid)" = "$before" ]
        result $? "reader_faults status ${word% *}: the card is ${word#* }, the reader stays"
    done
}

# Faults one after the other, with no pause for the driver to get well; then peace.
storms() { # storms NAME
    local at served worst=0 rc=0 seed=${READER_FAULTS_SEED:-$(date +%s)}
    RANDOM=$seed
    for _ in 1 2 3 4; do
        for _ in 1 2 3 4 5 6 7 8; do
            case $((RANDOM % 11)) in
            0) do_sim fault garbage $((1 + RANDOM % 256)) ;;
            1) do_sim fault bad-dcs ;;
            2) do_sim fault half-frame ;;
            3) do_sim fault no-ack ;;
            4) do_sim fault late $((1 + RANDOM % 2000)) ;;
            5) do_sim fault status "$(printf '%02x' $((RANDOM % 256)))" ;;
            6) do_sim fault mute on ;;
            7) do_sim fault unplug ;;
            8) do_sim plug ;;
            9) kill -9 "$(reader_pid)" 2>/dev/null ;;
            10) kill -STOP "$(reader_pid)" 2>/dev/null ;;
            esac
            sleep "0.0$((RANDOM % 10))"
        done
        do_sim remove
        do_sim fault clear
        do_sim plug
        kill -CONT "$(reader_pid)" 2>/dev/null
        at=$(now_ms) # before the card: on a busy machine it is served before the simulator's answer is read
        do_sim insert a
        served=$(wait_line served "$at" 5000) || { rc=1; served=$((at + 99999)); }
        [ $((served - at)) -gt "$worst" ] && worst=$((served - at))
    done
    echo "# $1: four storms of eight random faults, seed $seed: at worst served after $worst ms"
    [ "$rc" -eq 0 ] && [ "$worst" -le "$LIMIT_MS" ]
    result $? "reader_faults $1: the next card is served within $LIMIT_MS ms"
}

# The chip at 460800 baud, on a simulator that hears nobody at the wrong speed.
raised() {
    local at served
    "$BUILD/pn532-sim" --link "$dir/tty" --control "$dir/control" --cards "$dir" --real-time \
        --strict-baud >"$dir/sim.out" 2>&1 &
    sim_pid=$!
    sim list >/dev/null || exit 1
    "$BUILD/reader-probe" "$BUILD/vafa-reader" "pn532_uart:$dir/tty:460800" >"$out" 2>>"$dir/probe.err" &
    probe_pid=$!
    at=$(now_ms)
    wait_line empty "$at" 5000 >/dev/null && [ "$(sim baud)" = "ok 460800" ]
    result $? "reader_faults: the chip is raised to the speed in the connection string"
    at=$(now_ms)
    kill -9 "$(reader_pid)"
    expect_away "460800 baud, kill -9" "$at" "signal 9"
    do_sim insert a
    expect_served "460800 baud, kill -9" "$at"
    calm
    at=$(now_ms)
    do_sim fault unplug
    expect_away "460800 baud, unplugged" "$at" "line broke|there is no|does not answer"
    do_sim plug
    at=$(now_ms)
    do_sim insert a
    expect_served "460800 baud, unplugged" "$at"
    [ "$(sim baud)" = "ok 460800" ]
    result $? "reader_faults: a reader that was unplugged is raised again"
    storms "460800 baud, storm"
}

start_all
tap_costs_its_own_commands_only
descriptors=$(probe_descriptors)
kills
stops
mutes
unplugs
aborts
card_answers
strike_once "garbage" "noisy|does not answer" fault garbage 64
strike_once "much garbage" "noisy|does not answer" fault garbage 256
strike_once "bad checksum" "noisy" fault bad-dcs
strike_once "half a frame" "does not answer" fault half-frame
strike_once "no ACK" "noisy|does not answer" fault no-ack
for late in 600 1000 1500 3000; do
    strike_once "answer $late ms late" "does not answer" fault late "$late"
done
storms "storm"

calm
sleep 0.5 # a reaped process and its descriptors are gone by now
[ "$(probe_descriptors)" -le "$descriptors" ] && [ "$(pgrep -c -P "$probe_pid")" -eq 1 ]
result $? "reader_faults: no descriptor and no process is left over"
pid=$(reader_pid)
kill -TERM "$probe_pid"
wait "$probe_pid"
rc=$?
probe_pid=''
grep '^# ' "$out"
[ "$rc" -eq 0 ] && ! is_alive "$pid"
result $? "reader_faults: the reader's program ends with its parent"

# And when the parent dies at once, too.
"$BUILD/reader-probe" "$BUILD/vafa-reader" "pn532_uart:$dir/tty" >"$out" 2>>"$dir/probe.err" &
probe_pid=$!
at=$(now_ms)
wait_line empty "$at" 5000 >/dev/null
pid=$(reader_pid)
kill -9 "$probe_pid"
wait "$probe_pid" 2>/dev/null
probe_pid=''
for _ in $(seq 50); do
    is_alive "$pid" || break
    sleep 0.02
done
[ -n "$pid" ] && ! is_alive "$pid"
result $? "reader_faults: the reader's program does not outlive a killed parent"

kill "$sim_pid"
wait "$sim_pid" 2>/dev/null
raised
