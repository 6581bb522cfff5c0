#!/bin/sh
# engine_reference - 12,000 random plans of the engine, recomputed by the Python reference.
#
# Seeds are fixed, so that a failure repeats; SEED and COUNT override them.
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check}" "${COUNT:=3000}"
reference=tests/reference/vafa_reference.py
for seed in ${SEED:-1 2 3 4}; do
    out=$("$BUILD/plan_dump" "$seed" "$COUNT" | python3 "$reference" plan) && verdict=ok || verdict='not ok'
    echo "$verdict engine and reference agree on $COUNT plans of seed $seed"
    echo "# $out"
done

# The comparison itself must be able to fail.
if "$BUILD/plan_dump" 5 200 | sed 's/"award": {"points": /&9/' |
    python3 "$reference" plan >/dev/null; then
    echo "not ok reference notices a changed rate"
else
    echo "ok reference notices a changed rate"
fi

# And the vectors in the tree must be the reference's own.
t=$(mktemp -d) && trap 'rm -rf "$t"' EXIT
python3 "$reference" vectors "$t" >/dev/null
for name in snapshot entry plan facts; do
    cmp -s "$t/$name.json" "tests/vectors/$name.json" && verdict=ok || verdict='not ok'
    echo "$verdict tests/vectors/$name.json is what the reference writes"
done
