/* Loading: the document, its simple members, and the policy's life. */
#include "policy/load.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "policy/regex.h"
#include "policy/zone.h"

#include <stdlib.h>

#define ZONE_NAME_MAX 64

static const struct str verdict_words[] = { STR("deny"), STR("allow") };

void *load_alloc(struct loader *loader, size_t size)
{
    void *memory = arena_zalloc(loader->arena, size > 0 ? size : 1);
    if (memory == NULL)
        loader->no_memory = true;
    return memory;
}

struct str load_pointer(struct loader *loader, const struct place *place)
{
    struct str pointer = place_pointer(place, loader->arena);
    if (pointer.ptr != NULL)
        return pointer;
    loader->no_memory = true;
    return STR_EMPTY;
}

/* "allow" or "deny" */
static struct str words_text(struct loader *loader, const struct str *words, size_t count)
{
    struct str text = STR_EMPTY;
    if (report_is_full(&loader->report))
        return text;
    for (size_t i = 0; i < count && text.ptr != NULL; i++)
        text = arena_printf(loader->report.arena, "%" STR_FMT "%s\"%" STR_FMT "\"", STR_ARG(text),
                            i == 0           ? ""
                            : i + 1 == count ? " or "
                                             : ", ",
                            STR_ARG(words[i]));
    return text.ptr != NULL ? text : STR_EMPTY;
}

bool load_word(struct loader *loader, const struct place *place, const struct json *node, const struct str *words,
               size_t count, size_t *index)
{
    if (!schema_is(&loader->report, place, node, JSON_STRING))
        return false;
    for (*index = 0; *index < count; (*index)++)
        if (str_eq(json_string(node), words[*index]))
            return true;
    struct str guess = report_guess(&loader->report, nearest_word(json_string(node), words, count));
    struct str valid = words_text(loader, words, count);
    report_error(&loader->report, place, SPOT_VALUE, guess, "must be %" STR_FMT ", this is \"%" STR_FMT "\"",
                 STR_ARG(valid), STR_ARG(json_string(node)));
    return false;
}

struct str load_text(const struct json *node, enum schema_object object, struct str name)
{
    const struct json *text = schema_get(node, object, name);
    return text != NULL ? json_string(text) : STR_EMPTY;
}

static void load_version(struct loader *loader, const struct place *root, const struct json *node)
{
    if (json_get(node, STR("version")) == NULL)
        return;
    struct place place = place_member(root, STR("version"));
    const struct json *version = schema_get(node, SCHEMA_POLICY, STR("version"));
    if (version != NULL && !str_eq(json_string(version), STR("1")))
        report_error(&loader->report, &place, SPOT_VALUE, STR("\"1\""), "must be \"1\", this is \"%" STR_FMT "\"",
                     STR_ARG(json_string(version)));
}

/* So many of the methods that a policy may name are a server's questions to a client. */
#define SERVERS_OWN 3

static void load_methods(struct loader *loader, const struct place *place, const struct json *node)
{
    static const struct str known[] = { STR("sampling/createMessage"), STR("elicitation/create"), STR("roots/list"),
                                        STR("completion/complete") };
    struct json_iter iter;
    struct str key;
    const struct json *value;
    json_iter_init(&iter, node);
    while (json_iter_next(&iter, &key, &value)) {
        struct place at = place_member(place, key);
        size_t word, which = 0;
        while (which < ARRAY_LEN(known) && !str_eq(known[which], key))
            which++;
        if (which == ARRAY_LEN(known)) {
            bool later = str_starts_with(key, STR("tasks/"));
            struct str guess = report_guess(&loader->report, nearest_word(key, known, later ? 0 : ARRAY_LEN(known)));
            report_error(&loader->report, &at, SPOT_KEY, guess,
                         later ? "the method \"%" STR_FMT "\" is not yet supported"
                               : "no policy decides on a method \"%" STR_FMT "\"",
                         STR_ARG(key));
            continue;
        }
        if (!load_word(loader, &at, value, verdict_words, ARRAY_LEN(verdict_words), &word))
            continue;
        if (word == 1 && which < SERVERS_OWN)
            report_warning(&loader->report, &at, SPOT_VALUE, STR("\"deny\""),
                           "what a server asks of a client is refused, whatever is said here");
        struct method *method = load_alloc(loader, sizeof *method);
        if (method == NULL)
            return;
        *method = (struct method){ .pointer = load_pointer(loader, &at), .allow = word == 1 };
        if (map_set(&loader->policy->methods, key, method) != 0)
            loader->no_memory = true;
    }
}

static bool load_default(struct loader *loader, const struct place *root, const struct json *node,
                         enum schema_object object, bool otherwise)
{
    const struct json *value = schema_get(node, object, STR("default"));
    struct place place = place_member(root, STR("default"));
    size_t word;
    if (value == NULL || !load_word(loader, &place, value, verdict_words, ARRAY_LEN(verdict_words), &word))
        return otherwise;
    return word == 1;
}

static void load_access_member(struct loader *loader, const struct place *root, const struct json *node,
                               struct str name, struct access *out)
{
    struct place place = place_member(root, name);
    const struct json *access = schema_get(node, SCHEMA_POLICY, name);
    out->allow_default = loader->policy->allow_default;
    out->default_pointer = STR("/default");
    if (access == NULL || !schema_check(&loader->report, &place, access, SCHEMA_ACCESS))
        return;
    struct place at = place_member(&place, STR("default"));
    if (json_get(access, STR("default")) != NULL)
        out->default_pointer = load_pointer(loader, &at);
    out->allow_default = load_default(loader, &place, access, SCHEMA_ACCESS, out->allow_default);
    load_access(loader, &place, access, out);
}

/* A name of the time zone database: no path leaves its directory. */
static bool is_zone_name(struct str name)
{
    bool start = true;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool inner = (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '+' || byte == '/';
        if (!letter && (start || !inner))
            return false;
        start = byte == '/';
    }
    return !start && name.len <= ZONE_NAME_MAX;
}

static void load_timezone(struct loader *loader, const struct place *root, const struct json *node)
{
    const struct json *member = schema_get(node, SCHEMA_POLICY, STR("timezone"));
    struct place place = place_member(root, STR("timezone"));
    struct str bytes, name = member != NULL ? json_string(member) : STR("UTC");
    if (str_eq(name, STR("UTC")))
        return;
    int rc = E_NOT_FOUND;
    if (is_zone_name(name) && loader->zones != NULL)
        rc = loader->zones->read(loader->zones->arg, name, loader->report.arena, &bytes);
    const char *why = rc != 0 ? error_text(rc) : NULL;
    struct zone *zone = NULL;
    if (rc == 0)
        rc = zone_read(bytes, loader->arena, &zone, &why);
    if (rc == E_NOMEM)
        loader->no_memory = true;
    else if (rc == E_NOT_FOUND)
        report_error(&loader->report, &place, SPOT_VALUE, STR("an IANA name, such as \"Europe/Berlin\""),
                     "there is no time zone \"%" STR_FMT "\" on this machine", STR_ARG(name));
    else if (rc != 0)
        report_error(&loader->report, &place, SPOT_VALUE, STR_EMPTY,
                     "the table of the time zone \"%" STR_FMT "\" cannot be used: %s", STR_ARG(name), why);
    loader->policy->zone = zone;
}

static void load_timezone_unused(struct loader *loader, const struct place *root, const struct json *node)
{
    struct place place = place_member(root, STR("timezone"));
    if (json_get(node, STR("timezone")) != NULL && !loader->uses_time)
        report_warning(&loader->report, &place, SPOT_KEY, STR_EMPTY, "nothing looks at the time, so no zone is needed");
}

static void load_document(struct loader *loader, const struct json *node)
{
    struct place root = { .up = NULL };
    struct policy *policy = loader->policy;
    if (!schema_check(&loader->report, &root, node, SCHEMA_POLICY))
        return;
    load_version(loader, &root, node);
    policy->allow_default = load_default(loader, &root, node, SCHEMA_POLICY, false);
    const struct json *hints = schema_get(node, SCHEMA_POLICY, STR("hints"));
    policy->hints = hints == NULL || json_bool(hints);

    load_timezone(loader, &root, node);

    struct place place = place_member(&root, STR("lists"));
    load_lists(loader, &place, schema_get(node, SCHEMA_POLICY, STR("lists")));
    place = place_member(&root, STR("hide"));
    load_hide(loader, &place, schema_get(node, SCHEMA_POLICY, STR("hide")));
    place = place_member(&root, STR("all_tools"));
    load_all_tools(loader, &place, schema_get(node, SCHEMA_POLICY, STR("all_tools")));
    place = place_member(&root, STR("tools"));
    load_tools(loader, &place, schema_get(node, SCHEMA_POLICY, STR("tools")));
    load_access_member(loader, &root, node, STR("resources"), &policy->resources);
    load_access_member(loader, &root, node, STR("prompts"), &policy->prompts);
    place = place_member(&root, STR("methods"));
    load_methods(loader, &place, schema_get(node, SCHEMA_POLICY, STR("methods")));
    place = place_member(&root, STR("lists"));
    load_lists_unused(loader, &place);
    load_timezone_unused(loader, &root, node);
}

static struct selectors *policy_selectors(struct policy *policy, size_t index)
{
    struct selectors *all[] = { &policy->hide,           &policy->tools,         &policy->prompt_hide,
                                &policy->prompt_tools,   &policy->prompt_denied, &policy->resources.allow,
                                &policy->resources.deny, &policy->prompts.allow, &policy->prompts.deny };
    return index < ARRAY_LEN(all) ? all[index] : NULL;
}

static struct policy *policy_new(void)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (policy == NULL)
        return NULL;
    policy->magic = POLICY_MAGIC;
    atomic_init(&policy->refs, 1);
    arena_init(&policy->arena, NULL, LIMIT_policy_compiled);
    map_init(&policy->methods);
    struct selectors *selectors;
    for (size_t i = 0; (selectors = policy_selectors(policy, i)) != NULL; i++)
        selectors_init(selectors);
    return policy;
}

static void policy_free(struct policy *policy)
{
    regex_free(policy->regexes);
    struct selectors *selectors;
    for (size_t i = 0; (selectors = policy_selectors(policy, i)) != NULL; i++)
        selectors_release(selectors);
    map_release(&policy->methods);
    arena_release(&policy->arena);
    policy->magic = 0;
    free(policy);
}

static int digest(struct str source, struct sha256 *out)
{
    struct hasher *hasher;
    int rc = hasher_new(&hasher);
    if (rc != 0)
        return rc;
    hasher_begin(hasher);
    hasher_add(hasher, source.ptr, source.len);
    hasher_end(hasher, out);
    hasher_free(hasher);
    return 0;
}

static void report_fault(struct loader *loader, const struct json_error *error)
{
    struct str text = str_from_c(json_fault_text(error->fault));
    if (error->fault == JSON_FAULT_DUPLICATE)
        text = arena_printf(loader->report.arena, "the member \"%" STR_FMT "\" stands twice in one object",
                            STR_ARG(error->key));
    report_at_offset(&loader->report, error->offset,
                     text.ptr != NULL ? text : STR("a member stands twice in one object"),
                     json_fault_hint(loader->report.source, error));
}

static int load_source(struct loader *loader, struct str source)
{
    struct policy *policy = loader->policy;
    const struct json *root;
    struct json_error error;
    int rc = json_parse(loader->arena, source, &json_limits_policy, &root, &error);
    if (rc == E_NOMEM)
        return rc;
    if (rc != 0) {
        report_fault(loader, &error);
        return 0;
    }
    policy->source = arena_str(loader->arena, source);
    if (policy->source.ptr == NULL)
        return E_NOMEM;
    load_document(loader, root);
    return digest(source, &policy->revision);
}

int policy_load(struct str source, struct arena *arena, struct problems *problems, struct policy **out)
{
    return policy_load_with(source, NULL, arena, problems, out);
}

int policy_load_with(struct str source, const struct zones *zones, struct arena *arena, struct problems *problems,
                     struct policy **out)
{
    *problems = (struct problems){ .items = NULL };
    *out = NULL;
    struct policy *policy = policy_new();
    if (policy == NULL)
        return E_NOMEM;
    struct loader loader = { .policy = policy, .arena = &policy->arena, .zones = zones };
    loader.report = (struct reporter){ .source = source, .arena = arena, .problems = problems };
    map_init(&loader.lists_by_name);
    int rc = load_source(&loader, source);
    map_release(&loader.lists_by_name);
    report_finish(&loader.report);
    if (rc == 0 && (loader.no_memory || loader.report.no_memory))
        rc = E_NOMEM;
    if (rc == 0 && problems->errors > 0)
        rc = E_INVALID;
    if (rc != 0) {
        policy_free(policy);
        return rc;
    }
    *out = policy;
    return 0;
}

struct policy *policy_ref(struct policy *policy)
{
    CHECK_OBJ(policy, POLICY_MAGIC);
    unsigned before = atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    CHECK(before > 0);
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (policy == NULL)
        return;
    CHECK_OBJ(policy, POLICY_MAGIC);
    unsigned before = atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before == 1)
        policy_free(policy);
}

const struct sha256 *policy_revision(const struct policy *policy)
{
    CHECK_OBJ(policy, POLICY_MAGIC);
    return &policy->revision;
}

struct str policy_source(const struct policy *policy)
{
    CHECK_OBJ(policy, POLICY_MAGIC);
    return policy->source;
}
