/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the events of Sysmon mean in ours, as data. Sysmon tells no inode: a file is its path (without regard to
 * case) and its content's hash. It tells no reading of files and no end of a connection. A signature stands in image
 * loads (7) only; the product's name in a process start (1) is what the file says of itself.
 */
#include "ingest/internal.h"

#define F(field) TRN_F_##field
#define FILE_OF(path, inode, device)    \
    {path, inode, TRN_AS_FILE_ID},      \
    {                                   \
        "@host", device, TRN_AS_HOST_ID \
    }
/* Who acts may have started before the recording. */
#define ACTOR(kind, guid, pid, image)                                                                   \
    {                                                                                                   \
        .id = kind, .type = TRN_EV_EXEC, .once = TRN_ONCE_PROCESS, .flags = TRN_EVF_EXISTING, .rows = { \
            {guid, F(ENTITY), TRN_AS_ENTITY},                                                           \
            {pid, F(PID), TRN_AS_NUMBER},                                                               \
            {image, F(EXECUTABLE), TRN_AS_PATH},                                                        \
            FILE_OF(image, F(EXEC_INODE), F(EXEC_DEVICE)),                                              \
        }                                                                                               \
    }
#define SIGNATURE "Signature Signed SignatureStatus"

static const struct trn_map_kind
    kinds[] =
        {
            /* 1: process created. What it is, who started it (when that was before the recording), the start. */
            ACTOR("1", "ParentProcessGuid", "ParentProcessId", "ParentImage"),
            {"1", TRN_EV_IDENTITY, .once = TRN_ONCE_FILE,
             .rows =
                 {
                     {"Image", F(IDENTITY_PATH), TRN_AS_PATH},
                     FILE_OF("Image", F(IDENTITY_INODE), F(IDENTITY_DEVICE)),
                     {"Hashes", F(IDENTITY_CTIME), TRN_AS_CONTENT_ID},
                     {"Hashes", F(IDENTITY_SHA256), TRN_AS_SHA256},
                     {"Product", F(IDENTITY_NAME), TRN_AS_TEXT},
                     {"FileVersion", F(IDENTITY_VERSION), TRN_AS_VERSION},
                     {"Image", F(IDENTITY_ORIGIN), TRN_AS_MANUAL},
                 }},
            {"1", TRN_EV_EXEC,
             .rows =
                 {
                     {"Image", F(EXECUTABLE), TRN_AS_PATH},
                     FILE_OF("Image", F(EXEC_INODE), F(EXEC_DEVICE)),
                     {"Hashes", F(EXEC_CTIME), TRN_AS_CONTENT_ID},
                     {"CommandLine", F(ARGS), TRN_AS_ARGS},
                     {"CurrentDirectory", F(CWD), TRN_AS_PATH},
                     {"ParentProcessGuid", F(PARENT), TRN_AS_ENTITY},
                     {"ParentProcessId", F(PARENT_PID), TRN_AS_NUMBER},
                     {"TerminalSessionId", F(SESSION), TRN_AS_NUMBER},
                 }},
            ACTOR("3", "ProcessGuid", "ProcessId", "Image"),
            {"3", TRN_EV_CONNECT, TRN_ACT_ESTABLISHED, .when = "Initiated=true",
             .rows =
                 {
                     {"Protocol", F(NET_PROTO), TRN_AS_NAME},
                     {"SourceIp", F(SRC_IP), TRN_AS_IP},
                     {"SourcePort", F(SRC_PORT), TRN_AS_NUMBER},
                     {"DestinationIp", F(DST_IP), TRN_AS_IP},
                     {"DestinationPort", F(DST_PORT), TRN_AS_NUMBER},
                 }},
            /* Source is who began the connection, also when that was the other side. */
            {"3", TRN_EV_ACCEPT, .when = "Initiated=false",
             .rows =
                 {
                     {"Protocol", F(NET_PROTO), TRN_AS_NAME},
                     {"SourceIp", F(SRC_IP), TRN_AS_IP},
                     {"SourcePort", F(SRC_PORT), TRN_AS_NUMBER},
                     {"DestinationIp", F(DST_IP), TRN_AS_IP},
                     {"DestinationPort", F(DST_PORT), TRN_AS_NUMBER},
                 }},
            {"5", TRN_EV_EXIT, .rows = {{"ProcessGuid", F(ENTITY), TRN_AS_ENTITY}}},
            ACTOR("7", "ProcessGuid", "ProcessId", "Image"),
            {"7", TRN_EV_IDENTITY, .once = TRN_ONCE_FILE,
             .rows =
                 {
                     {"ImageLoaded", F(IDENTITY_PATH), TRN_AS_PATH},
                     FILE_OF("ImageLoaded", F(IDENTITY_INODE), F(IDENTITY_DEVICE)),
                     {"Hashes", F(IDENTITY_CTIME), TRN_AS_CONTENT_ID},
                     {"Hashes", F(IDENTITY_SHA256), TRN_AS_SHA256},
                     {"Product", F(IDENTITY_NAME), TRN_AS_TEXT},
                     {"FileVersion", F(IDENTITY_VERSION), TRN_AS_VERSION},
                     {SIGNATURE, F(IDENTITY_SIGNER), TRN_AS_IF_SIGNED},
                     {SIGNATURE, F(IDENTITY_ORIGIN), TRN_AS_ORIGIN_WIN},
                     {"ImageLoaded", F(IDENTITY_ORIGIN), TRN_AS_MANUAL},
                     {SIGNATURE, F(IDENTITY_FLAGS), TRN_AS_SYSTEM_WIN},
                 }},
            {"7", TRN_EV_LIB_LOAD,
             .rows =
                 {
                     {"ImageLoaded", F(DLL_PATH), TRN_AS_PATH},
                     FILE_OF("ImageLoaded", F(MAP_INODE), F(MAP_DEVICE)),
                     {"Hashes", F(MAP_CTIME), TRN_AS_CONTENT_ID},
                 }},
            /* 8: a thread was started in another process. */
            ACTOR("8", "SourceProcessGuid", "SourceProcessId", "SourceImage"),
            ACTOR("8", "TargetProcessGuid", "TargetProcessId", "TargetImage"),
            {"8", TRN_EV_ACCESS, TRN_ACT_WRITE,
             .rows =
                 {
                     {"SourceProcessGuid", F(ENTITY), TRN_AS_ENTITY},
                     {"SourceProcessId", F(PID), TRN_AS_NUMBER},
                     {"TargetProcessGuid", F(TARGET), TRN_AS_ENTITY},
                     {"TargetProcessId", F(TARGET_PID), TRN_AS_NUMBER},
                     {"EventType", F(ACCESS_WAY), TRN_AS_TEXT},
                 }},
            /* 10: a process was opened; what with, the granted rights say. */
            ACTOR("10", "SourceProcessGUID", "SourceProcessId", "SourceImage"),
            ACTOR("10", "TargetProcessGUID", "TargetProcessId", "TargetImage"),
            {"10", TRN_EV_ACCESS, TRN_ACT_WRITE, .when = "GrantedAccess&0x2a",
             .rows =
                 {
                     {"SourceProcessGUID", F(ENTITY), TRN_AS_ENTITY},
                     {"SourceProcessId", F(PID), TRN_AS_NUMBER},
                     {"SourceThreadId", F(TID), TRN_AS_NUMBER},
                     {"TargetProcessGUID", F(TARGET), TRN_AS_ENTITY},
                     {"TargetProcessId", F(TARGET_PID), TRN_AS_NUMBER},
                     {"GrantedAccess", F(ACCESS_WAY), TRN_AS_RIGHTS},
                 }},
            {"10", TRN_EV_ACCESS, TRN_ACT_READ, .when = "GrantedAccess!0x2a",
             .rows =
                 {
                     {"SourceProcessGUID", F(ENTITY), TRN_AS_ENTITY},
                     {"SourceProcessId", F(PID), TRN_AS_NUMBER},
                     {"SourceThreadId", F(TID), TRN_AS_NUMBER},
                     {"TargetProcessGUID", F(TARGET), TRN_AS_ENTITY},
                     {"TargetProcessId", F(TARGET_PID), TRN_AS_NUMBER},
                     {"GrantedAccess", F(ACCESS_WAY), TRN_AS_RIGHTS},
                 }},
            ACTOR("11", "ProcessGuid", "ProcessId", "Image"),
            {"11", TRN_EV_FILE, TRN_ACT_CREATED,
             .rows =
                 {
                     {"TargetFilename", F(FILE_PATH), TRN_AS_PATH},
                     FILE_OF("TargetFilename", F(FILE_INODE), F(FILE_DEVICE)),
                 }},
            /* 13: a value of the registry was set; told as a file of the value's path, for there are no fields of its own. */
            ACTOR("13", "ProcessGuid", "ProcessId", "Image"),
            {"13", TRN_EV_FILE, TRN_ACT_WRITTEN,
             .rows =
                 {
                     {"TargetObject", F(FILE_PATH), TRN_AS_PATH},
                     FILE_OF("TargetObject", F(FILE_INODE), F(FILE_DEVICE)),
                 }},
            ACTOR("22", "ProcessGuid", "ProcessId", "Image"),
            {"22", TRN_EV_DNS, TRN_ACT_ANSWER,
             .rows =
                 {
                     {"QueryName", F(DNS_NAME), TRN_AS_TEXT},
                     {"QueryResults", F(DNS_ANSWERS), TRN_AS_ANSWERS},
                     {"QueryStatus", F(DNS_RCODE), TRN_AS_NUMBER},
                 }},
            /* 23 and 26: deleted, with and without a kept copy. */
            ACTOR("23", "ProcessGuid", "ProcessId", "Image"),
            {"23", TRN_EV_FILE, TRN_ACT_DELETED,
             .rows =
                 {
                     {"TargetFilename", F(FILE_PATH), TRN_AS_PATH},
                     FILE_OF("TargetFilename", F(FILE_INODE), F(FILE_DEVICE)),
                 }},
            ACTOR("26", "ProcessGuid", "ProcessId", "Image"),
            {"26", TRN_EV_FILE, TRN_ACT_DELETED,
             .rows =
                 {
                     {"TargetFilename", F(FILE_PATH), TRN_AS_PATH},
                     FILE_OF("TargetFilename", F(FILE_INODE), F(FILE_DEVICE)),
                 }},
};

const struct trn_map_source trn_map_sysmon = {
    .name = "sysmon",
    .common =
        {
            /* UtcTime of 3 and 22 is the trace session's clock, seen minutes beside that of the other kinds. */
            {"@time", F(TIMESTAMP), TRN_AS_TIME},
            {"UtcTime", F(TIMESTAMP), TRN_AS_TIME},
            {"ProcessGuid", F(ENTITY), TRN_AS_ENTITY},
            {"ProcessId", F(PID), TRN_AS_NUMBER},
        },
    .kinds = kinds,
    .n_kinds = TRN_ARRAY_SIZE(kinds),
};
