/* Assertions that stay on in production: what cannot happen ends the process with a place and a reason. */
#pragma once

_Noreturn void check_failed(const char *file, int line, const char *function, const char *what);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, __func__, #condition))
#define AN(value)        CHECK((value) != 0)
#define AZ(value)        CHECK((value) == 0)
#define WRONG(why)       check_failed(__FILE__, __LINE__, __func__, why)

/* Each object that crosses a border begins with `unsigned magic`, checked where it enters. */
#define CHECK_OBJ(object, wanted)                                                                  \
    do {                                                                                           \
        CHECK((object) != NULL);                                                                   \
        CHECK((object)->magic == (wanted));                                                        \
    } while (0)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))
