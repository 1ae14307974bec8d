/* How bad a call can be, beside the class: what it cannot undo, how much it reaches, how private what it shows is. */
#pragma once

#include "classify/classify.h"

/* Fills in severity and its reason from class and signals. `objects`: bits of enum object_kind of all its words. */
void rate_severity(struct verdict_on_tool *verdict, unsigned objects);
