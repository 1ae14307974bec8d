/* What classes, sources of evidence and signals are called. */
#include "classify/classify.h"

static const struct {
    const char *name, *badge;
} classes[] = {
    [CLASS_OTHER] = { "Other", "Low" },
    [CLASS_READ] = { "Read", "Low" },
    [CLASS_WRITE] = { "Write", "Medium" },
    [CLASS_EXECUTE] = { "Execute", "High" },
    [CLASS_DESTRUCTIVE] = { "Destructive", "Critical" },
    [CLASS_FINANCIAL] = { "Financial", "Critical" },
};

const char *class_name(enum tool_class class)
{
    return classes[class].name;
}
const char *class_badge(enum tool_class class)
{
    return classes[class].badge;
}

bool class_from_name(struct str name, enum tool_class *out)
{
    if (name.len > 0 && name.ptr[0] == '@')
        name = str_slice(name, 1, name.len);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (str_eq_nocase(name, str_from_c(classes[i].name))) {
            *out = (enum tool_class)i;
            return true;
        }
    }
    return false;
}

const char *evidence_source_name(enum evidence_source source)
{
    static const char *const names[] = {
#define S(id, name, text) name,
        EVIDENCE_SOURCES(S)
#undef S
    };
    return names[source];
}

static const struct {
    const char *name, *owasp, *text;
} signals[] = {
#define SIGNAL(id, name, owasp, text) { name, owasp, text },
#include "classify/signals.def"
#undef SIGNAL
};

const char *signal_name(enum signal signal)
{
    return signals[signal].name;
}
const char *signal_owasp(enum signal signal)
{
    return signals[signal].owasp;
}
const char *signal_text(enum signal signal)
{
    return signals[signal].text;
}
