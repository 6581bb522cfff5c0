# Tests of card. PROGRAMS/TESTS: see docs/building.md

# hal/reader.h over the card model, for every test that needs a card but no process.
SOFT_READER_SRC := tests/support/soft_reader.c tools/pn532-sim/timing.c $(CLASSIC_SRC)
