/* Every address stands once, and a server that changed moves one part alone. */
#include "catalog/sitemap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVERS 60
#define TOOLS 5
#define MOST 120 /* addresses of one file */

struct fixture {
    struct catalog *catalog;
    char path[64];
    struct buf put;    /* paths, each with a line's end */
    size_t addresses;  /* in what was put */
};

static int take(void *arg, struct buf *bytes, const char *path)
{
    struct fixture *f = arg;
    static const struct sha256 digest;
    struct str text = buf_str(bytes);
    const struct str open = STR("<url><loc>");
    size_t in_file = 0, at;
    while ((at = str_find(text, open)) < text.len) {
        in_file++;
        text = str_slice(text, at + open.len, text.len);
    }
    assert_true(in_file <= MOST);
    f->addresses += in_file;
    buf_printf(&f->put, "%s\n", path);
    return catalog_page_set(f->catalog, str_from_c(path), &digest);
}

static void fill(struct fixture *f, unsigned server, unsigned tools)
{
    char name[32];
    int64_t id;
    (void)snprintf(name, sizeof(name), "server-%u", server);
    const struct catalog_server put = { .name = str_from_c(name), .listed = true };
    assert_int_equal(catalog_put_server(f->catalog, &put, &id), 0);
    for (unsigned i = 0; i < tools; i++) {
        (void)snprintf(name, sizeof(name), "tool_%u", i);
        const struct catalog_tool tool = { .name = str_from_c(name), .definition = STR("{}"), .verdict = STR("{}") };
        assert_int_equal(catalog_put_tool(f->catalog, id, &tool, STR_EMPTY), 0);
    }
    assert_int_equal(catalog_put_end(f->catalog, id, true), 0);
}

static int drop(void *arg, struct str path)
{
    (void)arg;
    (void)path;
    return 0;
}

static void build(struct fixture *f, unsigned most)
{
    buf_reset(&f->put);
    f->addresses = 0;
    assert_int_equal(sitemap_build(f->catalog, STR("http://x"), false, most, take, f), 0);
    assert_int_equal(catalog_gone(f->catalog, drop, NULL), 0);
    assert_int_equal(catalog_build_done(f->catalog), 0);
}

static size_t lines(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '\n';
    return count;
}

static int setup(void **state)
{
    static struct fixture f;
    (void)snprintf(f.path, sizeof(f.path), "sitemap-test-%d.db", (int)getpid());
    buf_init(&f.put, 1 << 20);
    if (catalog_open(f.path, true, &f.catalog) || catalog_begin(f.catalog))
        return -1;
    for (unsigned i = 0; i < SERVERS; i++)
        fill(&f, i, TOOLS);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    catalog_rollback(f->catalog);
    catalog_close(f->catalog);
    buf_release(&f->put);
    return unlink(f->path);
}

static void parts_hold_every_address_and_move_alone(void **state)
{
    struct fixture *f = *state;
    build(f, MOST);
    size_t all = f->addresses;
    assert_true(all > SERVERS * (TOOLS + 1));
    assert_true(lines(buf_str(&f->put)) > 8);
    assert_true(str_ends_with(buf_str(&f->put), STR("\nsitemap.xml\n")));

    build(f, MOST);
    assert_int_equal(f->put.len, 0);

    fill(f, 7, TOOLS); /* nothing came or went */
    build(f, MOST);
    assert_int_equal(f->put.len, 0);

    fill(f, 7, TOOLS - 1);
    build(f, MOST);
    assert_int_equal(lines(buf_str(&f->put)), 2); /* its part, and the file that names them */
    assert_true(f->addresses < all / 4);
}

static void a_part_that_grows_has_a_second_file(void **state)
{
    struct fixture *f = *state;
    build(f, MOST);
    fill(f, 8, MOST * 2);
    build(f, MOST);
    assert_true(str_find(buf_str(&f->put), STR("-2.xml")) < f->put.len);
    assert_true(str_find(buf_str(&f->put), STR("-3.xml")) < f->put.len);
    fill(f, 8, TOOLS);
    build(f, MOST);
    size_t count = 0;
    for (unsigned part = 1; part <= 64; part++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "sitemap-%u-2.xml", part);
        count += catalog_page_is(f->catalog, str_from_c(path), NULL);
    }
    assert_int_equal(count, 0);
}

static void one_file_where_one_is_enough(void **state)
{
    struct fixture *f = *state;
    build(f, MOST);
    buf_reset(&f->put);
    assert_true(catalog_page_is(f->catalog, STR("sitemap-1.xml"), NULL));
    for (unsigned i = 0; i < SERVERS; i++)
        fill(f, i, 0);
    build(f, MOST);
    assert_true(str_eq(buf_str(&f->put), STR("sitemap.xml\n")));
    for (unsigned part = 1; part <= 64; part++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "sitemap-%u.xml", part);
        assert_false(catalog_page_is(f->catalog, str_from_c(path), NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_hold_every_address_and_move_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_that_grows_has_a_second_file, setup, teardown),
        cmocka_unit_test_setup_teardown(one_file_where_one_is_enough, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
