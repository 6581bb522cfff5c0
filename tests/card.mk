# Tests of card. PROGRAMS/TESTS: see docs/building.md
