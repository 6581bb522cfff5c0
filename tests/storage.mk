# Tests of storage. PROGRAMS/TESTS: see docs/building.md
