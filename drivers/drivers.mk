# see docs/building.md

# The reader's parent side, for vafa-terminal and tests; its process links libnfc, nobody else does.
READER_SRC = drivers/reader/reader.c drivers/reader/child.c drivers/reader/message.c

PROGRAMS += vafa-reader
vafa-reader_SRC = drivers/reader/reader_main.c drivers/reader/confine.c drivers/reader/libnfc.c drivers/reader/baud.c \
                  drivers/reader/message.c $(HAL_BASE_SRC)
vafa-reader_LIBS = -lnfc

# The card families; whoever links them also needs ENGINE_SRC, KEYSTORE_SRC and KEYSTORE_LIBS.
CARD_SRC = drivers/card/classic_card.c drivers/card/classic_find.c drivers/card/classic_ring.c \
           drivers/card/classic_issue.c drivers/card/classic_io.c drivers/card/classic_layout.c \
           drivers/card/classic_known.c drivers/card/mad.c drivers/card/ev1.c drivers/card/desfire_layout.c \
           drivers/card/desfire_io.c drivers/card/desfire_card.c drivers/card/desfire_commit.c \
           drivers/card/desfire_issue.c drivers/card/card_families.c drivers/card/classic_facts.c \
           drivers/card/desfire_facts.c drivers/card/classic_amend.c drivers/card/classic_identity.c drivers/card/desfire_amend.c

# Devices that identify; whoever links them also needs ENGINE_SRC and CLOCK_SRC.
IDENT_SRC = drivers/ident/ident.c drivers/ident/ident_device.c drivers/ident/em4100_serial.c \
            drivers/ident/scanner_serial.c drivers/ident/wedge.c drivers/ident/scan.c $(SERIAL_SRC)

PROGRAMS += vafa-ident
vafa-ident_SRC = drivers/ident/ident_main.c $(IDENT_SRC) $(CLOCK_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
