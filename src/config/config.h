/* warder.json, or a client's own file, read whole before anything starts. The configuration owns its strings and a
 * reference to each policy; it does not change once it is loaded, on any thread, and is then shared by reference on
 * one: what a call began under goes when that call has ended. Values of `env` and `headers` are secrets: they are never
 * printed. */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "config/report.h"
#include "config/retention.h"
#include "model/class.h"
#include "model/server.h"
#include "policy/policy.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct tls;

struct config_server {
    struct server  server;
    struct str     policy_path;     /* as found from the file's directory; empty: none is configured */
    struct str     policy_source;   /* its bytes */
    struct policy *policy;          /* NULL: none is configured, everything is denied; or: */
    bool           recommended;     /* it is made of the classes of its tools, once, and kept in the store */
    struct class_ruling *classes;   /* what the operator says of tools, one each */
    size_t         class_count;
};

enum decisions_to { DECISIONS_NOWHERE, DECISIONS_FILE, DECISIONS_SOCKET };

struct config {
    unsigned              refs;
    struct arena          arena;
    struct str            path;     /* of the file */
    struct sha256         digest;   /* of all bytes that it was made from, secrets too: never shown */
    struct config_server *servers;  /* those that the file does not disable */
    size_t                server_count;
    struct str            listen;   /* "127.0.0.1:8808", checked */
    struct str            admin_listen; /* empty: nowhere */
    bool                  admin_listen_written; /* else it is the default, which may be taken */
    enum decisions_to     decisions_to;
    struct str            decisions_path; /* absolute */
    struct str            data;     /* the data directory, absolute */
    struct str           *hosts;    /* names beside `listen` that clients may use */
    size_t                host_count;
    struct str           *origins;
    size_t                origin_count;
    struct tls           *tls;      /* of the listener; NULL: plain */
    enum audit_mode       audit;
    struct retention      retention;
    enum log_level        log;
    bool                  insecure;
};

/* Where ${NAME} and PATH come from; NULL: not set. */
struct environment {
    const char *(*get)(void *arg, const char *name);
    void         *arg;
    bool          recommended;      /* servers without "policy" have the recommended one */
};

/* One reference. E_INVALID (or what kept the file from being read) with every error at once in *report; a policy that does not load
 * and a program that is not there are errors too. Warnings also on success. */
int  config_load(struct str path, const struct environment *environment, struct report *report, struct config **out) NODISCARD;
/* As config_load, of a file whose bytes are there already; they outlive the configuration. NULL: they are read. */
int  config_load_source(struct str path, const struct str *source, const struct environment *environment,
                        struct report *report, struct config **out) NODISCARD;
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /* NULL is fine */

/* The data directory that a configuration names, read without the rest of it: what subcommands need. Absolute; the
 * default below the working directory where the file names none. */
int config_data_directory(struct str path, struct arena *arena, struct str *out) NODISCARD;
/* The policy that a configuration names for a server (empty: none), and how it takes numbers, read without the rest of
 * the file: no secret is needed. E_NOT_FOUND: no such server, or no file. E_EXISTS: it has
 * the recommended one, which no file holds. */
int config_policy_path(struct str path, struct str server, struct arena *arena, struct str *out, bool *exact_numbers) NODISCARD;
/* Where a gateway may listen: E_INVALID: not an address and a port; E_DENIED: beyond loopback without TLS, and
 * the configuration is not `insecure`. */
int config_check_listen(struct str address, const struct config *config) NODISCARD;
/* "warder-data" below the working directory. */
int config_default_data(struct arena *arena, struct str *out) NODISCARD;
/* "ADDRESS:PORT" as a configuration says it, and whether TLS is spoken there, or the default (also for an empty path). E_INVALID: no client could be told
 * it, because the port is picked at each start. */
int config_listen(struct str path, struct arena *arena, struct str *out, bool *tls) NODISCARD;

/* A document that has servers in it, and is not a policy. */
struct json;
bool config_is_one(const struct json *root);
/* One that belongs to a client. Everything else is ours, and an unknown member in it is an error. */
bool config_is_clients(struct str path, const struct json *root);

/* The rows of settings.def, for help; NULL behind the last. */
enum setting_scope { OF_TOP, OF_SERVER, OF_ANY /* both */, OF_TLS };
struct setting_row {
    enum setting_scope scope;
    const char *name, *default_text, *unit;
    const char *text; /* OF_ANY: of the document, and behind its NUL of a server */
};
const struct setting_row *config_setting(size_t index);
/* What it does there; NULL: it does not stand there. */
const char *config_setting_text(const struct setting_row *row, enum setting_scope scope);
