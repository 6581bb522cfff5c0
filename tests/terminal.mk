# Tests of terminal. PROGRAMS/TESTS: see docs/building.md

TESTS += test_tap
test_tap_SRC = tests/unit/test_tap.c $(TAP_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_tap_LIBS = -lcmocka

TESTS += test_witness
test_witness_SRC = tests/unit/test_witness.c firmware/terminal/witness.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_witness_LIBS = -lcmocka

TESTS += test_till
test_till_SRC = tests/unit/test_till.c firmware/terminal/till_wire.c firmware/terminal/till_basket.c firmware/terminal/till_answer.c \
                firmware/terminal/till_allowance.c firmware/terminal/till_arrived.c firmware/terminal/till_member.c firmware/terminal/till_lost.c firmware/terminal/till_transfers.c firmware/terminal/say.c \
                firmware/terminal/basket.c firmware/terminal/receipt.c $(EXPLAIN_SRC) \
                $(ENGINE_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
test_till_LIBS = -lcmocka -ljansson

# The central proof needs nearly everything in one process; sort removes what two lists share.
# terminal_cuts.sh runs it, and has Python recompute what it settles.
PROGRAMS += fault_tap
fault_tap_SRC = $(sort tests/fault/fault_tap.c tests/fault/fault_tap_world.c \
                tests/fault/fault_tap_check.c tests/fault/fault_tap_state.c \
                tests/fault/fault_tap_scope.c tests/support/seen.c $(TERMINAL_SRC) $(CARD_WORLD_SRC) \
                $(CRASH_VFS_SRC) $(STORAGE_SRC) $(RULES_SRC) $(CLUB_SRC) sync/stream.c sync/waiting.c)
fault_tap_LIBS = $(CARD_WORLD_LIBS) $(CLUB_LIBS) -lmbedcrypto

TESTS += fault_tap_pairs
fault_tap_pairs_SRC = $(subst fault_tap.c,fault_tap_pairs.c,$(fault_tap_SRC))
fault_tap_pairs_LIBS = $(fault_tap_LIBS)

TESTS += fault_tap_odd
fault_tap_odd_SRC = $(subst fault_tap.c,fault_tap_odd.c,$(fault_tap_SRC))
fault_tap_odd_LIBS = $(fault_tap_LIBS)

TESTS += fault_tap_whose
fault_tap_whose_SRC = $(subst fault_tap.c,fault_tap_whose.c,$(fault_tap_SRC))
fault_tap_whose_LIBS = $(fault_tap_LIBS)
TESTS += fault_tap_lost
fault_tap_lost_SRC = $(subst fault_tap.c,fault_tap_lost.c,$(fault_tap_SRC))
fault_tap_lost_LIBS = $(fault_tap_LIBS)

TESTS += fault_block
fault_block_SRC = $(subst fault_tap.c,fault_block.c,$(fault_tap_SRC))
fault_block_LIBS = $(fault_tap_LIBS)

SCRIPTS += tests/e2e/two_cards_transfer.py tests/e2e/two_cards_dead.py tests/e2e/lost_counter.py tests/e2e/gift_cards.py
SCRIPTS += tests/e2e/operators.py tests/e2e/limits.py tests/e2e/cashier.py
SCRIPTS += tests/e2e/homes.py tests/e2e/programmes.py tests/e2e/terminal_cuts.sh tests/e2e/terminal_bad.sh tests/e2e/terminal_trial.py \
           tests/e2e/two_cards.py tests/e2e/gate.py
SCRIPTS += tests/e2e/actions.py

TESTS += test_arrivals
test_arrivals_SRC = $(sort tests/unit/test_arrivals.c firmware/terminal/arrivals.c $(CRASH_VFS_SRC) \
                    $(STORAGE_SRC) $(RULES_SRC) $(PROGRAMME_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC))
test_arrivals_LIBS = $(STORAGE_LIBS) $(SIGNED_LIBS) -lcmocka

TESTS += test_amend
test_amend_SRC = $(sort tests/unit/test_amend.c firmware/terminal/known.c $(TAP_SRC) $(CRASH_VFS_SRC) \
                 $(STORAGE_SRC) $(RULES_SRC) $(PROGRAMME_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC))
test_amend_LIBS = $(STORAGE_LIBS) $(SIGNED_LIBS) -lcmocka

TESTS += test_till_arrived
test_till_arrived_SRC = $(subst test_till.c,test_till_arrived.c,$(test_till_SRC))
test_till_arrived_LIBS = $(test_till_LIBS)

TESTS += test_till_allowance
test_till_allowance_SRC = $(subst test_till.c,test_till_allowance.c,$(test_till_SRC))
test_till_allowance_LIBS = $(test_till_LIBS)

TESTS += test_till_transfers
test_till_transfers_SRC = $(subst test_till.c,test_till_transfers.c,$(test_till_SRC))
test_till_transfers_LIBS = $(test_till_LIBS)

TESTS += test_quota
test_quota_SRC = tests/unit/test_quota.c firmware/terminal/quota.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_quota_LIBS = -lcmocka

TESTS += test_gate
test_gate_SRC = tests/unit/test_gate.c firmware/terminal/gate.c $(HAL_BASE_SRC)
test_gate_LIBS = -lcmocka -ljansson

TESTS += test_session
test_session_SRC = $(sort tests/unit/test_session.c firmware/terminal/session.c $(PIN_SRC) $(STORAGE_SRC) \
                   $(RULES_SRC) $(PROGRAMME_SRC) $(ENGINE_SRC) $(KEYSTORE_SRC) $(HAL_BASE_SRC))
test_session_LIBS = $(STORAGE_LIBS) $(SIGNED_LIBS) -lcmocka
