# Vafa: `make help` lists the targets. One non-recursive make; each folder's <folder>.mk only
# appends to PROGRAMS and TESTS (how: docs/building.md). Output goes to build/$(BOARD)-$(PROFILE).

BOARD ?= sim
PROFILE ?= release
CC := gcc

BOARDS := $(patsubst boards/%/board.mk,%,$(wildcard boards/*/board.mk))
ifeq ($(filter $(BOARD),$(BOARDS)),)
$(error BOARD=$(BOARD) is not one of: $(BOARDS))
endif

B := build/$(BOARD)-$(PROFILE)
WARN := -Wall -Wextra -Wconversion -Wshadow -Wswitch-enum -Wvla -Wstrict-prototypes \
        -Wmissing-prototypes -Werror
BASE := -std=c17 -D_GNU_SOURCE -I. $(WARN) -MMD -MP -g

ifeq ($(PROFILE),release)
CFLAGS_PROFILE := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -ffunction-sections -fdata-sections
LDFLAGS_PROFILE := -pie -Wl,--gc-sections -Wl,-z,relro,-z,now
else ifeq ($(PROFILE),sanitize)
CFLAGS_PROFILE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS_PROFILE := -fsanitize=address,undefined
else ifeq ($(PROFILE),clang)
override CC := clang
CFLAGS_PROFILE := -O1
LDFLAGS_PROFILE :=
else
$(error PROFILE=$(PROFILE) is not one of: release sanitize clang)
endif

PROGRAMS :=
TESTS :=
SCRIPTS :=

include hal/hal.mk firmware/firmware.mk drivers/drivers.mk storage/storage.mk sync/sync.mk \
        server/server.mk tools/tools.mk tests/tests.mk boards/common/common.mk boards/$(BOARD)/board.mk

.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

##@ For everybody
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	     /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nBOARD=%s (of: %s)  PROFILE=%s (release, sanitize, clang)\n' "$(BOARD)" "$(BOARDS)" "$(PROFILE)"

run: setup ## build, and play a shop's day with real parts (KEEP=1 keeps them up)
	@$(MAKE) --no-print-directory all PROFILE=release
	@BUILD=build/$(BOARD)-release KEEP=$(KEEP) tools/day/day

test: setup ## build and run every test, the ASan and UBSan build included
	@tests/all

proof: setup ## run the longer proofs (hours); figures go to docs/proof.md
	@$(MAKE) --no-print-directory all PROFILE=release
	@$(MAKE) --no-print-directory all PROFILE=sanitize
	FULL=1 build/$(BOARD)-release/fault_tap Classic
	FULL=1 build/$(BOARD)-release/fault_tap DESFire
	FULL=1 build/$(BOARD)-release/fault_tap_pairs
	FULL=1 PROFILE=sanitize build/$(BOARD)-sanitize/fault_store
	FULL=1 BUILD=build/$(BOARD)-release tests/e2e/actions.py
	@$(MAKE) --no-print-directory build/$(BOARD)-clang/plan_eval PROFILE=clang
	@tests/reference/plan_eval_32 || [ $$? = 3 ]
	tests/reference/vafa_millions.py --plans 1000000 $(foreach p,release clang sanitize,build/$(BOARD)-$(p)/plan_eval) $$(ls build/i386/plan_eval 2>/dev/null)
	SYNC_CUT_EVERY=1 TEST_SECONDS=7200 $(MAKE) check PROFILE=sanitize ONLY=sync_cut.py

bench: setup ## measure, print the table, write build/bench.json (ONLY=image: the images)
	@$(MAKE) --no-print-directory all PROFILE=release
	@BUILD=build/$(BOARD)-release tests/bench/bench $(ONLY)

##@ For boards
VERSION ?= 1
# sim is this machine: there is nothing to boot.
SYSTEST_BOARD = $(if $(filter sim,$(BOARD)),qemu-virt-arm64,$(BOARD))
image: ## build a flashable image: make image BOARD=... (VERSION=1)
	@tools/setup image
	@$(MAKE) --no-print-directory device
	@PROGRAMS="$(DEVICE_PROGRAMS)" tools/image/image build $(BOARD) $(VERSION)

bundle: ## sign an update: make bundle BOARD=... VERSION=2
	@tools/setup image
	@$(MAKE) --no-print-directory device
	@PROGRAMS="$(DEVICE_PROGRAMS)" tools/image/image bundle $(BOARD) $(VERSION)

systest: ## try a board's image under QEMU: make systest BOARD=... (minutes; not a part of make test)
	@$(MAKE) --no-print-directory image BOARD=$(SYSTEST_BOARD) VERSION=1
	@$(MAKE) --no-print-directory bundle BOARD=$(SYSTEST_BOARD) VERSION=2
	@$(MAKE) --no-print-directory programs BOARD=sim PROFILE=release
	@BOARD=$(SYSTEST_BOARD) tests/system/run $(ONLY)

nightly: setup ## what is too long for every push; results into docs/nightly.md
	@.ci/nightly $(ONLY)

##@ For developers
all: programs tests ## build the programs and the test programs of one PROFILE

setup: ## install the Debian packages that are missing
	@tools/setup

check: all ## run the tests of one PROFILE
	@BUILD=$(B) PROFILE=$(PROFILE) tests/check $(ONLY)

warnings: ## fail on what the compiler warns of, without building (PROFILE=clang: what clang does)
	@$(MAKE) --no-print-directory $(patsubst %.c,$(B)/%.checked,$(sort $(ALL_SRC)))

layers: ## fail on an include that points the wrong way
	@tools/layers

format: ## fail on a file that clang-format 14 would change
	@tools/format

reformat: ## rewrite the files with clang-format 14
	@tools/format --write

clean: ## empty build/; the trial keys stay: what was flashed with them takes no other updates
	rm -rf $(filter-out build/update-keys,$(wildcard build/*))

.PHONY: help run test proof bench image bundle systest nightly all setup check warnings layers format reformat clean device programs tests

# --- how the lists become programs ----------------------------------------------------------

define program
ALL_SRC += $$($(1)_SRC)
$(B)/$(1): $$(patsubst %.c,$(B)/%.o,$$($(1)_SRC))
	@echo "  link    $$@"
	@$(CC) $(LDFLAGS_PROFILE) -o $$@ $$^ $$($(1)_LIBS)
endef
$(foreach p,$(PROGRAMS) $(TESTS),$(eval $(call program,$(p))))

device: $(addprefix $(B)/,$(DEVICE_PROGRAMS))
programs: $(addprefix $(B)/,$(PROGRAMS))
tests: programs $(addprefix $(B)/,$(TESTS))

# BOARD_READY: what a board must have before anything compiles for it, if anything.
$(B)/%.o: %.c | $(BOARD_READY)
	@mkdir -p $(@D)
	@echo "  cc      $<"
	@$(CC) $(BASE) $(CFLAGS_PROFILE) -c -o $@ $<

$(B)/%.checked: %.c
	@mkdir -p $(@D)
	@echo "  check   $<"
	@$(CC) $(BASE) -MF $@.d -MT $@ $(CFLAGS_PROFILE) -fsyntax-only $<
	@touch $@

-include $(patsubst %.c,$(B)/%.d,$(sort $(ALL_SRC)))
-include $(patsubst %.c,$(B)/%.checked.d,$(sort $(ALL_SRC)))

list-tests:
	@printf "%s\n" $(SCRIPTS) $(addprefix $(B)/,$(TESTS))
list-sources:
	@printf "%s\n" $($(OF)_SRC)
.PHONY: list-tests list-sources
