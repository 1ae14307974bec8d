/* Hosts of URLs, read in the one way that every reader agrees on, or not at all. Pure. */
#pragma once

#include "base/str.h"

#define HOST_KEY_MAX 254

/* What hosts are compared as, in `key`: a name in lower case, an IPv4 address of four plain decimals, or '[' and the
 * sixteen bytes of an IPv6 address. Else why it is none, as what is said of it. */
const char *host_read(struct str text, char key[HOST_KEY_MAX], struct str *out);
/* The same of an http or https URL. */
const char *host_of_url(struct str url, char key[HOST_KEY_MAX], struct str *out);
