# The simulated board. BOARD_SRC is what vafa-terminal is composed of here: docs/porting.md
BOARD_SRC = boards/sim/names.c $(BOARD_COMMON_SRC)
BOARD_LIBS = $(KEYSTORE_LIBS)
