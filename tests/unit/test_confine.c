/* test_confine - what a process that was confined cannot do any more, tried by a child that has the
 * users of a device's reader: the real one the terminal's, the effective one its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/reader/confine.h"

enum { TERMINAL = 900, READER = 901 };

static pid_t other; /* a process of the terminal's */

static long take_user(void)
{
    return syscall(SYS_setresuid, TERMINAL, TERMINAL, TERMINAL);
}

static long take_user_by_setuid(void)
{
    return syscall(SYS_setuid, TERMINAL);
}

/* Gives the user before, whether it worked or not. */
static long take_files(void)
{
    (void)setfsuid(TERMINAL);
    return setfsuid((uid_t)-1) == TERMINAL ? 0 : -1;
}

static long signal_other(void)
{
    return kill(other, SIGCONT);
}

static long signal_others_thread(void)
{
    return syscall(SYS_tgkill, other, other, SIGCONT);
}

/* The kernel signals a descriptor's owner when it stirs: SIGKILL, for one. */
static long signal_other_by_descriptor(void)
{
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
                   (fcntl(ends[0], F_SETOWN, other) == 0 ||
                    fcntl(ends[0], F_SETOWN_EX, &(struct f_owner_ex){F_OWNER_PID, other}) == 0 ||
                    ioctl(ends[0], FIOSETOWN, &other) == 0 ||
                    ioctl(ends[0], SIOCSPGRP, &other) == 0) &&
                   fcntl(ends[0], F_SETSIG, SIGCONT) == 0 && fcntl(ends[0], F_SETFL, O_ASYNC) == 0
               ? 0
               : -1;
}

static long limit_other(void)
{
    const struct rlimit limit = {1000, 1000};
    return prlimit(other, RLIMIT_NOFILE, &limit, NULL);
}

static long start_program(void)
{
    char *const arguments[] = {"true", NULL};
    return execve("/bin/true", arguments, arguments + 1); /* on success the child ends with 0 */
}

static long signal_self(void)
{
    (void)signal(SIGUSR1, SIG_IGN);
    return raise(SIGUSR1);
}

static long open_file(void)
{
    return open("/dev/null", O_RDWR) < 0 ? -1 : 0;
}

static bool be_reader(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setresgid(READER, READER, READER) == 0 &&
           setresuid(TERMINAL, READER, READER) == 0;
}

/* True: a child with the reader's users can do it, confined or not. */
static bool can(long (*act)(void), bool is_confined)
{
    const pid_t child = fork();
    if (child == 0) {
        if (!be_reader() || (is_confined && !confine_self())) {
            _exit(2);
        }
        _exit(act() == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status) == 0;
}

static int start_other(void **state)
{
    (void)state;
    other = fork();
    if (other == 0) {
        (void)!setresgid(TERMINAL, TERMINAL, TERMINAL);
        (void)!setresuid(TERMINAL, TERMINAL, TERMINAL);
        for (;;) {
            (void)pause();
        }
    }
    (void)usleep(100000); /* until it has its user */
    return other < 0;
}

static int end_other(void **state)
{
    (void)state;
    (void)kill(other, SIGKILL);
    return waitpid(other, NULL, 0) == other ? 0 : 1;
}

static void what_the_real_user_could_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        long (*act)(void);
    } acts[] = {
        {"setresuid", take_user},
        {"setuid", take_user_by_setuid},
        {"setfsuid", take_files},
        {"kill", signal_other},
        {"tgkill", signal_others_thread},
        {"execve", start_program},
        {"F_SETOWN", signal_other_by_descriptor},
    };
    if (getuid() != 0) {
        skip(); /* users are set */
    }
    for (size_t n = 0; n < sizeof acts / sizeof acts[0]; n++) {
        if (!can(acts[n].act, false)) {
            fail_msg("%s: not possible without the filter either", acts[n].name);
        }
        if (can(acts[n].act, true)) {
            fail_msg("%s: possible in spite of the filter", acts[n].name);
        }
    }
    assert_false(can(limit_other, true));
}

static void the_rest_goes_on(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    assert_true(can(signal_self, true));
    assert_true(can(open_file, true));
}

/* Why the real user is the terminal's at all. */
static void its_parent_can_still_end_it(void **state)
{
    (void)state;
    if (getuid() != 0) {
        skip();
    }
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t reader = fork();
    if (reader == 0) {
        (void)!write(ready[1], be_reader() && confine_self() ? "y" : "n", 1);
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    const pid_t terminal = fork();
    if (terminal == 0) {
        _exit(setresuid(TERMINAL, TERMINAL, TERMINAL) == 0 && kill(reader, SIGKILL) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(terminal, &status, 0), terminal);
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_real_user_could_is_refused),
        cmocka_unit_test(the_rest_goes_on),
        cmocka_unit_test(its_parent_can_still_end_it),
    };
    return cmocka_run_group_tests_name("confine", tests, start_other, end_other);
}
