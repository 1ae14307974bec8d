/* Lines of a file: whole, cut at the ceiling, none; and what is no file. */
#include "io/file_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/warder-lines-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink("file") | unlink("pipe") | chdir("/") | rmdir(folder);
}

static FILE *opened(struct str bytes)
{
    FILE *out = fopen("file", "w");
    FILE *from = NULL;
    assert_non_null(out);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, out), bytes.len);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(file_open_lines("file", &from), 0);
    return from;
}

static void expect(FILE *from, struct buf *line, enum file_line found, const char *text)
{
    assert_int_equal(file_next_line(from, line), found);
    assert_true(str_eq(buf_str(line), str_from_c(text)));
}

static void lines_are_whole_up_to_the_ceiling(void **state)
{
    struct buf line;
    FILE *from = opened(STR("one\n\n12345678\n123456789\nend"));
    (void)state;
    buf_init(&line, 8);
    expect(from, &line, FILE_LINE_WHOLE, "one\n");
    expect(from, &line, FILE_LINE_WHOLE, "\n");
    expect(from, &line, FILE_LINE_CUT, "12345678");
    expect(from, &line, FILE_LINE_WHOLE, "\n"); /* its rest comes next */
    expect(from, &line, FILE_LINE_CUT, "12345678");
    file_skip_line(from);
    expect(from, &line, FILE_LINE_WHOLE, "end");
    expect(from, &line, FILE_LINE_END, "");
    expect(from, &line, FILE_LINE_END, "");
    file_skip_line(from);
    buf_release(&line);
    assert_int_equal(fclose(from), 0);
}

static void bytes_are_kept_as_they_are(void **state)
{
    static char many[20000];
    struct buf line;
    (void)state;
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = (char)(i % 251 == '\n' ? 0 : i % 251);
    FILE *from = opened(str_of(many, sizeof(many)));
    buf_init(&line, 30000);
    assert_int_equal(file_next_line(from, &line), FILE_LINE_WHOLE);
    assert_true(str_eq(buf_str(&line), str_of(many, sizeof(many))));
    assert_int_equal(file_next_line(from, &line), FILE_LINE_END);
    buf_release(&line);
    assert_int_equal(fclose(from), 0);
}

static void what_is_no_file_is_not_waited_for(void **state)
{
    FILE *from;
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(file_open_lines("pipe", &from), E_INVALID);
    assert_int_equal(file_open_lines("/dev/zero", &from), E_INVALID);
    assert_int_equal(file_open_lines(".", &from), E_INVALID);
    assert_int_equal(file_open_lines("nowhere", &from), E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_whole_up_to_the_ceiling),
        cmocka_unit_test(bytes_are_kept_as_they_are),
        cmocka_unit_test(what_is_no_file_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
