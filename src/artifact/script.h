/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: does a script fetch something and run it, or decode something and run it? */
#ifndef TRN_ARTIFACT_SCRIPT_H
#define TRN_ARTIFACT_SCRIPT_H

#include "artifact/look.h"

#define TRN_SCRIPT_MAX (16u << 20) /* of a script this much is read */

enum trn_script_act {
    TRN_SCRIPT_NOTHING = 0,
    TRN_SCRIPT_FETCHES, /* fetches a file, makes it executable or starts a program: the usual way of large packages */
    TRN_SCRIPT_FETCH_MODE, /* fetches a file and makes it executable */
    TRN_SCRIPT_DECODE_RUN, /* decodes text and runs it */
    TRN_SCRIPT_FETCH_RUN,  /* fetches and gives it to an interpreter */
};

struct trn_script_found { /* the strongest act */
    enum trn_script_act act;
    size_t at;
    uint32_t line;
    struct trn_str words; /* the command or call behind it, the arena's */
};

/* Each adds to *found when it is stronger than what stands there. 0 or -ENOMEM. */
int trn_shell_judge(struct trn_str text, struct trn_arena *a, struct trn_script_found *found) TRN_MUST_CHECK;
int trn_python_judge(struct trn_str source, struct trn_arena *a, struct trn_script_found *found) TRN_MUST_CHECK;
int trn_javascript_judge(struct trn_str text, struct trn_arena *a, struct trn_script_found *found) TRN_MUST_CHECK;

void trn_script_stronger(struct trn_script_found *found, struct trn_script_found other);
/* Tells it of this artifact, or of a member: at install time it weighs full. member 0: this one. */
int trn_script_tell(struct trn_look *l, uint32_t member, const struct trn_script_found *found, bool installs)
    TRN_MUST_CHECK;
/* What a script does, for a package.json that names it: "ACT AT LINE WORDS". */
#define TRN_TRAIT_SCRIPT "script.act"
/* Tells what was found of this script and remembers it; e: what reading it gave. */
int trn_script_settle(struct trn_look *l, int e, const struct trn_script_found *found, struct trn_err *err)
    TRN_MUST_CHECK;
/* All of a script up to TRN_SCRIPT_MAX. */
int trn_script_take(struct trn_look *l, struct trn_str *ret) TRN_MUST_CHECK;

#endif
