/* A scan's findings without a server: definitions from text, judged. */
#pragma once

#include "base/check.h"
#include "catalog/judge.h"
#include "catalog/report.h"
#include "catalog/saved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

struct found {
    struct arena         arena;
    struct classifier   *classifier;
    struct target        target;
    struct scanned       scanned;
    struct judgement     judgement;
    struct past          past;
    struct report_server server;
    struct scan_report   report;
};

static inline void find(struct found *found, const char *tools)
{
    struct json_error fault;
    const struct json *root;
    *found = (struct found){ .target = { .name = STR("one"), .place = STR("/x/mcp.json"), .source = STR("mcp.json"), .shown = STR("npx one") } };
    arena_init(&found->arena, NULL, 64 << 20);
    assert_int_equal(classifier_new(&found->classifier), 0);
    assert_int_equal(json_parse(&found->arena, str_from_c(tools), &json_limits_list, &root, &fault), 0);
    assert_int_equal(saved_definitions(root, &found->scanned.definitions), 0);
    found->scanned.target = &found->target;
    found->scanned.outcome = SCAN_LISTED;
    assert_int_equal(judge(found->classifier, found->target.name, found->scanned.definitions, &found->judgement), 0);
    found->server = (struct report_server){ &found->scanned, &found->judgement, NULL, STR("{}") };
    found->report = (struct scan_report){ &found->server, 1, 1700000000000 };
}

static inline void forget(struct found *found)
{
    judgement_release(&found->judgement);
    definitions_unref(found->scanned.definitions);
    classifier_free(found->classifier);
    arena_release(&found->arena);
}
