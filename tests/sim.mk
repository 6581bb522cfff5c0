# Tests of sim. PROGRAMS/TESTS: see docs/building.md

TESTS += test_classic
test_classic_SRC := tests/unit/test_classic.c $(CLASSIC_SRC) tools/pn532-sim/timing.c
test_classic_LIBS := -lcmocka
