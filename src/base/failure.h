/* What the kernel says, in our words: one table for files, sockets and processes. */
#pragma once

/* A negative enum error for a positive errno; E_IO for what has no name of ours. */
int error_of_errno(int number);
