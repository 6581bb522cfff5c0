#include "drivers/reader/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH AUDIT_ARCH_ARM
#else
#error "confine.c: name this architecture's AUDIT_ARCH here."
#endif

/* From here x86-64 counts its calls a second time (x32); no architecture has so many. */
enum { CALLS_MAX = 0x40000000 };

static const int refused[] = {
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_execve,
    SYS_execveat,
    SYS_kill,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_ptrace,
    SYS_prlimit64,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_pidfd_getfd,
#ifdef SYS_setuid32 /* 32-bit ARM has each twice, by the width of a user's number */
    SYS_setuid32,
    SYS_setgid32,
    SYS_setreuid32,
    SYS_setregid32,
    SYS_setresuid32,
    SYS_setresgid32,
    SYS_setfsuid32,
    SYS_setfsgid32,
    SYS_setgroups32,
#endif
};
/* Whoever a descriptor is said to belong to is signalled by the kernel when it stirs, by any
 * signal, on the word of the user who said so: kill() by another way. */
static const struct {
    int call;
    unsigned command;
} refused_commands[] = {
    {SYS_fcntl, F_SETOWN},   {SYS_fcntl, F_SETOWN_EX},
    {SYS_ioctl, FIOSETOWN},  {SYS_ioctl, SIOCSPGRP},
#ifdef SYS_fcntl64
    {SYS_fcntl64, F_SETOWN}, {SYS_fcntl64, F_SETOWN_EX},
#endif
};
enum {
    REFUSED = sizeof refused / sizeof refused[0],
    REFUSED_COMMANDS = sizeof refused_commands / sizeof refused_commands[0],
    FILTER_MAX = 16 + 2 * REFUSED + 5 * REFUSED_COMMANDS,
};

struct filter {
    struct sock_filter steps[FILTER_MAX];
    unsigned short count;
};

static void step(struct filter *filter, unsigned short code, unsigned value, unsigned char if_true,
                 unsigned char if_false)
{
    filter->steps[filter->count++] =
        (struct sock_filter){.code = code, .jt = if_true, .jf = if_false, .k = value};
}

static void load(struct filter *filter, size_t at)
{
    step(filter, BPF_LD | BPF_W | BPF_ABS, (unsigned)at, 0, 0);
}

/* If the loaded word compares so with `value`, the call is refused. */
static void refuse_if(struct filter *filter, unsigned short comparison, unsigned value)
{
    step(filter, BPF_JMP | BPF_K | comparison, value, 0, 1);
    step(filter, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

/* The command is the call's second argument, of which the kernel takes the lower 32 bits. */
static void refuse_command(struct filter *filter, int call, unsigned command)
{
    load(filter, offsetof(struct seccomp_data, nr));
    step(filter, BPF_JMP | BPF_K | BPF_JEQ, (unsigned)call, 0, 3);
    load(filter, offsetof(struct seccomp_data, args[1]));
    refuse_if(filter, BPF_JEQ, command);
}

bool confine_self(void)
{
    struct filter filter = {.count = 0};
    load(&filter, offsetof(struct seccomp_data, arch));
    step(&filter, BPF_JMP | BPF_K | BPF_JEQ, ARCH, 1, 0);
    step(&filter, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0); /* another ABI's numbers */
    load(&filter, offsetof(struct seccomp_data, nr));
    refuse_if(&filter, BPF_JGE, CALLS_MAX);
    for (size_t n = 0; n < REFUSED; n++) {
        refuse_if(&filter, BPF_JEQ, (unsigned)refused[n]);
    }
    for (size_t n = 0; n < REFUSED_COMMANDS; n++) {
        refuse_command(&filter, refused_commands[n].call, refused_commands[n].command);
    }
    load(&filter, offsetof(struct seccomp_data, nr));
    /* abort() and the like signal their own process. */
    step(&filter, BPF_JMP | BPF_K | BPF_JEQ, SYS_tgkill, 0, 3);
    load(&filter, offsetof(struct seccomp_data, args[0]));
    step(&filter, BPF_JMP | BPF_K | BPF_JEQ, (unsigned)getpid(), 1, 0);
    step(&filter, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
    step(&filter, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    const struct sock_fprog program = {.len = filter.count, .filter = filter.steps};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}
