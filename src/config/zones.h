/* The time zones of this machine, for policies that name one. */
#pragma once

#include "policy/policy.h"

/* Reads tables from the system's time zone database; static, any thread. */
const struct zones *config_zones(void);
