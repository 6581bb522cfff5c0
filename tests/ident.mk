# Tests of media and drivers/ident. PROGRAMS/TESTS: see docs/building.md
TESTS += test_media
test_media_SRC = tests/unit/test_media.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_media_LIBS = -lcmocka

TESTS += test_ident_decode
test_ident_decode_SRC = tests/unit/test_ident_decode.c drivers/ident/em4100_serial.c \
                        drivers/ident/scanner_serial.c drivers/ident/wedge.c drivers/ident/scan.c \
                        $(HAL_BASE_SRC)
test_ident_decode_LIBS = -lcmocka

TESTS += test_ident
test_ident_SRC = tests/unit/test_ident.c $(IDENT_SRC) $(CLOCK_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_ident_LIBS = -Wl,--wrap=ioctl -lcmocka

SCRIPTS += tests/e2e/ident_media.sh tests/e2e/media_shop.py tests/e2e/vouchers.py

TESTS += test_bon
test_bon_SRC = tests/unit/test_bon.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_bon_LIBS = -lcmocka -ljansson
