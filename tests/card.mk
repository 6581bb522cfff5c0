# Tests of card. PROGRAMS/TESTS: see docs/building.md

# hal/reader.h over the card model, for every test that needs a card but no process.
SOFT_READER_SRC := tests/support/soft_reader.c tools/pn532-sim/timing.c $(CLASSIC_SRC) $(DESFIRE_SRC)

CARD_WORLD_SRC = tests/support/card_world.c $(SOFT_READER_SRC) $(CARD_SRC) $(KEYSTORE_SRC) \
                 $(ENGINE_SRC) $(HAL_BASE_SRC)
CARD_WORLD_LIBS = $(KEYSTORE_LIBS) -lcmocka

TESTS += test_card
test_card_SRC = tests/unit/test_card.c $(CARD_WORLD_SRC)
test_card_LIBS = $(CARD_WORLD_LIBS)

TESTS += test_card_known
test_card_known_SRC = tests/unit/test_card_known.c $(CARD_WORLD_SRC)
test_card_known_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card
fault_card_SRC = tests/fault/fault_card.c $(CARD_WORLD_SRC)
fault_card_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card_facts
fault_card_facts_SRC = tests/fault/fault_card_facts.c $(CARD_WORLD_SRC)
fault_card_facts_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card_layout
fault_card_layout_SRC = tests/fault/fault_card_layout.c tests/support/card_cuts.c $(CARD_WORLD_SRC)
fault_card_layout_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card_amend
fault_card_amend_SRC = tests/fault/fault_card_amend.c tests/support/card_cuts.c $(CARD_WORLD_SRC)
fault_card_amend_LIBS = $(CARD_WORLD_LIBS)

TESTS += test_keystore
test_keystore_SRC = tests/unit/test_keystore.c $(KEYSTORE_SRC) $(HAL_BASE_SRC)
test_keystore_LIBS = $(KEYSTORE_LIBS) -lcmocka

TESTS += test_card_layout
test_card_layout_SRC = tests/unit/test_card_layout.c $(CARD_WORLD_SRC)
test_card_layout_LIBS = $(CARD_WORLD_LIBS) -ljansson

SCRIPTS += tests/vectors/check_card_vectors

TESTS += test_desfire_ev1
test_desfire_ev1_SRC = tests/unit/test_desfire_ev1.c drivers/card/ev1.c $(HAL_BASE_SRC)
test_desfire_ev1_LIBS = $(KEYSTORE_LIBS) -lcmocka

TESTS += test_desfire_card
test_desfire_card_SRC = tests/unit/test_desfire_card.c $(CARD_WORLD_SRC)
test_desfire_card_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card_noise
fault_card_noise_SRC = tests/fault/fault_card_noise.c $(CARD_WORLD_SRC)
fault_card_noise_LIBS = $(CARD_WORLD_LIBS)

TESTS += fault_card_desfire
fault_card_desfire_SRC = tests/fault/fault_card_desfire.c $(CARD_WORLD_SRC)
fault_card_desfire_LIBS = $(CARD_WORLD_LIBS)

# The two sides of tests/e2e/card_desfire.sh.
PROGRAMS += desfire-oracle desfire-ours
desfire-oracle_SRC = tests/e2e/desfire_oracle.c
desfire-oracle_LIBS = -lfreefare -lnfc
desfire-ours_SRC = tests/e2e/desfire_ours.c $(READER_SRC) $(CARD_WORLD_SRC)
desfire-ours_LIBS = $(CARD_WORLD_LIBS)
SCRIPTS += tests/e2e/card_desfire.sh
