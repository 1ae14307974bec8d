/* Names and texts of the one enumeration of failures. */
#include "base/error.h"

static const char *const names[] = {
#define E(name, text) #name,
    ERRORS(E)
#undef E
};

static const char *const texts[] = {
#define E(name, text) text,
    ERRORS(E)
#undef E
};

const char *error_name(int error)
{
    if (error == E_OK)
        return "OK";
    return error < 0 && error >= -ERROR_COUNT ? names[-1 - error] : "UNKNOWN";
}

const char *error_text(int error)
{
    if (error == E_OK)
        return "no error";
    return error < 0 && error >= -ERROR_COUNT ? texts[-1 - error] : "unknown error";
}
