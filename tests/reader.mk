# Tests of reader. PROGRAMS/TESTS: see docs/building.md
PROGRAMS += reader-fake-child reader-probe
reader-fake-child_SRC = tests/unit/test_reader_child.c drivers/reader/message.c $(HAL_BASE_SRC)
reader-probe_SRC = tests/e2e/reader_probe.c $(READER_SRC) $(HAL_BASE_SRC)

TESTS += test_reader
test_reader_SRC = tests/unit/test_reader.c $(READER_SRC) $(HAL_BASE_SRC)
test_reader_LIBS = -lcmocka

TESTS += test_confine
test_confine_SRC = tests/unit/test_confine.c drivers/reader/confine.c
test_confine_LIBS = -lcmocka

SCRIPTS += tests/e2e/reader_faults.sh
