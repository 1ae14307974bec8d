/* The table. */
#include "catalog/attacks.h"

#include "base/check.h"

#define R (1U << CLASS_READ)
#define W (1U << CLASS_WRITE)
#define X (1U << CLASS_EXECUTE)
#define D (1U << CLASS_DESTRUCTIVE)
#define F (1U << CLASS_FINANCIAL)
#define ALL_TOLD (R | W | X | D | F)
#define ANY (ALL_TOLD | 1U << CLASS_OTHER)
#define BIT(signal) (1U << SIGNAL_##signal)
#define WHOLE false
#define PARTIAL true
/* Its state of May 2026, which was read; since June 2026 it writes SAF-T for SAFE-T. */
#define SAFE_MCP "https://github.com/safe-agentic-framework/safe-mcp/blob/d533c803bcb0764370abd91c24b95c652c20afe2"
#define SAFE(number, name) "SAFE-" number ", " name "|" SAFE_MCP "/techniques/SAFE-" number "/README.md"
#define CVE(number) "CVE-" number "|https://www.cve.org/CVERecord?id=CVE-" number

static const struct attack attacks[ATTACK_COUNT] = {
#define ATTACK(id, slug, name, brief, how, happened, control, partial, classes, told, signals, sources) \
    [ATTACK_##id] = { #id, slug, name, brief, how, happened, control, partial, classes, told, signals, sources },
#include "catalog/attacks.def"
#undef ATTACK
};

const struct attack *attack_at(enum attack_id id)
{
    CHECK(id < ATTACK_COUNT);
    return &attacks[id];
}

bool attack_exposes(const struct attack *attack, enum tool_class class, uint32_t signals)
{
    return attack->classes >> class & 1 && (attack->signals == 0 || attack->signals & signals);
}

bool attack_is_told(const struct attack *attack, enum tool_class class, uint32_t signals)
{
    const uint32_t texts = BIT(INSTRUCTIONS) | BIT(HIDDEN_TEXT);
    if (attack->signals & texts & signals)
        return attack->classes >> class & 1;
    return attack->told >> class & 1 && (attack->signals == 0 || attack->signals & signals);
}
