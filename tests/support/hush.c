#include "tests/support/hush.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int hush(void)
{
    (void)fflush(stdout);
    const int console = dup(STDOUT_FILENO);
    const int nobody = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert(console >= 0 && dup2(nobody, STDOUT_FILENO) == STDOUT_FILENO);
    (void)close(nobody);
    return console;
}

void unhush(int console)
{
    assert(dup2(console, STDOUT_FILENO) == STDOUT_FILENO);
    (void)close(console);
}
