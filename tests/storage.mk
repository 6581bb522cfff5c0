# Tests of storage. PROGRAMS/TESTS: see docs/building.md
# A disk that fails under SQLite, for every test that opens a store on it; needs -lsqlite3.
CRASH_VFS_SRC = tests/support/crash_vfs.c
STORE_MODEL_SRC = tests/support/store_model.c

TESTS += fault_store
fault_store_SRC = tests/fault/fault_store.c $(CRASH_VFS_SRC) $(STORE_MODEL_SRC) \
                  $(STORAGE_SRC) $(ENGINE_SRC) $(HAL_BASE_SRC)
fault_store_LIBS = $(STORAGE_LIBS) -lcmocka
