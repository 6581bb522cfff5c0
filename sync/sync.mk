# wire: the codec that the club links too. vafa-sync: the only user of the network towards the club.
WIRE_SRC := sync/wire.c sync/wire_actions.c sync/wire_bons.c sync/wire_device.c sync/wire_links.c \
            sync/wire_list.c sync/wire_lost.c sync/wire_mandate.c sync/wire_numbers.c sync/wire_renew.c \
            sync/pack.c
WIRE_LIBS := -ljansson -lz

SYNC_SRC := sync/http.c sync/random.c sync/tls.c sync/line.c sync/identity.c sync/identity_next.c \
            sync/batch.c sync/client.c \
            sync/device.c sync/enrol.c sync/fetch.c sync/list.c sync/lost.c sync/numbers.c sync/renew.c \
            sync/stream.c sync/waiting.c sync/bons.c sync/links.c \
            sync/logs.c sync/upkeep.c $(WIRE_SRC)
SYNC_LIBS := -lmbedtls -lmbedx509 -lmbedcrypto -ljansson -lz

PROGRAMS += vafa-sync
vafa-sync_SRC = sync/sync_main.c $(SYNC_SRC) $(PROGRAMME_SRC) $(STORAGE_SRC) $(RULES_SRC) $(ENGINE_SRC) \
                $(HAL_BASE_SRC) $(CLOCK_SRC)
vafa-sync_LIBS = $(SYNC_LIBS) $(STORAGE_LIBS)

# Entries as a file: written on a technician's machine from a terminal's database, taken by the club.
WIRE_JOURNAL_SRC := sync/wire_journal.c
PROGRAMS += vafa-export
vafa-export_SRC = sync/export_main.c sync/export.c sync/copy.c $(WIRE_JOURNAL_SRC) sync/batch.c sync/identity.c sync/random.c \
                  $(WIRE_SRC) $(SIGNED_SRC) $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
vafa-export_LIBS = -lmbedx509 $(SIGNED_LIBS) $(WIRE_LIBS) $(STORAGE_LIBS)
