/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles out of text, and an index out of a bundle, for tests of src/software. */
#ifndef TRN_TEST_SOFTWARE_BUNDLE_H
#define TRN_TEST_SOFTWARE_BUNDLE_H

#include "software/software.h"

struct text_file {
    const char *name, *content;
};

int file_with(const void *content, size_t n); /* an unnamed file; the caller closes */
int bundle_with(const struct text_file *files, size_t n);
struct trn_dpkg_sink index_sink(struct trn_package_index *x);
struct trn_package_index *index_of_bundle(int fd); /* closes fd; sealed */
#define INDEX_WITH(files) index_of_bundle(bundle_with((files), TRN_ARRAY_SIZE(files)))

/* "name version" of the owner of path, "" when nobody's. */
const char *owner_of(const struct trn_package_index *x, const char *path);

#endif
