/* Which tools are alike, and by what they are told apart. */
#include "base/arena.h"
#include "catalog/kin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOOLS 5

struct fixture {
    struct arena keep, work;
    struct kin kin[TOOLS];
};

static void read_tool(struct fixture *f, size_t at, struct str name, struct str definition)
{
    const struct catalog_tool tool = { .name = name, .definition = definition };
    assert_int_equal(kin_init(&f->kin[at], &f->keep, &f->work, &tool), 0);
}

static int setup(void **state)
{
    static struct fixture f;
    arena_init(&f.keep, NULL, 1 << 20);
    arena_init(&f.work, NULL, 1 << 20);
    read_tool(&f, 0, STR("cancel_sms"), STR("{\"description\":\"Cancel the SMS message\",\"inputSchema\":{\"properties\":{\"id\":{},\"email\":{}}}}"));
    read_tool(&f, 1, STR("cancelPush"), STR("{\"description\":\"Cancel a push message\",\"inputSchema\":{\"properties\":{\"email\":{},\"id\":{}}}}"));
    read_tool(&f, 2, STR("get_lists"), STR("{\"description\":\"All lists\",\"inputSchema\":{\"properties\":{\"page\":{}}}}"));
    read_tool(&f, 3, STR("cancel_sms"), STR("{\"description\":7,\"inputSchema\":{\"properties\":[]}}"));
    read_tool(&f, 4, STR(""), STR("{}"));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->keep);
    arena_release(&f->work);
    return 0;
}

static void words_are_sorted_once_and_without_filler(void **state)
{
    struct fixture *f = *state;
    static const struct str wanted[] = { { "cancel", 6 }, { "message", 7 }, { "push", 4 } };
    assert_int_equal(f->kin[1].word_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(str_eq(f->kin[1].words[i], wanted[i]));
    assert_int_equal(f->kin[3].word_count, 2);
    assert_int_equal(f->kin[3].param_count, 0);
    assert_int_equal(f->kin[4].word_count, 0);
}

static void likeness_is_the_part_in_both(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(kin_likeness(&f->kin[0], &f->kin[1]), 7 * 1000 / 15);
    assert_int_equal(kin_likeness(&f->kin[1], &f->kin[0]), 7 * 1000 / 15);
    assert_int_equal(kin_likeness(&f->kin[0], &f->kin[0]), 1000);
    assert_int_equal(kin_likeness(&f->kin[0], &f->kin[2]), 0);
    assert_int_equal(kin_likeness(&f->kin[4], &f->kin[4]), 0);
}

static void the_closest_come_first(void **state)
{
    struct fixture *f = *state;
    size_t closest[TOOLS];
    assert_int_equal(kin_closest(f->kin, TOOLS, 0, closest, TOOLS), 2);
    assert_int_equal(closest[0], 3);
    assert_int_equal(closest[1], 1);
    assert_int_equal(kin_closest(f->kin, TOOLS, 0, closest, 1), 1);
    assert_int_equal(closest[0], 3);
    assert_int_equal(kin_closest(f->kin, TOOLS, 2, closest, TOOLS), 0);
    assert_int_equal(kin_closest(f->kin, 1, 0, closest, TOOLS), 0);
}

static void what_one_has_more_is_counted_beyond_the_room(void **state)
{
    struct fixture *f = *state;
    struct str more[1];
    assert_int_equal(kin_more(f->kin[0].words, f->kin[0].word_count, f->kin[1].words, f->kin[1].word_count, more, 1), 1);
    assert_true(str_eq(more[0], STR("sms")));
    assert_int_equal(kin_more(f->kin[0].words, f->kin[0].word_count, f->kin[2].words, f->kin[2].word_count, more, 1), 3);
    assert_int_equal(kin_more(f->kin[0].params, f->kin[0].param_count, f->kin[1].params, f->kin[1].param_count, more, 1), 0);
}

static void a_name_says_more_than_parameters(void **state)
{
    struct fixture *f = *state; /* the last: it reads other tools */
    size_t closest[3];
    read_tool(f, 0, STR("start_export_job"), STR("{\"inputSchema\":{\"properties\":{\"campaignId\":{},\"startDate\":{},\"endDate\":{}}}}"));
    read_tool(f, 1, STR("get_campaign_metrics"), STR("{\"inputSchema\":{\"properties\":{\"campaignId\":{},\"startDate\":{},\"endDate\":{}}}}"));
    read_tool(f, 2, STR("get_export_jobs"), STR("{\"inputSchema\":{\"properties\":{\"state\":{}}}}"));
    assert_int_equal(kin_closest(f->kin, 3, 0, closest, 3), 2);
    assert_int_equal(closest[0], 2);
    assert_int_equal(closest[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_sorted_once_and_without_filler),
        cmocka_unit_test(likeness_is_the_part_in_both),
        cmocka_unit_test(the_closest_come_first),
        cmocka_unit_test(what_one_has_more_is_counted_beyond_the_room),
        cmocka_unit_test(a_name_says_more_than_parameters),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
