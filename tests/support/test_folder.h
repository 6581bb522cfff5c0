/* test_folder.h - a folder in /tmp for one test program, gone with all in it at its end. */
#ifndef TESTS_SUPPORT_TEST_FOLDER_H
#define TESTS_SUPPORT_TEST_FOLDER_H

enum { TEST_PATH_MAX = 96 };

/* Setup and teardown of a cmocka group: 0 = done. */
int test_folder_make(void **state);
int test_folder_remove(void **state);

/* The folder, once it is made. */
const char *test_folder(void);
/* A file in it. Good until the next call. */
const char *test_folder_path(const char *name);

#endif
