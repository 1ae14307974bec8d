/* From argv to a subcommand: the table of them, options, help, and what somebody probably meant. */
#include "cli/command.h"

#include "base/check.h"
#include "base/nearest.h"
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct entry {
    const char *words;
    const struct command *command;
    const char *heading; /* equal ones stand together */
} entries[] = {
#define SUBCOMMAND(words, name, heading) { words, &name, heading },
#include "cli/subcommands.def"
#undef SUBCOMMAND
};

const struct command *command_at(size_t index, const char **words)
{
    if (index >= ARRAY_LEN(entries))
        return NULL;
    *words = entries[index].words;
    return entries[index].command;
}

static const struct option common_options[] = {
    { "json", 0, NULL, "answer with JSON", false },
    { "help", 'h', NULL, "this text", false },
    { NULL, 0, NULL, NULL, false },
};
enum { OPTION_JSON, OPTION_HELP };

#define OPTIONS_SHOWN 32

const char *option_nth(const struct invocation *invocation, const char *name, size_t n)
{
    for (size_t i = 0; i < invocation->given_count; i++) {
        const struct given *given = &invocation->given[i];
        if (strcmp(given->option->name, name) == 0 && n-- == 0)
            return given->value;
    }
    return NULL;
}

const char *option_value(const struct invocation *invocation, const char *name)
{
    return option_nth(invocation, name, 0);
}

static PRINTF_LIKE(2, 0) void say_failure(const struct invocation *invocation, const char *format, va_list arguments)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_vprintf(&text, format, arguments);
    fprintf(stderr, "%swarder%s%s%s: ", colour_on(stderr, COLOUR_BOLD), invocation->words ? " " : "",
            invocation->words ? invocation->words : "", colour_off(stderr));
    print_str(stderr, COLOUR_NONE, buf_str(&text));
    fputc('\n', stderr);
    buf_release(&text);
}

int usage_error(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_failure(invocation, format, arguments);
    va_end(arguments);
    fprintf(stderr, "See: warder %s%s--help\n", invocation->words ? invocation->words : "",
            invocation->words ? " " : "");
    return EXIT_USAGE;
}

int failure(const struct invocation *invocation, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say_failure(invocation, format, arguments);
    va_end(arguments);
    return EXIT_NO;
}

#define OPTION_COLUMN 29

static void print_options(const struct option *options)
{
    for (; options->name; options++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%c%s --%s%s%s", options->letter ? "-" : " ",
                 options->letter ? options->letter : ' ', options->letter ? "," : " ", options->name,
                 options->argument ? " " : "", options->argument ? options->argument : "");
        int column = printf("  %-26s ", left);
        char text[256];
        snprintf(text, sizeof(text), "%s%s", options->text, options->many ? " (again for more)" : "");
        print_wrapped(stdout, (size_t)column, OPTION_COLUMN, text);
    }
}

static void print_help(const struct entry *entry)
{
    const struct command *command = entry->command;
    printf("%s\n\n  warder %s%s%s%s\n", command->summary, entry->words, command->options ? " [OPTION]..." : "",
           command->arguments[0] ? " " : "", command->arguments);
    printf("\n%sOptions%s\n", colour_on(stdout, COLOUR_BOLD), colour_off(stdout));
    if (command->options)
        print_options(command->options);
    print_options(&common_options[command->json ? OPTION_JSON : OPTION_HELP]);
    if (command->help) {
        printf("\n");
        print_prose(stdout, command->help);
    }
}

static void print_summary(FILE *to, const struct entry *entry)
{
    int column = fprintf(to, "  warder %-21s ", entry->words);
    print_wrapped(to, (size_t)column, (size_t)column, entry->command->summary);
}

void command_print_overview(void)
{
    printf("%sWarder%s stands between AI agents and MCP servers: every call is decided by a\n"
           "policy, and recorded, before a byte of it reaches a server.\n",
           colour_on(stdout, COLOUR_BOLD), colour_off(stdout));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (i == 0 || strcmp(entries[i].heading, entries[i - 1].heading) != 0)
            printf("\n%s%s%s\n", colour_on(stdout, COLOUR_BOLD), entries[i].heading, colour_off(stdout));
        print_summary(stdout, &entries[i]);
    }
    printf("\nwarder COMMAND --help explains each; warder help configuration lists what\n"
           "warder.json takes. Exit status: 0 yes, 1 no, 2 not understood.\n");
}

/* The entry that the first words name; *used says how many words. */
static const struct entry *find_entry(const char *const *words, size_t count, size_t *used)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        struct str rest = str_from_c(entries[i].words);
        size_t n = 0;
        while (rest.len > 0 && n < count) {
            size_t end = str_find_byte(rest, ' ');
            if (!str_eq(str_slice(rest, 0, end), str_from_c(words[n])))
                break;
            rest = str_slice(rest, end < rest.len ? end + 1 : end, rest.len);
            n++;
        }
        if (rest.len == 0) {
            *used = n;
            return &entries[i];
        }
    }
    return NULL;
}

/* "grant" alone names a group. */
static bool is_of_group(const struct entry *entry, const char *word)
{
    size_t len = strlen(word);
    return strncmp(entry->words, word, len) == 0 && entry->words[len] == ' ';
}

static bool print_group(FILE *to, const char *word)
{
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (!is_of_group(&entries[i], word))
            continue;
        print_summary(to, &entries[i]);
        any = true;
    }
    return any;
}

/* In a known group only the second word is to be guessed: "grant frob" is nothing like "grant list". */
static struct str guess_in_group(const char *group, const char *word)
{
    struct str known[ARRAY_LEN(entries)];
    size_t count = 0, skip = strlen(group) + 1;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (is_of_group(&entries[i], group))
            known[count++] = str_from_c(entries[i].words + skip);
    }
    return nearest_word(str_from_c(word), known, count);
}

static int unknown_in_group(const char *group, const char *word)
{
    struct invocation invocation = { .words = NULL };
    struct str guess = guess_in_group(group, word);
    if (guess.len > 0)
        return usage_error(&invocation, "no command \"%s %s\": did you mean \"%s %" STR_FMT "\"?", group, word, group,
                           STR_ARG(guess));
    (void)failure(&invocation, "no command \"%s %s\", but:", group, word);
    print_group(stderr, group);
    return EXIT_USAGE;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        if (is_of_group(&entries[i], word))
            return true;
    }
    return false;
}

static int unknown_command(const char *const *words, size_t count)
{
    struct invocation invocation = { .words = NULL };
    struct str known[ARRAY_LEN(entries)];
    char asked[128];
    bool two = count > 1 && words[1][0] != '-';
    if (two && is_group(words[0]))
        return unknown_in_group(words[0], words[1]);
    if (print_group(stderr, words[0]))
        return EXIT_USAGE;
    snprintf(asked, sizeof(asked), "%s%s%s", words[0], two ? " " : "", two ? words[1] : "");
    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        known[i] = str_from_c(entries[i].words);
    struct str guess = nearest_word(str_from_c(asked), known, ARRAY_LEN(known));
    if (guess.len == 0)
        guess = nearest_word(str_from_c(words[0]), known, ARRAY_LEN(known));
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) /* a group, by its name alone */
        known[i] = str_slice(known[i], 0, str_find_byte(known[i], ' '));
    if (guess.len == 0)
        guess = nearest_word(str_from_c(words[0]), known, ARRAY_LEN(known));
    if (guess.len > 0)
        return usage_error(&invocation, "no command \"%s\": did you mean \"%" STR_FMT "\"?", asked, STR_ARG(guess));
    return usage_error(&invocation, "no command \"%s\"", asked);
}

int command_print_help(const char *const *words, size_t count)
{
    size_t used;
    const struct entry *entry = find_entry(words, count, &used);
    if (entry) {
        print_help(entry);
        return EXIT_YES;
    }
    return print_group(stdout, words[0]) ? EXIT_YES : unknown_command(words, count);
}

/* `name` may end with "=value". */
static const struct option *find_option(const struct command *command, struct str name, char letter)
{
    const struct option *tables[] = { command->options, &common_options[command->json ? OPTION_JSON : OPTION_HELP] };
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        for (const struct option *option = tables[t]; option && option->name; option++) {
            if (letter ? option->letter == letter : str_eq(str_from_c(option->name), name))
                return option;
        }
    }
    return NULL;
}

static int unknown_option(const struct invocation *invocation, const char *word, struct str name)
{
    struct str known[OPTIONS_SHOWN];
    size_t count = 0;
    for (const struct option *option = invocation->command->options; option && option->name; option++) {
        CHECK(count + 2 < OPTIONS_SHOWN);
        known[count++] = str_from_c(option->name);
    }
    known[count++] = STR("help");
    if (invocation->command->json)
        known[count++] = STR("json");
    struct str guess = nearest_word(name, known, count);
    if (guess.len > 0)
        return usage_error(invocation, "no option %s: did you mean --%" STR_FMT "?", word, STR_ARG(guess));
    return usage_error(invocation, "no option %s", word);
}

/* One option at words[*at]; 0, or an exit status. */
static int read_option(struct invocation *invocation, const char *const *words, size_t count, size_t *at)
{
    const char *word = words[*at], *value = NULL;
    bool is_long = word[1] == '-';
    struct str name = str_from_c(word + (is_long ? 2 : 1));
    if (is_long) {
        size_t equals = str_find_byte(name, '=');
        if (equals < name.len)
            value = name.ptr + equals + 1;
        name = str_slice(name, 0, equals);
    } else if (name.len > 1) {
        value = word + 2;
    }
    const struct option *option = find_option(invocation->command, name, is_long ? 0 : word[1]);
    if (!option)
        return unknown_option(invocation, word, name);
    if (!option->argument && value)
        return usage_error(invocation, "--%s takes no value", option->name);
    if (option->argument && !value) {
        if (*at + 1 == count)
            return usage_error(invocation, "--%s needs a value: %s", option->name, option->argument);
        value = words[++*at];
    }
    if (!option->many && option_value(invocation, option->name))
        return usage_error(invocation, "--%s is given twice", option->name);
    if (invocation->given_count == GIVEN_MAX)
        return usage_error(invocation, "more than %d options", GIVEN_MAX);
    invocation->given[invocation->given_count++] = (struct given){ option, value ? value : "" };
    return 0;
}

static int read_words(struct invocation *invocation, const char **words, size_t count)
{
    size_t kept = 0, plain = SIZE_MAX;
    bool options = true;
    for (size_t at = 0; at < count; at++) {
        if (options && strcmp(words[at], "--") == 0) {
            options = false;
            plain = kept;
        } else if (options && words[at][0] == '-' && words[at][1] != 0) {
            int status = read_option(invocation, words, count, &at);
            if (status)
                return status;
        } else {
            words[kept++] = words[at];
        }
    }
    invocation->arguments = words;
    invocation->argument_count = kept;
    invocation->plain = plain < kept ? plain : kept;
    return 0;
}

int command_main(int argc, char **argv)
{
    const char *words[256];
    struct invocation invocation = { .words = NULL };
    size_t count = 0, used;
    for (int i = 1; i < argc; i++) {
        if (count == ARRAY_LEN(words))
            return usage_error(&invocation, "more than %zu words", ARRAY_LEN(words));
        words[count++] = argv[i];
    }
    if (count == 0) {
        words[0] = "status";
        count = 1;
    } else if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        command_print_overview();
        return EXIT_YES;
    } else if (strcmp(words[0], "--version") == 0) {
        words[0] = "version";
    } else if (words[0][0] == '-') {
        return usage_error(&invocation, "no command before %s", words[0]);
    }
    const struct entry *entry = find_entry(words, count, &used);
    if (!entry && count == 2 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0))
        return command_print_help(words, 1);
    if (!entry)
        return unknown_command(words, count);
    invocation.command = entry->command;
    invocation.words = entry->words;
    int status = read_words(&invocation, words + used, count - used);
    if (status)
        return status;
    if (option_value(&invocation, "help")) {
        print_help(entry);
        return EXIT_YES;
    }
    invocation.json = option_value(&invocation, "json") != NULL;
    if (invocation.argument_count < entry->command->least)
        return usage_error(&invocation, "%s is missing", entry->command->arguments);
    if (invocation.argument_count > entry->command->most)
        return usage_error(&invocation, "\"%s\" is one word too many", invocation.arguments[entry->command->most]);
    return entry->command->run(&invocation);
}
