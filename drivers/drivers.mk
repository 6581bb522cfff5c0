# see docs/building.md

# The reader's parent side, for vafa-terminal and tests; its process links libnfc, nobody else does.
READER_SRC = drivers/reader/reader.c drivers/reader/child.c drivers/reader/message.c

PROGRAMS += vafa-reader
vafa-reader_SRC = drivers/reader/reader_main.c drivers/reader/libnfc.c drivers/reader/baud.c \
                  drivers/reader/message.c $(HAL_BASE_SRC)
vafa-reader_LIBS = -lnfc
