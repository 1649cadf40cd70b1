/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what scripts of each language can do, as TRN_FEATURE_CALL, each told once of an artifact. */
#ifndef TRN_ARTIFACT_FEATURE_SCRIPT_H
#define TRN_ARTIFACT_FEATURE_SCRIPT_H

#include "artifact/look.h"

/* Groups, the keys of what is told:
 *   file file-write file-mode network process code decode environment secret crypto persist account service
 * code: code made from text; decode: text made readable (base64, hex); persist: started again later. */
struct trn_calls {
    struct trn_look *l;
    struct trn_map *seen; /* hash of group and call */
    uint32_t told;
    int error;
};
struct trn_call_name {
    const char *name, *group;
};

int trn_calls_begin(struct trn_calls *c, struct trn_look *l) TRN_MUST_CHECK;
void trn_calls_done(struct trn_calls *c);
void trn_calls_tell(struct trn_calls *c, const char *group, struct trn_str call, uint64_t at);
/* The group of a name in a table; NULL: none. */
const char *trn_call_group(struct trn_str name, const struct trn_call_name *table, size_t n);

/* One measure, in thousandths. */
int trn_measure(struct trn_look *l, const char *key, uint64_t number) TRN_MUST_CHECK;

/* ---- one language each; base: the place of text in the artifact ---- */
int trn_javascript_calls(struct trn_calls *c, struct trn_str source) TRN_MUST_CHECK;
int trn_python_calls(struct trn_calls *c, struct trn_str text) TRN_MUST_CHECK;
int trn_shell_calls(struct trn_calls *c, struct trn_str text, uint64_t base) TRN_MUST_CHECK;

/* PHP, Perl, PowerShell, by the name or the beginning: "php", "perl", "powershell"; NULL: none of them. */
const char *trn_words_language(struct trn_str name, struct trn_str text);
int trn_words_calls(struct trn_calls *c, struct trn_str name, struct trn_str text) TRN_MUST_CHECK;

#endif
