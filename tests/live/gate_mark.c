/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: a program without a library whose first act is visible: one byte to descriptor 9, then the end. If nobody
 * reads the byte, it never ran.
 */
#if defined(__x86_64__)
__asm__(".globl _start\n"
        "_start:\n"
        "  mov $1, %eax\n" /* write(9, &byte, 1) */
        "  mov $9, %edi\n"
        "  lea byte(%rip), %rsi\n"
        "  mov $1, %edx\n"
        "  syscall\n"
        "  mov $60, %eax\n" /* exit(0) */
        "  xor %edi, %edi\n"
        "  syscall\n"
        "byte: .ascii \"x\"\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
        "_start:\n"
        "  mov x8, #64\n"
        "  mov x0, #9\n"
        "  adr x1, byte\n"
        "  mov x2, #1\n"
        "  svc #0\n"
        "  mov x8, #93\n"
        "  mov x0, #0\n"
        "  svc #0\n"
        "byte: .ascii \"x\"\n");
#endif
