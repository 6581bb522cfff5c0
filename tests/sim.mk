# Tests of sim. PROGRAMS/TESTS: see docs/building.md
