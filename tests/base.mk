# Tests of hal/base. PROGRAMS/TESTS: see docs/building.md
TESTS += test_bytes
test_bytes_SRC = tests/unit/test_bytes.c $(HAL_BASE_SRC)
test_bytes_LIBS = -lcmocka

# What runs the tests.
SCRIPTS += tests/e2e/check_itself.py tests/e2e/nightly.py
