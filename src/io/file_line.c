/* getline() takes a line of any length into memory; this does not. */
#include "io/file_line.h"

#include "base/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096

int file_open_lines(const char *path, FILE **out)
{
    struct stat about;
    int error = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe that nobody writes to is opened, too */

    if (fd < 0)
        return error_of_errno(errno);
    if (fstat(fd, &about) != 0)
        error = error_of_errno(errno);
    else if (!S_ISREG(about.st_mode))
        error = E_INVALID;
    *out = error ? NULL : fdopen(fd, "r");
    if (!error && !*out)
        error = E_NOMEM;
    if (error)
        close(fd);
    return error;
}

int file_next_line(FILE *from, struct buf *line)
{
    char chunk[CHUNK];
    size_t len = 0, kept = 0;
    int c = 0;

    buf_reset(line);
    flockfile(from);
    while (c != '\n' && kept < line->max && (c = getc_unlocked(from)) != EOF) {
        chunk[len++] = (char)c;
        kept++;
        if (len == CHUNK) {
            buf_append(line, chunk, len);
            len = 0;
        }
    }
    funlockfile(from);
    buf_append(line, chunk, len);
    if (ferror(from))
        return E_IO;
    if (!buf_ok(line))
        return E_NOMEM;
    if (c == '\n')
        return FILE_LINE_WHOLE;
    if (c != EOF)
        return FILE_LINE_CUT;
    return kept > 0 ? FILE_LINE_WHOLE : FILE_LINE_END;
}

void file_skip_line(FILE *from)
{
    int c;

    flockfile(from);
    do
        c = getc_unlocked(from);
    while (c != '\n' && c != EOF);
    funlockfile(from);
}
