// Preloaded into brake: lets the k-th call of one function of the C library fail, be cut short, or be the process's last.
//
//   BRAKE_FAULT=pread:3:EIO      also EINTR, EACCES, ENOSPC, EMFILE; short (half as many bytes); kill (before the call)
//   BRAKE_CALLS=FILE             counts the calls of each function there, one number of 8 bytes a function
//
// Only calls that look at or change files count, and only in a process that is named brake.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum call {
  OPEN, READ, PREAD, WRITE, CLOSE, FSYNC, SYNCFS, RENAME, RENAMEAT2, LINK, UNLINK, REMOVE, RMDIR, MKDIR, FSTAT, FSTATAT,
  OPENDIR, READDIR, CALLS
};
static const char *const names[CALLS] = {
  "open", "read", "pread", "write", "close", "fsync", "syncfs", "rename", "renameat2", "link", "unlink", "remove",
  "rmdir", "mkdir", "fstat", "fstatat", "opendir", "readdir"
};

static const struct { const char *name; int code; } errors[] = {
  {"EIO", EIO}, {"EINTR", EINTR}, {"EACCES", EACCES}, {"ENOSPC", ENOSPC}, {"EMFILE", EMFILE}
};

static enum { FAIL, SHORT, KILL } fault;
static int victim = -1, code = EIO, counting;
static long position;
static long private_counts[CALLS], *counts = private_counts;

__attribute__((constructor)) static void start(void) {
  if (strcmp(program_invocation_short_name, "brake") != 0) return;
  const char *path = getenv("BRAKE_CALLS");
  if (path) {
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *shared = file < 0 ? MAP_FAILED : mmap(NULL, sizeof private_counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) counts = shared;
  }
  const char *wanted = getenv("BRAKE_FAULT");
  if (wanted) {
    char text[64] = "", *rest = text;
    strncpy(text, wanted, sizeof text - 1);
    const char *name = strsep(&rest, ":"), *at = strsep(&rest, ":"), *what = rest ? rest : "EIO";
    for (int call = 0; call < CALLS; call++) if (strcmp(name, names[call]) == 0) victim = call;
    position = at ? atol(at) : 1;
    fault = strcmp(what, "short") == 0 ? SHORT : strcmp(what, "kill") == 0 ? KILL : FAIL;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
      if (strcmp(what, errors[i].name) == 0) code = errors[i].code;
  }
  counting = 1;
}

enum verdict { GO_ON, FAILED, CUT };

static enum verdict judge(enum call call) {
  if (!counting) return GO_ON;
  long number = __atomic_add_fetch(&counts[call], 1, __ATOMIC_SEQ_CST);
  if ((int)call != victim || number != position) return GO_ON;
  if (fault == KILL) kill(getpid(), SIGKILL);
  if (fault == SHORT) return CUT;
  errno = code;
  return FAILED;
}

// The runtime of the language looks at these by itself.
static int is_file(const char *path) { return strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0; }

#define NEXT(name) \
  static __typeof__(&name) next; \
  if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// Pipes and event counters are no files.
static int is_open_file(int file) {
  static int (*look)(int, struct stat *);
  if (!look) look = (int (*)(int, struct stat *))dlsym(RTLD_NEXT, "fstat");
  int error = errno;
  struct stat status;
  int result = look(file, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
  errno = error;
  return result;
}

#define OPENING(name, number, parameters, ...) \
  int name parameters { \
    va_list list; \
    va_start(list, flags); \
    mode_t mode = va_arg(list, mode_t); \
    va_end(list); \
    NEXT(name); \
    if (is_file(path) && judge(number) == FAILED) return -1; \
    return next(__VA_ARGS__); \
  }
OPENING(open, OPEN, (const char *path, int flags, ...), path, flags, mode)
OPENING(openat, OPEN, (int folder, const char *path, int flags, ...), folder, path, flags, mode)

#define MOVING(name, number, pointer, extra, ...) \
  ssize_t name(int file, pointer bytes, size_t count extra) { \
    NEXT(name); \
    enum verdict verdict = is_open_file(file) ? judge(number) : GO_ON; \
    if (verdict == FAILED) return -1; \
    if (verdict == CUT && count > 1) count /= 2; \
    return next(__VA_ARGS__); \
  }
#define AND_OFFSET , off_t offset
#define NOTHING
MOVING(read, READ, void *, NOTHING, file, bytes, count)
MOVING(pread, PREAD, void *, AND_OFFSET, file, bytes, count, offset)
MOVING(write, WRITE, const void *, NOTHING, file, bytes, count)

#define ASKING(name, number, parameters, ...) \
  int name parameters { \
    NEXT(name); \
    if (judge(number) == FAILED) return -1; \
    return next(__VA_ARGS__); \
  }
ASKING(fsync, FSYNC, (int file), file)
ASKING(syncfs, SYNCFS, (int file), file)
ASKING(rename, RENAME, (const char *from, const char *to), from, to)
ASKING(renameat2, RENAMEAT2, (int a, const char *from, int b, const char *to, unsigned flags), a, from, b, to, flags)
ASKING(link, LINK, (const char *from, const char *to), from, to)
ASKING(unlink, UNLINK, (const char *path), path)
ASKING(remove, REMOVE, (const char *path), path)
ASKING(rmdir, RMDIR, (const char *path), path)
ASKING(mkdir, MKDIR, (const char *path, mode_t mode), path, mode)
ASKING(fstat, FSTAT, (int file, struct stat *status), file, status)
ASKING(fstatat, FSTATAT, (int folder, const char *path, struct stat *status, int flags), folder, path, status, flags)

// Linux closes the descriptor even where it reports an error.
int close(int file) {
  NEXT(close);
  enum verdict verdict = is_open_file(file) ? judge(CLOSE) : GO_ON;
  int result = next(file);
  if (verdict != FAILED) return result;
  errno = code;
  return -1;
}

DIR *opendir(const char *path) {
  NEXT(opendir);
  return judge(OPENDIR) == FAILED ? NULL : next(path);
}

struct dirent *readdir(DIR *folder) {
  NEXT(readdir);
  return judge(READDIR) == FAILED ? NULL : next(folder);
}
