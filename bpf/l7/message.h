/* Bytes that are about to be written: where the application's buffers lie. */
#pragma once

#include "bpf/l7/piece.h"

enum iter_type {
	ITER_UBUF,
	ITER_IOVEC,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct iovec {
	void *iov_base;
	unsigned long iov_len;
};

struct iov_iter___buffers {
	u8 iter_type;
	unsigned long iov_offset;
	unsigned long count;
	union {
		const struct iovec *__iov;
		void *ubuf;
	};
};

/* de4f5fed3f23 ("iov_iter: add iter_iovec() helper"), 6.4, renamed it. */
struct iov_iter___iov {
	const struct iovec *iov;
};

struct msghdr___buffers {
	struct iov_iter___buffers msg_iter;
};

#pragma clang attribute pop

/* Buffers of a message that are looked at: nginx writes each frame of HTTP/2 from one of its own.
 */
#define MOST_BUFFERS 48

static __always_inline const struct iovec *buffers_of(const struct iov_iter___buffers *iter)
{
	const struct iov_iter___iov *old = (const void *)iter;

	if (bpf_core_field_exists(old->iov))
		return BPF_CORE_READ(old, iov);
	return BPF_CORE_READ(iter, __iov);
}

/* Copies up to `most` of the message's bytes, WHOLE_SIZE at most; returns how many. */
static __always_inline u64 copy_buffers(u8 *to, u64 most, const struct iov_iter___buffers *iter,
					u64 count)
{
	const struct iovec *buffers = buffers_of(iter);
	u64 offset = BPF_CORE_READ(iter, iov_offset);
	struct iovec buffer;
	u64 filled = 0;
	u64 size;

	if (most > count)
		most = count;
	for (int i = 0; i < MOST_BUFFERS && filled < most; i++) {
		if (bpf_probe_read_kernel(&buffer, sizeof(buffer), buffers + i) ||
		    buffer.iov_len < offset)
			break;
		filled = at_most(filled, WHOLE_SIZE);
		size = at_most(buffer.iov_len - offset, most - filled);
		size = at_most(size, WHOLE_SIZE);
		if (bpf_probe_read_user(to + filled, size, buffer.iov_base + offset))
			break;
		filled += size;
		offset = 0;
	}
	return at_most(filled, WHOLE_SIZE);
}

/* The same for whatever buffers the message has; 0 for those that are no memory of a process
 * (sendfile, splice, the kernel's own). */
static __always_inline u64 copy_message(u8 *to, u64 most, const struct msghdr *msg, u64 count)
{
	const struct iov_iter___buffers *iter = &((const struct msghdr___buffers *)msg)->msg_iter;
	u8 type = BPF_CORE_READ(iter, iter_type);
	u64 size = at_most(at_most(count, most), WHOLE_SIZE);

	if (bpf_core_enum_value_exists(enum iter_type, ITER_UBUF) &&
	    type == bpf_core_enum_value(enum iter_type, ITER_UBUF)) {
		return bpf_probe_read_user(to, size,
					   BPF_CORE_READ(iter, ubuf) +
						   BPF_CORE_READ(iter, iov_offset))
			       ? 0
			       : size;
	}
	if (type != bpf_core_enum_value(enum iter_type, ITER_IOVEC))
		return 0;
	return copy_buffers(to, most, iter, count);
}
