# The simulated board. BOARD_SRC is what vafa-terminal is composed of here: docs/porting.md
BOARD_SRC = boards/sim/board.c $(READER_SRC) $(CARD_SRC) $(KEYSTORE_SRC) $(CLOCK_SRC)
BOARD_LIBS = $(KEYSTORE_LIBS)
