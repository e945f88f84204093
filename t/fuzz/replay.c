/* SPDX-License-Identifier: Apache-2.0 */
/**
 * replay - main() of the replay programs: gives every file named, or every file of a directory named, to the target.
 * Ends with 0 when there was one at least and all were read; a broken promise ends it by SIGABRT.
 */
#include <dirent.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "fuzz.h"

#define INPUT_MAX (1024 * 1024)

static int replayed;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *room = malloc(INPUT_MAX), *exact;
    size_t n;

    if (!f || !room) {
        perror(path);
        exit(2);
    }
    n = fread(room, 1, INPUT_MAX, f);
    if (ferror(f) || !feof(f)) {
        fprintf(stderr, "%s: cannot be read, or is larger than %d bytes\n", path, INPUT_MAX);
        exit(2);
    }
    fclose(f);
    exact = realloc(room, n ? n : 1);       /* a sanitizer or valgrind sees a read behind the input */
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    replayed++;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat st;
    int n, i;

    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &entries, is_input, alphasort);
    for (i = 0; i < n; i++) {
        char file[4096];

        apr_snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        replay_file(file);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    printf("%d inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
