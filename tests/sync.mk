# Tests of sync. PROGRAMS/TESTS: see docs/building.md
