/* A classifier and an arena for each test. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "classify/classify.h"
#include "json/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct rig {
    struct classifier *classifier;
    struct arena       arena;
};

static int set_up(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    assert_non_null(rig);
    assert_int_equal(classifier_new(&rig->classifier), 0);
    arena_init(&rig->arena, NULL, 256 << 20);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *rig = *state;

    arena_release(&rig->arena);
    classifier_free(rig->classifier);
    free(rig);
    return 0;
}
