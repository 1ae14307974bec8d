/* The table. */
#include "catalog/grade.h"

struct grade grade_of(const struct grade_counts *counts)
{
    const struct grade steps[] = {
        { 'F', STR("texts that people do not see"), counts->hidden_text },
        { 'F', STR("texts that tell the model what to do"), counts->instructions },
        { 'F', STR("tools of critical severity"), counts->of_severity[SEVERITY_CRITICAL] },
        { 'D', STR("tools that move or commit money"), counts->of_class[CLASS_FINANCIAL] },
        { 'D', STR("tools that destroy"), counts->of_class[CLASS_DESTRUCTIVE] },
        { 'C', STR("tools that execute"), counts->of_class[CLASS_EXECUTE] },
        { 'C', STR("tools of high severity"), counts->of_severity[SEVERITY_HIGH] },
        { 'B', STR("tools that write"), counts->of_class[CLASS_WRITE] },
        { 'B', STR("tools of which it cannot be told what they do"), counts->of_class[CLASS_OTHER] },
        { 'A', STR("nothing but reading"), counts->tools },
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i].count > 0)
            return steps[i];
    return (struct grade){ 0, STR("no tools"), 0 };
}
