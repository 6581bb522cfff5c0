# What boards share. A board that boots one of our images also includes linux.mk.
BOARD_COMMON_SRC = boards/common/board.c $(READER_SRC) $(CARD_SRC) $(KEYSTORE_SRC) $(CLOCK_SRC)
