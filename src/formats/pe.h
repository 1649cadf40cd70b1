/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PE images (Windows programs, libraries, drivers, EFI), 32 and 64 bit: headers, sections, where which bytes stand and
 * where the image ends. What its tables hold (imports, resources, ...) is read by pe_tables.h.
 * Views borrow from the arena or, in memory, from the source.
 */
#ifndef TRN_FORMATS_PE_H
#define TRN_FORMATS_PE_H

#include "base/base.h"

#define TRN_PE_DIRECTORIES 16
#define TRN_PE_SECTIONS_MAX 2048u

enum trn_pe_directory { /* order of the format */
                        TRN_PE_EXPORTS = 0,
                        TRN_PE_IMPORTS,
                        TRN_PE_RESOURCES,
                        TRN_PE_EXCEPTIONS,
                        TRN_PE_CERTIFICATES, /* the one whose "rva" is a place in the file */
                        TRN_PE_RELOCATIONS,
                        TRN_PE_DEBUG,
                        TRN_PE_ARCHITECTURE,
                        TRN_PE_GLOBAL_POINTER,
                        TRN_PE_TLS,
                        TRN_PE_LOAD_CONFIG,
                        TRN_PE_BOUND_IMPORTS,
                        TRN_PE_ADDRESS_TABLE,
                        TRN_PE_DELAY_IMPORTS,
                        TRN_PE_CLR,
};

#define TRN_PE_FILE_DLL 0x2000u   /* characteristics */
#define TRN_PE_SECTION_CODE 0x20u /* flags of a section */
#define TRN_PE_SECTION_EXEC 0x20000000u
#define TRN_PE_SECTION_READ 0x40000000u
#define TRN_PE_SECTION_WRITE 0x80000000u

struct trn_pe_range {
    uint32_t rva, size;
};

struct trn_pe_section {
    struct trn_str name; /* as it stands there, without its NULs; "/123" where it is in the COFF strings */
    uint32_t rva, size;  /* in memory */
    uint32_t raw_at, raw_size;
    uint32_t flags;
};

struct trn_pe {
    struct trn_source bytes;
    bool wide;      /* PE32+ */
    uint32_t pe_at; /* of "PE\0\0" */
    uint16_t machine, characteristics, subsystem, dll_characteristics;
    uint8_t linker_major, linker_minor;
    uint32_t timestamp;
    uint32_t symbols_at, n_symbols; /* COFF, as stated */
    uint64_t symbols_size;          /* with the strings behind them, as far as the file has them; 0: none */
    uint32_t entry;                 /* rva; 0: none */
    uint64_t image_base;
    uint32_t image_size, headers_size, section_alignment, file_alignment;
    uint32_t checksum; /* as stated */
    uint64_t checksum_at;
    uint32_t n_directories; /* as stated, at most 16 */
    struct trn_pe_range directories[TRN_PE_DIRECTORIES];
    uint64_t certificate_entry_at; /* place of the directory entry (8 bytes); 0: the header has none */
    uint64_t certificates_at;      /* certificate table, cut to the file; size 0: none in the file */
    uint64_t certificates_size;
    bool certificates_cut; /* it is said to go on behind the end of the file */
    uint32_t n_sections;   /* that could be read */
    uint32_t sections_stated;
    uint64_t sections_at; /* place of the section table */
    const struct trn_pe_section *sections;
    /* End of what the headers account for: headers, sections, COFF symbols and strings. Never behind the file's end. */
    uint64_t image_end;
    /* What stands behind it and is no certificate table: before that table, and behind it. */
    uint64_t overlay_at, overlay_size;
    uint64_t tail_at, tail_size;
};

/* -ENOEXEC: no PE image (a DOS program, say); -EBADMSG: one, but its headers are damaged; -ENOMEM; or what read gave. */
int trn_pe_read(const struct trn_source *s, struct trn_arena *a, struct trn_pe *ret) TRN_MUST_CHECK;
/* Where the byte at rva stands in the file, and how many bytes of the same section follow there (itself counted). False:
 * nowhere (outside, or memory only). */
bool trn_pe_offset(const struct trn_pe *pe, uint32_t rva, uint64_t *ret_at, uint64_t *ret_left);
/* Exactly n bytes at rva; -EBADMSG when they are not all in one section. */
int trn_pe_take(const struct trn_pe *pe, uint32_t rva, size_t n, struct trn_arena *a, struct trn_str *ret)
    TRN_MUST_CHECK;
/* Up to n bytes at rva as a cursor; -EBADMSG when rva is nowhere. */
int trn_pe_cursor(const struct trn_pe *pe, uint32_t rva, size_t n, struct trn_arena *a, struct trn_cursor *ret)
    TRN_MUST_CHECK;
/* Text at rva up to its NUL (max bytes at most, else -EBADMSG), as a view. */
int trn_pe_text(const struct trn_pe *pe, uint32_t rva, size_t max, struct trn_arena *a, struct trn_str *ret)
    TRN_MUST_CHECK;
const struct trn_pe_section *trn_pe_section_of(const struct trn_pe *pe, uint32_t rva); /* NULL: none */
/* The checksum as the format wants it over the whole file. Reads all of it. */
int trn_pe_checksum(const struct trn_pe *pe, uint32_t *ret) TRN_MUST_CHECK;
const char *trn_pe_machine_name(uint16_t machine);     /* "x86_64"; "unknown" */
const char *trn_pe_subsystem_name(uint16_t subsystem); /* "windows console"; "unknown" */

#endif
