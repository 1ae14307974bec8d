/* The handshake with a server, and the few messages that an instance writes by itself. */
#pragma once

#include "upstream/instance.h"

/* The connection takes bytes: the first words are sent; then instance_is_ready or instance_lose follows. */
void handshake_begin(struct instance *instance);
/* The timer `patience` of an instance. */
void handshake_is_slow(struct timer *timer);
/* instance.c's */
void instance_is_ready(struct instance *instance);
void instance_notify(struct instance *instance, struct str method, struct str params);
/* Sends what stands in upstream->out, the answer to a request of the server's. */
void instance_answer(struct instance *instance);
