// Prints the digests of all cases, one a line: the form of golden.txt. With an argument, the variant to use.

#include <stdio.h>
#include <stdlib.h>

#include "../../../Sources/CKernels/include/CKernels.h"
#include "../include/KernelCases.h"

static void print(void *context, const char *name, const char *digest) {
  (void)context;
  printf("%s %s\n", digest, name);
}

int main(int count, char **arguments) {
  if (count > 1 && !brake_variant_select(atoi(arguments[1]))) {
    fprintf(stderr, "this processor has no variant %s\n", arguments[1]);
    return 1;
  }
  kernel_cases_run(print, 0);
  return 0;
}
