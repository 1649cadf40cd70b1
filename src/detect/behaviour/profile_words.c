/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: features in words: "talks to cdn.example". Must not: print foreign text as it is.
 */
#include "detect/behaviour/profile_internal.h"

void trn_feature_words(const struct trn_profile_feature *f, struct trn_buf *b)
{
    static const char *const verbs[TRN_FEATURE_CLASS_MAX] = {
        [TRN_FEATURE_CHILD] = "starts ",
        [TRN_FEATURE_ARGUMENTS] = "is started with ",
        [TRN_FEATURE_DESTINATION] = "talks to ",
        [TRN_FEATURE_HOST_KIND] = "talks to a host of the kind ",
        [TRN_FEATURE_SENSITIVE] = "reads ",
        [TRN_FEATURE_WRITE_EXEC] = "writes programs to ",
        [TRN_FEATURE_MODULE] = "loads code from ",
        [TRN_FEATURE_MEMORY] = "has executable memory: ",
        [TRN_FEATURE_REACH] = "reaches into others: ",
        [TRN_FEATURE_PRIVILEGE] = "",
        [TRN_FEATURE_LISTEN] = "listens on ",
        [TRN_FEATURE_PERSISTENCE] = "writes to ",
        [TRN_FEATURE_INTERPRETER] = "starts the interpreter ",
        [TRN_FEATURE_HOURS] = "acts at ",
    };
    bool no_flags = f->class == TRN_FEATURE_ARGUMENTS && f->n == 1 && f->text[0] == '-';
    trn_put_c(b, f->class < TRN_FEATURE_CLASS_MAX ? verbs[f->class] : "");
    if (no_flags)
        trn_put_c(b, "no flags");
    else
        trn_escape(b, (struct trn_str){f->text, f->n});
}
