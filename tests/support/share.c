/* Stands for a network share in tests: system calls that such shares refuse fail with the error
   number that the environment names, REFUSE_FLOCK=38 for one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

static int refused(const char *variable)
{
    const char *number = getenv(variable);
    if (number == NULL)
        return 0;
    errno = atoi(number);
    return 1;
}

int flock(int descriptor, int operation)
{
    if (refused("REFUSE_FLOCK"))
        return -1;
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(descriptor, operation);
}

static int lock_or_pass(const char *name, int descriptor, int command, void *argument)
{
    if ((command == F_SETLK || command == F_GETLK) && refused("REFUSE_FCNTL"))
        return -1;
    return ((int (*)(int, int, void *))dlsym(RTLD_NEXT, name))(descriptor, command, argument);
}

int fcntl(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return lock_or_pass("fcntl", descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return lock_or_pass("fcntl64", descriptor, command, argument);
}

int fsync(int descriptor)
{
    struct stat status;
    fstat(descriptor, &status);
    if (S_ISDIR(status.st_mode) && refused("REFUSE_FSYNC_OF_DIRECTORIES"))
        return -1;
    if (refused("REFUSE_FSYNC"))
        return -1;
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(descriptor);
}

int chmod(const char *path, mode_t mode)
{
    if (refused("REFUSE_CHMOD"))
        return -1;
    return ((int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "chmod"))(path, mode);
}

int fchmod(int descriptor, mode_t mode)
{
    if (refused("REFUSE_CHMOD"))
        return -1;
    return ((int (*)(int, mode_t))dlsym(RTLD_NEXT, "fchmod"))(descriptor, mode);
}
