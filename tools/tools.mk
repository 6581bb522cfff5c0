# see docs/building.md

# The card model, for the simulator and for tests that put it behind a reader of their own.
CLASSIC_SRC := tools/pn532-sim/classic.c tools/pn532-sim/classic_bits.c
