# Tests of storage. PROGRAMS/TESTS: see docs/building.md
# A disk that fails under SQLite, for every test that opens a store on it; needs -lsqlite3.
CRASH_VFS_SRC = tests/support/crash_vfs.c tests/support/crash_disk.c tests/support/crash_file.c
STORE_MODEL_SRC = tests/support/store_model.c tests/support/actions_model.c

TESTS += fault_store
fault_store_SRC = tests/fault/fault_store.c tests/support/seen.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                  $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
fault_store_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += fault_migrate
fault_migrate_SRC = tests/fault/fault_migrate.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                  $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
fault_migrate_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += test_store
test_store_SRC = tests/unit/test_store.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                 $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_store_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += test_store_actions
test_store_actions_SRC = tests/unit/test_store_actions.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                         $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_store_actions_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += test_loss
test_loss_SRC = tests/unit/test_loss.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_loss_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += test_store_lost
test_store_lost_SRC = tests/unit/test_store_lost.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                      $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
test_store_lost_LIBS = $(STORAGE_LIBS) -lcmocka

TESTS += test_hotlist
test_hotlist_SRC = tests/unit/test_hotlist.c $(CRASH_VFS_SRC) $(STORAGE_SRC) $(ENGINE_SRC) \
                   $(HAL_BASE_SRC)
test_hotlist_LIBS = $(STORAGE_LIBS) -lcmocka

PROGRAMS += store_poke
store_poke_SRC = tests/support/store_poke.c $(STORE_MODEL_SRC) $(STORAGE_SRC) $(ENGINE_SRC) \
                 $(HAL_BASE_SRC)
store_poke_LIBS = $(STORAGE_LIBS)

SCRIPTS += tests/e2e/store_bad.sh

# The hotlist at its full size; tests/bench/bench runs it.
PROGRAMS += bench-hotlist
bench-hotlist_SRC = tests/bench/hotlist.c tests/bench/scattered.c $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
bench-hotlist_LIBS = $(STORAGE_LIBS)

# 100,000 waiting actions; tests/bench/bench runs it.
PROGRAMS += bench-held
bench-held_SRC = tests/bench/held.c tests/bench/scattered.c $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
bench-held_LIBS = $(STORAGE_LIBS)
