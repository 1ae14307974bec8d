/* The verdict: what the name says, what the description says, what the parameters and the server's hints add. */
#include "classify/classify.h"

#include "base/check.h"
#include "classify/parameters.h"
#include "classify/reading.h"
#include "classify/severity.h"
#include "classify/texts.h"

#include <stdlib.h>

#define LEAD_BYTES 160 /* of a description: its first sentence, mostly */
#define TOLD_WORDS 12  /* behind a verb that looks: what it looks at */

struct classifier {
    struct lexicon lexicon;
};

int classifier_new(struct classifier **out)
{
    struct classifier *classifier = calloc(1, sizeof(*classifier));
    int error = classifier ? lexicon_init(&classifier->lexicon) : E_NOMEM;

    if (!error)
        bind_pairs(&classifier->lexicon);

    if (error) {
        free(classifier);
        return error;
    }
    *out = classifier;
    return 0;
}

void classifier_free(struct classifier *classifier)
{
    if (!classifier)
        return;
    lexicon_release(&classifier->lexicon);
    free(classifier);
}

const struct lexicon *classifier_lexicon(const struct classifier *classifier)
{
    return &classifier->lexicon;
}

static struct str text_of(const struct json *object, struct str key)
{
    const struct json *node = json_get(object, key);
    return json_is(node, JSON_STRING) ? json_string(node) : STR_EMPTY;
}

struct tool_facts tool_facts_of(struct str server, struct str name, const struct json *definition)
{
    const struct json *annotations = json_get(definition, STR("annotations"));
    struct str title = text_of(definition, STR("title"));
    return (struct tool_facts){
        .server = server,
        .name = name,
        .title = title.len > 0 ? title : text_of(annotations, STR("title")),
        .description = text_of(definition, STR("description")),
        .schema = json_get(definition, STR("inputSchema")),
        .annotations = annotations,
        .output = json_get(definition, STR("outputSchema")),
    };
}

/* Everything that is read of one tool. */
struct study {
    const struct tool_facts *facts;
    struct subject subject;
    struct reading name, title, description, actions;
    struct parameters parameters;
    struct text_findings texts;
    bool described;
    bool foreign; /* the description cannot be read */
    bool hidden;  /* a deed stands behind a name that only looks */
    struct verdict_on_tool *out;
};

/* A description that only repeats the name says nothing. */
static bool says_more_than(struct str description, struct str name)
{
    size_t letters = 0, same = 0;

    for (size_t i = 0; i < description.len; i++) {
        char c = description.ptr[i];
        if (c == ' ' || c == '_' || c == '-' || c == '.')
            continue;
        letters++;
        for (size_t at = same; at < name.len; at++) {
            char n = name.ptr[at];
            if (n == '_' || n == '-' || n == '.')
                continue;
            if ((n | 0x20) == (c | 0x20))
                same = at + 1;
            break;
        }
    }
    return letters > 0 && !(letters <= name.len && same >= name.len);
}

/* "Executes the check_status operation": what the name says, and that it is called. */
static bool repeats_name(const struct study *study)
{
    const struct word *verb = &study->description.verb;
    struct str name = study->facts->name, lead = str_slice(study->facts->description, 0, LEAD_BYTES);

    return study->name.strength != STRENGTH_NONE && verb->lexeme && word_in(verb, "execute run call invoke perform") &&
           str_find_byte(name, '_') < name.len && str_find(lead, name) < lead.len;
}

/* ---- evidence ---- */

static void give(struct study *study, enum evidence_source source, struct str words, enum tool_class class,
                 const char *why)
{
    struct verdict_on_tool *out = study->out;

    if (out->evidence_count < EVIDENCE_MAX)
        out->evidence[out->evidence_count++] =
            (struct evidence){ .source = source, .words = words, .class = class, .why = str_from_c(why) };
}

static void give_reading(struct study *study, enum evidence_source source, const struct reading *reading)
{
    if (reading->strength != STRENGTH_NONE)
        give(study, source, reading->words, reading->class, reading->why);
}

static void give_finding(struct study *study, enum signal signal, const struct finding *finding, const char *why)
{
    if (!(study->texts.signals >> signal & 1))
        return;
    give(study, finding->source, finding->words, CLASS_OTHER, why);
    if (finding->where.len > 0)
        study->out->evidence[study->out->evidence_count - 1].where = finding->where;
}

/* Beside the class: what attacks the reader, and what could not be read. */
static void give_texts(struct study *study)
{
    const struct tool_facts *facts = study->facts;

    give_finding(study, SIGNAL_INSTRUCTIONS, &study->texts.instructs, signal_text(SIGNAL_INSTRUCTIONS));
    give_finding(study, SIGNAL_HIDDEN_TEXT, &study->texts.hidden, signal_text(SIGNAL_HIDDEN_TEXT));
    if (study->foreign)
        give(study, EVIDENCE_DESCRIPTION, beginning_of(facts->description), CLASS_OTHER,
             "is in letters that are not read");
    if (study->name.strength == STRENGTH_NONE && (study->foreign || !study->described) && is_foreign(facts->name)) {
        study->texts.signals |= 1U << SIGNAL_UNREAD_SCRIPT;
        give(study, EVIDENCE_NAME, beginning_of(facts->name), CLASS_OTHER, "is in letters that are not read");
    }
}

/* ---- the class ---- */

static bool hint(const struct study *study, struct str name, bool *value)
{
    const struct json *node = json_get(study->facts->annotations, name);

    if (!json_is(node, JSON_BOOL))
        return false;
    *value = json_bool(node);
    return true;
}

static bool same_verb(const struct reading *a, const struct reading *b)
{
    return a->verb.lexeme && a->verb.lexeme == b->verb.lexeme;
}

/* swap_quote, "Get a swap quote": what could be a deed in the name is a thing in the description, behind a verb that
 * only looks. */
static bool is_thing_that_is_told(const struct lexicon *lexicon, const struct study *study)
{
    const struct reading *name = &study->name, *description = &study->description;
    struct word words[TOLD_WORDS];

    if (!name->verb.lexeme || name->verb.lexeme->verb != VERB_EITHER || !description->verb.lexeme ||
        description->class != CLASS_READ || description->strength != STRENGTH_STRONG ||
        description->verb.lexeme->verb != VERB_SURE)
        return false;
    struct str text = study->facts->description;
    size_t from = (size_t)(description->verb.shown.ptr + description->verb.shown.len - text.ptr);
    size_t count = words_of_text(lexicon, str_slice(text, from, text.len), words, TOLD_WORDS);
    for (size_t i = 0; i < count && !word_in(&words[i], "to or and then"); i++) {
        if (words[i].lexeme == name->verb.lexeme)
            return true;
        if (words[i].after == '.' || words[i].after == ';' || words[i].after == ',')
            break;
    }
    return false;
}

/* setup_test, "Get guidance on setting up a test": named after what the reader is to do then. Not where it takes code.
 */
static bool is_told_how(const struct lexicon *lexicon, const struct study *study)
{
    const struct reading *name = &study->name;
    struct word words[TOLD_WORDS];

    if ((name->class != CLASS_WRITE && name->class != CLASS_EXECUTE) || study->parameters.class == CLASS_EXECUTE)
        return false;
    size_t count = words_of_text(lexicon, study->facts->description, words, TOLD_WORDS);
    bool looks = false;
    for (size_t i = 0; i < count; i++) {
        looks |= word_in_number(&words[i], "get retrieve return provide show fetch");
        if (looks && word_in_number(&words[i], "guidance guideline instruction instructional documentation tutorial"))
            return true;
        if (words[i].after == '.' || words[i].after == ';' || word_in(&words[i], "and then"))
            break;
    }
    return false;
}

/* A description that says something less grave than the name is only heard where the name says little; one that says
 * something graver, where it says it as clearly, or leads with what destroys or costs money. */
static bool description_prevails(const struct reading *name, const struct reading *description)
{
    if (description->strength == STRENGTH_NONE || description->class == CLASS_OTHER)
        return false;
    if (name->class == CLASS_READ && description->verb.lexeme && word_in(&description->verb, "deletion removal"))
        return false; /* "whether deletion protection is on" */
    if (description->follows && description->class > name->class)
        return true;
    /* add: "Add two numbers"; the same verb, and only the description says what it acts on */
    if (same_verb(name, description) && description->paired && !name->paired &&
        (description->class > name->class || name->bare))
        return true;
    if (same_verb(name, description) && name->paired && !description->paired)
        return false;
    if (description->class < name->class && name->noun && name->class == CLASS_WRITE)
        return description->strength == STRENGTH_STRONG; /* network_request: returns its details */
    if (description->class < name->class)
        return name->strength <= STRENGTH_WEAK && description->strength > name->strength;
    if (description->strength > name->strength || (name->strength == STRENGTH_WEAK && description->class > name->class))
        return true;
    if (name->class == CLASS_READ && name->strength == STRENGTH_STRONG)
        return description->class >= CLASS_DESTRUCTIVE && description->strength == STRENGTH_STRONG;
    return description->class > name->class && description->strength >= STRENGTH_FAIR &&
           (description->class >= CLASS_DESTRUCTIVE || name->strength < STRENGTH_STRONG);
}

/* In its first sentence: further on, it is a mode among others. */
static bool says_read_only(struct str description)
{
    description = str_slice(description, 0, str_find(description, STR(". ")));
    description = str_slice(description, 0, str_find(description, STR("\n")));
    return str_find(description, STR("read-only")) < description.len ||
           str_find(description, STR("readonly")) < description.len ||
           str_find(description, STR("Read-only")) < description.len;
}

/* fetch_rows, with a parameter "sql": it looks with whatever it is given. What only works on code as a text, does not
 * run it. */
static bool carries_statement(const struct lexicon *lexicon, const struct study *study)
{
    const struct word *verb = &study->name.verb;
    struct word words[NAME_WORDS];
    size_t count;

    if (study->parameters.class != CLASS_EXECUTE || !verb->lexeme)
        return false;
    if (word_in(verb, "query"))
        return true;
    count = words_of_identifier(lexicon, study->parameters.words, words, NAME_WORDS);
    return count > 0 && word_in(&words[count - 1], "sql statement command cmd shell") &&
           word_in(verb, "get fetch read select retrieve list find show search describe");
}

static void decide_class(const struct lexicon *lexicon, struct study *study)
{
    struct verdict_on_tool *out = study->out;
    const struct reading *name = &study->name, *description = &study->description;
    bool destructive = false, readonly = false;

    if (is_told_how(lexicon, study)) {
        out->class = CLASS_READ;
        give(study, EVIDENCE_DESCRIPTION, beginning_of(study->facts->description), CLASS_READ,
             "tells how something is done");
        give_reading(study, EVIDENCE_NAME, name);
    } else if (description_prevails(name, description) || is_thing_that_is_told(lexicon, study)) {
        out->class = description->class;
        give_reading(study, EVIDENCE_DESCRIPTION, description);
        give_reading(study, EVIDENCE_NAME, name);
    } else if (name->strength != STRENGTH_NONE) {
        out->class = name->class;
        give_reading(study, EVIDENCE_NAME, name);
        give_reading(study, EVIDENCE_DESCRIPTION, description);
    } else if (study->title.strength != STRENGTH_NONE) {
        out->class = study->title.class;
        give_reading(study, EVIDENCE_TITLE, &study->title);
    } else if (study->parameters.class != CLASS_OTHER) {
        out->class = study->parameters.class;
    }
    if (study->parameters.class != CLASS_OTHER)
        give(study, EVIDENCE_PARAMETER, study->parameters.words, study->parameters.class, study->parameters.why);
    if (out->class == CLASS_READ && carries_statement(lexicon, study) && !says_read_only(study->facts->description))
        out->class = CLASS_EXECUTE;
    /* docker_compose: "Run compose commands", and it takes a command */
    if (out->class == CLASS_WRITE && study->parameters.class == CLASS_EXECUTE && description->class == CLASS_EXECUTE &&
        description->strength >= STRENGTH_FAIR)
        out->class = CLASS_EXECUTE;
    /* what it can be told to do, it can do; sums are operations too */
    if (study->actions.class > out->class &&
        (study->actions.strength > STRENGTH_WEAK || name->strength < STRENGTH_STRONG) &&
        (out->class != CLASS_READ || name->strength < STRENGTH_STRONG ||
         (study->actions.class > CLASS_WRITE && study->actions.strength == STRENGTH_STRONG))) {
        out->class = study->actions.class;
        give_reading(study, EVIDENCE_PARAMETER, &study->actions);
    }
    /* hints raise, and never lower; one for destruction needs a word that agrees */
    if (hint(study, STR("readOnlyHint"), &readonly) && !readonly && out->class == CLASS_OTHER) {
        out->class = CLASS_WRITE;
        give(study, EVIDENCE_ANNOTATION, STR("readOnlyHint: false"), CLASS_WRITE,
             "the server says that it changes something");
    }
    if (hint(study, STR("readOnlyHint"), &readonly) && !readonly && out->class == CLASS_READ &&
        study->parameters.signals & 1U << SIGNAL_FILE_PATH) {
        out->class = CLASS_WRITE;
        give(study, EVIDENCE_ANNOTATION, STR("readOnlyHint: false"), CLASS_WRITE,
             "the server says that it changes something, and it takes a path");
    }
    if (hint(study, STR("destructiveHint"), &destructive) && destructive && out->class < CLASS_DESTRUCTIVE &&
        (name->class == CLASS_DESTRUCTIVE ||
         (description->class == CLASS_DESTRUCTIVE && description->strength >= STRENGTH_FAIR))) {
        out->class = CLASS_DESTRUCTIVE;
        give(study, EVIDENCE_ANNOTATION, STR("destructiveHint: true"), CLASS_DESTRUCTIVE,
             "the server says that it destroys");
    }
}

/* "This cannot be undone": what only changes, and says so, takes away. */
static void raise_for_good(struct study *study)
{
    static const struct str phrases[] = { STR("cannot be undone"), STR("can't be undone"), STR("can not be undone"),
                                          STR("irreversible"), STR("irreversibly") };
    struct str text = study->facts->description;

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]) && study->out->class == CLASS_WRITE; i++) {
        size_t at = str_find(text, phrases[i]);
        if (at == text.len || str_ends_with(str_slice(text, 0, at), STR("not ")))
            continue;
        study->out->class = CLASS_DESTRUCTIVE;
        give(study, EVIDENCE_DESCRIPTION, str_of(text.ptr + at, phrases[i].len), CLASS_DESTRUCTIVE,
             "says that it does not come back");
    }
}

/* What is said behind something harmless, raises; nothing of it lowers. */
static void raise_for_all(const struct lexicon *lexicon, struct study *study)
{
    struct reading all = { .strength = STRENGTH_NONE };
    bool looks = study->out->class <= CLASS_READ || study->name.class == CLASS_READ;

    if (study->out->class >= CLASS_DESTRUCTIVE)
        return;
    bool named = name_takes_all(lexicon, study->facts->name, &all) ||
                 name_in_disguise(lexicon, study->facts->name, study->facts->server, &study->subject, &all);
    if (!named && !description_takes_all(lexicon, study->facts->description, &study->subject, !looks, &all))
        return;
    study->hidden = looks && study->name.class == CLASS_READ;
    study->out->class = all.class;
    give_reading(study, named ? EVIDENCE_NAME : EVIDENCE_DESCRIPTION, &all);
}

/* A title is what people are shown, and a schema what the model is: both raise what only seems to look. */
static void raise_for_rest(const struct lexicon *lexicon, struct study *study)
{
    const struct reading *title = &study->title;
    struct reading choices;

    if (study->out->class <= CLASS_READ && title->class >= CLASS_DESTRUCTIVE && title->strength == STRENGTH_STRONG) {
        study->out->class = title->class;
        give_reading(study, EVIDENCE_TITLE, title);
    }
    if (study->out->class > CLASS_READ)
        return;
    read_choices(lexicon, study->facts->schema, &study->subject, study->out->class == CLASS_OTHER, &choices);
    if (choices.strength == STRENGTH_NONE)
        return;
    study->out->class = choices.class;
    give_reading(study, EVIDENCE_PARAMETER, &choices);
}

static void find_contradiction(struct study *study)
{
    struct verdict_on_tool *out = study->out;
    bool readonly, destructive;

    if (study->hidden ||
        (study->name.class == CLASS_READ && study->description.class == out->class && out->class >= CLASS_DESTRUCTIVE))
        out->contradiction = STR("its name says that it only looks, but its description does not");
    if (hint(study, STR("readOnlyHint"), &readonly)) {
        if (readonly && out->class >= CLASS_WRITE)
            out->contradiction = STR("readOnlyHint is true, but its words say that it changes something");
        else if (!readonly && out->class == CLASS_READ)
            out->contradiction = STR("readOnlyHint is false, but its words say that it only looks");
    }
    if (hint(study, STR("destructiveHint"), &destructive)) {
        if (!destructive && out->class == CLASS_DESTRUCTIVE)
            out->contradiction = STR("destructiveHint is false, but its words say that it destroys");
    }
}

/* ---- how sure ---- */

static void rate_confidence(struct study *study)
{
    struct verdict_on_tool *out = study->out;
    int sure = 30;

    switch (study->name.strength) {
    case STRENGTH_STRONG: sure = 90; break;
    case STRENGTH_FAIR: sure = 78; break;
    case STRENGTH_WEAK: sure = 55; break;
    case STRENGTH_NONE: sure = study->description.strength >= STRENGTH_FAIR ? 70 : 35; break;
    }
    if (study->description.strength >= STRENGTH_FAIR)
        sure += study->description.class == out->class ? 8 : -15;
    if (!study->described || study->foreign)
        sure -= 12;
    if (!study->facts->schema)
        sure -= 4;
    if (out->contradiction.len > 0)
        sure -= 15;
    if (out->class == CLASS_OTHER)
        sure = 20;
    out->confidence = (unsigned)(sure < 5 ? 5 : sure > CONFIDENCE_MOST ? CONFIDENCE_MOST : sure);
}

void classify_tool(const struct classifier *classifier, const struct tool_facts *facts, struct verdict_on_tool *out)
{
    struct study study = { .facts = facts, .out = out };
    const struct lexicon *lexicon = &classifier->lexicon;

    *out = (struct verdict_on_tool){ .class = CLASS_OTHER };
    study.described = says_more_than(facts->description, facts->name);
    read_parameters(lexicon, facts->schema, &study.parameters);
    study.subject = find_subject(lexicon, facts, study.described, study.parameters.signals);
    read_name(lexicon, facts->name, facts->server, &study.subject, &study.name);
    if (facts->title.len > 0)
        read_name(lexicon, facts->title, facts->server, &study.subject, &study.title);
    if (study.described)
        read_description(lexicon, facts->description, &study.subject, &study.description);
    read_actions(lexicon, facts->schema, &study.subject, &study.actions);
    if (repeats_name(&study))
        study.description = (struct reading){ .strength = STRENGTH_NONE, .class = CLASS_OTHER, .why = "" };
    if (study.description.class == CLASS_EXECUTE && says_read_only(facts->description)) {
        study.description.class = CLASS_READ;
        study.description.why = "says that it only reads";
    }
    look_through_texts(facts, study.described, &study.texts);
    study.foreign = (study.texts.signals >> SIGNAL_UNREAD_SCRIPT & 1) != 0;
    decide_class(lexicon, &study);
    raise_for_all(lexicon, &study);
    raise_for_rest(lexicon, &study);
    raise_for_good(&study);
    find_contradiction(&study);
    give_texts(&study);
    out->signals = study.parameters.signals | study.texts.signals;
    rate_confidence(&study);
    rate_severity(out, study.name.objects | study.description.objects);
}

bool classify_definition(const struct classifier *classifier, struct str server, struct arena *scratch,
                         const struct tool *tool, struct verdict_on_tool *out)
{
    struct json_error fault;
    const struct json *definition;
    if (json_parse(scratch, tool->definition, &json_limits_list, &definition, &fault) != 0)
        return false;
    struct tool_facts facts = tool_facts_of(server, tool->name, definition);
    classify_tool(classifier, &facts, out);
    return true;
}

void classify_listed(const struct classifier *classifier, struct str server, struct arena *scratch, struct tool *tool)
{
    struct verdict_on_tool verdict;
    if (classify_definition(classifier, server, scratch, tool, &verdict))
        tool->pin.class = class_to_pin(tool->name, verdict.class, verdict.signals);
}
