/* Identifiers: get_export_jobs, r2_bucket_delete, StartAHOReadSetExportJob. The verb stands in front, at the end, or
 * behind the names of things that the server puts before all its tools. */
#include "classify/reading.h"

#include "base/check.h"

static enum verb_kind verb_kind(const struct word *word)
{
    return word->lexeme && !word->plural ? word->lexeme->verb : VERB_NONE;
}

static bool is_verb(const struct word *word)
{
    return verb_kind(word) == VERB_SURE || verb_kind(word) == VERB_EITHER;
}

static unsigned objects_of(const struct word *word)
{
    return word->lexeme ? word->lexeme->objects : 0;
}

/* How grave a class is, for where two speak. */
static int gravity(enum tool_class class)
{
    static const int order[] = { [CLASS_OTHER] = 0,   [CLASS_READ] = 1,        [CLASS_WRITE] = 2,
                                 [CLASS_EXECUTE] = 3, [CLASS_DESTRUCTIVE] = 4, [CLASS_FINANCIAL] = 5 };
    return order[class];
}

/* Words in front that only say whose tool it is, or how it does what it does. */
static bool says_nothing(const struct word *word)
{
    if (word->len > 0 && word->bare[0] >= '0' && word->bare[0] <= '9')
        return true;
    if (word->len > 1 && word->bare[0] == 'v' && word->bare[1] >= '0' && word->bare[1] <= '9')
        return true;
    return word_in(word, "api mcp tool the a bulk batch mass multi quick soft hard safe async auto smart new simple my "
                         "force forced fast try maybe");
}

static bool is_question(const struct word *word)
{
    return word_in(word, "can is has should are does will would who what when where why how which could needs have");
}

static bool in_server(const struct word *word, const struct word *server, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (server[i].len == word->len && word->len > 0 && memcmp(server[i].bare, word->bare, word->len) == 0)
            return true;
    }
    return false;
}

/* A word of the server's own name in front is no verb where another follows: resend_get_broadcast, of Resend. */
static bool is_prefix(const struct word *words)
{
    if (verb_kind(&words[0]) != VERB_SURE)
        return true;
    return words[0].lexeme->class < CLASS_DESTRUCTIVE && verb_kind(&words[1]) == VERB_SURE;
}

static const struct spelled {
    const char *words;
    enum tool_class class;
    const char *why;
} spelled[] = {
#define SPELLED(words, class, why) { words, CLASS_##class, why },
#include "classify/spelled.def"
#undef SPELLED
};

static const struct spelled *spelled_at(const struct word *words, size_t count, size_t at)
{
    size_t next = at + 1;

    if (next < count && word_in(&words[next], "and"))
        next++;
    if (next >= count)
        return NULL;
    for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++) {
        struct str pair = str_from_c(spelled[i].words);
        size_t space = str_find_byte(pair, ' ');
        if (word_is(&words[at], str_slice(pair, 0, space)) &&
            word_is(&words[next], str_slice(pair, space + 1, pair.len)))
            return &spelled[i];
    }
    return NULL;
}

/* check_crawl_status: what looks stands in front, and what is told at the end; between them a verb is a noun. */
static bool tells_how_it_stands(const struct word *words, size_t count)
{
    return count > 2 && verb_kind(&words[0]) == VERB_EITHER && words[0].lexeme->class == CLASS_READ &&
           objects_of(&words[count - 1]) & OBJECT_STATE;
}

/* Where the verb stands; count: nowhere. */
static size_t find_head(const struct word *words, size_t count)
{
    size_t either = count;

    if (count == 0)
        return 0;
    if (verb_kind(&words[0]) == VERB_SURE || tells_how_it_stands(words, count))
        return 0;
    if (word_in(&words[count - 1], "get show describe fetch"))
        return count - 1; /* deploy_plan_get */
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && i + 1 < count && word_in(&words[i], "open") && is_verb(&words[0]))
            continue; /* search_open_issues */
        if (i + 1 < count && word_in(&words[i], "deletion removal"))
            continue; /* check_deletion_protection */
        if (verb_kind(&words[i]) == VERB_SURE && !(i + 1 == count && i > 0 && verb_kind(&words[0]) == VERB_EITHER &&
                                                   objects_of(&words[i]) & (OBJECT_STATE | OBJECT_FACT)))
            return i;
    }
    /* email_search: what is searched stands in front */
    if (word_in(&words[count - 1], "search lookup") && verb_kind(&words[0]) == VERB_EITHER)
        return count - 1;
    if (verb_kind(&words[0]) == VERB_EITHER)
        return 0;
    if (is_verb(&words[count - 1]) && !(objects_of(&words[count - 1]) & (OBJECT_STATE | OBJECT_FACT)))
        return count - 1;
    for (size_t i = count; i-- > 0;) {
        if (is_verb(&words[i]))
            either = i;
    }
    return either;
}

/* get_or_create: the graver of the two. */
static size_t graver_partner(const struct word *words, size_t count, size_t head)
{
    for (size_t i = head + 1; i + 1 < count; i++) {
        if (!word_in(&words[i], "or and then") || verb_kind(&words[i + 1]) != VERB_SURE)
            continue;
        if (gravity(words[i + 1].lexeme->class) > gravity(words[head].lexeme->class))
            head = i + 1;
    }
    /* insert_execute_cell */
    if (head + 2 < count && words[head].lexeme->class == CLASS_WRITE &&
        word_in(&words[head + 1], "execute exec eval invoke"))
        head++;
    return head;
}

static struct str span(const struct word *first, const struct word *last)
{
    return str_of(first->shown.ptr, (size_t)(last->shown.ptr + last->shown.len - first->shown.ptr));
}

static void read_nouns(const struct word *words, size_t count, struct reading *out)
{
    const struct word *last = &words[count - 1];

    for (size_t i = 0; i < count; i++) {
        if (verb_kind(&words[i]) == VERB_VAGUE && word_in(&words[i], "manage administer maintain crud")) {
            out->strength = STRENGTH_WEAK;
            out->class = CLASS_WRITE;
            out->why = "manages something, which is to change it";
            out->words = words[i].shown;
            return;
        }
    }
    if (objects_of(last) & (OBJECT_STATE | OBJECT_FACT) ||
        word_in_number(last, "price history balance tree portfolio rank detail statistic data headline")) {
        out->strength = objects_of(last) & OBJECT_STATE ? STRENGTH_FAIR : STRENGTH_WEAK;
        out->class = CLASS_READ;
        out->why = "names what is told, and no deed";
        out->words = last->shown;
    } else if (objects_of(last) & OBJECT_CODE) {
        out->strength = STRENGTH_WEAK;
        out->class = CLASS_EXECUTE;
        out->why = "names code, which is to run it";
        out->words = last->shown;
    }
}

static void read_head(const struct word *words, size_t count, size_t head, const struct subject *subject,
                      struct reading *out)
{
    const struct word *last = &words[count - 1];

    judge_verb(&words[head], words, count, subject, out);
    out->bare = count == 1;
    out->noun = head + 1 == count && verb_kind(&words[head]) == VERB_EITHER;
    out->words = head == 0 ? span(&words[0], last) : span(&words[head], last);
    if (head + 1 == count && count > 1)
        out->words = span(&words[0], last);
    /* deploy_status, refund_eligibility: the verb is a noun there, and the last word says what is told */
    if (words[head].lexeme->verb == VERB_EITHER && head + 1 < count &&
        (objects_of(last) & OBJECT_STATE || word_is(last, STR("history"))) &&
        gravity(out->class) > gravity(CLASS_READ) &&
        !word_in(&words[head], "update change record log share run import")) {
        out->class = CLASS_READ;
        out->strength = STRENGTH_FAIR;
        out->why = "names what is told, and no deed";
    }
    /* crawl_status, undelete_status */
    if ((out->class == CLASS_EXECUTE || word_in(&words[head], "undelete restore")) && head + 2 == count &&
        word_in(last, "status progress")) {
        out->class = CLASS_READ;
        out->strength = STRENGTH_FAIR;
        out->why = "names what is told, and no deed";
    }
    /* write_pool_deposit: money moves at the end */
    if (subject->money && head + 1 < count && verb_kind(last) == VERB_EITHER &&
        last->lexeme->class == CLASS_FINANCIAL && (out->class == CLASS_WRITE || out->class == CLASS_EXECUTE) &&
        !word_in(&words[head], "update edit add set configure")) {
        out->class = CLASS_FINANCIAL;
        out->strength = STRENGTH_FAIR;
        out->why = "moves or commits money";
    }
}

void read_name(const struct lexicon *lexicon, struct str name, struct str server, const struct subject *subject,
               struct reading *out)
{
    struct word words[NAME_WORDS], own[NAME_WORDS];
    size_t count = words_of_identifier(lexicon, str_slice(name, 0, str_find_byte(name, '(')), words, NAME_WORDS);
    size_t owned = words_of_identifier(lexicon, server, own, NAME_WORDS), first = 0, head;
    const struct spelled *two;

    *out = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    while (first + 1 < count &&
           (says_nothing(&words[first]) || (in_server(&words[first], own, owned) && is_prefix(words + first))))
        first++;
    while (count > first + 1 && word_in(&words[count - 1], "tool"))
        count--;
    for (size_t i = first; i < count; i++)
        out->objects |= objects_at(words, count, i);
    if (first == count)
        return;
    if (is_question(&words[first]) && count - first > 1) {
        out->strength = STRENGTH_FAIR;
        out->class = CLASS_READ;
        out->why = "asks a question";
        out->words = span(&words[first], &words[count - 1]);
        return;
    }
    head = first + find_head(words + first, count - first);
    for (size_t i = first; i < count && i <= head; i++) {
        if ((two = spelled_at(words, count, i)) != NULL) {
            *out = (struct reading){ .strength = STRENGTH_STRONG,
                                     .class = two->class,
                                     .why = two->why,
                                     .verb = words[i],
                                     .words = span(&words[first], &words[count - 1]),
                                     .objects = out->objects };
            return;
        }
    }
    /* manage_mail_filter: what is managed is a thing, though its name be a verb */
    if (head == count || (first + 1 < count && word_in(&words[first], "manage administer maintain") &&
                          !word_in(&words[first + 1], "and or"))) {
        read_nouns(words + first, count - first, out);
        return;
    }
    head = graver_partner(words, count, head);
    read_head(words + first, count - first, head - first, subject, out);
}
