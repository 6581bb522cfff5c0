# Tests of media and drivers/ident. PROGRAMS/TESTS: see docs/building.md
TESTS += test_media
test_media_SRC = tests/unit/test_media.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_media_LIBS = -lcmocka
