/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the room only: the parts of "remove" and "rollback". dpkg and apt do the work, as programs of their own; what
 * is decided here rests on their exit codes and on one line of dpkg-query in a format that we name.
 */
#ifndef TRN_RESPONSE_EXECUTE_PACKAGE_H
#define TRN_RESPONSE_EXECUTE_PACKAGE_H

#include "response/execute/execute.h"

#define TRN_PACKAGE_NAME 128u /* with the NUL */
#define TRN_PACKAGE_OTHERS 8u
#define TRN_PACKAGE_SAMPLES 6u
#define TRN_PACKAGE_OUTPUT (64u * 1024u) /* of what a tool says that is ever read */
#define TRN_PACKAGE_ACT_SEC 900u         /* a removal or an installation with its download */

/* ---- package_text.c: what is written down, pure functions ---- */
struct trn_package_target {                                 /* NAME[:ARCH][=VERSION][,OTHER...] */
    char name[TRN_PACKAGE_NAME], version[TRN_PACKAGE_NAME]; /* version "": whichever is there */
    char others[TRN_PACKAGE_OTHERS][TRN_PACKAGE_NAME];      /* remove: these may go with it */
    uint32_t n_others;
};
bool trn_package_name_ok(struct trn_str name); /* NAME or NAME:ARCH; never an option, never a path */
bool trn_package_version_ok(struct trn_str version);
int trn_package_target_parse(struct trn_str text, struct trn_package_target *ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_str trn_package_bare(const char *name); /* without ":ARCH"; a view */

enum trn_package_state {
    TRN_PACKAGE_ABSENT,   /* not there, or only its configuration files are */
    TRN_PACKAGE_WHOLE,    /* installed */
    TRN_PACKAGE_UNPACKED, /* its files are there, its set-up is not done: dpkg --configure */
    TRN_PACKAGE_HALF,     /* dpkg was stopped in the middle of it */
};

struct trn_package_facts {
    enum trn_package_state state;
    char status[24]; /* dpkg's word: "half-installed" */
    char version[TRN_PACKAGE_NAME], arch[32];
    bool needed; /* essential, protected or required */
};
#define TRN_PACKAGE_FORMAT \
    "${db:Status-Status}|${db:Status-Eflag}|${Version}|${Architecture}|${Priority}|${Essential}|${Protected}|\\n"
/* The output of dpkg-query -W -f TRN_PACKAGE_FORMAT. -EMLINK: several architectures. */
int trn_package_facts_parse(struct trn_str text, struct trn_package_facts *ret) TRN_MUST_CHECK;

/* Does a simulation of apt-get ("Inst NAME [OLD] (VERSION ...") say that it would install this version? */
bool trn_package_would_install(struct trn_str simulation, struct trn_str name, struct trn_str version);
/* Its lines Inst, Remv, Conf, indented and escaped, at most max of them. */
void trn_package_put_steps(struct trn_buf *out, struct trn_str simulation, unsigned max);
/* What went wrong, out of a tool's words: its "E:" and "error" lines, else the last ones; escaped, one line, at most max
 * bytes. */
void trn_package_put_complaint(struct trn_buf *out, struct trn_str said, size_t max);

void trn_package_pin_path(char *ret, size_t size, const char *name, uint64_t id);
void trn_package_pin_text(struct trn_buf *out, const char *name, const char *version, uint64_t id);

/* What is written down before anything is changed (scripts/ID/record), and then kept in the journal. */
struct trn_package_record {
    char name[TRN_PACKAGE_NAME], arch[32], from[TRN_PACKAGE_NAME], to[TRN_PACKAGE_NAME]; /* to "": removed */
    char samples[TRN_PACKAGE_SAMPLES][200]; /* remove: files that are gone afterwards */
    uint32_t n_samples;
};
void trn_package_record_encode(const struct trn_package_record *r, struct trn_buf *out);
int trn_package_record_decode(struct trn_str bytes, struct trn_package_record *ret) TRN_MUST_CHECK;

/* ---- package_argv.c: which program, with which words; pure ---- */
#define TRN_PACKAGE_WORDS 64u
struct trn_package_argv {
    const char *v[TRN_PACKAGE_WORDS]; /* ends with NULL; into store, or literals */
    size_t n, used;
    char store[2048];
    bool bad;
};
enum trn_package_install { TRN_PACKAGE_SIMULATE, TRN_PACKAGE_DOWNLOAD, TRN_PACKAGE_INSTALL };

void trn_package_argv_query(struct trn_package_argv *a, const char *name);
void trn_package_argv_deb(struct trn_package_argv *a, const char *path); /* "NAME|VERSION|" of a .deb */
void trn_package_argv_older(struct trn_package_argv *a, const char *version, const char *than);
void trn_package_argv_remove(struct trn_package_argv *a, const struct trn_package_target *t, bool no_act);
void trn_package_argv_simulate(struct trn_package_argv *a, const char *verb, const char *name); /* name may be NULL */
/* what: NAME=VERSION or the path of a .deb. */
void trn_package_argv_install(struct trn_package_argv *a, const char *what, enum trn_package_install how);
/* The same in a transient unit of its own, which ends by itself after sec. */
void trn_package_argv_in_unit(struct trn_package_argv *a, uint64_t id, const char *step, unsigned sec);
extern const char *const trn_package_env[]; /* all that a tool gets; NULL at the end */

/* ---- package_run.c: one program, to its end ---- */
/* Its exit code; output goes to out_fd and is cut there when it grows too long. Not longer than sec. */
int trn_package_run(const struct trn_package_argv *a, int out_fd, bool errors_too, unsigned sec, int *ret_code,
                    struct trn_err *err) TRN_MUST_CHECK;
/* With its output (the last TRN_PACKAGE_OUTPUT bytes) in said, which is initialised here. */
int trn_package_ask(const struct trn_package_argv *a, bool errors_too, struct trn_buf *said, int *ret_code,
                    struct trn_err *err) TRN_MUST_CHECK;
void trn_package_tail(int fd, struct trn_buf *said); /* initialises said */

/* ---- package_look.c: what is so on this machine ---- */
int trn_package_facts_of(const char *name, struct trn_package_facts *ret, struct trn_err *err) TRN_MUST_CHECK;
int trn_package_tools_here(struct trn_err *err) TRN_MUST_CHECK;
int trn_package_wait_idle(unsigned sec, struct trn_err *err) TRN_MUST_CHECK;
/* What apt-get install needs for this very version: NAME=VERSION, or a .deb in apt's archives. -ENOENT. */
int trn_package_find(const char *name, const char *arch, const char *version, char *ret, size_t size,
                     struct trn_buf *ret_simulation, struct trn_err *err) TRN_MUST_CHECK;
/* Files of an installed package: -EPERM when one is vital; up to TRN_PACKAGE_SAMPLES into r. */
int trn_package_files(const struct trn_act_tools *t, struct trn_package_record *r, struct trn_err *err) TRN_MUST_CHECK;
struct trn_buf trn_package_script_names(const char *name,
                                        const char *arch); /* "prerm, postrm"; "" none; to be done() */
/* "half-installed: repair it with ..." when the package is in the middle of something. */
void trn_package_repair(const struct trn_package_record *r, const struct trn_package_facts *f, struct trn_err *err);

/* ---- package_plan.c: what is asked, and whether it may be ---- */
struct trn_package_job {
    struct trn_package_target target;
    struct trn_package_facts facts;
    struct trn_package_record r;
    char what[600]; /* rollback: for apt-get install */
};
int trn_package_look(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_package_job *j,
                     struct trn_err *err) TRN_MUST_CHECK;
int trn_package_plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *out,
                     struct trn_err *err) TRN_MUST_CHECK;

/* ---- package_aside.c: scripts/ID ---- */
int trn_package_place(const struct trn_act_tools *t, uint64_t id, bool make, struct trn_err *err) TRN_MUST_CHECK;
void trn_package_place_drop(const struct trn_act_tools *t, uint64_t id);
int trn_package_record_write(int place, const struct trn_package_record *r, struct trn_err *err) TRN_MUST_CHECK;
/* settled: the one of an act that came to its end. -ENOENT: there is none. */
int trn_package_record_read(int place, bool settled, struct trn_package_record *ret) TRN_MUST_CHECK;
int trn_package_record_settled(int place) TRN_MUST_CHECK;
int trn_package_aside(int place, const char *name, const char *arch, struct trn_err *err) TRN_MUST_CHECK;
int trn_package_put_back(int place, const char *name, const char *arch, struct trn_err *err) TRN_MUST_CHECK;
/* The tool's output, locked for as long as the tool or one of its children has it open. -EBUSY: one still runs. */
int trn_package_output(int place, struct trn_err *err) TRN_MUST_CHECK;
int trn_package_wait_output(int place, unsigned sec, struct trn_err *err) TRN_MUST_CHECK; /* 0: none runs any more */

#endif
