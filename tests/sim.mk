# Tests of sim. PROGRAMS/TESTS: see docs/building.md

TESTS += test_classic
test_classic_SRC := tests/unit/test_classic.c $(CLASSIC_SRC) tools/pn532-sim/timing.c
test_classic_LIBS := -lcmocka

TESTS += test_desfire_model
test_desfire_model_SRC := tests/unit/test_desfire_model.c $(PN532_SIM_SRC) hal/base/bytes.c
test_desfire_model_LIBS := -lcmocka $(DESFIRE_LIBS)

TESTS += test_ultralight_model
test_ultralight_model_SRC := tests/unit/test_ultralight_model.c tools/pn532-sim/ultralight.c
test_ultralight_model_LIBS := -lcmocka

PROGRAMS += sim_values
sim_values_SRC := tests/e2e/sim_values.c tools/pn532-sim/classic_bits.c
sim_values_LIBS := -lfreefare -lnfc
SCRIPTS += tests/e2e/sim_tools.sh

PROGRAMS += sim_desfire
sim_desfire_SRC := tests/e2e/sim_desfire.c
sim_desfire_LIBS := -lfreefare -lnfc
SCRIPTS += tests/e2e/sim_desfire.sh

TESTS += sim_frames
sim_frames_SRC := tests/e2e/sim_frames.c $(PN532_SIM_SRC)
sim_frames_LIBS := -lcmocka $(DESFIRE_LIBS)
