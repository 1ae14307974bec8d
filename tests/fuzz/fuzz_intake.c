/* What the catalogue takes in: registry entries, and lists of tools. What an entry is started with passes its own
 * grammars again, nothing in it is a word for the installer, and an index takes every document or names what is wrong. */
#include "base/check.h"
#include "catalog/index_intake.h"
#include "catalog/registry.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct json *row)
{
    struct arena arena;
    struct registry_entry entry;
    struct registry_fault fault = { .why = NULL };
    struct start start;
    arena_init(&arena, NULL, 64 << 20);
    buf_init(&fault.pointer, 65536);
    int error = registry_read(row, &arena, &entry, &fault);
    if (error)
        CHECK(error == E_INVALID && fault.why);
    else if (entry.start == START_NONE)
        CHECK(entry.unstarted != NULL);
    else if (start_read(entry.document, &arena, &start) == 0 && start.kind != START_REMOTE) {
        size_t package = start.kind == START_NPM ? 3 : 1;
        CHECK(start.argc > package && start.argv[package].ptr[0] != '-');
        for (size_t i = 0; i < start.argc; i++)
            CHECK(str_find_byte(start.argv[i], '\0') == start.argv[i].len);
    }
    buf_release(&fault.pointer);
    arena_release(&arena);
}

static void say_nothing(void *arg, const struct intake_fault *fault)
{
    (void)arg;
    CHECK(fault->why && fault->why[0]);
}

static void take(struct str source)
{
    struct intake_refusal refusal = { .why = NULL };
    struct intake intake = { .server = STR("fuzzed"), .texts = true, .bad = say_nothing };
    CHECK(catalog_open(":memory:", true, &intake.catalog) == 0);
    struct classifier *classifier;
    CHECK(classifier_new(&classifier) == 0);
    intake.classifier = classifier;
    int error = intake_document(&intake, source, &refusal);
    CHECK(!error || refusal.why || error == E_NOMEM || error == E_LIMIT);
    classifier_free(classifier);
    catalog_close(intake.catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str source = str_of((const char *)data, size);
    struct arena arena;
    struct json_error fault;
    const struct json *root, *row;
    struct json_iter iter;
    struct str key;
    arena_init(&arena, NULL, 64 << 20);
    if (json_parse(&arena, source, &json_limits_list, &root, &fault) == 0) {
        look_at(root);
        json_iter_init(&iter, json_get(root, STR("servers")));
        while (json_iter_next(&iter, &key, &row))
            look_at(row);
        take(source);
    }
    arena_release(&arena);
    return 0;
}
