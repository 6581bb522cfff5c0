#!/bin/sh
# terminal_bad - real processes, wrong input of every kind: what to do is said, nothing changes.
cd "$(dirname "$0")/../.." || exit 2
: "${BUILD:?run: make check ONLY=terminal_bad.sh}"
exec python3 tests/e2e/terminal_bad.py
