/* The classifier over hostile names, descriptions and schemas: a verdict, always the same one, with its words inside the
 * facts. */
#include "base/arena.h"
#include "base/check.h"
#include "classify/classify.h"
#include "classify/siblings.h"
#include "json/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct str words, struct str text)
{
    if (words.len == 0)
        return true; /* of bytes that are no UTF-8, of which no character begins in what is quoted */
    return words.ptr >= text.ptr && words.ptr + words.len <= text.ptr + text.len;
}

static struct str line(struct str *rest)
{
    struct str first = str_slice(*rest, 0, str_find_byte(*rest, '\n'));
    *rest = str_slice(*rest, first.len < rest->len ? first.len + 1 : rest->len, rest->len);
    return first;
}

/* Siblings make it surer, and nothing else; their names are quoted as they stand. */
static void hear_siblings(const struct classifier *classifier, struct arena *arena, const struct tool_facts *facts,
                          const struct verdict_on_tool *alone)
{
    struct verdict_on_tool heard = *alone;
    struct siblings siblings;

    siblings_init(&siblings, classifier, facts->server, arena);
    AZ(siblings_add(&siblings, facts->name));
    AZ(siblings_add(&siblings, facts->title));
    AZ(siblings_add(&siblings, facts->description));
    siblings_speak(&siblings, facts->name, &heard);
    CHECK(heard.class == alone->class && heard.severity == alone->severity && heard.signals == alone->signals);
    CHECK(heard.confidence >= alone->confidence && heard.confidence <= 100 && heard.evidence_count <= EVIDENCE_MAX);
    for (size_t i = alone->evidence_count; i < heard.evidence_count; i++)
        CHECK(heard.evidence[i].source == EVIDENCE_SIBLING && (lies_in(heard.evidence[i].words, facts->title) ||
                                                               lies_in(heard.evidence[i].words, facts->description)));
    siblings_release(&siblings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct classifier *classifier;
    struct str rest = str_of((const char *)data, size);
    struct tool_facts facts = { .name = line(&rest) };
    struct verdict_on_tool first, second;
    struct json_error fault;
    struct arena arena;

    if (!classifier)
        AZ(classifier_new(&classifier));
    arena_init(&arena, NULL, 64 << 20);
    facts.server = line(&rest);
    facts.title = line(&rest);
    facts.description = line(&rest);
    if (json_parse(&arena, line(&rest), &json_limits_list, &facts.schema, &fault))
        facts.schema = NULL;
    if (json_parse(&arena, rest, &json_limits_list, &facts.annotations, &fault))
        facts.annotations = NULL;
    facts.output = facts.annotations;
    classify_tool(classifier, &facts, &first);
    classify_tool(classifier, &facts, &second);
    CHECK(first.class == second.class && first.confidence == second.confidence && first.signals == second.signals);
    CHECK(first.evidence_count <= EVIDENCE_MAX && first.confidence <= 100 && first.severity_reason.len > 0);
    for (size_t i = 0; i < first.evidence_count; i++) {
        const struct evidence *evidence = &first.evidence[i];
        if (evidence->source == EVIDENCE_NAME)
            CHECK(lies_in(evidence->words, facts.name));
        if (evidence->source == EVIDENCE_DESCRIPTION)
            CHECK(lies_in(evidence->words, facts.description));
    }
    hear_siblings(classifier, &arena, &facts, &first);
    arena_release(&arena);
    return 0;
}
