/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the registry's part about artifacts: what can be wrong with one file or one release by itself.
 * Must not own: the code that looks (src/artifact/). Checks that compare two releases stand elsewhere.
 * Weights and false alarms start from what real releases showed; a finding may weigh less than its check.
 */
#include "event/check_artifact.h"

#define CHANGE TRN_STAGE_RELEASE_CHANGE

const struct trn_check trn_artifact_checks[] = {
    /* ---- signatures ---- */
    {
        .id = "pe.certificate-slack",
        .title = "bytes hidden in the certificate table",
        .score = 90,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009"},
        .means =
            "The certificate table of a signed Windows program holds more than its signature. The signature does not "
            "cover the table itself, so anything can be put there and the file still counts as signed. The library "
            "that carried the second stage of the softphone of 2023 hid it here.",
        .false_alarms =
            "Installers that are tagged for each customer (Chrome, Dropbox) keep a small readable tag there. "
            "Up to seven zero bytes are padding and are not told.",
        .category = TRN_CATEGORY_SIGNATURE,
        .structural = true,
    },
    {
        .id = "pe.unauthenticated-attribute",
        .title = "bytes hidden in the signature itself",
        .score = 70,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009"},
        .means =
            "The signature holds a large or random-looking attribute or certificate that nobody signed and that no "
            "known purpose explains, or a time stamp or a further signature that anybody could have added. The file "
            "still "
            "counts as signed, whatever stands there.",
        .false_alarms =
            "Time stamps, nested signatures and sealed tags are known and not told. A vendor's own tag can be "
            "here: it is small and readable.",
        .category = TRN_CATEGORY_SIGNATURE,
        .structural = true,
    },
    {
        .id = "signature.digest-mismatch",
        .title = "changed after it was signed",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1195.002"},
        .means =
            "The file carries a signature, but what the signature says about the content is not true: the content was "
            "changed after signing, or the signature was copied from another file. The same is told of packages that "
            "do not have the hashes that they state, or that the statement beside them states.",
        .false_alarms =
            "Programs that were stripped, repacked or patched by a distributor after their vendor signed them; "
            "files that were cut off while being copied.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "signature.trailer",
        .title = "bytes behind a signature at the end",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009"},
        .means = "The file ends with a signature, as kernel modules and cabinets do, whose lengths do not account for "
                 "the bytes "
                 "around it, so that something lies where the signature does not look.",
        .false_alarms = "Modules that two tools signed one after the other.",
        .category = TRN_CATEGORY_SIGNATURE,
    },
    {
        .id = "msi.uncovered-bytes",
        .title = "bytes an MSI signature does not cover",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009", "T1218.007"},
        .means =
            "The signed Windows installer holds data that is not zero in places that its signature does not cover: "
            "between or behind the streams of its file system.",
        .false_alarms = "Slack of a few bytes that the writing tool left from its own memory.",
        .category = TRN_CATEGORY_SIGNATURE,
        .structural = true,
    },
    {
        .id = "macho.signature-slack",
        .title = "bytes behind the code signature",
        .score = 85,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1027.009"},
        .means = "Behind the signature of a Mac program, in the room reserved for it, stand bytes that are not zero. "
                 "The code signature ends before them, so the file still counts as signed.",
        .false_alarms =
            "The reserve is filled with zeros, which are never told. Who signs again in place may leave the end of an "
            "earlier signature there: hashes of the same pages are recognised as such and not told, other remains are.",
        .category = TRN_CATEGORY_SIGNATURE,
        .structural = true,
    },
    {
        .id = "macho.unsigned-among-signed",
        .title = "unsigned among signed (Mac)",
        .score = 15,
        .stage = CHANGE,
        .attack = {"T1553.001"},
        .means =
            "A Mac program is not signed, or only by itself (ad-hoc), while others of the same release are signed by "
            "a developer.",
        .false_alarms = "Programs that came through package managers of programming languages are often signed ad-hoc.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "pe.unsigned-among-signed",
        .title = "unsigned among signed (Windows)",
        .score = 8,
        .stage = CHANGE,
        .attack = {"T1553.002", "T1574.001"},
        .means = "A Windows program or library is not signed while others of the same release are.",
        .false_alarms = "Common: native modules and bundled tools of others are often unsigned. It only weighs beside "
                        "something else.",
        .category = TRN_CATEGORY_METADATA,
    },
    /* ---- bytes where none belong ---- */
    {
        .id = "pe.overlay",
        .title = "data behind the end of a program",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1027.009"},
        .means = "Behind the last section of a Windows program, between its sections, or in one where memory has no "
                 "room for "
                 "them, stand more than 4 KB that look random. The system never loads them; the program itself, or "
                 "another, can read them.",
        .false_alarms = "Self-extracting archives and installers (NSIS, Inno, 7z) and interpreters packed into one "
                        "program keep their "
                        "files there; known ones are not told, and archives are opened. For programs it weighs 10, for "
                        "libraries and "
                        "drivers 45. The same between sections and in what is called symbols.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "macho.overlay",
        .title = "bytes behind a Mac program",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1027.009"},
        .means = "Behind everything that the load commands of an unsigned Mac program account for stand bytes that are "
                 "not zero. The system never maps them; the program can read them from its own file.",
        .false_alarms = "Programs that carry their script or data at their own end (packed interpreters).",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "elf.overlay",
        .title = "data behind the end of an ELF file",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1027.009"},
        .means =
            "Behind the last section and segment of a Linux program or library, or between them, stand more than 4 KB "
            "that look random, or another program. The loader never maps them; the program itself can read them.",
        .false_alarms =
            "AppImages, self-extracting programs, packed interpreters (PyInstaller, pkg, Bun) keep their files there. "
            "For programs it weighs 10.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "image.trailing-data",
        .title = "data behind the end of an image",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1027.003", "T1027.009"},
        .means = "An image file goes on behind the place where the image ends, has bytes between its parts, or behind "
                 "the end "
                 "of what a part holds (the compressed pixels of a PNG, a colour profile). Viewers do not show them; a "
                 "program "
                 "that knows of them can read them.",
        .false_alarms = "Photos with a film, a preview or a trailer that a camera appended weigh 15, and so does what "
                        "does not look random. "
                        "Zeros and fewer than eight bytes are not told.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "image.trailing-base64",
        .title = "encoded text behind the end of an image",
        .score = 80,
        .stage = CHANGE,
        .attack = {"T1027.003", "T1102.001"},
        .means = "Behind the end of an image stands a run of at least 64 characters of base64. The softphone of 2023 "
                 "read the addresses of its masters from icons made like this.",
        .false_alarms = "Very few: signatures of content authenticity stand in their own chunks, not behind the end.",
        .category = TRN_CATEGORY_EMBEDDED,
        .structural = true,
    },
    {
        .id = "image.hidden-data",
        .title = "data in parts of an image that viewers pass over",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1027.003", "T1027.009"},
        .means =
            "A text, comment, colour profile or private part of an image (PNG chunk, JPEG segment, GIF extension) "
            "holds "
            "what does not belong there: encoded text (base64, hexadecimal), random bytes, an archive or a program; or "
            "its compressed pixels give more than the picture shows. Viewers pass over it; a program that knows of it "
            "can read it.",
        .false_alarms =
            "Judged by size, alphabet, entropy and what the text decodes to. Programs weigh 70 or 75. EXIF, XMP, "
            "Photoshop's and other known parts are told only for a program, an archive or encoded random bytes (20: "
            "cameras write such). Encoded readable text or pictures weigh 10 (drawings keep their source), from 64 KB "
            "on "
            "45. A private part that is not known weighs 8, a random one 45 from 4 KB on: old drawing programs keep "
            "their layers there.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "document.trailing-data",
        .title = "data behind the end of a document or text",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1027.009", "T1036"},
        .means = "A program (PE, ELF, Mach-O) stands behind a text, or something behind the end of a PDF document. Who "
                 "opens "
                 "it sees the document; a program that knows of the rest can read it, or the same file is started as "
                 "another "
                 "kind.",
        .false_alarms =
            "Installers that are a script with their program behind it weigh 10, and so does what servers and mail "
            "programs append to a PDF when it looks not random. Random bytes weigh 20, from 4 KB on 45.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    {
        .id = "file.disguised",
        .title = "a program under another name",
        .score = 30,
        .stage = CHANGE,
        .attack = {"T1036.008"},
        .means = "The content is a program or a library, but the name says picture, font, sound or text.",
        .false_alarms =
            "Old Windows font and resource libraries (.fon) are programs by format; test data of tools that "
            "read programs.",
        .category = TRN_CATEGORY_EMBEDDED,
    },
    /* ---- archives ---- */
    {
        .id = "archive.irregular",
        .title = "an archive that says two things",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1027", "T1036"},
        .means =
            "The archive describes its content twice and the two do not agree, holds a name twice, a name that leaves "
            "the folder, or data before, between or behind its members or in fields that no unpacker gives; or a file "
            "is "
            "not what the release's own list says. Two programs that open it can get different files, or none of them "
            "all. What is wrong stands in the evidence as kind.",
        .false_alarms =
            "Self-extracting archives begin with a program, some tools write sizes behind the data, Android signs "
            "before the directory, padding is zeroes: these are known and not told. A name twice with one content, a "
            "device node, an absolute name weigh little: test data and system images have them. Discs made for two "
            "systems hide files from one on purpose. What stands where a format lets everybody put something "
            "(comments, "
            "extra fields, frames to be skipped, a disc's system area) weighs 25, unless it is random or a program.",
        .category = TRN_CATEGORY_CONTAINER,
        .structural = true,
    },
    {
        .id = "asar.integrity",
        .title = "an Electron archive that was changed",
        .score = 50,
        .stage = CHANGE,
        .attack = {"T1195.002", "T1554"},
        .means = "A file inside an Electron application archive does not have the hash that the archive states for it, "
                 "or the "
                 "archive holds data that belongs to no file.",
        .false_alarms = "Developers who patched an application by hand.",
        .category = TRN_CATEGORY_CONTAINER,
    },
    /* ---- code ---- */
    {
        .id = "pe.sibling-read",
        .title = "reads a library as data and decrypts",
        .score = 55,
        .stage = CHANGE,
        .attack = {"T1140", "T1027.009", "T1574.001"},
        .means =
            "The library names another program file of its own release, imports what is needed to read it as a file, "
            "to "
            "decrypt and to make memory executable, but never loads it as a library. The loader of the softphone of "
            "2023 looked like this.",
        .false_alarms =
            "Resource packs in .dll files; updaters that check their own files. 55 with the loops of RC4, or with "
            "another cipher and no way to load libraries by name; 35 with a cipher beside such a way; 30 or 20 "
            "where no cipher or no use of the name in the code was seen. Code for x86 only is read for uses.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "pe.writable-code",
        .title = "a section that is writable and executable",
        .score = 15,
        .stage = CHANGE,
        .attack = {"T1027.002"},
        .means = "A section of a Windows program may be written and executed at once, as packers and code that changes "
                 "itself "
                 "need it.",
        .false_alarms =
            "Packed programs (UPX), old compilers, some .NET and Delphi programs. Start-up sections of old drivers "
            "are not told.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "elf.rpath",
        .title = "libraries are looked for where anybody can write",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1574.006"},
        .means = "The program says that its libraries are to be looked for in a folder that every user can write to, "
                 "or in one "
                 "relative to the folder where it is started.",
        .false_alarms =
            "Build folders left over by the build system are told only when they lie where every user can write (45). "
            "Relative and empty parts weigh 25; a program with the rights of its owner 20 more. $ORIGIN is not told.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "elf.audit",
        .title = "asks the loader to watch all others",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1574.006"},
        .means =
            "The library or program asks the loader to run an audit library, which sees and can change every symbol "
            "that is bound.",
        .false_alarms = "Debugging and profiling tools; programs of container build systems (Guix).",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "elf.ifunc-hook",
        .title = "code before main that reaches into the loader",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1574.006", "T1195.001"},
        .means =
            "A library has functions that the loader runs while it binds symbols (IFUNC resolvers), and binds to or "
            "names inner parts of the loader, or calls for thread-local data without having any, as the backdoor in "
            "the xz library of 2024 did.",
        .false_alarms = "Tools that trace programs. The C library's own parts are known by their names and not told.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "elf.writable-code",
        .title = "a segment that is writable and executable",
        .score = 15,
        .stage = CHANGE,
        .attack = {"T1027.002"},
        .means =
            "A part of a Linux program is mapped writable and executable at once, or it asks for an executable stack.",
        .false_alarms =
            "Packed programs; languages with nested functions ask for an executable stack, which weighs 10.",
        .category = TRN_CATEGORY_CODE,
    },
    {
        .id = "elf.toolchain-outlier",
        .title = "built by another toolchain than its siblings",
        .score = 20,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means =
            "Among many libraries of one release this one alone has no build-id, or was built by another compiler.",
        .false_alarms = "Prebuilt parts of others, Go programs, firmware.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "macho.entitlement",
        .title = "a signed permission that opens it to others",
        .score = 10,
        .stage = CHANGE,
        .attack = {"T1574.006"},
        .means = "The signature grants the Mac program a right that lets others into it: foreign libraries, foreign "
                 "environment, "
                 "memory that is writable and executable, debuggers.",
        .false_alarms = "Electron and Java applications have some of these.",
        .category = TRN_CATEGORY_CODE,
    },
    /* ---- scripts ---- */
    {
        .id = "script.lifecycle",
        .title = "runs at install time",
        .score = 8,
        .stage = CHANGE,
        .attack = {"T1195.001", "T1059.007"},
        .means = "The package runs a command of its own while it is installed.",
        .false_alarms = "Native modules are compiled or fetched like this; known builders and what runs only for "
                        "developers weigh 3. "
                        "It weighs only beside something else; a script that is new in a version is another check.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "script.download-run",
        .title = "fetches code and runs it at install time",
        .score = 45,
        .stage = CHANGE,
        .attack = {"T1105", "T1059"},
        .means =
            "A script that runs when the package is installed fetches something from the network and gives it to an "
            "interpreter or makes it executable.",
        .false_alarms = "Packages whose program is too large for the registry fetch it from the vendor's own place: "
                        "without a shell it "
                        "weighs 15. A script that does not run at installation weighs 20; one that only makes the file "
                        "executable 30.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    {
        .id = "script.obfuscated",
        .title = "source that hides what it does",
        .score = 35,
        .stage = CHANGE,
        .attack = {"T1027.010", "T1059.007"},
        .means = "A script was written so that people cannot read it: names in hexadecimal, tables of encoded strings "
                 "that are "
                 "put together at run time, and evaluation of text as code.",
        .false_alarms = "Minified code is not told for being short; protected commercial code is. Old packed libraries "
                        "(p,a,c,k,e,d) "
                        "weigh 15, two signs at once 45.",
        .category = TRN_CATEGORY_SCRIPT,
    },
    /* ---- what is said about it ---- */
    {
        .id = "pe.version-mismatch",
        .title = "its own description does not fit",
        .score = 15,
        .stage = CHANGE,
        .attack = {"T1036.005"},
        .means = "The version information of the file names another original file name, or says that it is of a "
                 "company that is "
                 "not the one that signed it.",
        .false_alarms =
            "Libraries of others that were renamed. One that the vendor signed again weighs 8, unless the company "
            "that it names signed other files of the same release itself.",
        .category = TRN_CATEGORY_METADATA,
    },
    {
        .id = "pe.timestamp-outlier",
        .title = "built at another time than its siblings",
        .score = 12,
        .stage = CHANGE,
        .attack = {"T1195.002"},
        .means = "Among many programs of one release that were built within days this one alone is much newer.",
        .false_alarms = "Reproducible builds put other values there; they are recognised where possible. Bundled "
                        "third-party parts.",
        .category = TRN_CATEGORY_METADATA,
    },
    /* ---- text ---- */
    {
        .id = "strings.hidden",
        .title = "hidden strings of a network program",
        .score = 60,
        .stage = CHANGE,
        .attack = {"T1027.013", "T1071.001"},
        .means = "Strings such as a web browser's name or a cookie's head stand in the program encoded (XOR with one "
                 "byte, or "
                 "base64), where a harmless program has no reason to hide them.",
        .false_alarms =
            "Security tools and their rules; test data. A single short string may be chance and is not told.",
        .category = TRN_CATEGORY_TEXT,
    },
    {
        .id = "strings.browser-data",
        .title = "knows where browsers keep their data",
        .score = 70,
        .stage = CHANGE,
        .attack = {"T1217", "T1555.003"},
        .means =
            "The program is not a browser but holds both the paths of browsers' profiles and the questions to put to "
            "their history or login databases.",
        .false_alarms = "Password managers, browsers and backup tools: what is as large as a browser, is named like "
                        "one of these or knows "
                        "one browser only weighs 25.",
        .category = TRN_CATEGORY_TEXT,
    },
    {
        .id = "yara.*",
        .title = "a YARA rule matched",
        .score = 50,
        .stage = TRN_STAGE_RULE,
        .attack = {"T1027"},
        .means = "A rule of the given YARA set matched. What it means its author says in its description. Text rules "
                 "alone never "
                 "make a file malicious here.",
        .false_alarms =
            "Rules made from strings match tools, documents and other rules too. A rule's own score lowers the weight.",
        .category = TRN_CATEGORY_TEXT,
    },
};
const size_t trn_artifact_checks_count = TRN_ARRAY_SIZE(trn_artifact_checks);
