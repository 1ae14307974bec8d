/* The one enumeration of failures. A function that can fail returns 0 or one of these, negative, and is NODISCARD. */
#pragma once

#define ERRORS(E)                                                                                  \
    E(NOMEM,     "out of memory")                                                                  \
    E(LIMIT,     "a ceiling was reached")                                                          \
    E(SYNTAX,    "not well formed")                                                                \
    E(INVALID,   "not valid here")                                                                 \
    E(NOT_FOUND, "not found")                                                                      \
    E(EXISTS,    "exists already")                                                                 \
    E(AGAIN,     "not ready yet")                                                                  \
    E(CLOSED,    "closed by the other side")                                                       \
    E(IO,        "input or output failed")                                                         \
    E(FULL,      "the queue is full")                                                              \
    E(BACKLOG,   "the ledger's backlog is full")                                                   \
    E(NOSPACE,   "no space left on the disk")                                                      \
    E(TIMEOUT,   "took too long")                                                                  \
    E(CORRUPT,   "the ledger is damaged")                                                          \
    E(LOCKED,    "another gateway holds the data directory")                                       \
    E(DENIED,    "not permitted")                                                                  \
    E(TLS,       "the TLS handshake failed")

enum error_index {
#define E(name, text) ERROR_INDEX_##name,
    ERRORS(E)
#undef E
    ERROR_COUNT
};

enum error {
    E_OK = 0,
#define E(name, text) E_##name = -1 - ERROR_INDEX_##name,
    ERRORS(E)
#undef E
};

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* Static texts; "unknown error" for a number that is none of ours. */
const char *error_name(int error);
const char *error_text(int error);
