# Tests of terminal. PROGRAMS/TESTS: see docs/building.md
