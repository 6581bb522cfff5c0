# A board that boots one of our images: facts from its board.conf, Debian's cross compiler, headers and
# libraries from a folder of their own (tools/image/image sysroot). docs/porting.md
board_fact = $(shell sed -n 's/^$(1)=//p' boards/$(BOARD)/board.conf)
ARCH := $(call board_fact,arch)
TRIPLE_arm64 := aarch64-linux-gnu
TRIPLE_armhf := arm-linux-gnueabihf
SYSROOT := build/sysroot-$(ARCH)
BOARD_READY := $(SYSROOT)/complete

# On 32 bits time goes on after 2038. Not in the club, which calls GnuTLS with times and is for no terminal.
TIME_armhf := -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
TIME_BITS = $(TIME_$(ARCH))
$(B)/server/%.o: TIME_BITS :=
override CC = $(TRIPLE_$(ARCH))-gcc --sysroot=$(SYSROOT) -ffile-prefix-map=$(CURDIR)=. $(TIME_BITS)

# The same sources give the same program, whatever folder they are built in.
LDFLAGS_PROFILE += -Wl,--build-id=none

BOARD_SRC = boards/common/linux_names.c $(BOARD_COMMON_SRC)
BOARD_LIBS = $(KEYSTORE_LIBS)
$(B)/boards/common/linux_names.o: BASE += -DBOARD_NAME='"$(BOARD)"' \
    -DBOARD_READER='"$(call board_fact,reader)"'
$(B)/boards/common/linux_names.o: boards/$(BOARD)/board.conf

$(SYSROOT)/complete: boards/common/lock.$(ARCH)
	@tools/setup image
	@tools/image/image sysroot $(ARCH)
