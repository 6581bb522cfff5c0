# Tests of engine. PROGRAMS/TESTS: see docs/building.md
