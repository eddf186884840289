// Stands between a process and the C library: counts what is written below one folder, or allocated, and lets one call fail.
//
// Here: the calls that bring bytes or names to a disk, large allocations, and a log of the former. Not here: when and how
// (``bench.py`` says it through fault_plan), what is expected (``test_*.py``). Preloaded; does nothing until it is told.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 4096, OPEN_FILES = 64 };
enum kind { GROWS, TOUCHES };  // a full disk refuses the first alone

static struct {
    char root[MOST];
    long at;         // the call that fails, counted from 1; 0: none
    int error;       // its errno
    int stays;       // so do all later ones
    size_t least;    // allocations from so many bytes on are counted instead of writes; 0: writes
    int log;         // file descriptor that writes are told to; -1: none
} plan = {.log = -1};
static long seen;
static int is_on;
static char failed[MOST];
static int handles[MOST];  // of an open file below the root: its number, from 1
static int newest;
static ino_t damaged;      // a file whose close failed: the kernel tells it once more to whoever has it open by then
static int damaged_since;  // the newest open file at that moment
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

void fault_plan(const char *root, long at, int error, int stays, size_t least, int log) {
    strncpy(plan.root, root, MOST - 1);
    plan.at = at, plan.error = error, plan.stays = stays, plan.least = least, plan.log = log;
    seen = 0, failed[0] = 0, damaged = 0, is_on = 1;
}
void fault_off(void) { is_on = 0; }
long fault_seen(void) { return seen; }
const char *fault_failed(void) { return failed; }

static int is_ours(const char *path) {
    const size_t length = strlen(plan.root);
    return is_on && path && length && strncmp(path, plan.root, length) == 0 && (path[length] == '/' || !path[length]);
}
static int is_open(int file) { return is_on && file >= 0 && file < MOST && handles[file]; }

static int counts(const char *what, const char *name) {
    const long now = __sync_add_and_fetch(&seen, 1);
    if (!plan.at || (plan.stays ? now < plan.at : now != plan.at)) return 0;
    if (!failed[0]) snprintf(failed, sizeof failed, "%s %s", what, name);
    errno = plan.error;
    return 1;
}
static int fails(enum kind kind, const char *what, const char *name) {
    const int is_full = plan.error == ENOSPC || plan.error == EDQUOT;
    return !plan.least && !(is_full && kind == TOUCHES) && counts(what, name);
}
static const char *name_of(int file) {
    static __thread char link[64], name[MOST];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, name, MOST - 1);
    name[length > 0 ? length : 0] = 0;
    return name;
}

// One entry of the log: what, which open file, where, then two strings of bytes.
static void tell(char what, int64_t handle, int64_t place, const void *first, size_t first_length, const char *second) {
    if (plan.log < 0) return;
    const uint64_t lengths[2] = {first_length, second ? strlen(second) : 0};
    const struct iovec parts[] = {
        {&what, 1}, {&handle, 8}, {&place, 8}, {(void *)lengths, 16}, {(void *)first, first_length}, {(void *)second, lengths[1]},
    };
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "writev");
    pthread_mutex_lock(&order);
    if (real(plan.log, parts, 6) < 0) abort();
    pthread_mutex_unlock(&order);
}

static int opened(int file, const char *path, int flags) {
    if (file < 0 || file >= MOST || !is_ours(path)) return file;
    handles[file] = __sync_add_and_fetch(&newest, 1);
    tell('o', handles[file], flags & O_TRUNC ? 1 : 0, path, strlen(path), NULL);
    return file;
}
static int open_any(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    if (is_ours(path) && (flags & (O_CREAT | O_TRUNC)) && fails(GROWS, "open", path)) return -1;
    return opened(real(path, flags, mode), path, flags);
}
static mode_t mode_in(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        const mode_t mode = mode_in(flags, rest); \
        va_end(rest); \
        return open_any((int (*)(const char *, int, ...))real, path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        const mode_t mode = mode_in(flags, rest); \
        va_end(rest); \
        if (is_ours(path) && (flags & (O_CREAT | O_TRUNC)) && fails(GROWS, "open", path)) return -1; \
        return opened(real(folder, path, flags, mode), path, flags); \
    }
OPENAT(openat)
OPENAT(openat64)
int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

ssize_t write(int file, const void *data, size_t length) {
    REAL(write);
    if (!is_open(file)) return real(file, data, length);
    const int64_t place = lseek(file, 0, SEEK_CUR);
    if (fails(GROWS, "write", name_of(file))) {
        const int is_full = plan.error == ENOSPC || plan.error == EDQUOT;
        if (!is_full || length < 2 || seen != plan.at) return -1;
        length /= 2;  // a disk is full in the middle of something
    }
    const ssize_t written = real(file, data, length);
    if (written > 0) tell('w', handles[file], place, data, written, NULL);
    return written;
}
#define PWRITE(name, offset_type) \
    ssize_t name(int file, const void *data, size_t length, offset_type place) { \
        REAL(name); \
        if (is_open(file) && fails(GROWS, "write", name_of(file))) return -1; \
        const ssize_t written = real(file, data, length, place); \
        if (written > 0 && is_open(file)) tell('w', handles[file], place, data, written, NULL); \
        return written; \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    if (!is_open(file)) return real(file, parts, count);
    ssize_t total = 0;
    for (int i = 0; i < count; ++i) {
        const ssize_t written = write(file, parts[i].iov_base, parts[i].iov_len);
        if (written < 0) return total ? total : -1;
        total += written;
        if ((size_t)written < parts[i].iov_len) break;
    }
    return total;
}
static ino_t inode_of(int file) {
    struct stat found;
    return fstat(file, &found) ? 0 : found.st_ino;
}
static int is_damaged(int file) { return damaged && handles[file] <= damaged_since && inode_of(file) == damaged; }
#define SYNC(name) \
    int name(int file) { \
        REAL(name); \
        if (!is_open(file)) return real(file); \
        if (fails(TOUCHES, "fsync", name_of(file))) return -1; \
        if (is_damaged(file)) return errno = plan.error, -1; \
        tell('s', handles[file], 0, NULL, 0, NULL); \
        return real(file); \
    }
SYNC(fsync)
SYNC(fdatasync)
#define TRUNCATE(name, offset_type) \
    int name(int file, offset_type length) { \
        REAL(name); \
        if (is_open(file) && fails(GROWS, "ftruncate", name_of(file))) return -1; \
        if (is_open(file)) tell('t', handles[file], length, NULL, 0, NULL); \
        return real(file, length); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
int close(int file) {
    REAL(close);
    const int is_one = is_open(file);
    const int fault = is_one && fails(TOUCHES, "close", name_of(file));
    if (fault) damaged = inode_of(file), damaged_since = newest;
    if (file >= 0 && file < MOST) handles[file] = 0;
    const int done = real(file);  // closed all the same, as on a network disk
    if (!fault) return done;
    errno = plan.error;
    return -1;
}
int dup(int file) {
    REAL(dup);
    const int copy = real(file);
    if (is_open(file) && copy >= 0 && copy < MOST) handles[copy] = handles[file];
    return copy;
}

#define TWO_NAMES(name, kind, letter) \
    int name(const char *from, const char *to) { \
        REAL(name); \
        if (!is_ours(to)) return real(from, to); \
        if (fails(kind, #name, to)) return -1; \
        const int done = real(from, to); \
        if (!done) tell(letter, 0, 0, from, strlen(from), to); \
        return done; \
    }
TWO_NAMES(rename, GROWS, 'r')
TWO_NAMES(link, GROWS, 'l')
TWO_NAMES(symlink, GROWS, 'y')
#define ONE_NAME(name, kind, letter, ...) \
    int name(const char *path __VA_OPT__(, mode_t mode)) { \
        REAL(name); \
        if (!is_ours(path)) return real(path __VA_OPT__(, mode)); \
        if (fails(kind, #name, path)) return -1; \
        const int done = real(path __VA_OPT__(, mode)); \
        if (!done) tell(letter, 0, 0, path, strlen(path), NULL); \
        return done; \
    }
ONE_NAME(unlink, TOUCHES, 'u')
ONE_NAME(rmdir, TOUCHES, 'u')
ONE_NAME(mkdir, GROWS, 'm', mode)
int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat);
    if (!is_open(folder) && !is_ours(path)) return real(folder, path, flags);
    if (fails(TOUCHES, "unlink", path)) return -1;
    const int done = real(folder, path, flags);
    if (!done && path[0] != '/') {
        char whole[2 * MOST];
        snprintf(whole, sizeof whole, "%s/%s", name_of(folder), path);
        tell('u', 0, 0, whole, strlen(whole), NULL);
    } else if (!done) {
        tell('u', 0, 0, path, strlen(path), NULL);
    }
    return done;
}

// Streams of the C library write past the calls above. One that writes below the root is given those as its own.
static struct { FILE *stream; int file; } streams[OPEN_FILES];
static ssize_t stream_read(void *file, char *data, size_t length) { return read((int)(intptr_t)file, data, length); }
static ssize_t stream_write(void *file, const char *data, size_t length) {
    const ssize_t written = write((int)(intptr_t)file, data, length);
    return written < 0 ? 0 : written;
}
static int stream_seek(void *file, off64_t *place, int whence) {
    *place = lseek64((int)(intptr_t)file, *place, whence);
    return *place < 0 ? -1 : 0;
}
static int stream_close(void *file) {
    for (int i = 0; i < OPEN_FILES; ++i)
        if (streams[i].stream && streams[i].file == (int)(intptr_t)file) streams[i].stream = NULL;
    return close((int)(intptr_t)file);
}
static FILE *stream_of(const char *path, const char *mode) {
    const int both = strchr(mode, '+') != NULL;
    const int flags = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT | O_APPEND : 0;
    const int file = open(path, flags | (both ? O_RDWR : O_WRONLY), 0666);
    if (file < 0) return NULL;
    const cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    FILE *stream = fopencookie((void *)(intptr_t)file, mode, calls);
    for (int i = 0; i < OPEN_FILES; ++i)
        if (!streams[i].stream) return streams[i].stream = stream, streams[i].file = file, stream;
    abort();
}
#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        REAL(name); \
        return is_ours(path) && (mode[0] != 'r' || strchr(mode, '+')) ? stream_of(path, mode) : real(path, mode); \
    }
FOPEN(fopen)
FOPEN(fopen64)
#define FILENO(name) \
    int name(FILE *stream) { \
        REAL(name); \
        for (int i = 0; i < OPEN_FILES; ++i) \
            if (streams[i].stream == stream) return streams[i].file; \
        return real(stream); \
    }
FILENO(fileno)
FILENO(fileno_unlocked)

static int lacks(size_t size) { return is_on && plan.least && size >= plan.least && counts("allocate", ""); }
void *malloc(size_t size) { return lacks(size) ? NULL : __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return lacks(count * size) ? NULL : __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return lacks(size) ? NULL : __libc_realloc(old, size); }
void *memalign(size_t align, size_t size) { return lacks(size) ? NULL : __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }
int posix_memalign(void **out, size_t align, size_t size) {
    void *got = memalign(align, size);
    if (!got) return ENOMEM;
    *out = got;
    return 0;
}
#define MMAP(name, offset_type) \
    void *name(void *where, size_t size, int rights, int flags, int file, offset_type place) { \
        REAL(name); \
        if ((flags & MAP_ANONYMOUS) && lacks(size)) return MAP_FAILED; \
        if (is_open(file) && fails(GROWS, "mmap", name_of(file))) return MAP_FAILED; \
        return real(where, size, rights, flags, file, place); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)
