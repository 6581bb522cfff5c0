# Tests of the key store. test_keystore itself is in card.mk.
TESTS += test_keystore_desfire test_keystore_file
test_keystore_desfire_SRC = tests/unit/test_keystore_desfire.c \
    $(filter-out hal/keystore_random.c,$(KEYSTORE_SRC)) $(HAL_BASE_SRC)
test_keystore_desfire_LIBS = $(KEYSTORE_LIBS) -lcmocka

test_keystore_file_SRC = tests/unit/test_keystore_file.c $(KEYSTORE_SRC) $(HAL_BASE_SRC)
test_keystore_file_LIBS = $(KEYSTORE_LIBS) -lcmocka -Wl,--wrap=munmap

TESTS += test_keystore_words
test_keystore_words_SRC = tests/unit/test_keystore_words.c hal/keystore_words.c $(KEYSTORE_SRC) $(HAL_BASE_SRC)
test_keystore_words_LIBS = $(KEYSTORE_LIBS) -lcmocka

SCRIPTS += tests/e2e/keys_ceremony.sh

# The ceremony at a device's console; the first process is played by console-bench.
PROGRAMS += console-bench
console-bench_SRC = tests/e2e/console_bench.c $(addprefix boards/common/device/,console.c log.c ration.c typing.c unit.c) $(CLOCK_SRC) $(HAL_BASE_SRC)
SCRIPTS += tests/e2e/keys_console.py

TESTS += test_keystore_pkcs11
test_keystore_pkcs11_SRC = tests/unit/test_keystore_pkcs11.c $(KEYSTORE_SRC) $(HAL_BASE_SRC)
test_keystore_pkcs11_LIBS = $(KEYSTORE_LIBS) -lcmocka

SCRIPTS += tests/e2e/keys_pkcs11.sh

TESTS += test_signed
test_signed_SRC = tests/unit/test_signed.c $(SIGNED_SRC) $(HAL_BASE_SRC)
test_signed_LIBS = $(SIGNED_LIBS) -lcmocka

TESTS += test_box
test_box_SRC = tests/unit/test_box.c $(BOX_SRC) $(SIGNED_SRC) $(HAL_BASE_SRC)
test_box_LIBS = $(SIGNED_LIBS) -lcmocka

TESTS += test_pin
test_pin_SRC = tests/unit/test_pin.c $(PIN_SRC) firmware/engine/operators.c $(KEYSTORE_SRC) \
               $(HAL_BASE_SRC)
test_pin_LIBS = $(KEYSTORE_LIBS) -lcmocka
