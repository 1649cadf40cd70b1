/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: families of libraries whose task is known, and what that task needs.
 * Must not: take a name as a reason to believe that something is harmless: a family only says what does not belong.
 * Hand-offs: static tables.
 *
 * A library is of a family by what it offers: functions whose names begin as the family's do. One that offers none of any family
 * is of that whose name it carries.
 */
#include "release/capability.h"

#include <ctype.h>
#include <stdio.h>

#define BIT(can) (1u << (can))
#define FILES BIT(TRN_CAN_FILE)
#define ANY UINT32_MAX
#define EXPORTS_MIN 3u

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct trn_family families[] = {
    {"codec", "a codec", 0,
     LIST("ffmpeg", "avcodec", "avutil", "swresample", "swscale", "vpx", "opus", "vorbis", "ogg", "x264", "x265",
          "dav1d", "aom", "theora", "flac", "mp3lame", "speex", "svtav1enc", "openh264", "fdk-aac", "codec"),
     LIST("av_", "avcodec_", "vpx_", "opus_", "vorbis_", "ogg_", "x264_", "x265_", "dav1d_", "aom_", "FLAC__", "lame_",
          "speex_", "swr_", "sws_", "codec_")},
    {"container", "a reader of media files", FILES | BIT(TRN_CAN_NETWORK) | BIT(TRN_CAN_CRYPTO),
     LIST("avformat", "matroska"), LIST("avformat_", "avio_")},
    {"image", "an image library", FILES,
     LIST("png", "png16", "jpeg", "turbojpeg", "tiff", "webp", "gif", "openjp2", "jxl", "heif", "avif", "lcms2"),
     LIST("png_", "jpeg_", "TIFF", "WebP", "DGif", "EGif", "opj_", "Jxl", "heif_", "avif", "cms")},
    {"font", "a font library", FILES, LIST("freetype", "harfbuzz", "fontconfig", "fribidi", "graphite2"),
     LIST("FT_", "hb_", "Fc", "fribidi_", "gr_")},
    {"compression", "a compression library", FILES,
     LIST("z", "zlib", "zlib1", "lzma", "bz2", "zstd", "lz4", "brotlidec", "brotlienc", "brotlicommon", "snappy"),
     LIST("deflate", "inflate", "lzma_", "BZ2_", "ZSTD_", "LZ4_", "Brotli", "snappy_")},
    {"graphics-compiler", "a compiler of shaders", FILES,
     LIST("d3dcompiler", "dxcompiler", "dxil", "shaderc", "glslang"),
     LIST("D3DCompile", "D3DReflect", "D3DDisassemble", "D3DPreprocess", "Dxc", "shaderc_", "glslang_", "spv")},
    {"graphics", "a graphics library", FILES | BIT(TRN_CAN_MEMORY) | BIT(TRN_CAN_SYSTEM_INFORMATION),
     LIST("glesv2", "egl", "vulkan", "vk_swiftshader", "gl", "pixman", "cairo", "skia"),
     LIST("gl", "egl", "vk", "pixman_", "cairo_")},
    {"math", "a library of mathematics", 0, LIST("blas", "lapack", "openblas", "fftw3", "gmp", "mpfr", "mpc"),
     LIST("cblas_", "fftw_", "__gmp", "mpfr_", "mpc_")},
    {"text", "a reader of texts", FILES, LIST("expat", "yaml", "json-c", "pcre", "pcre2", "onig"),
     LIST("XML_", "yaml_", "json_object_", "pcre", "onig")},
    {"unicode", "a library of characters", FILES, LIST("icuuc", "icudata", "icui18n", "icu"),
     LIST("ucnv_", "u_str", "ubrk_")},
    {"crypto", "a cryptographic library", ANY, LIST("crypto", "ssl", "gcrypt", "nettle", "sodium"),
     LIST("EVP_", "SSL_", "gcry_", "nettle_", "crypto_")},
    {"network", "a network library", ANY, LIST("curl", "nghttp2", "ssh2", "websockets"),
     LIST("curl_", "nghttp2_", "libssh2_", "lws_")},
    {"database", "a database", FILES | BIT(TRN_CAN_MEMORY) | BIT(TRN_CAN_PROCESS) | BIT(TRN_CAN_SYSTEM_INFORMATION),
     LIST("sqlite3"), LIST("sqlite3_")},
    {"ui", "a library of windows", ANY, LIST("gtk", "gdk", "qt5gui", "qt6gui"), LIST("gtk_", "gdk_")},
};

/* ---- what a member is ---- */

bool trn_member_is_library(const struct trn_release_member *m)
{
    struct trn_str dll = trn_member_property(m, "dll"), type = trn_member_property(m, "type");
    return trn_str_eq_c(dll, "yes") || TRN_ONE_OF(type, "library", "dylib", "bundle");
}

/* "libavcodec-58.so.58.1" and "avcodec-58.dll" -> "avcodec". */
static size_t stem_of(struct trn_str name, char *dst, size_t size)
{
    size_t n = 0;
    if (name.n > 3 && trn_glob(TRN_STR("lib*"), name, true))
        name = trn_str_slice(name, 3, name.n);
    for (size_t i = 0; i < name.n && n + 1 < size && name.p[i] != '.'; i++)
        dst[n++] = (char)tolower((unsigned char)name.p[i]);
    size_t whole = n;
    while (n > 1 && (isdigit((unsigned char)dst[n - 1]) || dst[n - 1] == '-' || dst[n - 1] == '_'))
        n--;
    dst[whole] = '\0';
    return n; /* without the number at its end; dst holds it whole */
}

static bool carries(const struct trn_family *f, const char *whole, size_t n)
{
    for (size_t i = 0; f->stems[i]; i++)
        if (strcmp(f->stems[i], whole) == 0 || (strlen(f->stems[i]) == n && memcmp(f->stems[i], whole, n) == 0))
            return true;
    return false;
}

static bool begins_like(const struct trn_family *f, struct trn_str symbol)
{
    for (size_t i = 0; f->exports[i]; i++)
        if (trn_str_starts(symbol, trn_str_of(f->exports[i])))
            return true;
    return false;
}

const struct trn_family *trn_family_of(const struct trn_release_member *m)
{
    size_t n = 0, hits[TRN_ARRAY_SIZE(families)] = {0}, best = 0;
    const struct trn_feature *e = trn_member_features(m, TRN_FEATURE_EXPORT, &n);
    char stem[64];
    struct trn_str name =
        m->format == TRN_FORMAT_MACHO ? trn_path_base(trn_member_property(m, "install_name")) : m->name;
    size_t stem_n = stem_of(name.n ? name : m->name, stem, sizeof(stem));
    if (!trn_member_is_library(m))
        return NULL;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < TRN_ARRAY_SIZE(families); k++)
            hits[k] += begins_like(&families[k], e[i].value);
    for (size_t k = 0; k < TRN_ARRAY_SIZE(families); k++) {
        if (carries(&families[k], stem, stem_n))
            return hits[k] || n < EXPORTS_MIN ? &families[k]
                                              : NULL; /* the name says one thing, what it offers another */
        if (hits[k] > hits[best])
            best = k;
    }
    /* most of what it offers is the family's */
    return hits[best] >= EXPORTS_MIN && hits[best] * 2 > n ? &families[best] : NULL;
}

/* ---- what it can do ---- */

struct trn_abilities trn_abilities_of(const struct trn_release_member *m)
{
    struct trn_abilities all = {0};
    size_t n = 0;
    const struct trn_feature *f = m ? trn_member_features(m, TRN_FEATURE_IMPORT, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct trn_ability a;
        if (!trn_ability_of(f[i].value, &a))
            continue;
        all.mask |= BIT(a.can);
        all.weight[a.can] = TRN_MAX(all.weight[a.can], a.weight);
        all.n[a.can] = (uint16_t)TRN_MIN(all.n[a.can] + 1, UINT16_MAX);
    }
    return all;
}

const char *trn_abilities_say(uint32_t mask, char *text, size_t size)
{
    size_t at = 0;
    (void)snprintf(text, size, "none");
    for (uint32_t i = 0; i < TRN_CAN_MAX; i++)
        if (mask & BIT(i)) {
            at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", trn_can_name((enum trn_can)i));
            at = TRN_MIN(at, size - 1);
        }
    return text;
}
