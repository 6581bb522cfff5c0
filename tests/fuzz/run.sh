#!/bin/sh
# run.sh [SECONDS] - fuzzes the loader and evaluator of conditions, the loader of programmes, then plans, with
# libFuzzer (clang with its runtime), ASan and UBSan, for 60 seconds each unless told. What it finds is
# written here as crash-*; make a test of it.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/logic" "$work/programme" "$work/plan"
engine=firmware/engine
logic="$engine/logic.c $engine/logic_compare.c $engine/logic_eval.c $engine/logic_load.c
       $engine/logic_number.c $engine/logic_place.c $engine/logic_type.c hal/base/status.c"
programme="$engine/programme.c $engine/programme_facts.c $engine/programme_load.c
           $engine/programme_load_json.c $engine/programme_load_names.c
           $engine/programme_load_lists.c $engine/programme_load_rules.c
           $engine/programme_load_when.c $engine/calendar.c $engine/money.c"
plan="$engine/plan.c $engine/plan_facts.c $engine/plan_rules.c $engine/plan_sale.c $engine/plan_refund.c
      $engine/snapshot.c $engine/facts.c hal/base/bytes.c"

fuzz() { # NAME MAX_LEN SECONDS SOURCES...: fuzz_NAME.c with the corpus in $work/NAME
    name=$1 max_len=$2 seconds=$3; shift 3
    clang -std=c17 -D_GNU_SOURCE -DFUZZ_MAIN -I. -g -O1 -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=all -o "$work/fuzz_$name" "tests/fuzz/fuzz_$name.c" "$@" -ljansson
    "$work/fuzz_$name" -seed=1 -max_len="$max_len" -max_total_time="$seconds" -print_final_stats=1 \
        "$work/$name"
}

# The JSON path begins with rules that are known to load: 0 = with facts, 1 = without.
n=0
while read -r line; do
    n=$((n + 1))
    printf '\001%s' "$line" >"$work/logic/$n"
done <<RULES
{"and":[{">=":[{"var":"n.small"},1]},{"==":[{"var":"s.word"},"gold"]}]}
{"some":[{"var":"l.lines"},{"in":[{"var":"category"},["dairy","gold"]]}]}
{"if":[{"missing":["s.maybe"]},{"*":[1.5,2]},{"substr":["abc",1,-1]}]}
RULES
# The starters, and the example of the page, which has something of everything.
cp programmes/*.json "$work/programme"
sed -n '/^```json$/,/^```$/p' docs/programme.md | sed '/^```/d' >"$work/programme/example"

fuzz logic 512 "${1:-60}" $logic
fuzz programme 6000 "${1:-60}" $programme $logic
FUZZ_PROGRAMMES=$(ls programmes/*.json tests/fuzz/plan_*.json | paste -sd:)
export FUZZ_PROGRAMMES
fuzz plan 2000 "${1:-60}" $plan $programme $logic
