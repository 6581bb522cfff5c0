# NanoPi NEO: Allwinner H3, 32 bits; its facts are in board.conf.
include boards/common/linux.mk
