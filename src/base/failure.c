/* errno values that callers tell apart. */
#include "base/failure.h"

#include "base/error.h"

#include <errno.h>

int error_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return E_DENIED;
    case EEXIST:
    case EADDRINUSE: return E_EXISTS;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EADDRNOTAVAIL: return E_INVALID;
    case ECONNREFUSED: return E_CLOSED;
    case ENOSPC:
    case EDQUOT: return E_NOSPACE;
    case EMFILE:
    case ENFILE:
    case EAGAIN: /* of fork: no more processes */
    case E2BIG: return E_LIMIT;
    case ENOMEM:
    case ENOBUFS: return E_NOMEM;
    default: return E_IO;
    }
}
