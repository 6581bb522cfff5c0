# tap.sh - for the shell tests that print TAP lines: source it and end with `exit $failed`. The test
# sets dir, a folder of its own.
failed=0
check() { # check NAME COMMAND...: one TAP line; what a failing command printed goes along
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1 </dev/null; then
        echo "ok $name"
    else
        echo "not ok $name"
        sed 's/^/#   /' "$dir/out" | tail -n 15
        failed=1
    fi
}
