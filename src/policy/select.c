/* Matching, meeting and finding selectors. */
#include "policy/select.h"

#include "base/check.h"

#include <stdlib.h>

bool selector_is_pattern(struct str text)
{
    return str_find_byte(text, '*') < text.len;
}

bool selector_is_class(struct str text)
{
    return text.len > 0 && text.ptr[0] == '@';
}

struct pattern pattern_of(struct str text)
{
    struct pattern pattern = { .text = text, .prefix = str_find_byte(text, '*') };
    if (pattern.prefix == text.len)
        pattern.literal = text.len;
    if (pattern.prefix == text.len)
        return pattern;
    while (text.ptr[text.len - 1 - pattern.suffix] != '*')
        pattern.suffix++;
    for (size_t i = 0; i < text.len; i++)
        pattern.literal += text.ptr[i] != '*';
    return pattern;
}

static struct str prefix_of(const struct pattern *pattern)
{
    return str_slice(pattern->text, 0, pattern->prefix);
}

static struct str suffix_of(const struct pattern *pattern)
{
    return str_slice(pattern->text, pattern->text.len - pattern->suffix, pattern->text.len);
}

/* From the first '*' to the last, both included. */
static struct str middle_of(const struct pattern *pattern)
{
    return str_slice(pattern->text, pattern->prefix, pattern->text.len - pattern->suffix);
}

bool pattern_match(const struct pattern *pattern, struct str name)
{
    if (pattern->prefix == pattern->text.len)
        return str_eq(name, pattern->text);
    if (name.len < pattern->literal || !str_starts_with(name, prefix_of(pattern)) ||
        !str_ends_with(name, suffix_of(pattern)))
        return false;
    /* What is between must hold the literal runs in their order; the leftmost place of each is as good as any. */
    struct str rest = str_slice(name, pattern->prefix, name.len - pattern->suffix);
    struct str middle = middle_of(pattern);
    size_t at = 1;
    while (at < middle.len) {
        struct str tail = str_slice(middle, at, middle.len);
        struct str run = str_slice(tail, 0, str_find_byte(tail, '*'));
        size_t found = str_find(rest, run);
        if (run.len > 0 && found == rest.len)
            return false;
        if (run.len > 0)
            rest = str_slice(rest, found + run.len, rest.len);
        at += run.len + 1;
    }
    return true;
}

/* Each has a '*': the longer prefix, all runs of one, all runs of the other and the longer suffix make a name that both
 * match, as soon as one prefix begins with the other and one suffix ends with the other; else none can. */
bool pattern_meets(const struct pattern *a, const struct pattern *b)
{
    const struct pattern *longer = a->prefix >= b->prefix ? a : b;
    const struct pattern *shorter = longer == a ? b : a;
    if (!str_starts_with(prefix_of(longer), prefix_of(shorter)))
        return false;
    longer = a->suffix >= b->suffix ? a : b;
    shorter = longer == a ? b : a;
    return str_ends_with(suffix_of(longer), suffix_of(shorter));
}

static size_t put(char *out, struct str text)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '*')
            out[len++] = text.ptr[i];
    return len;
}

struct str pattern_witness(const struct pattern *a, const struct pattern *b, struct arena *arena)
{
    char *name = arena_alloc(arena, a->literal + b->literal + 1);
    if (name == NULL)
        return (struct str){ NULL, 0 };
    size_t len = put(name, prefix_of(a->prefix >= b->prefix ? a : b));
    len += put(name + len, middle_of(a));
    len += put(name + len, middle_of(b));
    len += put(name + len, suffix_of(a->suffix >= b->suffix ? a : b));
    struct str witness = str_of(name, len);
    CHECK(pattern_match(a, witness) && pattern_match(b, witness));
    return witness;
}

void selectors_init(struct selectors *selectors)
{
    *selectors = (struct selectors){ 0 };
    map_init(&selectors->exact);
}

void selectors_release(struct selectors *selectors)
{
    map_release(&selectors->exact);
}

static int pattern_add(struct selectors *selectors, struct arena *arena, struct selector *selector)
{
    if (selectors->count == selectors->capacity) {
        size_t capacity = selectors->capacity > 0 ? 2 * selectors->capacity : 8;
        struct selector **patterns =
            arena_realloc(arena, selectors->patterns, selectors->capacity * sizeof(struct selector *),
                          capacity * sizeof(struct selector *));
        if (patterns == NULL)
            return E_NOMEM;
        selectors->patterns = patterns;
        selectors->capacity = capacity;
    }
    selectors->patterns[selectors->count++] = selector;
    return 0;
}

int selectors_add(struct selectors *selectors, struct arena *arena, struct str text, struct str pointer,
                  const void *value, struct selector **out)
{
    CHECK(text.len > 0);
    bool exact = !selector_is_pattern(text);
    struct selector *there = exact ? map_get(&selectors->exact, text) : NULL;
    if (there != NULL) {
        *out = there;
        return 0;
    }
    struct selector *selector = arena_alloc(arena, sizeof *selector);
    if (selector == NULL)
        return E_NOMEM;
    *selector = (struct selector){ .text = text, .pointer = pointer, .value = value, .exact = exact };
    *out = selector;
    if (exact)
        return map_set(&selectors->exact, text, selector);
    selector->pattern = pattern_of(text);
    return pattern_add(selectors, arena, selector);
}

int selectors_add_class(struct selectors *selectors, struct arena *arena, enum tool_class class, struct str text,
                        struct str pointer, const void *value, struct selector **out)
{
    CHECK((unsigned)class < CLASS_COUNT);
    *out = selectors->classes[class];
    if (*out != NULL)
        return 0;
    *out = arena_alloc(arena, sizeof **out);
    if (*out == NULL)
        return E_NOMEM;
    **out = (struct selector){ .text = text, .pointer = pointer, .value = value };
    selectors->classes[class] = *out;
    selectors->has_classes = true;
    return 0;
}

static int selector_order(const void *left, const void *right)
{
    const struct selector *a = *(const struct selector *const *)left, *b = *(const struct selector *const *)right;
    int order = str_cmp(prefix_of(&a->pattern), prefix_of(&b->pattern));
    if (order != 0)
        return order;
    if (a->pattern.literal != b->pattern.literal)
        return a->pattern.literal > b->pattern.literal ? -1 : 1;
    order = str_cmp(a->text, b->text);
    return order != 0 ? order : str_cmp(a->pointer, b->pointer);
}

void selectors_sort(struct selectors *selectors)
{
    if (selectors->count > 1)
        qsort(selectors->patterns, selectors->count, sizeof(struct selector *), selector_order);
}

/* The first in [low, high) whose prefix has at `depth` a byte above or equal to `byte`; all of them are longer. */
static size_t bound(const struct selectors *selectors, size_t low, size_t high, size_t depth, unsigned byte)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((unsigned char)selectors->patterns[middle]->text.ptr[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct selector *selectors_find(const struct selectors *selectors, struct str name)
{
    const struct selector *best = map_get(&selectors->exact, name);
    if (best != NULL)
        return best;
    size_t low = 0, high = selectors->count;
    for (size_t depth = 0; low < high; depth++) {
        /* All in [low, high) begin with the name's first `depth` bytes; those that end there come first. */
        for (; low < high && selectors->patterns[low]->pattern.prefix == depth; low++) {
            const struct selector *at = selectors->patterns[low];
            if ((best == NULL || at->pattern.literal > best->pattern.literal) && pattern_match(&at->pattern, name))
                best = at;
        }
        if (depth == name.len)
            break;
        unsigned byte = (unsigned char)name.ptr[depth];
        low = bound(selectors, low, high, depth, byte);
        high = bound(selectors, low, high, depth, byte + 1);
    }
    return best;
}

static void select_unknown(const struct selectors *selectors, struct selection *out)
{
    for (size_t i = 0; i < CLASS_COUNT; i++) {
        if (selectors->classes[i] != NULL)
            out->items[out->count++] = selectors->classes[i];
        else
            out->open = true;
    }
}

void selectors_select(const struct selectors *selectors, struct str name, const struct pinned_class *class,
                      struct selection *out)
{
    const struct selector *named = selectors_find(selectors, name);
    out->count = 0;
    out->open = false;
    if (named != NULL)
        out->items[out->count++] = named;
    if (!selectors->has_classes || (named != NULL && named->exact))
        return;
    if (!class->known)
        select_unknown(selectors, out);
    else if (selectors->classes[class->class] != NULL)
        out->items[out->count++] = selectors->classes[class->class];
    out->open &= named == NULL;
}

void selectors_overlaps(const struct selectors *selectors,
                        void (*each)(void *arg, const struct selector *a, const struct selector *b), void *arg)
{
    for (size_t i = 0; i < selectors->count; i++) {
        const struct pattern *a = &selectors->patterns[i]->pattern;
        /* Those whose prefix begins with a's follow it directly; the others of its partners come before it. */
        for (size_t j = i + 1; j < selectors->count; j++) {
            const struct pattern *b = &selectors->patterns[j]->pattern;
            if (!str_starts_with(prefix_of(b), prefix_of(a)))
                break;
            if (pattern_meets(a, b))
                each(arg, selectors->patterns[i], selectors->patterns[j]);
        }
    }
}
