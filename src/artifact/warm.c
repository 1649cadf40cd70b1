/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what libraries load lazily, loaded once before the sandbox closes. Must not: fail; a library that then finds nothing
 * says so by itself later.
 */
#include "artifact/artifact.h"

#include <iconv.h>
#include <langinfo.h>
#include <locale.h>
#include <time.h>

/* glibc reads gconv-modules.cache at the first iconv_open; UTF-8, ASCII and UCS are built in. libarchive asks for UTF-16
 * only when LC_CTYPE is not UTF-8. */
static void charsets(void)
{
    static const char *const names[] = {"ANSI_X3.4-1968", "UTF-16LE", "UTF-16BE", "WCHAR_T"};
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        (void)setlocale(LC_CTYPE, "en_US.UTF-8");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++) {
        iconv_t c = iconv_open("UTF-8", names[i]);
        if (c != (iconv_t)-1)
            (void)iconv_close(c);
    }
}

void trn_scan_warm(void)
{
    uint8_t out[TRN_SHA256_SIZE];
    charsets();
    (void)!trn_signature_warm();
    tzset(); /* libarchive turns the local times of ISO images and FAT entries into UTC */
    (void)!trn_sha256("", 0, out);
    (void)trn_digest_free(trn_digest_new(true));
}
