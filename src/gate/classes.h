/* What tools can do: told once for each definition, before its pin is looked at; and what operators say instead. */
#pragma once

struct definitions;
struct gateway;
struct route;
struct server;

/* Of each tool whose class nobody knows yet: filled in where its definition can be read, else it stays unknown. */
void classify_new(struct gateway *gateway, const struct server *server, struct definitions *definitions);
