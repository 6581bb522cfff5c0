# Tests of server. PROGRAMS/TESTS: see docs/building.md
