# see docs/building.md
# The terminal's database. Links with HAL_BASE_SRC and ENGINE_SRC (entry.c, snapshot.c).
STORAGE_SRC = storage/store.c storage/schema.c storage/sql.c storage/digest.c storage/journal.c storage/cards.c \
              storage/links.c storage/accruals.c storage/bons.c storage/lost.c storage/actions.c storage/limits.c storage/loss.c storage/operators.c storage/ranges.c storage/settings.c \
              storage/transfers.c storage/verify.c storage/room.c storage/progress.c storage/support.c storage/hotlist.c storage/hotlist_file.c
# Which programme is in force; links with PROGRAMME_SRC, SIGNED_SRC and their libraries besides.
RULES_SRC = storage/rules.c storage/mandates.c firmware/engine/mandate.c $(SIGNED_SRC)
STORAGE_LIBS = -lsqlite3 -lmbedcrypto
