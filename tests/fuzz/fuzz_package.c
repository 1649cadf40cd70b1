/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do any bytes of dpkg-query, apt-get, or a damaged record crash turncoatd or give a name that is an option? */
#include "response/execute/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str all = {(const char *)data, size};
    struct trn_package_target t;
    struct trn_package_facts f;
    struct trn_package_record r;
    struct trn_buf b;
    if (trn_package_target_parse(all, &t, NULL) == 0 && (t.name[0] == '-' || t.version[0] == '-'))
        abort();
    if (trn_package_facts_parse(all, &f) == 0 && f.arch[0] == '-')
        abort();
    (void)trn_package_would_install(all, TRN_STR("acme"), TRN_STR("1.1"));
    trn_buf_init(&b, 65536);
    trn_package_put_steps(&b, all, 20);
    trn_package_put_complaint(&b, all, 200);
    trn_buf_clear(&b);
    if (trn_package_record_decode(all, &r) == 0) {
        trn_package_record_encode(&r, &b);
        if (r.name[0] == '-' || r.from[0] == '-' || !trn_str_eq(trn_buf_str(&b), all))
            abort();
    }
    trn_buf_done(&b);
    return 0;
}
