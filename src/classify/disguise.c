/* Names whose words have no borders, or borders where none belong: getdeleteall, GeTdElEtE, delete2user, d_e_l_e_t_e,
 * users.delete, dclete. They are written anew with their borders and read again; only what destroys or pays then
 * counts. */
#include "classify/letters.h"
#include "classify/reading.h"

#define NAME_BYTES 128 /* of a name that is written anew: the rest is not */
#define RUNS 40
#define RUN_BYTES 48
#define PIECE_MIN 3
#define PIECE_MAX 14

struct runs {
    char bytes[NAME_BYTES];
    struct str run[RUNS];
    size_t count;
};

static bool is_grave_verb(const struct lexeme *lexeme)
{
    return lexeme && lexeme->verb >= VERB_EITHER && lexeme->class >= CLASS_DESTRUCTIVE;
}

static const struct lexeme *known(const struct lexicon *lexicon, const char *text, size_t len)
{
    const struct lexeme *lexeme = lexicon_find(lexicon, str_of(text, len));

    if (!lexeme && len > PIECE_MIN && text[len - 1] == 's' && text[len - 2] != 's')
        lexeme = lexicon_find(lexicon, str_of(text, len - 1));
    return lexeme;
}

/* ---- the letters, and where they part ---- */

static void end_run(struct runs *runs, size_t from, size_t to)
{
    if (to > from && runs->count < RUNS)
        runs->run[runs->count++] = str_of(runs->bytes + from, to - from);
}

/* Neither digits nor case are letters of a run, but its borders are seen with both left out. */
static void take_runs(struct str name, char one, struct runs *runs)
{
    size_t at = 0, len = 0, from = 0;

    runs->count = 0;
    while (at < name.len && len < NAME_BYTES) {
        unsigned point;
        char letter = 0;
        size_t bytes = str_utf8_next(name, at, &point);
        if (bytes == 0)
            break;
        at += bytes;
        if (letter_is_unseen(point))
            continue;
        if (point >= 0x80)
            letter = letter_like(point);
        else if ((point | 0x20) >= 'a' && (point | 0x20) <= 'z')
            letter = point == 'I' ? one : (char)(point | 0x20);
        if (letter == 0) {
            end_run(runs, from, len);
            from = len;
        } else {
            runs->bytes[len++] = letter;
        }
    }
    end_run(runs, from, len);
}

/* d_e_l_e_t_e is one word, and so is de-lete. The bytes of runs are neighbours. */
static void join_runs(const struct lexicon *lexicon, struct runs *runs)
{
    size_t count = 0;

    for (size_t i = 0; i < runs->count; i++) {
        size_t singles = 0;
        while (i + singles < runs->count && runs->run[i + singles].len == 1)
            singles++;
        struct str run = runs->run[i];
        if (singles >= 3) {
            run.len = singles;
            i += singles - 1;
        } else if (i + 1 < runs->count && !known(lexicon, run.ptr, run.len) &&
                   !known(lexicon, runs->run[i + 1].ptr, runs->run[i + 1].len) &&
                   is_grave_verb(lexicon_find(lexicon, str_of(run.ptr, run.len + runs->run[i + 1].len)))) {
            run.len += runs->run[++i].len;
        }
        runs->run[count++] = run;
    }
    runs->count = count;
}

/* ---- words in a run ---- */

/* Ordinary words that are made of two of the lexicon's and mean neither. */
static bool is_ordinary(struct str run)
{
    static const char *const words[] = { "payload",   "trademark",   "wireframe",  "dropdown", "stakeholder",
                                         "dropbox",   "paywall",     "sweepstake", "sellout",  "chargeback",
                                         "tradeoff",  "supplychain", "bidrequest", "burndown", "popup",
                                         "wireguard", "killswitch",  "emptystate" };
    struct str one = run.len > 1 && run.ptr[run.len - 1] == 's' ? str_slice(run, 0, run.len - 1) : run;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (str_eq(run, str_from_c(words[i])) || str_eq(one, str_from_c(words[i])))
            return true;
    }
    return false;
}

static bool put(char *out, size_t *len, struct str piece)
{
    if (*len + piece.len + 1 > 2 * NAME_BYTES)
        return false;
    if (*len > 0)
        out[(*len)++] = '_';
    memcpy(out + *len, piece.ptr, piece.len);
    *len += piece.len;
    return true;
}

/* Into the fewest words of the lexicon, one of them grave. */
static bool put_pieces(const struct lexicon *lexicon, struct str run, char *out, size_t *len)
{
    unsigned char pieces[RUN_BYTES + 1] = { 0 }, last[RUN_BYTES + 1] = { 0 };
    size_t ends[RUN_BYTES / PIECE_MIN], count = 0;
    bool grave = false;

    if (run.len < 2 * PIECE_MIN || run.len > RUN_BYTES || str_ends_with(run, STR("ed")))
        return false; /* cancelled is no cancel_led */
    for (size_t to = PIECE_MIN; to <= run.len; to++) {
        for (size_t size = PIECE_MIN; size <= PIECE_MAX && size <= to; size++) {
            size_t from = to - size;
            if ((from > 0 && pieces[from] == 0) || !known(lexicon, run.ptr + from, size))
                continue;
            if (pieces[to] == 0 || pieces[from] + 1 <= pieces[to]) {
                pieces[to] = (unsigned char)(pieces[from] + 1);
                last[to] = (unsigned char)size;
            }
        }
    }
    if (pieces[run.len] < 2)
        return false;
    for (size_t to = run.len; to > 0; to -= last[to]) {
        ends[count++] = to;
        grave |= is_grave_verb(known(lexicon, run.ptr + to - last[to], last[to]));
    }
    if (!grave)
        return false;
    while (count-- > 0) {
        if (!put(out, len, str_slice(run, ends[count] - last[ends[count]], ends[count])))
            return false;
    }
    return true;
}

static const struct str long_verbs[] = { STR("delete"), STR("destroy"), STR("truncate") };

/* What stands around a verb that no other word has in it: deletewidgets; not undelete, deleted, deleter. */
static bool put_around(struct str run, char *out, size_t *len)
{
    for (size_t i = 0; i < sizeof(long_verbs) / sizeof(long_verbs[0]); i++) {
        size_t at = str_find(run, long_verbs[i]), end = at + long_verbs[i].len;
        if (at == run.len || run.len == long_verbs[i].len || (end < run.len && strchr("drs", run.ptr[end])) ||
            (end + 1 < run.len && run.ptr[end] == 'e' && strchr("dr", run.ptr[end + 1])) ||
            (at >= 2 && memcmp(run.ptr + at - 2, "un", 2) == 0))
            continue;
        return (at == 0 || put(out, len, str_slice(run, 0, at))) && put(out, len, long_verbs[i]) &&
               (end == run.len || put(out, len, str_slice(run, end, run.len)));
    }
    return false;
}

/* dclete, deiete: a letter beside a verb that is like no other word. */
static struct str nearly(struct str run)
{
    static const struct str verbs[] = { STR("delete"),   STR("destroy"),  STR("truncate"),
                                        STR("transfer"), STR("withdraw"), STR("purchase") };

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        size_t other = 0;
        for (size_t at = 0; run.len == verbs[i].len && at < run.len; at++)
            other += run.ptr[at] != verbs[i].ptr[at];
        if (run.len == verbs[i].len && other == 1)
            return verbs[i];
    }
    return run;
}

static bool is_among(const struct lexeme *lexeme, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].lexeme == lexeme)
            return true;
    }
    return false;
}

/* True: a word came to light that the name as it stands has not. */
static bool write_anew(const struct lexicon *lexicon, const struct runs *runs, struct str name, char *out, size_t *len)
{
    struct word words[NAME_WORDS];
    size_t count = words_of_identifier(lexicon, name, words, NAME_WORDS);
    bool changed = false;

    *len = 0;
    for (size_t i = 0; i < runs->count; i++) {
        struct str run = runs->run[i], verb;
        const struct lexeme *lexeme = known(lexicon, run.ptr, run.len);
        if (lexeme) {
            changed |= is_grave_verb(lexeme) && !is_among(lexeme, words, count);
        } else if (!is_ordinary(run)) {
            verb = nearly(run);
            if (str_eq(run, STR("rmrf")))
                verb = STR("delete");
            if (!str_eq(verb, run)) {
                run = verb;
                changed = true;
            } else if (put_pieces(lexicon, run, out, len) || put_around(run, out, len)) {
                changed = true;
                continue;
            }
        }
        if (!put(out, len, run))
            break;
    }
    return changed;
}

/* Whether the name has anything that its words do not say: one that is unknown, digits in it, other letters. */
static bool may_hide(const struct lexicon *lexicon, struct str name)
{
    struct word words[NAME_WORDS];
    size_t count = words_of_identifier(lexicon, name, words, NAME_WORDS);
    size_t unknown = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < words[i].shown.len; at++) {
            unsigned char c = (unsigned char)words[i].shown.ptr[at];
            if (c >= 0x80 || (c >= '0' && c <= '9'))
                return true;
        }
        unknown += words[i].lexeme ? 0 : words[i].shown.len;
    }
    return unknown > 2;
}

bool name_in_disguise(const struct lexicon *lexicon, struct str name, struct str server, const struct subject *subject,
                      struct reading *out)
{
    static const char ones[] = { 'i', 'l' };

    if (!may_hide(lexicon, name))
        return false;
    for (size_t i = 0; i < sizeof(ones); i++) {
        struct runs runs;
        char bytes[2 * NAME_BYTES];
        size_t len;
        struct reading anew;

        take_runs(name, ones[i], &runs);
        join_runs(lexicon, &runs);
        if (!write_anew(lexicon, &runs, name, bytes, &len))
            continue;
        struct str text = str_of(bytes, len);
        read_name(lexicon, text, server, subject, &anew);
        if ((anew.class < CLASS_DESTRUCTIVE || anew.strength < STRENGTH_FAIR) && !name_takes_all(lexicon, text, &anew))
            continue;
        *out = anew;
        out->verb.shown = out->words = name;
        out->why = anew.class == CLASS_FINANCIAL
                       ? "read without regard to its borders, moves or commits money"
                       : "read without regard to its borders, takes away what does not come back";
        return true;
    }
    return false;
}
