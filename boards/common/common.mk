# What boards share. A board that boots one of our images also includes linux.mk.
BOARD_COMMON_SRC = boards/common/board.c $(READER_SRC) $(CARD_SRC) $(KEYSTORE_SRC) $(CLOCK_SRC)

# The first process of a device, and a register at a serial line. Built for every board, so that they are tested here.
DEVICE_SRC = $(addprefix boards/common/device/,at_ready.c bundle.c clockset.c command.c conf.c console.c disk.c grow.c log.c memory.c owner.c probe.c ration.c \
             report.c selftest.c slots.c stick.c sync_words.c typing.c unit.c updater.c vault.c vault_open.c \
             watch.c watchdog.c)
PROGRAMS += vafa-init vafa-register
vafa-init_SRC = boards/common/device/init_main.c $(addprefix boards/common/device/,bring_down.c bring_up.c) $(DEVICE_SRC) \
                $(filter %names.c,$(BOARD_SRC)) \
                $(CLOCK_SRC) $(HAL_BASE_SRC)
vafa-init_LIBS = -ljansson
vafa-register_SRC = boards/common/device/register_main.c $(SERIAL_SRC)

# What goes onto a device, of all programs.
DEVICE_PROGRAMS = vafa-init vafa-register vafa-terminal vafa-reader vafa-sync vafa-ident vafa-gate vafa-till vafa-keys

TESTS += test_device test_disk test_grow test_selftest test_bundle test_unit test_updater test_console
test_device_SRC = tests/unit/test_device.c tests/support/test_folder.c tests/support/hush.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_device_LIBS = -lcmocka -ljansson
test_unit_SRC = tests/unit/test_unit.c tests/support/test_folder.c tests/support/hush.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_unit_LIBS = -lcmocka -ljansson
test_updater_SRC = tests/unit/test_updater.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_updater_LIBS = -lcmocka -ljansson
test_grow_SRC = tests/unit/test_grow.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_grow_LIBS = -lcmocka -ljansson
test_disk_SRC = tests/unit/test_disk.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_disk_LIBS = -lcmocka -ljansson
test_selftest_SRC = tests/unit/test_selftest.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_selftest_LIBS = -lcmocka -ljansson
test_console_SRC = tests/unit/test_console.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_console_LIBS = -lcmocka -ljansson
test_bundle_SRC = tests/unit/test_bundle.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_bundle_LIBS = -lcmocka -ljansson
TESTS += test_at_ready
test_at_ready_SRC = tests/unit/test_at_ready.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_at_ready_LIBS = -lcmocka -ljansson
TESTS += test_clockset
test_clockset_SRC = tests/unit/test_clockset.c tests/support/test_folder.c tests/support/hush.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_clockset_LIBS = -lcmocka -ljansson
TESTS += test_vault
test_vault_SRC = tests/unit/test_vault.c tests/support/test_folder.c $(DEVICE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_vault_LIBS = -lcmocka -ljansson

SCRIPTS += tests/e2e/register.py tests/e2e/register_till.py tests/e2e/update_check.sh tests/e2e/update_stick.sh
