/* Servers that misbehave: what the program of the tests is when it is started under one of these names. */
#pragma once

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void say_pid(void)
{
    char line[32];
    int len = snprintf(line, sizeof(line), "%d\n", (int)getpid());
    if (write(STDOUT_FILENO, line, (size_t)len) != len)
        _exit(3);
}

_Noreturn static void sleep_for_ever(void)
{
    for (;;)
        pause();
}

/* Itself, a child, a grandchild in a session of its own whose parent is gone, and one below that: none obeys. */
static void role_stubborn(void)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    if (fork() == 0) {
        say_pid();
        sleep_for_ever();
    }
    pid_t between = fork();
    if (between == 0) {
        setsid();
        if (fork() == 0) {
            say_pid();
            if (fork() == 0) {
                setsid();
                say_pid();
                sleep_for_ever();
            }
            sleep_for_ever();
        }
        _exit(0);
    }
    waitpid(between, NULL, 0);
    say_pid();
    sleep_for_ever();
}

/* The same, but the server itself ends when its input does. */
static void role_leaver(void)
{
    char byte;

    if (fork() == 0)
        role_stubborn();
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(5);
}

static void role_storm(void)
{
    signal(SIGTERM, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            setsid();
            for (;;) { /* each lives for a moment and leaves one behind */
                if (fork() != 0) {
                    usleep(2000);
                    _exit(0);
                }
            }
        }
    }
    say_pid();
    sleep_for_ever();
}

/* Not before all have said who they are: whoever stands over them takes them along. */
static void role_regicide(void)
{
    int said[2];
    char byte = 0;

    if (pipe(said) != 0)
        _exit(3);
    for (int i = 0; i < 2; i++) {
        if (fork() == 0) {
            if (i == 1)
                setsid();
            say_pid();
            if (write(said[1], &byte, 1) != 1)
                _exit(3);
            sleep_for_ever();
        }
    }
    for (int i = 0; i < 2; i++)
        if (read(said[0], &byte, 1) != 1)
            _exit(3);
    say_pid();
    usleep(100000);
    kill(getppid(), SIGKILL);
    sleep_for_ever();
}

static void role_stop_it(void)
{
    kill(getppid(), SIGSTOP);
    say_pid();
    sleep_for_ever();
}

static void role_gentle(void)
{
    sigset_t term;
    int number;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    say_pid();
    sigwait(&term, &number);
    _exit(42);
}

static void role_confined(void)
{
    struct rlimit core, files, size;
    sigset_t blocked;
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_FSIZE, &size);
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    printf("privileges=%d core=%lu/%lu files=%lu/%lu size=%lu", prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L),
           (unsigned long)core.rlim_cur, (unsigned long)core.rlim_max, (unsigned long)files.rlim_cur,
           (unsigned long)files.rlim_max, (unsigned long)size.rlim_max >> 20);
    printf(" session=%d group=%d", getsid(0) == getppid(), getpgrp() == getpid());
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (number < 32 && sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            printf(" ignored=%d", number);
        if (sigismember(&blocked, number) == 1)
            printf(" blocked=%d", number);
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.' && atoll(entry->d_name) != dirfd(directory))
            printf(" fd=%s", entry->d_name);
    }
    printf("\n");
    fflush(stdout);
    _exit(0);
}

#define FLOOD_LINES (128 * 81)

static void role_flood(void)
{
    char block[8100]; /* 81 lines of 99 bytes */

    memset(block, 'x', sizeof(block));
    for (size_t i = 99; i < sizeof(block); i += 100)
        block[i] = '\n';
    for (int i = 0; i < 128; i++) {
        if (write(STDERR_FILENO, block, sizeof(block)) != sizeof(block))
            _exit(3);
    }
    _exit(0);
}

static const struct {
    const char *name;
    void      (*run)(void);
} roles[] = {
    { "stubborn", role_stubborn }, { "leaver", role_leaver }, { "storm", role_storm },
    { "regicide", role_regicide }, { "stop-it", role_stop_it }, { "gentle", role_gentle },
    { "confined", role_confined }, { "flood", role_flood },
};
