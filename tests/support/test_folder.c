#include "tests/support/test_folder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/vafa-test.XXXXXX";

int test_folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

int test_folder_remove(void **state)
{
    (void)state;
    char command[64];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

const char *test_folder(void)
{
    return folder;
}

const char *test_folder_path(const char *name)
{
    static char path[TEST_PATH_MAX];
    const int size = snprintf(path, sizeof path, "%s/%s", folder, name);
    assert(size > 0 && size < TEST_PATH_MAX);
    return path;
}
