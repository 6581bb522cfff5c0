# vafa-club: the club server and its operator's commands. CLUB_SRC: all of it but main(), for tests. One file a line.
# Recursive variables: the engine's and wire's lists may be defined by fragments that come later.
CLUB_SRC = \
    server/accounts.c \
    server/actions.c \
    server/actions_list.c \
    server/actions_news.c \
    server/actions_post.c \
    server/actions_rows.c \
    server/actions_taken.c \
    server/actions_tend.c \
    server/allowances.c \
    server/api.c \
    server/api_device.c \
    server/api_renew.c \
    server/apikey.c \
    server/bons.c \
    server/bundles.c \
    server/books.c \
    server/business_day.c \
    server/ca.c \
    server/card_view.c \
    server/case_view.c \
    server/cases.c \
    server/certs.c \
    server/change.c \
    server/charge.c \
    server/measures.c \
    server/club_api.c \
    server/club_api_actions.c \
    server/club_api_call.c \
    server/club_api_cards.c \
    server/club_api_cases.c \
    server/club_api_fleet.c \
    server/club_api_lost.c \
    server/club_api_measures.c \
    server/club_api_bons.c \
    server/club_api_imports.c \
    server/club_api_members.c \
    server/club_api_operators.c \
    server/club_api_places.c \
    server/club_api_settlement.c \
    server/club_api_transfers.c \
    server/db_sqlite.c \
    server/dead.c \
    server/desk.c \
    server/duplicates.c \
    server/duplicates_club.c \
    server/duplicates_pair.c \
    server/duplicates_read.c \
    server/evidence.c \
    server/export.c \
    server/facts.c \
    server/fleet.c \
    server/fleet_list.c \
    server/fleet_page.c \
    server/fleet_trouble.c \
    server/refused.c \
    server/said.c \
    server/groups.c \
    server/hotlist.c \
    server/import.c \
    server/import_commit.c \
    server/import_people.c \
    server/import_read.c \
    server/journal_file.c \
    server/keypair.c \
    server/ledger.c \
    server/ledger_term.c \
    server/ledger_sql.c \
    server/limits.c \
    server/links.c \
    server/logs.c \
    server/lost_bound.c \
    server/lost_list.c \
    server/lost_news.c \
    server/lost_post.c \
    server/lost_rows.c \
    server/lost_said.c \
    server/lost_say.c \
    server/lost_tend.c \
    server/mandates.c \
    server/numbers.c \
    server/opener.c \
    server/operators.c \
    server/places.c \
    server/posting.c \
    server/proof.c \
    server/proof_parts.c \
    server/rebuild.c \
    server/reckon.c \
    server/registry.c \
    server/report.c \
    server/rows.c \
    server/schema.c \
    server/serve.c \
    server/serve_cert.c \
    server/settled.c \
    server/settlement.c \
    server/settlement_close.c \
    server/signer.c \
    server/stages.c \
    server/successor.c \
    server/told.c \
    server/transfers.c \
    server/transfers_club.c \
    server/transfers_read.c \
    server/updates.c \
    server/updates_heard.c \
    server/updates_list.c \
    $(ENGINE_SRC) $(PROGRAMME_SRC) $(WIRE_SRC) $(WIRE_JOURNAL_SRC) $(SIGNED_SRC) $(BOX_SRC) firmware/engine/mandate.c \
    $(HAL_BASE_SRC)
CLUB_LIBS = -lmicrohttpd -lgnutls -lsqlite3 -ljansson -lz -lmbedcrypto

PROGRAMS += vafa-club
vafa-club_SRC = \
    server/main.c \
    server/command.c \
    server/commands_actions.c \
    server/commands_api.c \
    server/commands_bons.c \
    server/commands_books.c \
    server/commands_cards.c \
    server/commands_data.c \
    server/commands_fleet.c \
    server/commands_lost.c \
    server/commands_operators.c \
    server/commands_settlement.c \
    server/commands_terminals.c \
    server/commands_transfers.c \
    $(CLUB_SRC)
vafa-club_LIBS = $(CLUB_LIBS)
# Members.
CLUB_SRC += server/accruals.c server/members.c server/members_list.c server/members_post.c
vafa-club_SRC += server/commands_members.c
