/* The binary: a subcommand, or the guard of a server's process. */
#include "base/random.h"
#include "base/map.h"
#include "cli/command.h"
#include "io/child.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

int main(int argc, char **argv)
{
    uint64_t key[2];
    if (argc > 1 && strcmp(argv[1], "__exec") == 0)
        return child_exec_main(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    random_bytes(key, sizeof(key));
    map_seed(key);
    return command_main(argc, argv);
}
