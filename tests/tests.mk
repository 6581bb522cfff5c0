# The tests, one fragment an area. TESTS are cmocka programs; SCRIPTS print TAP lines
# ("ok NAME", "not ok NAME") and get BUILD and PROFILE in their environment.
include tests/base.mk tests/sim.mk tests/reader.mk tests/card.mk tests/engine.mk tests/storage.mk \
        tests/sync.mk tests/server.mk tests/terminal.mk tests/keys.mk tests/ident.mk
