/* SPDX-License-Identifier: MIT */
#include "bench/common/private_daemon.h"

#include "bench/common/report.h"
#include "client/channel.h"
#include "lib/base/memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS 60.0 /* a store of a million items opens in less */
#define POLL_US 5000

static void write_settings(const PrivateDaemon *daemon, const char *settings)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/rpmd.conf", daemon->place);
    FILE *file = fopen(path, "w");
    if (!file || fputs(settings, file) < 0 || fclose(file) != 0)
        bench_fail(path, NULL);
}

static _Noreturn void become_daemon(const PrivateDaemon *daemon)
{
    char program[256], settings[128], state[128], plugins[256], log[128];
    snprintf(program, sizeof(program), "%s/rpmd", daemon->build);
    snprintf(plugins, sizeof(plugins), "%s/plugins", daemon->build);
    snprintf(settings, sizeof(settings), "%s/rpmd.conf", daemon->place);
    snprintf(state, sizeof(state), "%s/state", daemon->place);
    snprintf(log, sizeof(log), "%s/log", daemon->place);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(file, STDERR_FILENO);
    execl(program, program, "--config", settings, "--socket", daemon->socket, "--state-dir", state,
          "--plugin-dir", plugins, NULL);
    _exit(1);
}

static void launch(PrivateDaemon *daemon, const char *settings)
{
    Channel *channel = NULL;
    Status status = STATUS_INIT;
    write_settings(daemon, settings);
    daemon->pid = fork();
    if (daemon->pid == 0)
        become_daemon(daemon);
    double begin = now_seconds();
    while (channel_open(&channel, daemon->socket, &status)) {
        if (now_seconds() - begin > START_SECONDS || waitpid(daemon->pid, NULL, WNOHANG) != 0)
            bench_fail("rpmd did not start", &status);
        usleep(POLL_US);
    }
    channel_free(channel);
}

void daemon_start(PrivateDaemon *daemon, const char *build, const char *settings)
{
    const char *parent = getenv("TMPDIR");
    char state[128];
    *daemon = (PrivateDaemon){.build = build};
    snprintf(daemon->place, sizeof(daemon->place), "%.64s/rpmd-bench.XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(daemon->place))
        bench_fail("the scratch directory", NULL);
    snprintf(daemon->socket, sizeof(daemon->socket), "%s/rpmd.sock", daemon->place);
    snprintf(state, sizeof(state), "%s/state", daemon->place);
    if (mkdir(state, 0700) < 0)
        bench_fail("the state directory", NULL);
    launch(daemon, settings);
}

static void end(PrivateDaemon *daemon)
{
    int code = 0;
    kill(daemon->pid, SIGTERM);
    if (waitpid(daemon->pid, &code, 0) < 0 || code != 0)
        fprintf(stderr, "bench: rpmd ended with %d\n", code);
    daemon->pid = 0;
}

void daemon_restart(PrivateDaemon *daemon, const char *settings)
{
    end(daemon);
    launch(daemon, settings);
}

void daemon_stop(PrivateDaemon *daemon)
{
    char command[128];
    if (daemon->pid == 0)
        return;
    end(daemon);
    snprintf(command, sizeof(command), "rm -rf '%s'", daemon->place);
    if (system(command) != 0)
        fprintf(stderr, "bench: %s is left\n", daemon->place);
}

uint64_t daemon_resident_bytes(const PrivateDaemon *daemon)
{
    char path[64], line[128];
    uint64_t kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon->pid);
    FILE *file = fopen(path, "r");
    while (file && kib == 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    if (file)
        (void)fclose(file);
    return kib * 1024;
}

/* The parent and the CPU seconds of a process; false when it is gone. */
static bool read_process(pid_t pid, pid_t *parent, double *seconds)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        (void)fclose(file);
    text[length] = '\0';
    /* Behind "(name)" come the fields 3, 4 (parent), ... 14 and 15 (user and system ticks). */
    char *field = strrchr(text, ')');
    double ticks = 0;
    for (int number = 3; field && number <= 15; number++) {
        field = strchr(field + 1, ' ');
        if (field && number == 4)
            *parent = (pid_t)strtol(field, NULL, 10);
        if (field && number >= 14)
            ticks += strtod(field, NULL);
    }
    *seconds = ticks / (double)sysconf(_SC_CLK_TCK);
    return field != NULL;
}

DaemonCpu daemon_cpu(const PrivateDaemon *daemon)
{
    DaemonCpu cpu = {0};
    pid_t parent = 0;
    double seconds = 0;
    struct dirent *entry;
    if (read_process(daemon->pid, &parent, &seconds))
        cpu.daemon = seconds;
    DIR *processes = opendir("/proc");
    while (processes && (entry = readdir(processes))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && read_process(pid, &parent, &seconds) && parent == daemon->pid)
            cpu.workers += seconds;
    }
    if (processes)
        closedir(processes);
    return cpu;
}
