/* A subcommand: its options as a table, from which the parser, the help and the guesses at misspellings are made, and
 * one function. One thread; everything is borrowed from argv. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "json/writer.h"

#include <stdbool.h>
#include <stddef.h>

enum exit_status { EXIT_YES = 0, EXIT_NO = 1, EXIT_USAGE = 2 };

struct option {
    const char *name;     /* without its dashes; NULL ends a table */
    char        letter;   /* 0: none */
    const char *argument; /* what stands for its value in the help; NULL: it takes none */
    const char *text;
    bool        many;     /* may be given more than once */
};

struct invocation;

struct command {
    const char          *summary;   /* one line */
    const char          *arguments; /* what follows the options, or "" */
    size_t               least, most; /* how many of them */
    const struct option *options;   /* beside --help, and --json where `json` */
    bool                 json;
    const char          *help;      /* what one should know, and examples */
    int                (*run)(const struct invocation *invocation); /* an exit_status */
};

struct given { const struct option *option; const char *value; };
#define GIVEN_MAX 64

struct invocation {
    const struct command *command;
    const char           *words;    /* "grant create" */
    struct given          given[GIVEN_MAX];
    size_t                given_count;
    const char *const    *arguments;
    size_t                argument_count;
    size_t                plain;    /* how many of them stand before "--"; all, where there is none */
    bool                  json;
};

/* The value of an option, or NULL when it was not given ("" for one that takes none). */
const char *option_value(const struct invocation *invocation, const char *name);
/* The n-th value of one that may be given more than once, from 0; NULL: there are no more. */
const char *option_nth(const struct invocation *invocation, const char *name, size_t n);

#define SUBCOMMAND(words, name, heading) extern const struct command name;
#include "cli/subcommands.def"
#undef SUBCOMMAND

/* Finds the subcommand in argv, reads its options and runs it. */
int command_main(int argc, char **argv);
/* The subcommands in the order of their table; NULL behind the last. */
const struct command *command_at(size_t index, const char **words);
/* What `warder help` prints. */
void command_print_overview(void);
int  command_print_help(const char *const *words, size_t count);

/* "warder grant create: TEXT" and where help is; EXIT_USAGE. */
int usage_error(const struct invocation *invocation, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same without the hint at the help; EXIT_NO. */
int failure(const struct invocation *invocation, const char *format, ...) PRINTF_LIKE(2, 3);
