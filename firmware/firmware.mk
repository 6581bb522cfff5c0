# see docs/building.md

# The pure heart, shared by terminal and club.
ENGINE_SRC = firmware/engine/money.c firmware/engine/snapshot.c firmware/engine/entry.c \
             firmware/engine/entry_member.c firmware/engine/entry_refused.c \
             firmware/engine/programme.c firmware/engine/programme_follow.c \
             firmware/engine/programme_facts.c firmware/engine/plan.c \
             firmware/engine/plan_facts.c firmware/engine/plan_rules.c firmware/engine/plan_sale.c \
             firmware/engine/plan_refund.c firmware/engine/plan_holds.c firmware/engine/plan_past.c \
             firmware/engine/plan_purses.c firmware/engine/plan_load.c firmware/engine/plan_transfer.c firmware/engine/plan_duplicate.c firmware/engine/replace.c firmware/engine/plan_actions.c firmware/engine/plan_earned.c \
             firmware/engine/bon.c firmware/engine/media.c firmware/engine/media_line.c firmware/engine/logic.c \
             firmware/engine/logic_eval.c firmware/engine/logic_compare.c \
             firmware/engine/logic_number.c firmware/engine/listing.c \
             firmware/engine/calendar.c firmware/engine/facts.c firmware/engine/occasion.c \
             firmware/engine/action.c firmware/engine/limits.c firmware/engine/explain_text.c \
             firmware/engine/operators.c firmware/engine/particulars.c firmware/engine/accrual.c
# What a receipt says of a plan; for who prints one.
EXPLAIN_SRC = firmware/engine/explain.c firmware/engine/explain_action.c
# The loader of programmes is apart: it alone needs -ljansson.
PROGRAMME_SRC = firmware/engine/programme_load.c firmware/engine/programme_load_json.c \
                firmware/engine/programme_load_names.c firmware/engine/programme_load_lists.c \
                firmware/engine/programme_load_rules.c firmware/engine/programme_load_when.c \
                firmware/engine/programme_load_limits.c firmware/engine/programme_load_kinds.c \
                firmware/engine/logic_load.c firmware/engine/logic_type.c \
                firmware/engine/logic_place.c

# The terminal. TAP_SRC is its pure part; TERMINAL_SRC does what that says, over store, card and clock.
TAP_SRC = firmware/terminal/tap.c firmware/terminal/tap_act.c firmware/terminal/tap_serve.c \
          firmware/terminal/tap_errand.c firmware/terminal/tap_take_over.c firmware/terminal/settle.c firmware/terminal/say.c \
          firmware/terminal/receipt.c firmware/terminal/quota.c $(EXPLAIN_SRC)
TERMINAL_SRC = $(TAP_SRC) firmware/terminal/service.c firmware/terminal/service_acts.c \
               firmware/terminal/service_untold.c firmware/terminal/service_operators.c \
               firmware/terminal/service_after.c firmware/terminal/service_status.c \
               firmware/terminal/standing.c \
               firmware/terminal/hotcheck.c firmware/terminal/known.c firmware/terminal/basket.c \
               firmware/terminal/witness.c firmware/terminal/session.c \
               firmware/terminal/quota_fill.c $(PIN_SRC) firmware/terminal/bons.c
TILL_SRC = firmware/terminal/till.c firmware/terminal/till_wire.c firmware/terminal/till_basket.c \
           firmware/terminal/till_answer.c firmware/terminal/till_allowance.c \
           firmware/terminal/desk.c firmware/terminal/desk_link.c firmware/terminal/desk_members.c \
           firmware/terminal/desk_lost.c \
           firmware/terminal/scans.c firmware/terminal/local_socket.c
# What comes from the club at a tap.
TERMINAL_SRC += firmware/terminal/arrivals.c firmware/terminal/refusals.c
# Two cards at one counter.
TERMINAL_SRC += firmware/terminal/twocards.c firmware/terminal/successors.c firmware/terminal/lostcard.c \
                firmware/terminal/issuing.c
TILL_SRC += firmware/terminal/handover.c firmware/terminal/till_transfers.c
TILL_SRC += firmware/terminal/till_arrived.c

# BOARD_SRC and BOARD_LIBS are the board's: its composition root and the drivers that it picks.
PROGRAMS += vafa-terminal vafa-till
vafa-terminal_SRC = firmware/terminal/terminal_main.c firmware/terminal/overlap.c $(TERMINAL_SRC) $(TILL_SRC) $(STORAGE_SRC) \
                    $(ENGINE_SRC) $(PROGRAMME_SRC) $(RULES_SRC) $(HAL_BASE_SRC) $(BOARD_SRC)
vafa-terminal_LIBS = $(STORAGE_LIBS) $(BOARD_LIBS) -ljansson
PROGRAMS += vafa-gate
vafa-gate_SRC = firmware/terminal/gate_main.c firmware/terminal/gate.c firmware/engine/money.c $(HAL_BASE_SRC)
vafa-gate_LIBS = -ljansson
vafa-till_SRC = firmware/terminal/till_main.c firmware/terminal/till_print.c firmware/terminal/till_call.c \
                firmware/terminal/till_batch.c firmware/terminal/till_line.c firmware/engine/money.c \
                $(SERIAL_SRC) $(CLOCK_SRC) $(HAL_BASE_SRC)
vafa-till_LIBS = -ljansson
# Members at the counter.
TERMINAL_SRC += firmware/terminal/members.c firmware/terminal/earnings.c $(BOX_SRC)
TILL_SRC += firmware/terminal/till_member.c firmware/terminal/till_lost.c
