# Tests of the key store. test_keystore itself is in card.mk.
TESTS += test_keystore_desfire
test_keystore_desfire_SRC = tests/unit/test_keystore_desfire.c \
    $(filter-out hal/keystore_random.c,$(KEYSTORE_SRC)) $(HAL_BASE_SRC)
test_keystore_desfire_LIBS = $(KEYSTORE_LIBS) -lcmocka
