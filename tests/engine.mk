# Tests of engine. PROGRAMS/TESTS: see docs/building.md
TESTS += test_money test_snapshot test_entry

test_money_SRC = tests/unit/test_money.c firmware/engine/money.c $(HAL_BASE_SRC)
test_money_LIBS = -lcmocka
test_snapshot_SRC = tests/unit/test_snapshot.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_snapshot_LIBS = -lcmocka -ljansson
test_entry_SRC = tests/unit/test_entry.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_entry_LIBS = -lcmocka -ljansson

TESTS += test_action
test_action_SRC = tests/unit/test_action.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_action_LIBS = -lcmocka -ljansson

TESTS += test_calendar test_facts
test_calendar_SRC = tests/unit/test_calendar.c firmware/engine/calendar.c $(HAL_BASE_SRC)
test_calendar_LIBS = -lcmocka -ljansson
test_facts_SRC = tests/unit/test_facts.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_facts_LIBS = -lcmocka -ljansson

TESTS += test_particulars
test_particulars_SRC = tests/unit/test_particulars.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_particulars_LIBS = -lcmocka

PROGRAMME_TEST_SRC = tests/unit/programme_text.c $(PROGRAMME_SRC) firmware/engine/programme.c \
                     firmware/engine/programme_facts.c firmware/engine/logic.c \
                     firmware/engine/logic_eval.c firmware/engine/logic_compare.c \
                     firmware/engine/logic_number.c \
                     firmware/engine/calendar.c firmware/engine/limits.c firmware/engine/snapshot.c \
                     firmware/engine/money.c $(HAL_BASE_SRC)
TESTS += test_programme test_programme_rules test_programme_document test_programme_fuzz
TESTS += test_programme_follow
test_programme_follow_SRC = tests/unit/test_programme_follow.c firmware/engine/programme_follow.c $(PROGRAMME_TEST_SRC)
test_programme_follow_LIBS = -lcmocka -ljansson
test_programme_SRC = tests/unit/test_programme.c $(PROGRAMME_TEST_SRC)
test_programme_LIBS = -lcmocka -ljansson
test_programme_rules_SRC = tests/unit/test_programme_rules.c $(PROGRAMME_TEST_SRC)
test_programme_rules_LIBS = -lcmocka -ljansson
test_programme_document_SRC = $(sort tests/unit/test_programme_document.c tests/unit/programme_text.c \
                                     $(PLAN_CARD_SRC))
test_programme_document_LIBS = -lcmocka -ljansson
test_programme_fuzz_SRC = tests/unit/test_programme_fuzz.c tests/fuzz/fuzz_programme.c \
                          $(PROGRAMME_TEST_SRC)
test_programme_fuzz_LIBS = -lcmocka -ljansson

# Random plans in each build, compared with the Python reference.
PROGRAMS += plan_eval
plan_eval_SRC = tests/unit/plan_eval.c $(PROGRAMME_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
plan_eval_LIBS = -ljansson
SCRIPTS += tests/e2e/engine_reference.sh tests/reference/self_test.py

PLAN_CARD_SRC = tests/unit/plan_card.c $(PROGRAMME_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
TESTS += test_plan test_plan_refund
test_plan_SRC = tests/unit/test_plan.c $(PLAN_CARD_SRC)
test_plan_LIBS = -lcmocka -ljansson
test_plan_refund_SRC = tests/unit/test_plan_refund.c $(PLAN_CARD_SRC)
test_plan_refund_LIBS = -lcmocka -ljansson
TESTS += test_plan_purses test_programme_kinds
test_plan_purses_SRC = tests/unit/test_plan_purses.c $(PLAN_CARD_SRC)
test_plan_purses_LIBS = -lcmocka -ljansson
test_programme_kinds_SRC = tests/unit/test_programme_kinds.c $(PROGRAMME_TEST_SRC)
test_programme_kinds_LIBS = -lcmocka -ljansson
TESTS += test_plan_groups
test_plan_groups_SRC = tests/unit/test_plan_groups.c $(PLAN_CARD_SRC)
test_plan_groups_LIBS = -lcmocka -ljansson

TESTS += test_plan_transfer
test_plan_transfer_SRC = tests/unit/test_plan_transfer.c $(PLAN_CARD_SRC)
test_plan_transfer_LIBS = -lcmocka -ljansson
TESTS += test_plan_duplicate
test_plan_duplicate_SRC = tests/unit/test_plan_duplicate.c $(PLAN_CARD_SRC)
test_plan_duplicate_LIBS = -lcmocka -ljansson
TESTS += test_plan_actions
test_plan_actions_SRC = tests/unit/test_plan_actions.c $(PLAN_CARD_SRC)
test_plan_actions_LIBS = -lcmocka -ljansson
TESTS += test_plan_offers test_plan_rules test_plan_time test_plan_farming test_plan_goods
test_plan_offers_SRC = tests/unit/test_plan_offers.c $(PLAN_CARD_SRC)
test_plan_offers_LIBS = -lcmocka -ljansson
test_plan_rules_SRC = tests/unit/test_plan_rules.c $(PLAN_CARD_SRC)
test_plan_rules_LIBS = -lcmocka -ljansson
test_plan_time_SRC = tests/unit/test_plan_time.c $(PLAN_CARD_SRC)
test_plan_time_LIBS = -lcmocka -ljansson
test_plan_farming_SRC = tests/unit/test_plan_farming.c $(PLAN_CARD_SRC)
test_plan_farming_LIBS = -lcmocka -ljansson
test_plan_goods_SRC = tests/unit/test_plan_goods.c $(PLAN_CARD_SRC)
test_plan_goods_LIBS = -lcmocka -ljansson

TESTS += test_plan_fuzz
test_plan_fuzz_SRC = tests/unit/test_plan_fuzz.c tests/fuzz/fuzz_plan.c $(PROGRAMME_SRC) \
                     $(ENGINE_SRC) $(HAL_BASE_SRC)
test_plan_fuzz_LIBS = -lcmocka -ljansson

LOGIC_SRC = firmware/engine/logic_load.c firmware/engine/logic_type.c firmware/engine/logic.c \
            firmware/engine/logic_eval.c firmware/engine/logic_number.c \
            firmware/engine/logic_compare.c firmware/engine/logic_place.c $(HAL_BASE_SRC)
TESTS += test_logic
test_logic_SRC = tests/unit/test_logic.c $(LOGIC_SRC)
test_logic_LIBS = -lcmocka -ljansson
TESTS += test_logic_language
test_logic_language_SRC = tests/unit/test_logic_language.c $(LOGIC_SRC)
test_logic_language_LIBS = -lcmocka -ljansson
TESTS += test_logic_number
test_logic_number_SRC = tests/unit/test_logic_number.c $(LOGIC_SRC)
test_logic_number_LIBS = -lcmocka -ljansson
TESTS += test_logic_fuzz
test_logic_fuzz_SRC = tests/unit/test_logic_fuzz.c tests/fuzz/fuzz_logic.c $(LOGIC_SRC)
test_logic_fuzz_LIBS = -lcmocka -ljansson

TESTS += test_explain
test_explain_SRC = tests/unit/test_explain.c $(EXPLAIN_SRC) $(PLAN_CARD_SRC)
test_explain_LIBS = -lcmocka -ljansson
SCRIPTS += tests/e2e/programme_tool.sh tests/e2e/programme_lint.py

# A sale against 1,000 rules: tests/bench/rules.py runs it.
PROGRAMS += bench-rules
bench-rules_SRC = tests/bench/rules.c $(PROGRAMME_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
bench-rules_LIBS = -ljansson

TESTS += test_limits
test_limits_SRC = tests/unit/test_limits.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_limits_LIBS = -lcmocka
TESTS += test_operators
test_operators_SRC = tests/unit/test_operators.c $(ENGINE_SRC) $(HAL_BASE_SRC)
test_operators_LIBS = -lcmocka
