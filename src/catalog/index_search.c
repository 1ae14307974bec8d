/* Words of a query as the index has them, and which tools have all of them. */
#include "catalog/index_sql.h"

#include "base/check.h"
#include "catalog/index_words.h"
#include "store/sqlite_error.h"

#define BEGINNINGS_MOST 64 /* words of one beginning that are asked for one by one */
#define WORD_BYTES 1024
#define MATCH_BYTES ((size_t)1 << 20)

/* ---- names that begin so ---- */

int catalog_search_beginning(struct catalog *catalog, struct str text, int most, catalog_each_tool *each, void *arg)
{
    char slug[SLUG_MAX + 1], end[SLUG_MAX + 2];
    struct str from = slug_of(text, slug);
    char initial = initial_of(from);
    memcpy(end, slug, from.len);
    end[from.len] = '\x7f'; /* behind all that a slug has */
    sqlite3_stmt *to = statement(catalog, STATEMENT_SEARCH_SLUGS);
    bind_text(to, 1, str_of(&initial, 1));
    bind_text(to, 2, from);
    bind_text(to, 3, str_of(end, from.len + 1));
    bind_int(to, 4, most);
    return each_tool(catalog, STATEMENT_SEARCH_SLUGS, each, arg);
}

/* ---- words ---- */

struct match {
    struct catalog *catalog;
    enum statement word; /* gives the first word of the index from one on */
    bool fillers;        /* are asked for too */
    struct buf *out;     /* in FTS5's language */
    bool none;           /* no word of the index begins as one of the query does */
    int error;
};

/* The index's first word that is no less than `from`, if it begins with `beginning`. `from` may be what `out` holds. */
static bool first_word(struct match *match, struct str from, struct str beginning, struct buf *out)
{
    sqlite3_stmt *row = statement(match->catalog, match->word);
    bind_text(row, 1, from);
    int found = step(match->catalog, match->word);
    struct str word = found == 1 ? column_text(row, 0) : STR_EMPTY;
    bool begins = word.len > 0 && str_starts_with(word, beginning);
    buf_reset(out);
    if (begins)
        buf_append_str(out, word);
    reset(match->catalog, match->word);
    if (found < 0)
        match->error = found;
    else if (!buf_ok(out))
        match->error = E_LIMIT;
    return begins && !match->error;
}

/* Characters, not bytes. */
static size_t length_of(struct str text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++)
        length += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return length;
}

/* A beginning as the words that there are of it, which FTS5 then walks side by side no further than it must; for a `*`
 * it first merges the lists of all of them, unless it has that list, as it has those of short beginnings. Where the
 * words are many, that is less work than to walk them. */
static void add_token(struct match *match, struct str token)
{
    struct buf word, words;
    size_t count = 0, most = length_of(token) <= INDEX_BEGINNINGS ? 0 : BEGINNINGS_MOST;
    buf_init(&word, WORD_BYTES);
    buf_init(&words, MATCH_BYTES);
    for (bool more = first_word(match, token, token, &word); more && count <= most; count++) {
        buf_printf(&words, "%s\"%" STR_FMT "\"", count > 0 ? " OR " : "", STR_ARG(buf_str(&word)));
        buf_append_byte(&word, '\x01'); /* no word has it: behind this one, before the next */
        more = count < most && first_word(match, buf_str(&word), token, &word);
    }
    match->none |= count == 0;
    buf_append_str(match->out, match->out->len > 0 ? STR(" AND (") : STR("("));
    if (count > most)
        buf_printf(match->out, "\"%" STR_FMT "\"*", STR_ARG(token));
    else
        buf_append_str(match->out, buf_str(&words));
    buf_append_byte(match->out, ')');
    match->out->failed |= !buf_ok(&words);
    buf_release(&word);
    buf_release(&words);
}

static int take_token(void *arg, int flags, const char *text, int len, int from, int to)
{
    struct match *match = arg;
    struct str token = str_of(text, (size_t)len);
    (void)flags;
    (void)from;
    (void)to;
    if (len > 0 && !match->none && !match->error && (match->fillers || !is_filler(token)))
        add_token(match, token);
    return SQLITE_OK;
}

/* The tokenizer of the index's tables, so that a word is here what it is there. */
static int tokenizer_of(struct catalog *catalog, fts5_tokenizer *tokenizer, void **data)
{
    sqlite3_stmt *ask;
    fts5_api *api = NULL;
    int code = sqlite3_prepare_v2(catalog->handle, "SELECT fts5(?1)", -1, &ask, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_bind_pointer(ask, 1, &api, "fts5_api_ptr", NULL);
    if (code == SQLITE_OK)
        (void)sqlite3_step(ask);
    (void)sqlite3_finalize(ask);
    return code != SQLITE_OK ? error_of_sqlite(code)
           : api             ? error_of_sqlite(api->xFindTokenizer(api, "unicode61", data, tokenizer))
                             : E_CORRUPT;
}

/* Every word as the beginning of one, all of them; nothing of FTS5's own language gets through. Empty: it has no word.
 */
static int write_match(struct match *match, struct str query)
{
    static const char *options[] = { "remove_diacritics", "2" };
    fts5_tokenizer tokenizer = { 0 };
    Fts5Tokenizer *made = NULL;
    void *data = NULL;
    struct str word;
    size_t at = 0;
    int error = tokenizer_of(match->catalog, &tokenizer, &data);
    if (!error && !tokenizer.xCreate)
        error = E_CORRUPT;
    if (!error)
        error = error_of_sqlite(tokenizer.xCreate(data, options, ARRAY_LEN(options), &made));
    while (!error && !match->none && (word = next_word(query, &at)).len > 0) {
        error =
            error_of_sqlite(tokenizer.xTokenize(made, match, FTS5_TOKENIZE_QUERY, word.ptr, (int)word.len, take_token));
        if (!error)
            error = match->error;
    }
    if (made)
        tokenizer.xDelete(made);
    return error ? error : buf_ok(match->out) ? 0 : E_LIMIT;
}

int catalog_search(struct catalog *catalog, struct str query, bool names, int most, catalog_each_tool *each, void *arg)
{
    enum statement which = names ? STATEMENT_SEARCH_NAMES : STATEMENT_SEARCH_TEXTS;
    struct buf out;
    struct match match = {
        .catalog = catalog,
        .word = names ? STATEMENT_NAME_WORD : STATEMENT_TEXT_WORD,
        .fillers = names, /* most texts have each of them */
        .out = &out,
    };
    buf_init(&out, MATCH_BYTES);
    int error = write_match(&match, query);
    if (!error && out.len == 0 && !match.none) { /* nothing but fillers */
        match.fillers = true;
        error = write_match(&match, query);
    }
    if (!error && !match.none && out.len > 0) {
        sqlite3_stmt *to = statement(catalog, which);
        bind_text(to, 1, buf_str(&out));
        bind_int(to, 2, most);
        error = each_tool(catalog, which, each, arg);
    }
    buf_release(&out);
    return error;
}
