/* Problems with their place in the file. */
#include "base/digest.h"
#include "base/limits.h"
#include "config/file.h"
#include "config/reader.h"

#include <stdio.h>
#include <sys/stat.h>

#define TEXT_MAX 1024 /* bytes of one problem's text */

size_t reader_enter(struct reader *reader, struct str token)
{
    size_t mark = reader->pointer.len;
    json_pointer_append(&reader->pointer, token);
    return mark;
}

size_t reader_enter_index(struct reader *reader, size_t index)
{
    char token[24];
    int len = snprintf(token, sizeof(token), "%zu", index);
    return reader_enter(reader, str_of(token, (size_t)len));
}

void reader_leave(struct reader *reader, size_t mark)
{
    reader->pointer.len = mark;
}

PRINTF_LIKE(5, 0)
static void say(struct reader *reader, enum place place, bool warning, struct str fix, const char *format,
                va_list arguments)
{
    struct buf text;
    if (reader->said++ >= LIMIT_policy_problems) { /* finding a place takes a look at the whole file */
        report_count(reader->report, warning);
        return;
    }
    buf_init(&text, TEXT_MAX);
    buf_vprintf(&text, format, arguments);
    struct problem problem = { .pointer = buf_str(&reader->pointer), .fix = fix, .warning = warning };
    problem.text = buf_ok(&text) ? buf_str(&text) : STR("not valid here");
    json_locate(reader->source, problem.pointer, place == AT_NAME, &problem.line, &problem.column);
    report_add(reader->report, reader->file, &problem);
    buf_release(&text);
}

void reader_problem(struct reader *reader, enum place place, struct str fix, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(reader, place, false, fix, format, arguments);
    va_end(arguments);
}

void reader_warning(struct reader *reader, enum place place, struct str fix, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(reader, place, true, fix, format, arguments);
    va_end(arguments);
}

struct str reader_text(struct reader *reader, const char *format, ...)
{
    struct buf text;
    va_list arguments;
    buf_init(&text, LIMIT_policy_body);
    va_start(arguments, format);
    buf_vprintf(&text, format, arguments);
    va_end(arguments);
    struct str copy = buf_ok(&text) ? arena_str(reader->arena, buf_str(&text)) : (struct str){ NULL, 0 };
    buf_release(&text);
    if (!copy.ptr) {
        reader->no_memory = true;
        return STR_EMPTY;
    }
    return copy;
}

int reader_file(struct reader *reader, struct str path, size_t max, struct str *out)
{
    struct file_stamp stamp;
    int error = file_read_stamped(reader->arena, path, max, out, &stamp);
    if (report_file(reader->report, path, &stamp) != 0)
        reader->no_memory = true;
    hasher_add_field(reader->hasher, path);
    hasher_add_field(reader->hasher, error ? STR_EMPTY : *out);
    return error;
}

struct str reader_guess(struct reader *reader, struct str word)
{
    return word.len ? reader_text(reader, "did you mean \"%" STR_FMT "\"?", STR_ARG(word)) : STR_EMPTY;
}

void reader_secret(struct reader *reader, struct str shown, struct str value)
{
    if (reader->secret_count == reader->secret_room) {
        size_t room = reader->secret_room ? reader->secret_room * 2 : 8;
        struct mask_word *more =
            arena_realloc(reader->arena, reader->secrets, reader->secret_room * sizeof(*more), room * sizeof(*more));
        if (!more) {
            reader->no_memory = true;
            return;
        }
        reader->secrets = more;
        reader->secret_room = room;
    }
    reader->secrets[reader->secret_count++] = (struct mask_word){ shown, value };
}

/* Links are followed: so are secrets handed to containers. */
void reader_look_at_mode(struct reader *reader, struct str path, const char *what)
{
    struct stat status;
    if (stat(path.ptr, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)))
        reader_warning(reader, AT_VALUE, reader_text(reader, "chmod 600 %" STR_FMT, STR_ARG(path)),
                       "others can read or write this %s", what);
}
