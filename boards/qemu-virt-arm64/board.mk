# QEMU's "virt" machine, 64 bits; its facts are in board.conf.
include boards/common/linux.mk
