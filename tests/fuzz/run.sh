#!/bin/sh
# run.sh [SECONDS] - fuzzes the loader and evaluator of conditions with libFuzzer (clang with its runtime),
# ASan and UBSan, for 60 seconds unless told. What it finds is written here as crash-*; make a test of it.
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
# The JSON path begins with rules that are known to load: 0 = with facts, 1 = without.
n=0
while read -r line; do
    n=$((n + 1))
    printf '\001%s' "$line" >"$work/corpus/$n"
done <<RULES
{"and":[{">=":[{"var":"n.small"},1]},{"==":[{"var":"s.word"},"gold"]}]}
{"some":[{"var":"l.lines"},{"in":[{"var":"category"},["dairy","gold"]]}]}
{"if":[{"missing":["s.maybe"]},{"*":[1.5,2]},{"substr":["abc",1,-1]}]}
RULES
clang -std=c17 -D_GNU_SOURCE -DFUZZ_MAIN -I. -g -O1 -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -o "$work/fuzz_logic" tests/fuzz/fuzz_logic.c \
    firmware/engine/logic.c firmware/engine/logic_compare.c firmware/engine/logic_eval.c \
    firmware/engine/logic_load.c firmware/engine/logic_number.c firmware/engine/logic_place.c \
    firmware/engine/logic_type.c hal/base/status.c -ljansson
"$work/fuzz_logic" -seed=1 -max_len=512 -max_total_time="${1:-60}" -print_final_stats=1 "$work/corpus"
