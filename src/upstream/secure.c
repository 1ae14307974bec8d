/* One job of the pool for the first connection of an https server. */
#include "upstream/secure.h"

#include "base/check.h"
#include "base/log.h"
#include "upstream/instance.h"

static void work(struct job *job)
{
    struct secure *secure = CONTAINER_OF(job, struct secure, job);
    secure->error = tls_new(&secure->options, &secure->problem, &secure->made);
}

static const char *part_name(enum tls_part part)
{
    switch (part) {
    case TLS_PART_CERT: return "tls.cert ";
    case TLS_PART_KEY: return "tls.key ";
    case TLS_PART_CA: return "tls.ca ";
    case TLS_PART_HOST: return "url ";
    case TLS_PART_NONE: break;
    }
    return "";
}

static void worked(struct job *job)
{
    struct secure *secure = CONTAINER_OF(job, struct secure, job);
    struct upstream *upstream = secure->upstream;
    secure->running = false;
    if (secure->error)
        log_error(upstream->services.log, "server '%" STR_FMT "': no TLS: %s%s", STR_ARG(upstream->server->name),
                  part_name(secure->problem.part),
                  secure->problem.part ? secure->problem.text : error_text(secure->error));
    else if (upstream->tls)
        tls_unref(secure->made); /* another instance was faster */
    else
        upstream->tls = secure->made;
    secure->made = NULL;
    secure->done(secure);
}

int secure_prepare(struct secure *secure, struct upstream *upstream, struct str host, void (*done)(struct secure *))
{
    const struct server *server = upstream->server;
    if (upstream->tls)
        return 0;
    *secure = (struct secure){
        .job = { .work = work, .done = worked },
        .done = done,
        .upstream = upstream,
        .options = { .cert = server->tls.cert,
                     .key = server->tls.key,
                     .ca = server->tls.ca,
                     .least = server->tls.only_1_3 ? TLS_1_3 : TLS_1_2,
                     .trust = upstream->services.trust,
                     .host = host },
    };
    int error = loop_submit(upstream->services.loop, &secure->job);
    secure->running = !error;
    return error ? error : E_AGAIN;
}
