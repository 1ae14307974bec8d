/* Found, said, agreed to. All of it goes to standard error: standard output is the result's. */
#include "cli/scan_clients.h"

#include "cli/environment.h"
#include "cli/terminal.h"
#include "config/clients.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

/* A client's file that cannot be read is said, and the others are scanned. */
static void add_file(const struct invocation *invocation, const struct client_file *file, struct targets *targets,
                     struct str cwd)
{
    size_t before = targets->count, alike = targets->alike;
    int error = targets_add_file(targets, file->path, cwd);
    if (error) {
        (void)failure(invocation, "%s: %" STR_FMT, file->client, STR_ARG(buf_str(&targets->problem)));
        buf_reset(&targets->problem);
    }
    alike = targets->alike - alike;
    if (targets->count == before && alike == 0)
        return;
    fprintf(stderr, "%s%s%s, ", colour_on(stderr, COLOUR_BOLD), file->client, colour_off(stderr));
    print_str(stderr, COLOUR_NONE, file->path);
    fputs("\n", stderr);
    for (size_t i = before; i < targets->count; i++) {
        const struct target *target = &targets->items[i];
        fprintf(stderr, "  %-20" STR_FMT "  ", STR_ARG(target->name));
        print_str(stderr, COLOUR_NONE, target->shown);
        fprintf(stderr, "%s\n", target->disabled ? "  (disabled: left out)" : "");
    }
    if (alike > 0)
        fprintf(stderr, "  %s%zu that %s named above\n", targets->count > before ? "and " : "", alike,
                alike == 1 ? "is" : "are");
}

static size_t count_started(const struct targets *targets)
{
    size_t count = 0;
    for (size_t i = 0; i < targets->count; i++)
        count += targets->items[i].config != NULL;
    return count;
}

static int agree(const struct invocation *invocation, size_t count)
{
    char answer[16];
    if (option_value(invocation, "yes"))
        return 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return usage_error(invocation, "nobody can be asked whether to start them: --yes does");
    fprintf(stderr, "\nStart or reach %s, and read what %s? [y/N] ", count == 1 ? "it" : "them all",
            count == 1 ? "it lists" : "they list");
    if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return 0;
    fprintf(stderr, "Nothing was started.\n");
    return EXIT_NO;
}

int scan_clients(const struct invocation *invocation, struct arena *arena, struct targets *targets)
{
    struct client_file files[CLIENT_FILES_MAX];
    char cwd[PATH_MAX];
    struct str here = getcwd(cwd, sizeof(cwd)) ? str_from_c(cwd) : STR_EMPTY;
    size_t count;
    int error = clients_find(environment_of_process(), here, arena, files, &count);
    if (error)
        return failure(invocation, "%s", error_text(error));
    for (size_t i = 0; i < count; i++)
        add_file(invocation, &files[i], targets, here);
    if (targets->count == 0)
        return usage_error(invocation, "no client's configuration names a server: name a command, a URL or a file");
    size_t started = count_started(targets);
    return started > 0 ? agree(invocation, started) : 0;
}
