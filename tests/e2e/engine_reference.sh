#!/bin/sh
# engine_reference - random plans: this build, the clang build if it is there, and the Python reference.
#
# A block's number is its seed, so that a failure repeats; FIRST and PLANS override them. `make proof`
# runs a million, and in a build for 32 bits, too.
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check}" "${FIRST:=1}"
case $BUILD in *-sanitize) : "${PLANS:=10000}" ;; *) : "${PLANS:=30000}" ;; esac
reference=tests/reference/vafa_millions.py
builds=$BUILD/plan_eval
clang=${BUILD%-*}-clang/plan_eval
[ "$BUILD" = "${BUILD%-*}-clang" ] || [ ! -x "$clang" ] || builds="$builds $clang"
t=$(mktemp -d) && trap 'rm -rf "$t"' EXIT

python3 "$reference" --plans "$PLANS" --first "$FIRST" $builds >"$t/out" && verdict=ok || verdict='not ok'
grep -v '^ *[0-9]* [a-z]* [a-z_]*$' "$t/out"
echo "$verdict reference and $builds agree on $PLANS plans"
echo "# $(tail -n 1 "$t/out")"

# The comparison itself must be able to fail: an engine that keeps extras, and a build that says another sentence.
printf '#!/bin/sh\nsed "s/\\"extras\\": \\"lost\\"/\\"extras\\": \\"share\\"/" | "%s"\n' "$BUILD/plan_eval" >"$t/other_rule"
printf '#!/bin/sh\n"%s" | sed "700s/.\\$/x/"\n' "$BUILD/plan_eval" >"$t/other_sentence"
chmod +x "$t/other_rule" "$t/other_sentence"
if python3 "$reference" --plans 2000 "$t/other_rule" >/dev/null; then
    echo "not ok reference notices another rule"
else
    echo "ok reference notices another rule"
fi
if python3 "$reference" --plans 1000 "$BUILD/plan_eval" "$t/other_sentence" >/dev/null; then
    echo "not ok reference notices another sentence of one build"
else
    echo "ok reference notices another sentence of one build"
fi

# And the vectors in the tree must be the reference's own.
python3 tests/reference/vafa_reference.py vectors "$t" >/dev/null
for name in snapshot action entry plan facts; do
    cmp -s "$t/$name.json" "tests/vectors/$name.json" && verdict=ok || verdict='not ok'
    echo "$verdict tests/vectors/$name.json is what the reference writes"
done
