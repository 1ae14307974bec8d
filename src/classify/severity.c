/* severity.def, read from the top. */
#include "classify/severity.h"

#include "base/check.h"
#include "classify/words.h"

#define BIT(signal) (1U << SIGNAL_##signal)

static const struct {
    enum tool_class class;
    unsigned objects;
    uint32_t signals;
    enum severity severity;
    const char *reason;
} rates[] = {
#define RATE(class, objects, signals, severity, reason) \
    { CLASS_##class, objects, signals, SEVERITY_##severity, reason },
#include "classify/severity.def"
#undef RATE
};

void rate_severity(struct verdict_on_tool *verdict, unsigned objects)
{
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        if (rates[i].class != verdict->class || (rates[i].objects && !(rates[i].objects & objects)) ||
            (rates[i].signals && !(rates[i].signals & verdict->signals)))
            continue;
        verdict->severity = rates[i].severity;
        verdict->severity_reason = str_from_c(rates[i].reason);
        return;
    }
    WRONG("a class without a severity");
}

const char *severity_name(enum severity severity)
{
    static const char *const names[] = {
        [SEVERITY_LOW] = "low", [SEVERITY_MEDIUM] = "medium", [SEVERITY_HIGH] = "high", [SEVERITY_CRITICAL] = "critical"
    };
    return names[severity];
}
