/* A stdio server that misbehaves by name: one of the programs that this test is. It knows our own writer's form of
 * requests and reads nothing else. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static void toy_say(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t put = write(STDOUT_FILENO, text, left);
        if (put <= 0)
            _exit(4);
        text += put;
        left -= (size_t)put;
    }
}

static void toy_answer(const char *id, const char *what)
{
    char line[16384];
    snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", id, what);
    toy_say(line);
}

static void toy_flood(void)
{
    static char block[1 << 20];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 100; i++)
        if (write(STDOUT_FILENO, block, sizeof(block)) <= 0)
            _exit(4);
}

/* The names of its environment, and its HOME. */
static void toy_environment(const char *id)
{
    char text[8192] = "\"result\":{\"env\":\"";
    for (char **entry = environ; *entry; entry++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%.*s ", (int)strcspn(*entry, "="), *entry);
    }
    size_t len = strlen(text);
    snprintf(text + len, sizeof(text) - len, "\",\"home\":\"%s\"}", getenv("HOME"));
    toy_answer(id, text);
}

static void toy_call(const char *role, const char *id)
{
    char other[32];
    snprintf(other, sizeof(other), "%d", atoi(id) + 1000);
    if (strcmp(role, "silent") == 0)
        return;
    if (strcmp(role, "dies") == 0) {
        toy_say("{\"jsonrpc\":\"2.0\",\"id\":");
        _exit(3);
    }
    if (strcmp(role, "last words") == 0) {
        toy_answer(id, "\"result\":{\"n\":1}");
        _exit(0);
    }
    if (strcmp(role, "flood") == 0)
        toy_flood();
    if (strcmp(role, "environment") == 0)
        toy_environment(id);
    if (strcmp(role, "mute") == 0) {
        close(STDOUT_FILENO);
        pause();
    }
    if (strcmp(role, "bom") == 0)
        toy_say("\xef\xbb\xbf");
    if (strcmp(role, "both") == 0)
        toy_answer(id, "\"result\":{},\"error\":{\"code\":1,\"message\":\"m\"}");
    if (strcmp(role, "noise") == 0)
        toy_say("ready.\n\n\r\n{\n\xff\n");
    if (strcmp(role, "unknown") == 0)
        toy_answer(other, "\"result\":{\"n\":0}");
    if (strcmp(role, "pieces") == 0) {
        toy_say("{\"jsonrpc\":\"2.0\",");
        usleep(20000);
        toy_say("\r\"id\":");
        usleep(20000);
        toy_say(id);
        toy_say(",\"result\":{\"n\":1}}\r\n");
        return;
    }
    toy_answer(id, "\"result\":{\"n\":1}");
    toy_answer(id, "\"result\":{\"n\":2}"); /* twice is once too often */
}

static int toy_serve(const char *role)
{
    char *line = NULL;
    size_t room = 0;
    if (strcmp(role, "exits") == 0)
        return 3;
    while (getline(&line, &room, stdin) > 0) {
        char id[24] = "";
        const char *at = strstr(line, "\"id\":");
        if (at)
            snprintf(id, sizeof(id), "%.*s", (int)strspn(at + 5, "0123456789"), at + 5);
        if (strstr(line, "\"server/discover\"")) {
            toy_answer(id, "\"error\":{\"code\":-32601,\"message\":\"Method not found\"}");
        } else if (strstr(line, "\"initialize\"")) {
            usleep(strcmp(role, "slow") == 0 ? 300000 : 0);
            toy_answer(id, "\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}}}");
        } else if (strstr(line, "\"tools/list\"")) {
            toy_answer(id, "\"result\":{\"tools\":[{\"name\":\"t\",\"inputSchema\":{\"type\":\"object\"}}]}");
            while (strcmp(role, "deaf") == 0)
                pause();
        } else if (strstr(line, "\"tools/call\"")) {
            toy_call(role, id);
        }
    }
    free(line);
    return 0;
}
