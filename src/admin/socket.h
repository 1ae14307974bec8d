/* Where the control socket of a data directory is: DATA/control.sock, by a path that is short enough for a socket's
 * name however long DATA is. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#define CONTROL_SOCKET "control.sock"
#define CONTROL_PATH_MAX 64

/* *fd holds the directory open and must stay open as long as `path` is used. E_NOT_FOUND: no such directory. */
int control_path(struct str data, int *fd, char path[CONTROL_PATH_MAX]) NODISCARD;
