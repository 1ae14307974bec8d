/* A server's grade, A to F, from what its tools are. One table: the first row that holds gives the grade. Pure. */
#pragma once

#include "classify/classify.h"

#include <stddef.h>

struct grade_counts {
    size_t tools, hidden_text, instructions;
    size_t of_class[CLASS_FINANCIAL + 1], of_severity[SEVERITY_CRITICAL + 1];
};

struct grade {
    char       letter; /* 0: no tools */
    struct str why;    /* ours: "tools that destroy" */
    size_t     count;  /* how many are so */
};

struct grade grade_of(const struct grade_counts *counts);
