# see docs/building.md

# The card model, for the simulator and for tests that put it behind a reader of their own.
CLASSIC_SRC := tools/pn532-sim/classic.c tools/pn532-sim/classic_bits.c
PN532_SIM_SRC := $(CLASSIC_SRC) $(addprefix tools/pn532-sim/,timing.c pn532_frame.c pn532.c \
    pn532_commands.c)

PROGRAMS += pn532-sim
pn532-sim_SRC := $(PN532_SIM_SRC) \
    $(addprefix tools/pn532-sim/,store.c line.c sim.c control.c control_socket.c main.c)
pn532-sim_LIBS := -lutil
