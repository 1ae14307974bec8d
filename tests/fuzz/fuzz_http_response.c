/* Answers of a server: the same whatever the cuts, and framed by a length or chunks or not at all. */
#include "http1_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_both(HTTP1_CLIENT, 65536, data, size, NULL);
    return 0;
}
