# Tests of terminal. PROGRAMS/TESTS: see docs/building.md

TESTS += test_tap
test_tap_SRC = tests/unit/test_tap.c $(TAP_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_tap_LIBS = -lcmocka
