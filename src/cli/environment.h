/* The process's own environment, for the configuration's ${NAME} and PATH. */
#pragma once

struct environment;
const struct environment *environment_of_process(void);
