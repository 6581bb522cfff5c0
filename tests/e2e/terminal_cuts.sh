#!/bin/sh
# terminal_cuts - runs fault_tap, on both card families side by side; every state that it settles is
# recomputed by the reference program.
#
# fault_tap checks itself against the card, the journal and the club, all in C; this asks somebody
# who shares no code with them: tests/reference/vafa_reference.py, with the programme planned again.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check ONLY=terminal_cuts.sh}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# ASan keeps what was freed, 256 MB of it: each of the processes that are killed would copy that map.
export ASAN_OPTIONS=quarantine_size_mb=32

cut() { # FAMILY
    if FAULT_TAP_DUMP=$work/$1.states "$BUILD/fault_tap" "$1" >"$work/$1.log" 2>&1; then
        grep '^# ' "$work/$1.log"
        echo "ok fault_tap settles every cut on $1"
    else
        echo "not ok fault_tap settles every cut on $1"
        tail -n 5 "$work/$1.log"
    fi
    sed -n "s/^\[  SKIPPED \] \([a-z_]*\)\$/ok \1 on $1 # SKIP the disk knows no family, the other one's is cut/p" \
        "$work/$1.log" | sort -u
}

cut Classic >"$work/Classic.tap" &
cut DESFire >"$work/DESFire.tap"
wait
cat "$work/Classic.tap" "$work/DESFire.tap"
cat "$work/Classic.states" "$work/DESFire.states" >"$work/states"
python3 - "$work/states" <<'PYTHON'
import contextlib, io, json, os, sys
sys.path.insert(0, "tests/reference")
import vafa_reference as reference

programme = json.load(open("programmes/base.json"))
late = dict(programme, version=2, modules=programme["modules"] + ["expiry"])
late["purses"] = dict(late["purses"], points=dict(late["purses"]["points"], expiry={"period": "year"}))
states = bad = 0
for line in open(sys.argv[1]):
    state = json.loads(line)
    state["programme"] = [programme, late, dict(programme, version=3)]  # that of a sale behind actions
    path = sys.argv[1] + ".one"
    with open(path, "w") as file:
        json.dump(state, file)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        rc = reference.run_check(path)
    states += 1
    if rc != 0:
        bad += 1
        if bad <= 3:
            print(said.getvalue())
print("# %d different states recomputed by the reference program, %d of them wrong" % (states, bad))
print(("ok" if states > 100 and bad == 0 else "not ok") + " the reference program agrees with every state")
PYTHON
