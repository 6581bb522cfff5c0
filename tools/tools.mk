# see docs/building.md

# The card models, for the simulator and for tests that put them behind a reader of their own.
CLASSIC_SRC := tools/pn532-sim/classic.c tools/pn532-sim/classic_bits.c
DESFIRE_SRC := $(addprefix tools/pn532-sim/desfire,.c _crypto.c _session.c _files.c _data.c _manage.c)
DESFIRE_LIBS := -lmbedcrypto
PN532_SIM_SRC := $(CLASSIC_SRC) $(DESFIRE_SRC) $(addprefix tools/pn532-sim/,ultralight.c card.c \
    timing.c timing_cards.c pn532_frame.c pn532.c pn532_commands.c pn532_exchange.c)

PROGRAMS += pn532-sim
pn532-sim_SRC := $(PN532_SIM_SRC) \
    $(addprefix tools/pn532-sim/,store.c line.c sim.c control.c control_socket.c main.c)
pn532-sim_LIBS := -lutil $(DESFIRE_LIBS)

# For who writes a club's rules.
PROGRAMMETOOL_SRC := $(addprefix tools/programme/,amount.c document.c examples.c field.c lint.c operation.c \
    options.c play.c play_card.c sentence.c sentence_facts.c show.c signing.c)
PROGRAMS += vafa-programme
vafa-programme_SRC = tools/programme/main.c $(PROGRAMMETOOL_SRC) $(EXPLAIN_SRC) $(ENGINE_SRC) $(PROGRAMME_SRC) \
                     $(SIGNED_SRC) $(HAL_BASE_SRC)
vafa-programme_LIBS = $(SIGNED_LIBS) -lm
