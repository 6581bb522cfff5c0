#!/bin/sh
# terminal_cuts - runs fault_tap; every state that it settles is recomputed by the reference program.
#
# fault_tap checks itself against the card, the journal and the club, all in C; this asks somebody
# who shares no code with them: tests/reference/vafa_reference.py, with the programme planned again.
set -u
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check ONLY=terminal_cuts.sh}"
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
if FAULT_TAP_DUMP=$work/states "$BUILD/fault_tap" >"$work/log" 2>&1; then
    grep '^# ' "$work/log"
    echo "ok fault_tap settles every cut"
else
    echo "not ok fault_tap settles every cut"
    tail -n 5 "$work/log"
fi
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
