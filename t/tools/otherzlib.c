/* SPDX-License-Identifier: Apache-2.0 */
/**
 * otherzlib - a library that is loaded in front of httpd's (LD_PRELOAD): what is compressed has other bytes, as
 * those of another version of zlib have (t/cluster/unlike.t).
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <zlib.h>

typedef int init_function(z_streamp, int, int, int, int, int, const char *, int);

int deflateInit2_(z_streamp z, int level, int method, int window, int memory, int strategy, const char *version, int size)
{
    union { void *object; init_function *call; } real = { dlsym(RTLD_NEXT, "deflateInit2_") };

    if (!real.object) {
        abort();                        /* a test without it would pass */
    }
    return real.call(z, level == 0 ? 0 : 1, method, window, memory, strategy, version, size);
}
