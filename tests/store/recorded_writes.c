/* Loaded before libc: records what a process writes to data files, in order, with contents.

   For each call on a file whose name ends with the text in RECORDED_NAME, a record is appended to
   the file in RECORD_FILE: kind (w: written, s: synced, t: truncated, a: acknowledged on standard
   output), flags, offset, length, and the contents. A file opened with O_SYNC or O_DSYNC syncs
   with each write, which the flag 1 says.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

static int recorded(int file)
{
	char link[64], name[4096];
	const char *wanted = getenv("RECORDED_NAME");
	ssize_t length;
	size_t size = wanted ? strlen(wanted) : 0;
	char *end = link + sizeof link - 1;

	*end = 0;
	unsigned number = file;
	do
		*--end = '0' + number % 10;
	while (number /= 10);
	end -= 14;
	memcpy(end, "/proc/self/fd/", 14);
	length = readlink(end, name, sizeof name);
	return size && length >= (ssize_t)size && !memcmp(name + length - size, wanted, size);
}

static void append(char kind, int synced, int64_t offset, const struct iovec *parts, int count,
		   ssize_t length)
{
	static int record_file = -1;
	static ssize_t (*real_write)(int, const void *, size_t);
	struct { char kind, synced, pad[6]; int64_t offset, length; } head;
	int i;

	if (!real_write)
		real_write = dlsym(RTLD_NEXT, "write");
	if (record_file < 0)
		record_file = open(getenv("RECORD_FILE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
				   0600);
	memset(&head, 0, sizeof head);
	head.kind = kind;
	head.synced = synced;
	head.offset = offset;
	head.length = parts ? length : 0;
	if (real_write(record_file, &head, sizeof head) != sizeof head)
		abort();
	for (i = 0; parts && i < count && length > 0; i++) {
		size_t size = parts[i].iov_len < (size_t)length ? parts[i].iov_len : (size_t)length;
		if (real_write(record_file, parts[i].iov_base, size) != (ssize_t)size)
			abort();
		length -= size;
	}
}

static int syncs(int file)
{
	int flags = fcntl(file, F_GETFL);
	return (flags & O_DSYNC) != 0;
}

/* The lock is held over call and record, so that the records stand in the order of the calls. */

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset)
{
	static ssize_t (*real)(int, const void *, size_t, off64_t);
	struct iovec part = { (void *)data, size };
	ssize_t length;

	if (!real)
		real = dlsym(RTLD_NEXT, "pwrite64");
	pthread_mutex_lock(&order);
	length = real(file, data, size, offset);
	if (length > 0 && recorded(file))
		append('w', syncs(file), offset, &part, 1, length);
	pthread_mutex_unlock(&order);
	return length;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
	return pwrite64(file, data, size, offset);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset)
{
	static ssize_t (*real)(int, const struct iovec *, int, off64_t);
	ssize_t length;

	if (!real)
		real = dlsym(RTLD_NEXT, "pwritev64");
	pthread_mutex_lock(&order);
	length = real(file, parts, count, offset);
	if (length > 0 && recorded(file))
		append('w', syncs(file), offset, parts, count, length);
	pthread_mutex_unlock(&order);
	return length;
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset)
{
	return pwritev64(file, parts, count, offset);
}

ssize_t write(int file, const void *data, size_t size)
{
	static ssize_t (*real)(int, const void *, size_t);
	struct iovec part = { (void *)data, size };
	ssize_t length;
	int64_t offset;

	if (!real)
		real = dlsym(RTLD_NEXT, "write");
	pthread_mutex_lock(&order);
	offset = file == 1 ? 0 : lseek(file, 0, SEEK_CUR);
	length = real(file, data, size);
	if (length > 0 && file == 1)
		append('a', 0, 0, &part, 1, length);
	else if (length > 0 && recorded(file))
		append('w', syncs(file), offset, &part, 1, length);
	pthread_mutex_unlock(&order);
	return length;
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	ssize_t length;
	int64_t offset;

	if (!real)
		real = dlsym(RTLD_NEXT, "writev");
	pthread_mutex_lock(&order);
	offset = lseek(file, 0, SEEK_CUR);
	length = real(file, parts, count);
	if (length > 0 && recorded(file))
		append('w', syncs(file), offset, parts, count, length);
	pthread_mutex_unlock(&order);
	return length;
}

int fdatasync(int file)
{
	static int (*real)(int);
	int result;

	if (!real)
		real = dlsym(RTLD_NEXT, "fdatasync");
	pthread_mutex_lock(&order);
	result = real(file);
	if (!result && recorded(file))
		append('s', 0, 0, NULL, 0, 0);
	pthread_mutex_unlock(&order);
	return result;
}

int fsync(int file)
{
	return fdatasync(file);
}

int ftruncate64(int file, off64_t length)
{
	static int (*real)(int, off64_t);
	int result;

	if (!real)
		real = dlsym(RTLD_NEXT, "ftruncate64");
	pthread_mutex_lock(&order);
	result = real(file, length);
	if (!result && recorded(file))
		append('t', 0, length, NULL, 0, 0);
	pthread_mutex_unlock(&order);
	return result;
}

int ftruncate(int file, off_t length)
{
	return ftruncate64(file, length);
}
