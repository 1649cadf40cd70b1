/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to structure: pure functions on cursors. Entry header of the room. */
#ifndef TRN_FORMATS_FORMATS_H
#define TRN_FORMATS_FORMATS_H

#include "formats/ar.h"
#include "formats/asar.h"
#include "formats/base64.h"
#include "formats/cab.h"
#include "formats/der.h"
#include "formats/dmg.h"
#include "formats/dns.h"
#include "formats/elf.h"
#include "formats/elf_image.h"
#include "formats/hfs.h"
#include "formats/hidden.h"
#include "formats/image.h"
#include "formats/iso.h"
#include "formats/javascript.h"
#include "formats/json.h"
#include "formats/kind.h"
#include "formats/lzfse.h"
#include "formats/macho.h"
#include "formats/msi.h"
#include "formats/nsis.h"
#include "formats/ole2.h"
#include "formats/partition.h"
#include "formats/pe.h"
#include "formats/pe_tables.h"
#include "formats/plist.h"
#include "formats/python.h"
#include "formats/rpm.h"
#include "formats/script.h"
#include "formats/sevenzip.h"
#include "formats/shell.h"
#include "formats/tls.h"
#include "formats/zip.h"

#endif
