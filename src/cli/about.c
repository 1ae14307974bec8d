/* warder help, warder version: what there is. */
#include "cli/command.h"
#include "cli/manual.h"
#include "cli/terminal.h"
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define SETTING_COLUMN 16

static void print_settings(enum setting_scope scope)
{
    const struct setting_row *row;
    for (size_t i = 0; (row = config_setting(i)) != NULL; i++) {
        const char *text = config_setting_text(row, scope);
        if (!text)
            continue;
        printf("  %s%-13s%s ", colour_on(stdout, COLOUR_BOLD), row->name, colour_off(stdout));
        print_wrapped(stdout, SETTING_COLUMN, SETTING_COLUMN, text);
        if (row->unit[0] || row->default_text[0])
            printf("%*s%s%s%s%s%s%s\n", SETTING_COLUMN, "", colour_on(stdout, COLOUR_DIM), row->unit,
                   row->unit[0] && row->default_text[0] ? "; " : "", row->default_text[0] ? "without it " : "",
                   row->default_text, colour_off(stdout));
    }
}

static int help(const struct invocation *invocation)
{
    const char *page = option_value(invocation, "man");
    if (page)
        return manual_print(page)
                   ? EXIT_YES
                   : usage_error(invocation, "no manual page \"%s\", but: warder, warder.json, warder-policy", page);
    if (invocation->argument_count == 0) {
        command_print_overview();
        return EXIT_YES;
    }
    if (strcmp(invocation->arguments[0], "configuration") == 0) {
        printf("warder.json, or a client's own file such as .mcp.json:\n\n");
        print_settings(OF_TOP);
        printf("\nEach server of mcpServers:\n\n");
        print_settings(OF_SERVER);
        printf("\nIn tls:\n\n");
        print_settings(OF_TLS);
        printf("\nIn command, args, env, cwd, url and headers, ${NAME} is a variable of the\n"
               "gateway's environment and ${file:PATH} a file's text. Paths are found from the\n"
               "file in which they are written.\n");
        return EXIT_YES;
    }
    return command_print_help(invocation->arguments, invocation->argument_count);
}

static const struct option help_options[] = {
    { "man", 0, "PAGE", "a manual page for man(1): warder, warder.json or warder-policy", false },
    { NULL, 0, NULL, NULL, false },
};

const struct command command_help = {
    .summary = "Explains a command, or \"configuration\"",
    .arguments = "[COMMAND]",
    .most = 2,
    .options = help_options,
    .help = "  warder help configuration\n  warder help --man warder-policy | man -l -\n",
    .run = help,
};

static int version(const struct invocation *invocation)
{
    if (!invocation->json) {
        printf("warder %s\n", WARDER_VERSION);
        return EXIT_YES;
    }
    struct json_output output;
    struct json_writer *writer = json_output_begin(&output);
    json_write_object(writer);
    json_write_member_string(writer, STR("version"), STR(WARDER_VERSION));
    json_write_object_end(writer);
    return json_output_end(&output) ? EXIT_YES : EXIT_NO;
}

const struct command command_version = {
    .summary = "Says which version this is",
    .arguments = "",
    .json = true,
    .run = version,
};
