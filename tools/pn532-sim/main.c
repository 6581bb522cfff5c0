/* pn532-sim: a PN532 with MIFARE Classic cards on a pseudo terminal. See README.md. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/pn532-sim/control.h"
#include "tools/pn532-sim/sim.h"

struct options {
    const char *link;
    const char *control;
    const char *cards;
    const char *say; /* the control path of the client mode */
    bool is_real_time;
    bool is_strict_baud;
};

static volatile sig_atomic_t is_over;

static void end(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void print_help(FILE *out)
{
    fputs("pn532-sim --link PATH --control PATH [--cards DIR] [--real-time] [--strict-baud]\n"
          "pn532-sim --say CONTROL_PATH COMMAND\n"
          "\n"
          "Plays a PN532 NFC reader with MIFARE and NTAG cards on a pseudo terminal.\n"
          "  --link PATH     make PATH a symbolic link to the pseudo terminal; libnfc takes it\n"
          "                  as LIBNFC_DEFAULT_DEVICE=pn532_uart:PATH\n"
          "  --control PATH  listen for commands at this UNIX socket\n"
          "  --cards DIR     keep the cards there, a file or two for each\n"
          "  --real-time     take the modelled time for each answer\n"
          "  --strict-baud   understand only a host that has set the chip's speed\n"
          "  --say PATH CMD  say one command to a running simulator, print its answer;\n"
          "                  the exit code is 1 if it is an error\n"
          "\n"
          "Commands (a line each; the answer is a line that begins with ok or error:):\n",
          out);
    control_print_help(out);
}

/* Returns the index of the first word that is no option; exits on --help and wrong options. */
static int parse_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option known[] = {
        {"link", required_argument, NULL, 'l'},  {"control", required_argument, NULL, 'c'},
        {"cards", required_argument, NULL, 'd'}, {"real-time", no_argument, NULL, 'r'},
        {"strict-baud", no_argument, NULL, 'b'}, {"say", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'l':
            ret_options->link = optarg;
            break;
        case 'c':
            ret_options->control = optarg;
            break;
        case 'd':
            ret_options->cards = optarg;
            break;
        case 'r':
            ret_options->is_real_time = true;
            break;
        case 'b':
            ret_options->is_strict_baud = true;
            break;
        case 's':
            ret_options->say = optarg;
            break;
        case 'h':
            print_help(stdout);
            exit(0);
        default:
            fputs("pn532-sim: see `pn532-sim --help`\n", stderr);
            exit(2);
        }
    }
    return optind;
}

static void catch_signals(sigset_t *ret_usual)
{
    struct sigaction action = {.sa_handler = end};
    sigset_t blocked;

    /* The signals come only inside ppoll: none is lost between the test and the sleep. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, ret_usual);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int shorter(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static void serve(struct sim *sim, struct control_server *server, const sigset_t *usual)
{
    struct pollfd fds[2 + CONTROL_CLIENTS_MAX];

    while (!is_over) {
        control_prepare(server, fds + 1);
        fds[0] = (struct pollfd){.fd = sim->line.chip_fd, .events = POLLIN};
        const uint64_t before_us = now_us();
        const int sleep_ms =
            shorter(sim_sleep_ms(sim, before_us), control_sleep_ms(server, before_us));
        const struct timespec sleep = {.tv_sec = sleep_ms / 1000,
                                       .tv_nsec = sleep_ms % 1000 * 1000000L};
        if (ppoll(fds, sizeof fds / sizeof fds[0], sleep_ms < 0 ? NULL : &sleep, usual) < 0) {
            continue;
        }
        if (fds[0].revents != 0) {
            sim_receive(sim, now_us());
        }
        sim_tick(sim, now_us());
        control_serve(server, fds + 1, sim, now_us());
    }
}

static int fail(const char *problem)
{
    fprintf(stderr, "pn532-sim: %s\n", problem);
    return 1;
}

int main(int argc, char **argv)
{
    /* Several megabytes of cards and log: not for the stack. */
    static struct sim sim;
    static struct control_server server;
    struct options options = {.link = NULL};
    sigset_t usual;

    const int first = parse_options(argc, argv, &options);
    if (options.say != NULL) {
        if (argc - first != 1) {
            return fail("say one command in one word: pn532-sim --say PATH \"insert ali\"");
        }
        return control_say(options.say, argv[first]);
    }
    if (options.link == NULL || options.control == NULL || first != argc) {
        return fail("give --link and --control; see `pn532-sim --help`");
    }
    catch_signals(&usual);
    sim.is_real_time = options.is_real_time;
    sim.is_strict_baud = options.is_strict_baud;
    const char *problem = control_open(&server, options.control);
    if (problem != NULL) {
        return fail(problem);
    }
    problem = sim_open(&sim, options.link, options.cards);
    if (problem != NULL) {
        control_close(&server);
        return fail(problem);
    }
    printf("pn532-sim: reader %s (%s), control %s\n", options.link, sim.line.device,
           options.control);
    fflush(stdout);
    serve(&sim, &server, &usual);
    control_close(&server);
    sim_close(&sim);
    return 0;
}
