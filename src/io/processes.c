/* Who descends from whom, out of /proc/PID/stat. A look at /proc is no snapshot: who must be sure looks again. */
#include "io/processes.h"

#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    pid_t pid, parent;
    unsigned long long started; /* ticks since boot: with the number, an identity */
    bool dead;                  /* it only waits to be waited for */
    bool chosen;
};

struct processes {
    struct process *all; /* by number */
    size_t count, capacity;
};

/* "PID (NAME) STATE PPID ...": a name may hold anything, but what stands behind it holds no ")". */
static bool parse_stat(const char *text, struct process *out)
{
    const char *name_end = strrchr(text, ')');
    char state;

    if (!name_end ||
        sscanf(name_end + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &state,
               &out->parent, &out->started) != 3)
        return false;
    out->dead = state == 'Z' || state == 'X';
    return true;
}

static bool read_process(int proc, pid_t pid, struct process *out)
{
    char name[32], text[1024];
    ssize_t got;
    int fd;

    snprintf(name, sizeof(name), "%d/stat", (int)pid);
    fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = '\0';
    *out = (struct process){ .pid = pid };
    return parse_stat(text, out);
}

static bool add(struct processes *processes, const struct process *process)
{
    if (processes->count == processes->capacity) {
        size_t capacity = processes->capacity ? processes->capacity * 2 : 256;
        struct process *all = realloc(processes->all, capacity * sizeof(*all));
        if (!all)
            return false;
        processes->all = all;
        processes->capacity = capacity;
    }
    processes->all[processes->count++] = *process;
    return true;
}

static int by_pid(const void *a, const void *b)
{
    pid_t left = ((const struct process *)a)->pid, right = ((const struct process *)b)->pid;

    return (left > right) - (left < right);
}

/* As many as memory allows; their order is that of their numbers. */
static void read_all(int proc, struct processes *processes)
{
    int copy = fcntl(proc, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!directory) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(directory)) != NULL) {
        struct process process;
        unsigned long long pid;
        if (str_to_u64(str_from_c(entry->d_name), INT32_MAX, &pid) && read_process(proc, (pid_t)pid, &process) &&
            !add(processes, &process))
            break;
    }
    closedir(directory);
    if (processes->count)
        qsort(processes->all, processes->count, sizeof(*processes->all), by_pid);
}

/* Those below the chosen ones too. */
static void choose_below(struct processes *processes)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < processes->count; i++) {
            struct process *process = &processes->all[i];
            const struct process *parent;
            if (process->chosen)
                continue;
            parent = bsearch(&(struct process){ .pid = process->parent }, processes->all, processes->count,
                             sizeof(*processes->all), by_pid);
            if (parent && parent->chosen)
                more = process->chosen = true;
        }
    }
}

/* True if it was still the process that was looked at. */
static bool signal_one(int proc, const struct process *process, int signal_number)
{
    struct process now;
    int fd = pidfd_open(process->pid, 0);
    bool sent;

    if (fd < 0)
        return false;
    sent = read_process(proc, process->pid, &now) && now.started == process->started && !now.dead &&
           pidfd_send_signal(fd, signal_number, NULL, 0) == 0;
    close(fd);
    return sent;
}

static unsigned signal_chosen(int proc, struct processes *processes, int signal_number)
{
    unsigned sent = 0;

    for (size_t i = 0; i < processes->count; i++) {
        if (processes->all[i].chosen && !processes->all[i].dead && signal_one(proc, &processes->all[i], signal_number))
            sent++;
    }
    free(processes->all);
    close(proc);
    return sent;
}

unsigned processes_signal_descendants(int signal_number)
{
    struct processes processes = { NULL };
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (proc < 0)
        return 0;
    read_all(proc, &processes);
    for (size_t i = 0; i < processes.count; i++)
        processes.all[i].chosen = processes.all[i].parent == getpid();
    choose_below(&processes);
    return signal_chosen(proc, &processes, signal_number);
}

unsigned processes_kill_adopted(bool (*is_own)(void *arg, pid_t pid), void *arg)
{
    struct processes processes = { NULL };
    unsigned left = 0;
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (proc < 0)
        return 0;
    read_all(proc, &processes);
    for (size_t i = 0; i < processes.count; i++) {
        struct process *process = &processes.all[i];
        process->chosen = process->parent == getpid() && !is_own(arg, process->pid);
    }
    choose_below(&processes);
    for (size_t i = 0; i < processes.count; i++) {
        const struct process *process = &processes.all[i];
        if (process->chosen && !(process->dead && waitpid(process->pid, NULL, WNOHANG) == process->pid))
            left++; /* alive, or not ours to wait for until the one above it has ended */
    }
    (void)signal_chosen(proc, &processes, SIGKILL);
    return left;
}
