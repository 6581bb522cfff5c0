# sim.sh - asking pn532-sim, and programs that use it, for the shell tests. Source it after tap.sh;
# the test sets sim, the program, and dir, where its control socket is.
say() { "$sim" --say "$dir/control" "$1"; }
says() { [ "$(say "$1")" = "$2" ]; }       # says COMMAND ANSWER
matches() { say "$1" | grep -Eq -- "$2"; } # matches COMMAND PATTERN
refuses() { ! say "$1" | grep -q '^ok'; }
tool() { timeout 60 "$@"; }
prints() { # prints PATTERN COMMAND...; all it printed is in $dir/printed afterwards
    local pattern=$1
    shift
    tool "$@" >"$dir/printed" 2>&1
    cat "$dir/printed"
    grep -Eq -- "$pattern" "$dir/printed"
}
printed() { grep -Eq -- "$1" "$dir/printed"; }
swap() { say remove && say "insert $1"; }
