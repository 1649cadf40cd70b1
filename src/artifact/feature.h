/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Features: what a content is made of, as far as two releases of it can be compared. Told by a worker beside findings, only
 * when it is asked to (struct trn_scan_options.features); compared in src/release/ by who never saw the bytes.
 * A feature is a fact, not a judgement. Two contents differ in a feature when kind, key and value are not the same; number
 * and place are measures of it.
 */
#ifndef TRN_ARTIFACT_FEATURE_H
#define TRN_ARTIFACT_FEATURE_H

#include "base/base.h"

enum trn_feature_kind {
    TRN_FEATURE_NONE = 0,
    /* ---- programs; each slice of a universal Mach-O is a content of its own ---- */
    TRN_FEATURE_IMPORT, /* key library ("" where the format has none, "by name" where it is asked for so), value symbol or "#12" */
    TRN_FEATURE_EXPORT,  /* value symbol */
    TRN_FEATURE_LIBRARY, /* key "", "delay", "weak", "reexport" or "audit", value the library that is loaded */
    TRN_FEATURE_RPATH,   /* value one path */
    TRN_FEATURE_SECTION, /* key name, value "rwx" with "-" for what it has not, number bytes in the file, at */
    TRN_FEATURE_SEGMENT, /* the same of segments: key type or name */
    TRN_FEATURE_EARLY, /* code before main: key init_array, preinit_array, ctors, tls, mod_init, entry; number how many (of entry: at) */
    TRN_FEATURE_IFUNC,       /* value symbol, or "" for relocations without one (number: how many) */
    TRN_FEATURE_ENTITLEMENT, /* key its name, value */
    TRN_FEATURE_TOOLCHAIN,   /* key rich, linker, comment, build_id, go, rust, sdk, ..., value */
    TRN_FEATURE_TIME,        /* key which, number seconds since 1970 */
    TRN_FEATURE_RANDOM, /* a run of bytes that look random: key where (section or ""), number bytes, at; value "7.98" */
    TRN_FEATURE_TABLE,  /* value aes, rc4, chacha, sha256, md5, base64, ...: constants of a cipher stand in it, at */
    TRN_FEATURE_SIBLING, /* value: name of another file of the release that code opens as data */
    TRN_FEATURE_ABILITY, /* value: what code does that imports do not tell: "dlopen", "syscall", "cpuid"; number: how often */
    /* ---- any content ---- */
    TRN_FEATURE_TEXT, /* a string: key its class (url, domain, address, browser, path, command, registry), value, at */
    TRN_FEATURE_EMBEDDED, /* bytes of another format or of none inside: key its format or "data", number bytes, at */
    TRN_FEATURE_MEASURE,  /* key which ("js.entropy", "js.longest-line"), number thousandths */
    /* ---- packages and scripts ---- */
    TRN_FEATURE_SCRIPT, /* what is run on installation: key when (postinstall, preinst, a custom action), value the command, or its SHA-256 */
    TRN_FEATURE_DEPENDENCY, /* key name, value which versions */
    TRN_FEATURE_SERVICE, /* what starts by itself: key how (systemd, cron, autostart, launchd, service, run-key, udev, ...), value what */
    TRN_FEATURE_CALL, /* what a script can do: key file, network, process, code, environment, ..., value the call */
    TRN_FEATURE_PRIVILEGE, /* key setuid, setgid, capability, world-writable, driver; value */
    TRN_FEATURE_KIND_MAX,
};
#define TRN_FEATURE_NOWHERE UINT64_MAX
#define TRN_TEXT_ALONE \
    2u /* number of a TRN_FEATURE_TEXT that is a text of its own, not a part of a longer one; else 1 */
#define TRN_FEATURE_KEY_MAX 256u
#define TRN_FEATURE_VALUE_MAX 1024u
#define TRN_FEATURES_MAX \
    20000u /* told of one artifact; the rest is not, and TRN_FEATURE_MEASURE "features.more" says how many */

struct trn_feature {
    enum trn_feature_kind kind;
    struct trn_str key, value; /* raw foreign bytes; longer ones are cut, with a hash of the whole at the end */
    uint64_t number;
    uint64_t at; /* offset in the artifact; TRN_FEATURE_NOWHERE */
};
const char *trn_feature_kind_name(enum trn_feature_kind k); /* "import", "init"; as --json has it */

/* ---- contents that were looked at before: hash and base name ---- */
#define TRN_KNOWN_KEY 40u
void trn_known_key(const uint8_t sha256[TRN_SHA256_SIZE], struct trn_str base_name, uint8_t ret[TRN_KNOWN_KEY]);

#endif
