/* A path through the descriptor of its directory: sun_path holds 107 bytes, directories may be longer. */
#include "admin/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int control_path(struct str data, int *fd, char path[CONTROL_PATH_MAX])
{
    char name[PATH_MAX];
    if (data.len == 0 || data.len >= sizeof(name))
        return E_INVALID;
    memcpy(name, data.ptr, data.len);
    name[data.len] = 0;
    *fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? E_NOT_FOUND : E_DENIED;
    snprintf(path, CONTROL_PATH_MAX, "/proc/self/fd/%d/" CONTROL_SOCKET, *fd);
    return 0;
}
