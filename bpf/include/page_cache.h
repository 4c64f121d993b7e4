/* Pages of files, as far as the probes read them. */
#pragma once

#include "bpf/include/kernel.h"

#define PAGE_SHIFT 12

struct inode {
	unsigned int i_nlink;
	s64 i_size;
} __attribute__((preserve_access_index));

struct address_space {
	struct inode *host;
} __attribute__((preserve_access_index));

struct folio {
	struct address_space *mapping;
	unsigned long index;
} __attribute__((preserve_access_index));

/* The file has no such page any more: it was removed, or cut short. */
static __always_inline bool is_gone(const struct folio *folio)
{
	const struct inode *file = folio->mapping->host;

	return !file->i_nlink || folio->index << PAGE_SHIFT >= (u64)file->i_size;
}
