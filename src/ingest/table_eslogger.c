/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the events of eslogger (the Endpoint Security framework of macOS, JSON of schema 1) mean in ours, as data.
 * A process is its pid and the time of its fork: the pid version of an audit token changes at every exec. eslogger tells
 * no network and no version of a product; the product is the bundle's name, or else the signing id.
 */
#include "ingest/internal.h"

#define F(field) TRN_F_##field
#define PROCESS(at)                                                                                      \
    {at ".audit_token.pid " at ".start_time", F(ENTITY), TRN_AS_ENTITY},                                 \
        {at ".audit_token.pid", F(PID), TRN_AS_NUMBER}, {at ".audit_token.ruid", F(UID), TRN_AS_NUMBER}, \
        {at ".audit_token.euid", F(EUID), TRN_AS_NUMBER},                                                \
    {                                                                                                    \
        at ".audit_token.rgid", F(GID), TRN_AS_NUMBER                                                    \
    }
#define STAT(at, what)                                                                                         \
    {at ".stat.st_ino", F(what##_INODE), TRN_AS_NUMBER}, {at ".stat.st_dev", F(what##_DEVICE), TRN_AS_NUMBER}, \
    {                                                                                                          \
        at ".stat.st_ctimespec", F(what##_CTIME), TRN_AS_TIME                                                  \
    }
#define IDENTITY_OF(kind, at)                                                                 \
    {                                                                                         \
        .id = kind, .type = TRN_EV_IDENTITY, .once = TRN_ONCE_FILE, .rows = {                 \
            {at ".executable.path", F(IDENTITY_PATH), TRN_AS_PATH},                           \
            STAT(at ".executable", IDENTITY),                                                 \
            {at ".executable.path", F(IDENTITY_NAME), TRN_AS_APP},                            \
            {at ".signing_id", F(IDENTITY_NAME), TRN_AS_TEXT},                                \
            {at ".team_id", F(IDENTITY_SIGNER), TRN_AS_TEXT},                                 \
            {at ".is_platform_binary " at ".team_id", F(IDENTITY_ORIGIN), TRN_AS_ORIGIN_MAC}, \
            {at ".is_platform_binary", F(IDENTITY_FLAGS), TRN_AS_SYSTEM_MAC},                 \
        }                                                                                     \
    }

#define CREATED "event.create.destination."
#define RENAMED "event.rename.destination."

static const struct trn_map_kind kinds[] = {
    /* Who acts, whatever it does: it may have started before the recording. */
    IDENTITY_OF("*", "process"),
    {"*", TRN_EV_EXEC, .once = TRN_ONCE_PROCESS, .flags = TRN_EVF_EXISTING,
     .rows =
         {
             {"process.executable.path", F(EXECUTABLE), TRN_AS_PATH},
             STAT("process.executable", EXEC),
             {"process.ppid", F(PARENT_PID), TRN_AS_NUMBER},
             {"process.tty.path", F(TTY), TRN_AS_PATH},
         }},
    {"fork", TRN_EV_FORK,
     .rows =
         {
             PROCESS("event.fork.child"),
             {"process.audit_token.pid process.start_time", F(FORK_PARENT), TRN_AS_ENTITY},
             {"process.audit_token.pid", F(FORK_PARENT_PID), TRN_AS_NUMBER},
         }},
    IDENTITY_OF("exec", "event.exec.target"),
    {"exec", TRN_EV_EXEC,
     .rows =
         {
             PROCESS("event.exec.target"),
             {"event.exec.target.executable.path", F(EXECUTABLE), TRN_AS_PATH},
             STAT("event.exec.target.executable", EXEC),
             {"event.exec.script.path", F(SCRIPT), TRN_AS_PATH},
             {"event.exec.args", F(ARGS), TRN_AS_LIST},
             {"event.exec.env", F(ENV), TRN_AS_ENV},
             {"event.exec.cwd.path", F(CWD), TRN_AS_PATH},
             {"event.exec.target.tty.path", F(TTY), TRN_AS_PATH},
             {"event.exec.target.ppid", F(PARENT_PID), TRN_AS_NUMBER},
             {"event.exec.target.session_id", F(SESSION), TRN_AS_NUMBER},
         }},
    {"exit", TRN_EV_EXIT, .rows = {{"event.exit.stat", F(EXIT_CODE), TRN_AS_EXIT}}},
    {"open", TRN_EV_OPEN,
     .rows =
         {
             {"event.open.file.path", F(FILE_PATH), TRN_AS_PATH},
             {"event.open.file.path", F(SENSITIVE), TRN_AS_SENSITIVE},
             {"event.open.file.path", F(OWNER_HINT), TRN_AS_PLACE_OWNER},
             STAT("event.open.file", FILE),
         }},
    {"create", TRN_EV_FILE, TRN_ACT_CREATED,
     .rows =
         {
             {CREATED "existing_file.path", F(FILE_PATH), TRN_AS_PATH},
             {CREATED "new_path.dir.path " CREATED "new_path.filename", F(FILE_PATH), TRN_AS_PATH},
             STAT(CREATED "existing_file", FILE),
         }},
    {"write", TRN_EV_FILE, TRN_ACT_WRITTEN,
     .rows =
         {
             {"event.write.target.path", F(FILE_PATH), TRN_AS_PATH},
             STAT("event.write.target", FILE),
         }},
    {"close", TRN_EV_FILE, TRN_ACT_WRITTEN, .when = "event.close.modified=true",
     .rows =
         {
             {"event.close.target.path", F(FILE_PATH), TRN_AS_PATH},
             {"event.close.target.stat.st_size", F(FILE_SIZE), TRN_AS_NUMBER},
             STAT("event.close.target", FILE),
         }},
    {"rename", TRN_EV_FILE, TRN_ACT_RENAMED,
     .rows =
         {
             {"event.rename.source.path", F(FILE_OLD_PATH), TRN_AS_PATH},
             {RENAMED "existing_file.path", F(FILE_PATH), TRN_AS_PATH},
             {RENAMED "new_path.dir.path " RENAMED "new_path.filename", F(FILE_PATH), TRN_AS_PATH},
             STAT("event.rename.source", FILE),
         }},
    {"unlink", TRN_EV_FILE, TRN_ACT_DELETED,
     .rows =
         {
             {"event.unlink.target.path", F(FILE_PATH), TRN_AS_PATH},
             STAT("event.unlink.target", FILE),
         }},
    {"mmap", TRN_EV_LIB_LOAD, .when = "event.mmap.protection&4",
     .rows =
         {
             {"event.mmap.source.path", F(DLL_PATH), TRN_AS_PATH},
             STAT("event.mmap.source", MAP),
             {"event.mmap.protection", F(MAP_PROT), TRN_AS_NUMBER},
         }},
    /* The task port: everything may be done to its process. */
    {"get_task", TRN_EV_ACCESS, TRN_ACT_WRITE,
     .rows =
         {
             {"event.get_task.target.audit_token.pid event.get_task.target.start_time", F(TARGET), TRN_AS_ENTITY},
             {"event.get_task.target.audit_token.pid", F(TARGET_PID), TRN_AS_NUMBER},
         }},
    {"trace", TRN_EV_ACCESS, TRN_ACT_PTRACE,
     .rows =
         {
             {"event.trace.target.audit_token.pid event.trace.target.start_time", F(TARGET), TRN_AS_ENTITY},
             {"event.trace.target.audit_token.pid", F(TARGET_PID), TRN_AS_NUMBER},
         }},
};

const struct trn_map_source trn_map_eslogger = {
    .name = "eslogger",
    .common =
        {
            {"time", F(TIMESTAMP), TRN_AS_TIME},
            PROCESS("process"),
        },
    .kinds = kinds,
    .n_kinds = TRN_ARRAY_SIZE(kinds),
};
