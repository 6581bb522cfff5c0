# Tests of sync. PROGRAMS/TESTS: see docs/building.md
TESTS += test_wire test_http test_fetch test_identity
test_wire_SRC = tests/unit/test_wire.c $(WIRE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_wire_LIBS = $(WIRE_LIBS) -lcmocka
test_http_SRC = tests/unit/test_http.c sync/http.c $(HAL_BASE_SRC)
test_http_LIBS = -lcmocka
# The terminal's files by its own code, the certificates by the club's.
test_identity_SRC = tests/unit/test_identity.c tests/support/test_folder.c sync/identity.c sync/identity_next.c \
                    sync/random.c server/ca.c firmware/engine/calendar.c $(HAL_BASE_SRC)
test_identity_LIBS = -Wl,--wrap=write,--wrap=fsync,--wrap=rename,--wrap=symlink,--wrap=unlink -lgnutls -lmbedx509 \
                     -lmbedcrypto -lcmocka
test_fetch_SRC = tests/unit/test_fetch.c sync/device.c sync/fetch.c sync/logs.c $(WIRE_SRC) $(PROGRAMME_SRC) $(STORAGE_SRC) \
                 $(RULES_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC) $(CLOCK_SRC)
test_fetch_LIBS = $(SYNC_LIBS) $(STORAGE_LIBS) -lcmocka

PROGRAMS += journal-feed
journal-feed_SRC = tests/e2e/journal_feed.c $(PROGRAMME_SRC) $(STORAGE_SRC) $(RULES_SRC) $(ENGINE_SRC) \
                   $(HAL_BASE_SRC) $(CLOCK_SRC)
journal-feed_LIBS = $(STORAGE_LIBS) -ljansson

SCRIPTS += tests/e2e/flash.py tests/e2e/flash_again.py tests/e2e/flash_odd.py tests/e2e/journal_export.py tests/e2e/sync_peer.py tests/e2e/sync_club.py tests/e2e/sync_cut.py tests/e2e/update_fetch.py tests/e2e/update_keys.py tests/e2e/hotlist.py
