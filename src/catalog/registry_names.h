/* Names and versions that a registry's entry may carry, and what may stand in a command line and an environment made of
 * them. An entry is hostile: what passes here begins with no dash, leads to no path, and names no variable by which a
 * runtime can be told to load something else. Each answers NULL, or what is wrong. Pure. */
#pragma once

#include "base/str.h"

#include <stdbool.h>

const char *fault_of_server_name(struct str name);   /* reverse.dns/name */
const char *fault_of_npm_name(struct str name);      /* name, @scope/name */
const char *fault_of_pypi_name(struct str name);     /* PEP 508 */
const char *fault_of_npm_version(struct str version);  /* one of semver 2.0.0: no range, no tag */
const char *fault_of_pypi_version(struct str version); /* one of PEP 440 */
/* Of a server, or of a package from elsewhere: no range, no "latest". */
const char *fault_of_version(struct str version);
const char *fault_of_variable(struct str name);
const char *fault_of_argument(struct str value);     /* a word of a command line, a variable's value */
const char *fault_of_flag(struct str name);          /* "--port" */
const char *fault_of_header(struct str name);
const char *fault_of_header_value(struct str value);
const char *fault_of_web_url(struct str url);        /* http or https, no user, no space; may hold {variables} */
const char *fault_of_https_url(struct str url);
const char *fault_of_sha256(struct str text);
const char *fault_of_subfolder(struct str path);
/* A name of the public internet, as far as a name tells: no address, no bare or local name. */
bool is_public_host(struct str host);
/* Of a URL: without port; empty where there is none. */
struct str url_host(struct str url);
