# Tests of server. PROGRAMS/TESTS: see docs/building.md
POSTING_MODEL_SRC = tests/bench/posting_model.c

TESTS += test_club_posting
test_club_posting_SRC = tests/unit/test_club_posting.c tests/unit/club_books.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
test_club_posting_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_rules test_club_facts
CLUB_CARD_SRC = tests/unit/club_card.c tests/unit/plan_card.c $(POSTING_MODEL_SRC) \
                $(CLUB_SRC)
test_club_rules_SRC = tests/unit/test_club_rules.c $(CLUB_CARD_SRC)
test_club_facts_SRC = tests/unit/test_club_facts.c $(CLUB_CARD_SRC)
test_club_facts_LIBS = $(CLUB_LIBS) -lcmocka
test_club_rules_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_rebuild
test_club_rebuild_SRC = tests/unit/test_club_rebuild.c tests/unit/club_books.c firmware/terminal/witness.c \
                        $(POSTING_MODEL_SRC) $(CLUB_SRC)
test_club_rebuild_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_back
test_club_back_SRC = tests/unit/test_club_back.c $(CLUB_SRC)
test_club_back_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_hotlist
test_club_hotlist_SRC = tests/unit/test_club_hotlist.c $(CLUB_SRC)
test_club_hotlist_LIBS = $(CLUB_LIBS) -lcmocka

# How fast the club posts: tests/bench/posting.c says what it compares.
PROGRAMS += bench-posting
bench-posting_SRC = tests/bench/posting.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
bench-posting_LIBS = $(CLUB_LIBS)

# The club over HTTPS. posting-batches and
# posting-script play terminals' journals as bodies for curl.
PROGRAMS += posting-batches
posting-batches_SRC = tests/bench/posting_batches.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
posting-batches_LIBS = $(CLUB_LIBS)
PROGRAMS += posting-script
posting-script_SRC = tests/bench/posting_script.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
posting-script_LIBS = $(CLUB_LIBS)
SCRIPTS += tests/e2e/layout.py tests/e2e/lost_card.py tests/e2e/duplicate.py tests/e2e/members.py tests/e2e/groups.py tests/e2e/sale_back.py tests/e2e/club_actions.py tests/e2e/dead_terminal.py tests/e2e/club_api.py tests/e2e/settlement.py tests/e2e/export.py tests/e2e/restore.py tests/e2e/import.py tests/e2e/club_http.sh tests/e2e/club_kill.py

TESTS += test_club_actions
CLUB_CARDS_SRC = tests/unit/club_cards.c tests/unit/club_books.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
test_club_actions_SRC = tests/unit/test_club_actions.c $(CLUB_CARDS_SRC)
test_club_actions_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_taken
test_club_taken_SRC = tests/unit/test_club_taken.c $(CLUB_CARDS_SRC)
test_club_taken_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_layout
test_club_layout_SRC = tests/unit/test_club_layout.c $(CLUB_CARDS_SRC)
test_club_layout_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_transfers
test_club_transfers_SRC = $(subst test_club_actions.c,test_club_transfers.c,$(test_club_actions_SRC))
test_club_transfers_LIBS = $(CLUB_LIBS) -lcmocka

# Pending actions at their full number: tests/bench/actions.c says what it measures.
PROGRAMS += bench-actions
bench-actions_SRC = tests/bench/actions.c sync/stream.c sync/waiting.c $(POSTING_MODEL_SRC) \
                    $(filter-out $(ENGINE_SRC) $(HAL_BASE_SRC),$(STORAGE_SRC)) $(CLUB_SRC)
bench-actions_LIBS = $(CLUB_LIBS)

TESTS += test_club_allowances
test_club_allowances_SRC = tests/unit/test_club_allowances.c $(CLUB_SRC)
test_club_allowances_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_members
test_club_members_SRC = tests/unit/test_club_members.c tests/unit/club_books.c $(POSTING_MODEL_SRC) $(CLUB_SRC)
test_club_members_LIBS = $(CLUB_LIBS) -lcmocka

TESTS += test_club_lost test_club_duplicates
CLUB_LOST_SRC = tests/unit/club_lost.c $(CLUB_CARDS_SRC)
test_club_lost_SRC = tests/unit/test_club_lost.c $(CLUB_LOST_SRC)
test_club_lost_LIBS = $(CLUB_LIBS) -lcmocka
test_club_duplicates_SRC = tests/unit/test_club_duplicates.c $(CLUB_LOST_SRC)
test_club_duplicates_LIBS = $(CLUB_LIBS) -lcmocka
TESTS += test_club_halves
test_club_halves_SRC = tests/unit/test_club_halves.c $(CLUB_LOST_SRC)
test_club_halves_LIBS = $(CLUB_LIBS) -lcmocka

# The fleet: rules by themselves; and terminals that are updated stage by stage.
TESTS += test_fleet test_club_fleet test_club_logs
test_club_logs_SRC = tests/unit/test_club_logs.c tests/support/test_folder.c $(CLUB_SRC)
test_club_logs_LIBS = $(CLUB_LIBS) -lcmocka
test_club_fleet_SRC = tests/unit/test_club_fleet.c tests/unit/club_books.c tests/support/test_folder.c $(CLUB_SRC)
test_club_fleet_LIBS = $(CLUB_LIBS) -lcmocka
test_fleet_SRC = tests/unit/test_fleet.c $(CLUB_SRC)
test_fleet_LIBS = $(CLUB_LIBS) -lcmocka
SCRIPTS += tests/e2e/fleet.py tests/e2e/renewal.py
