/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the registry's part about two releases: what can change that a vendor would never change.
 * Must not own: the code that compares (src/release/).
 * Weights and false alarms start from the reference's judgement and are corrected by what pairs of real releases show; a finding may
 * weigh less than its check.
 */
#include "event/check_artifact.h"

#define CHANGE TRN_STAGE_RELEASE_CHANGE

const struct trn_check trn_release_checks[] = {
    {
        .id = "diff.same-authentihash",
        .title = "signed as before, yet another file",
        .score = 85,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009"},
        .means =
            "What the signature covers is the same in both versions, so the signer built nothing new. But the file "
            "is not the same: bytes were added or changed where the signature does not look. A vendor who changes a "
            "program signs it again.",
        .false_alarms =
            "A second signature or a time stamp added later, and installers tagged for each customer; what is a "
            "well-formed signature weighs little.",
        .category = TRN_CATEGORY_SIGNATURE,
        .structural = true,
    },
    {
        .id = "diff.signer-changed",
        .title = "signed by somebody else",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1195.002"},
        .means = "The same file was signed by another organisation before. Who takes over a build or a name signs with "
                 "what he has.",
        .false_alarms =
            "Vendors are renamed and bought, and certificates are renewed: the same organisation with a new "
            "certificate weighs 10.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "diff.signature-lost",
        .title = "no longer signed",
        .score = 70,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1195.002"},
        .means = "The file was signed in the old release and is not in the new one, or its signature is broken now. "
                 "Whoever changes a signed file without the key loses the signature.",
        .false_alarms = "A vendor who stops signing does so for all files at once: then each weighs little.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "diff.unsigned-among-signed",
        .title = "a new unsigned program among signed ones",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1553.002"},
        .means = "The release is signed file by file, and a program that is new in it is not.",
        .false_alarms = "Third-party libraries and build by-products are often left unsigned.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "diff.upstream-differs",
        .title = "not what upstream built",
        .score = 65,
        .stage = CHANGE,
        .attack = {"T1195.001"},
        .means =
            "A bundled library calls itself a version of which a reference build was given, and is another file with"
            " other abilities.",
        .false_alarms =
            "Vendors build libraries themselves, with their own options: what differs in layout only weighs little.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "diff.same-build-id",
        .title = "built in the same run, yet another program",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1554", "T1195.002"},
        .means = "The program has the build-id (or the identifier of its symbols) of the old one, so the same run of "
                 "the linker made "
                 "both; but it imports, offers or starts something else, or its code has another size. It was changed "
                 "after it was "
                 "built.",
        .false_alarms =
            "Packagers change where libraries are looked for (patchelf, install_name_tool): that alone weighs 10. "
            "Stripped "
            "symbols, signatures and resources are not told. Tools that link again in place may keep the identifier.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.new-capability",
        .title = "can do what it never could",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1129", "T1059", "T1071"},
        .means = "The program or library uses functions of a kind that it did not use in the old release, imported or "
                 "asked for by name: files, network, processes, memory that is executed, keys, what starts by itself, "
                 "browsers' data, the system's identity. In a library whose task is known, such as a codec or an image "
                 "library, this is what a planted loader looks like.",
        .false_alarms = "Real new functions need new imports. What belongs to the library's task, what comes with a "
                        "large change or a new "
                        "version, what it had in part before and what most files of the release gained weighs little.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.sibling-read",
        .title = "opens a file beside it as data",
        .score = 55,
        .stage = CHANGE,
        .attack = {"T1574", "T1027.009"},
        .means =
            "Code that did not do so before opens another program of its own release as data, instead of loading it."
            " The first stage of the softphone of 2023 took its second stage out of a signed library that way.",
        .false_alarms = "Updaters and self-checks read programs beside them; resource packs are no programs. What can "
                        "neither decrypt nor run what it reads, and what comes with a large change, weighs less.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.exports-changed",
        .title = "offers other functions",
        .score = 25,
        .stage = CHANGE,
        .attack = {"T1574.002"},
        .means = "Functions that the library offered are gone, or it offers a fifth more than before.",
        .false_alarms = "A new version brings and removes functions: with a large change half as much.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.memory-permissions",
        .title = "memory that can be written and executed",
        .score = 40,
        .stage = CHANGE,
        .attack = {"T1027.002", "T1055"},
        .means = "A section, segment or the stack of the new program can be written and executed; in the old one none "
                 "could.",
        .false_alarms = "Packers, just-in-time compilers and assembler files without a note of the stack.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.early-code",
        .title = "code that runs before the program",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1055", "T1129"},
        .means =
            "More code runs before the program or library begins (TLS callbacks, init arrays, module initialisers), "
            "or it begins in another section.",
        .false_alarms = "C++ globals and thread-local variables of new code; what grows with the program is not told.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.elf-ifunc",
        .title = "functions that choose themselves when loaded",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1574.006", "T1129"},
        .means = "The library gained IFUNC resolvers: code that runs while the loader still links the process. The "
                 "backdoor of xz began in one.",
        .false_alarms =
            "Libraries with routines for several processors use them: OpenSSL, zlib, ffmpeg, glibc. Those that had "
            "some before weigh little.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.elf-hooked-loading",
        .title = "takes part in loading other libraries",
        .score = 70,
        .stage = CHANGE,
        .attack = {"T1574.006", "T1556"},
        .means = "Together with new resolvers the library gained what it takes to change how others are linked: audit "
                 "symbols, the loading of libraries by name, or a large block of constants. That is the shape of the "
                 "backdoor of xz. (That a resolver asks the processor is usual, and not enough.)",
        .false_alarms =
            "A library that legitimately grows processor-specific code and a plug-in loader in one version.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.rpath",
        .title = "looks for libraries elsewhere",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1574.006", "T1574.001"},
        .means =
            "The program gained a folder in which it looks for libraries before those of the system: one that others"
            " may write, or one outside of its own.",
        .false_alarms = "Packaging: relative folders of the release itself weigh little.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.new-library",
        .title = "loads a further library",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1129", "T1574"},
        .means = "The program needs a library, or loads one by name while it runs, that it did not before.",
        .false_alarms =
            "New versions have new dependencies; libraries of the same release and of the system weigh little.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.crypto-table",
        .title = "has a cipher it had not",
        .score = 20,
        .stage = CHANGE,
        .attack = {"T1027", "T1573"},
        .means = "The constants of a cipher or of base64 stand in the file now and did not before.",
        .false_alarms = "Programs that use encryption; cryptographic libraries. With a large change half as much.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.entitlement",
        .title = "may do more on a Mac",
        .score = 55,
        .stage = CHANGE,
        .attack = {"T1553.001", "T1548"},
        .means = "The program's entitlements, its team or its identifier are not those of the old release: it may load "
                 "foreign libraries, write code, or be another one's.",
        .false_alarms = "Electron needs some of them; a vendor's new team after a takeover.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.one-slice",
        .title = "only one processor's half changed",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means = "Of a universal program for Macs one slice alone gained abilities. Both are built from one source, so "
                 "both should change.",
        .false_alarms = "Fixes that matter for one processor only, and slices built at different times.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.privilege",
        .title = "runs with more rights",
        .score = 40,
        .stage = CHANGE,
        .attack = {"T1548.001", "T1222"},
        .means = "A file became setuid or setgid, gained capabilities, can be written by everybody, or is a driver.",
        .false_alarms = "Packages that change how a helper is run say so in their change log.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.autostart",
        .title = "starts by itself",
        .score = 40,
        .stage = CHANGE,
        .attack = {"T1543", "T1547", "T1053"},
        .means =
            "The release now puts something in place that starts without being asked: a service, a timer, an entry "
            "of the session, a launch agent, a rule of the device manager.",
        .false_alarms = "New versions do bring services: with another second number of the version it weighs less, "
                        "with another first one "
                        "half as much; what the old release already had is not told.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "diff.toolchain-outlier",
        .title = "built elsewhere than the rest",
        .score = 20,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means =
            "One file of the release alone was built by another compiler or linker than before, while its siblings "
            "were not.",
        .false_alarms = "Third-party libraries are built elsewhere; what always was is not told.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "diff.time-outlier",
        .title = "built at another time than the rest",
        .score = 12,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means =
            "One file's time of build lies far from that of all others of its release, and did not in the old one.",
        .false_alarms =
            "Libraries that are not rebuilt each time; reproducible builds have made-up times and are not judged.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "diff.small-version-large-change",
        .title = "a large change in a small version",
        .score = 20,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means = "The version says that little changed, the content says that much did.",
        .false_alarms = "Vendors whose version numbers say nothing of what is in a release.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "diff.new-dependency",
        .title = "depends on something new",
        .score = 25,
        .stage = CHANGE,
        .attack = {"T1195.001"},
        .means = "The package asks for a package that it did not ask for, which is then installed with it and runs its "
                 "own scripts.",
        .false_alarms = "Usual in new versions; weighs more with an install script or an obfuscated content.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "diff.hidden-growth",
        .title = "a block that looks random",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1027.009", "T1027.013"},
        .means =
            "The file gained 16 KiB or more of bytes that look random, in a place of no known format: encrypted or "
            "packed content.",
        .false_alarms = "Compressed resources, embedded certificates, models and fonts: where such bytes were before "
                        "it weighs 12, what begins like a packed format 10.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "diff.new-program",
        .title = "a program that was not there",
        .score = 20,
        .stage = CHANGE,
        .attack = {"T1105"},
        .means = "A small new version brings a program or library of its own that the old release had nothing of.",
        .false_alarms = "New helpers and split libraries; weighs more where the release had no program at all, and "
                        "less with another first or second "
                        "number of the version.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "diff.became-program",
        .title = "was something else before",
        .score = 55,
        .stage = CHANGE,
        .attack = {"T1036.008"},
        .means = "At a place where an image, a text or data was, a program stands now.",
        .false_alarms = "Build systems that reuse names, and files without an ending that become scripts.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "diff.lifecycle-script",
        .title = "runs a script on installation",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1059", "T1195.001"},
        .means = "The package runs a command when it is installed that the old release did not run, or another one.",
        .false_alarms = "Native modules are built or fetched on installation: node-gyp and its like weigh little.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.maintainer-script",
        .title = "the package's own script does more",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1059.004", "T1195.002"},
        .means = "A script that the package manager runs as root gained commands that fetch, decode, run or persist "
                 "something.",
        .false_alarms = "Migrations between versions; what debhelper writes is known and not told.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.custom-action",
        .title = "the installer does more",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1218.007", "T1195.002"},
        .means = "The Windows installer gained an action that runs a program or a script.",
        .false_alarms = "New products and prerequisites are installed by such actions.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.obfuscation",
        .title = "became unreadable",
        .score = 40,
        .stage = CHANGE,
        .attack = {"T1027", "T1059.007"},
        .means = "Source that could be read is obfuscated now: coded names, packed strings, code made from text.",
        .false_alarms =
            "A change of minifier; what was minified before and what all files became at once weighs little.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.script-capability",
        .title = "a script can do what it never could",
        .score = 40,
        .stage = CHANGE,
        .attack = {"T1059", "T1071"},
        .means = "A script gained calls that talk to the network, run programs, read secrets or make code from text.",
        .false_alarms = "New functions do; what the rest of the package did before weighs little, unless one script at "
                        "once fetches, "
                        "decodes and runs.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.built-alone",
        .title = "built file changed, source did not",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means =
            "The files that are run changed, while the sources in the same package from which they are made did not.",
        .false_alarms = "New compilers change output; most files of the folder then change alike.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "diff.archive-integrity",
        .title = "an application's archive was changed",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1195.002", "T1574"},
        .means = "The archive of an Electron application gained native code, or another main or preload script, or no "
                 "longer fits its own hashes.",
        .false_alarms = "Major versions restructure their archives.",
        .category = TRN_CATEGORY_CONTAINER,
    },
    {
        .id = "diff.closed",
        .title = "can no longer be looked into",
        .score = 25,
        .stage = CHANGE,
        .attack = {"T1027"},
        .means = "A member that could be opened in the old release is encrypted, damaged or of an unknown format now.",
        .false_alarms = "A vendor's change to a format that is not opened here.",
        .category = TRN_CATEGORY_CONTAINER,
    },
    {
        .id = "diff.new-contact",
        .title = "names a host it never named",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1071.001", "T1102"},
        .means =
            "The release names addresses that it did not: bare numbers, places where anybody can put code, addresses"
            " of unusual form.",
        .false_alarms = "Documentation and licences name hosts; those of known kinds weigh 8.",
        .category = TRN_CATEGORY_TEXT,
    },
    {
        .id = "diff.browser-data",
        .title = "knows where browsers keep their data",
        .score = 70,
        .stage = CHANGE,
        .attack = {"T1217", "T1555.003"},
        .means = "The program gained the paths of browsers' profiles and did not know them before.",
        .false_alarms = "Browsers, password managers and backup tools, and documentation of these.",
        .category = TRN_CATEGORY_TEXT,
    },
};
const size_t trn_release_checks_count = TRN_ARRAY_SIZE(trn_release_checks);
