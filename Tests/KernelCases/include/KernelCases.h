#ifndef BRAKE_KERNEL_CASES_H
#define BRAKE_KERNEL_CASES_H

/// Called with the name of a case and the SHA-256, in 64 hexadecimal digits, of the bytes of all its outputs.
typedef void (*kernel_case_visitor)(void *context, const char *name, const char *digest);

/// Runs every kernel on fixed inputs, with the variant in use, and visits the digests in a fixed order.
/// Shapes are small, with edges in every direction. The expected digests are in golden.txt.
void kernel_cases_run(kernel_case_visitor visit, void *context);

#endif
