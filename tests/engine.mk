# Tests of engine. PROGRAMS/TESTS: see docs/building.md
TESTS += test_money test_snapshot test_entry

test_money_SRC = tests/unit/test_money.c firmware/engine/money.c $(HAL_BASE_SRC)
test_money_LIBS = -lcmocka
test_snapshot_SRC = tests/unit/test_snapshot.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_snapshot_LIBS = -lcmocka -ljansson
test_entry_SRC = tests/unit/test_entry.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_entry_LIBS = -lcmocka -ljansson
