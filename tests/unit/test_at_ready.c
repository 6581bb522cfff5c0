/* test_at_ready - open ports and users, from files in the kernel's format (man 5 proc), and from
 * this machine's kernel with ports that the test opens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boards/common/device/at_ready.h"
#include "tests/support/test_folder.h"

static void put(const char *name, const char *text)
{
    FILE *file = fopen(test_folder_path(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* --- ports ---------------------------------------------------------------------------------- */

#define TCP_HEAD                                                                                   \
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "  \
    "inode\n"
#define UDP_HEAD                                                                                   \
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "         \
    "timeout inode ref pointer drops\n"
#define REST " 1 0000000000000000 100 0 0 10 0\n"

/* What a sale's device has: its line to the club, one that ended, and a question to 10.0.2.3:53. */
#define CLUB_LINE                                                                                  \
    "   0: 0F02000A:A2C4 0202000A:20FB 01 00000000:00000000 02:000000A5 00000000   902        0 "  \
    "1207" REST
#define ENDED_LINE                                                                                 \
    "   1: 0F02000A:A2C2 0202000A:20FB 06 00000000:00000000 03:00001770 00000000     0        0 "  \
    "0" REST
#define QUESTION                                                                                   \
    "  911: 0F02000A:D10E 0302000A:0035 01 00000000:00000000 00:00000000 00000000   902        0 " \
    "1304 2 0000000000000000 0\n"

static void expect_ports(bool is_well, const char *expected)
{
    char say[AT_READY_SAY_MAX];
    assert_int_equal(at_ready_ports(test_folder(), say), is_well);
    assert_string_equal(say, expected);
}

static void a_line_to_the_club_is_no_open_port(void **state)
{
    (void)state;
    put("tcp", TCP_HEAD CLUB_LINE ENDED_LINE);
    put("udp", UDP_HEAD QUESTION);
    expect_ports(true, "no port is open"); /* and this kernel has no IPv6 */
    put("tcp6", TCP_HEAD);
    put("udp6", UDP_HEAD);
    expect_ports(true, "no port is open");
}

/* 0x0016 = 22, 0x1F90 = 8080, 0x0044 = 68, 0x14E9 = 5353. */
static void whoever_listens_is_named(void **state)
{
    (void)state;
    put("tcp", TCP_HEAD CLUB_LINE "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 "
                                  "00:00000000 00000000     0        0 519" REST);
    put("udp", UDP_HEAD QUESTION "  927: 00000000:0044 00000000:0000 07 00000000:00000000 "
                                 "00:00000000 00000000     0        0 911 2 0 0\n");
    expect_ports(false, "open ports: tcp 22 of user 0, udp 68 of user 0");
    put("tcp", TCP_HEAD);
    put("udp", UDP_HEAD);
    put("tcp6", TCP_HEAD "   0: 00000000000000000000000001000000:1F90 "
                         "00000000000000000000000000000000:0000 0A 00000000:00000000 "
                         "00:00000000 00000000   900        0 520" REST);
    put("udp6", UDP_HEAD "    3: 00000000000000000000000000000000:14E9 "
                         "00000000000000000000000000000000:0000 07 00000000:00000000 "
                         "00:00000000 00000000   902        0 521 2 0 0\n");
    expect_ports(false, "open ports: tcp6 8080 of user 900, udp6 5353 of user 902");
    put("tcp6", TCP_HEAD);
    put("udp6", UDP_HEAD);
}

static void what_the_kernel_does_not_tell_is_not_taken_for_none(void **state)
{
    (void)state;
    char say[AT_READY_SAY_MAX];
    assert_int_equal(unlink(test_folder_path("udp")), 0);
    expect_ports(false, "the kernel does not say which ports are open");
    assert_false(at_ready_ports("/nowhere", say));
}

/* Ports that are open here and now, in a network of this process's own: this kernel's words. */
static void a_real_port_is_found(void **state)
{
    (void)state;
    static const struct {
        int type;
        const char *name;
    } kinds[] = {{SOCK_STREAM, "tcp"}, {SOCK_DGRAM, "udp"}};
    char say[AT_READY_SAY_MAX], expected[80];
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        skip();
    }
    for (size_t n = 0; n < sizeof kinds / sizeof kinds[0]; n++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(40123)};
        const int fd = socket(AF_INET, kinds[n].type | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
        assert_true(kinds[n].type != SOCK_STREAM || listen(fd, 1) == 0);
        (void)snprintf(expected, sizeof expected, "open ports: %s 40123 of user %u", kinds[n].name,
                       (unsigned)getuid());
        assert_false(at_ready_ports("/proc/net", say));
        assert_string_equal(say, expected);
        assert_int_equal(close(fd), 0);
        assert_true(at_ready_ports("/proc/net", say));
    }
}

/* --- users ---------------------------------------------------------------------------------- */

static void put_process(const char *pid, const char *name, const char *users, bool has_memory)
{
    char at[40], text[200];
    (void)snprintf(at, sizeof at, "proc/%s", pid);
    assert_int_equal(mkdir(test_folder_path(at), 0700), 0);
    (void)snprintf(at, sizeof at, "proc/%s/status", pid);
    (void)snprintf(text, sizeof text, "Name:\t%s\nState:\tS (sleeping)\nPPid:\t1\nUid:\t%s\n%s",
                   name, users, has_memory ? "VmSize:\t    2260 kB\n" : "");
    put(at, text);
}

static void each_process_is_told_with_its_user(void **state)
{
    (void)state;
    char say[AT_READY_SAY_MAX];
    assert_int_equal(mkdir(test_folder_path("proc"), 0700), 0);
    assert_int_equal(mkdir(test_folder_path("proc/net"), 0700), 0);
    at_ready_users(test_folder_path("proc"), say);
    assert_string_equal(say, "the kernel does not say who runs as which user");
    put_process("1", "init", "0\t0\t0\t0", true);
    put_process("2", "kthreadd", "0\t0\t0\t0", false);
    put_process("61", "vafa-terminal", "900\t900\t900\t900", true);
    put_process("70", "vafa-reader", "900\t901\t901\t901", true);
    put_process("62", "busybox", "0\t0\t0\t0", true);
    put_process("63", "vafa-sync", "902\t902\t902\t902", true);
    at_ready_users(test_folder_path("proc"), say);
    assert_string_equal(
        say, "users: 0 busybox init, 900 vafa-terminal, 901 vafa-reader(900), 902 vafa-sync");
    put_process("80", "may_be_root", "903\t903\t0\t903", true);
    at_ready_users(test_folder_path("proc"), say);
    assert_string_equal(say, "users: 0 busybox init, 900 vafa-terminal, 901 vafa-reader(900), 902 "
                             "vafa-sync, 903 may_be_root(0)");
    put_process("81", "\x1b[2J\x1b[Hall", "904\t904\t904\t904", true); /* it clears a screen */
    at_ready_users(test_folder_path("proc"), say);
    assert_non_null(strstr(say, ", 904 ?[2J?[Hall"));
}

static void more_than_a_line_takes_is_cut(void **state)
{
    (void)state;
    char say[AT_READY_SAY_MAX], pid[8];
    for (unsigned n = 100; n < 200; n++) {
        (void)snprintf(pid, sizeof pid, "%u", n);
        put_process(pid, "fifteen_letters", "900\t900\t900\t900", true);
    }
    at_ready_users(test_folder_path("proc"), say);
    assert_int_equal(strlen(say), AT_READY_SAY_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_to_the_club_is_no_open_port),
        cmocka_unit_test(whoever_listens_is_named),
        cmocka_unit_test(what_the_kernel_does_not_tell_is_not_taken_for_none),
        cmocka_unit_test(a_real_port_is_found),
        cmocka_unit_test(each_process_is_told_with_its_user),
        cmocka_unit_test(more_than_a_line_takes_is_cut),
    };
    return cmocka_run_group_tests_name("at_ready", tests, test_folder_make, test_folder_remove);
}
