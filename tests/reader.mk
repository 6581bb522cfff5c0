# Tests of reader. PROGRAMS/TESTS: see docs/building.md
