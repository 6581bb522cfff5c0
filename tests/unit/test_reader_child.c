/* reader-fake-child - stands in for vafa-reader in test_reader and misbehaves as it is told.
 *
 * Its argument is the path of a file that holds one word, and for some words a number: the way it
 * behaves. The test rewrites the file between two starts. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/reader/message.h"

static char mode[32];
static int number;

static bool is_mode(const char *word)
{
    return strcmp(mode, word) == 0;
}

static void read_mode(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%31s %d", mode, &number) < 1) {
        _exit(READER_EXIT_USAGE);
    }
    (void)fclose(file);
}

static void sleep_ms(int ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static _Noreturn void hang(void)
{
    for (;;) {
        (void)pause();
    }
}

static void say_bytes(const void *bytes, size_t size)
{
    if (send(READER_CHILD_SOCKET, bytes, size, MSG_NOSIGNAL) < 0) {
        _exit(0);
    }
}

static void say(const struct reader_message *message)
{
    uint8_t packet[READER_MESSAGE_MAX];
    say_bytes(packet, reader_message_encode(message, packet));
}

/* The numbers of the open descriptors, one a byte: what the parent let through. */
static size_t list_descriptors(uint8_t *ret_list, size_t max)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && count < max; entry = readdir(dir)) {
        const int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir)) {
            ret_list[count++] = (uint8_t)fd;
        }
    }
    (void)closedir(dir);
    return count;
}

/* An honest answer: the card 01 02 03 04, and each command sent back as its own reply. */
static struct reader_message honest(const struct reader_message *request)
{
    struct reader_message answer = {.kind = request->kind, .id = request->id};
    if (request->kind == READER_SELECT) {
        struct reader_target target = {.uid = {1, 2, 3, 4}, .uid_bytes = 4, .sak = 0x08};
        if (request->body_bytes > 0) {
            memcpy(target.uid, request->body, request->body_bytes);
            target.uid_bytes = request->body_bytes;
        }
        reader_target_encode(&target, answer.body);
        answer.body_bytes = READER_TARGET_BYTES;
    } else if (request->kind == READER_TRANSCEIVE) {
        memcpy(answer.body, request->body, request->body_bytes);
        answer.body_bytes = request->body_bytes;
    }
    return answer;
}

/* The ways that end the process, or its part in the conversation. */
static void fall_over(void)
{
    if (is_mode("exit")) {
        _exit(number);
    } else if (is_mode("abort")) {
        (void)prctl(PR_SET_DUMPABLE, 0); /* no core file for a test */
        abort();
    } else if (is_mode("crash")) {
        (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would exit instead */
        (void)raise(SIGSEGV);
    } else if (is_mode("hang")) {
        hang();
    } else if (is_mode("close")) {
        (void)close(READER_CHILD_SOCKET);
        hang();
    }
}

/* The ways to answer with bytes that are no message. True when one was meant. */
static bool talk_nonsense(const struct reader_message *request)
{
    uint8_t packet[READER_MESSAGE_MAX + 40];
    memset(packet, 0xA5, sizeof packet);
    const struct reader_message answer = honest(request);
    size_t bytes = reader_message_encode(&answer, packet);
    if (is_mode("garbage")) {
        memset(packet, 0xA5, sizeof packet);
        bytes = 64;
    } else if (is_mode("half")) {
        bytes /= 2;
    } else if (is_mode("short")) {
        bytes = READER_MESSAGE_HEADER - 1;
    } else if (is_mode("oversize")) {
        bytes = sizeof packet;
    } else if (is_mode("long-length")) {
        packet[8] = 0xFF;
        packet[9] = 0xFF;
    } else if (is_mode("version")) {
        packet[0] = READER_MESSAGE_VERSION + 1;
    } else {
        return false;
    }
    say_bytes(packet, bytes);
    return true;
}

/* The ways to answer with a message that is well formed and wrong. */
static void twist(struct reader_message *answer)
{
    if (is_mode("no-card")) {
        answer->value = READER_RESULT_NO_CARD;
        answer->body_bytes = 0;
    } else if (is_mode("wrong-id")) {
        answer->id += 1;
    } else if (is_mode("wrong-kind")) {
        answer->kind = answer->kind == READER_SELECT ? READER_DESELECT : READER_SELECT;
    } else if (is_mode("opened-again")) {
        answer->kind = READER_OPENED;
    } else if (is_mode("wrong-result")) {
        answer->value = 99;
    } else if (is_mode("wrong-uid")) {
        answer->body[0] = 5;
    } else if (is_mode("wrong-size")) {
        answer->body_bytes -= 1;
    }
    if (answer->kind == READER_TRANSCEIVE) {
        if (is_mode("denied") || is_mode("gone")) {
            answer->value = is_mode("denied") ? READER_RESULT_DENIED : READER_RESULT_GONE;
            answer->body_bytes = 0;
        } else if (is_mode("descriptors")) {
            answer->body_bytes = list_descriptors(answer->body, sizeof answer->body);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return READER_EXIT_USAGE;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    read_mode(argv[1]);
    if (is_mode("exit-open")) {
        _exit(number);
    } else if (is_mode("hang-open")) {
        hang();
    } else if (is_mode("slow-open")) {
        sleep_ms(number);
    } else if (is_mode("nonsense-open")) {
        say(&(struct reader_message){.kind = READER_SELECT, .id = 1});
    }
    say(&(struct reader_message){.kind = READER_OPENED});

    uint8_t packet[READER_MESSAGE_MAX];
    for (int requests = 0;; requests++) {
        struct reader_message request;
        const ssize_t bytes = recv(READER_CHILD_SOCKET, packet, sizeof packet, 0);
        if (bytes <= 0 || reader_message_decode(packet, (size_t)bytes, &request) != ST_OK) {
            _exit(bytes == 0 ? 0 : READER_EXIT_PARENT);
        }
        if (is_mode("once") && requests == 1) {
            _exit(READER_EXIT_LINE);
        }
        fall_over();
        if (talk_nonsense(&request)) {
            continue;
        }
        struct reader_message answer = honest(&request);
        if (is_mode("slow") || (is_mode("slow-exchange") && request.kind == READER_TRANSCEIVE)) {
            sleep_ms(number);
        } else if (is_mode("stale") && request.id > 1) {
            struct reader_message old = answer;
            old.id -= 1;
            old.body[0] ^= 0xFF;
            say(&old);
        }
        twist(&answer);
        say(&answer);
        if (is_mode("twice")) {
            say(&answer);
        }
    }
}
