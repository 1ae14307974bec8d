/* Likeness by words: what two definitions have in common, their names above all. */
#include "catalog/kin.h"

#include "base/check.h"
#include "catalog/index_words.h"
#include "json/json.h"

#include <stdlib.h>

#define WORDS_READ 160
#define WORD_LONGEST 32
#define PARAMS_READ 64
#define NAMES_READ 16
#define NAME_WEIGHT 3 /* a word of the name, against one of the description or a parameter */
#define NEAR 256      /* tools before and behind in the list */

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static size_t sort_unique(struct str *list, size_t count)
{
    size_t kept = 0;
    if (count == 0)
        return 0;
    qsort(list, count, sizeof(*list), by_bytes);
    for (size_t i = 1; i < count; i++)
        if (!str_eq(list[i], list[kept]))
            list[++kept] = list[i];
    return kept + 1;
}

static int add_words(struct kin *kin, struct arena *keep, struct str text)
{
    size_t at = 0;
    struct str word;
    while (kin->word_count < WORDS_READ && (word = next_word(text, &at)).len > 0) {
        char low[WORD_LONGEST];
        if (word.len > sizeof(low))
            continue;
        for (size_t i = 0; i < word.len; i++)
            low[i] = (char)(word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? word.ptr[i] | 0x20 : word.ptr[i]);
        if (is_filler(str_of(low, word.len)))
            continue;
        struct str kept = arena_str(keep, str_of(low, word.len));
        if (!kept.ptr)
            return E_NOMEM;
        kin->words[kin->word_count++] = kept;
    }
    return 0;
}

/* Lists and list are one word here; address and status stay. */
static struct str singular(struct str word)
{
    bool plural =
        word.len > 3 && word.ptr[word.len - 1] == 's' && word.ptr[word.len - 2] != 's' && word.ptr[word.len - 2] != 'u';
    return str_slice(word, 0, word.len - plural);
}

static int add_params(struct kin *kin, struct arena *keep, const struct json *properties)
{
    struct json_iter iter;
    const struct json *value;
    struct str name;
    json_iter_init(&iter, json_is(properties, JSON_OBJECT) ? properties : NULL);
    while (kin->param_count < PARAMS_READ && json_iter_next(&iter, &name, &value)) {
        struct str kept = arena_str(keep, name);
        if (!kept.ptr && name.len > 0)
            return E_NOMEM;
        kin->params[kin->param_count++] = kept;
    }
    return 0;
}

int kin_init(struct kin *kin, struct arena *keep, struct arena *work, const struct catalog_tool *tool)
{
    struct json_error fault;
    const struct json *definition, *description;
    int error = json_parse(work, tool->definition, &json_limits_list, &definition, &fault);
    if (error)
        return error;
    *kin = (struct kin){ 0 };
    struct str words[WORDS_READ] = { 0 }, params[PARAMS_READ] = { 0 }, names[NAMES_READ] = { 0 };
    kin->words = words;
    kin->params = params;
    description = json_get(definition, STR("description"));
    error = add_words(kin, keep, tool->name);
    for (; kin->name_count < kin->word_count && kin->name_count < NAMES_READ; kin->name_count++)
        names[kin->name_count] = singular(words[kin->name_count]);
    if (!error && json_is(description, JSON_STRING))
        error = add_words(kin, keep, json_string(description));
    if (!error)
        error = add_params(kin, keep, json_get(json_get(definition, STR("inputSchema")), STR("properties")));
    kin->word_count = sort_unique(words, kin->word_count);
    kin->param_count = sort_unique(params, kin->param_count);
    kin->name_count = sort_unique(names, kin->name_count);
    kin->words = arena_zalloc(keep, (kin->word_count + 1) * sizeof(*words));
    kin->params = arena_zalloc(keep, (kin->param_count + 1) * sizeof(*params));
    kin->names = arena_zalloc(keep, (kin->name_count + 1) * sizeof(*names));
    if (error || !kin->words || !kin->params || !kin->names)
        return error ? error : E_NOMEM;
    memcpy(kin->words, words, kin->word_count * sizeof(*words));
    memcpy(kin->params, params, kin->param_count * sizeof(*params));
    memcpy(kin->names, names, kin->name_count * sizeof(*names));
    return 0;
}

static size_t in_both(const struct str *a, size_t a_count, const struct str *b, size_t b_count)
{
    size_t both = 0;
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        int order = str_cmp(a[i], b[j]);
        both += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return both;
}

unsigned kin_likeness(const struct kin *a, const struct kin *b)
{
    size_t both = in_both(a->words, a->word_count, b->words, b->word_count) +
                  in_both(a->params, a->param_count, b->params, b->param_count) +
                  in_both(a->names, a->name_count, b->names, b->name_count) * NAME_WEIGHT;
    size_t all = a->word_count + a->param_count + b->word_count + b->param_count +
                 (a->name_count + b->name_count) * NAME_WEIGHT - both;
    return all > 0 ? (unsigned)(both * 1000 / all) : 0;
}

size_t kin_closest(const struct kin *all, size_t count, size_t self, size_t *out, size_t most)
{
    unsigned likeness[16];
    size_t found = 0, from = self > NEAR ? self - NEAR : 0, to = count - self > NEAR ? self + NEAR : count;
    CHECK(most <= ARRAY_LEN(likeness));
    for (size_t i = from; i < to; i++) {
        unsigned like = i == self ? 0 : kin_likeness(&all[self], &all[i]);
        size_t at = found;
        if (like == 0)
            continue;
        while (at > 0 && likeness[at - 1] < like)
            at--;
        if (at == most)
            continue;
        found += found < most;
        memmove(out + at + 1, out + at, (found - at - 1) * sizeof(*out));
        memmove(likeness + at + 1, likeness + at, (found - at - 1) * sizeof(*likeness));
        out[at] = i;
        likeness[at] = like;
    }
    return found;
}

size_t kin_more(const struct str *of, size_t of_count, const struct str *than, size_t than_count, struct str *out,
                size_t most)
{
    size_t more = 0;
    for (size_t i = 0, j = 0; i < of_count;) {
        int order = j < than_count ? str_cmp(of[i], than[j]) : -1;
        if (order < 0) {
            if (more < most)
                out[more] = of[i];
            more++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    return more;
}
