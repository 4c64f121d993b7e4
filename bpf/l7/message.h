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

/* A first buffer that is shorter is followed by the second: nginx writes a status line of its own,
 * others a length. */
#define SHORT_BUFFER 64

static __always_inline const struct iovec *buffers_of(const struct iov_iter___buffers *iter)
{
	const struct iov_iter___iov *old = (const void *)iter;

	if (bpf_core_field_exists(old->iov))
		return BPF_CORE_READ(old, iov);
	return BPF_CORE_READ(iter, __iov);
}

/* Copies up to `most` bytes of the message, which is a constant of at least 128; returns how many.
 */
static __always_inline u32 copy_buffers(u8 *to, const struct iov_iter___buffers *iter, u64 count)
{
	const struct iovec *buffers = buffers_of(iter);
	struct iovec first = {}, second = {};
	u64 offset = BPF_CORE_READ(iter, iov_offset);
	u64 size, more;

	if (bpf_probe_read_kernel(&first, sizeof(first), buffers) || first.iov_len < offset)
		return 0;
	size = first.iov_len - offset;
	if (size > count)
		size = count;
	if (size >= SHORT_BUFFER || size == count) {
		size = at_most(size, PIECE_SIZE);
		return bpf_probe_read_user(to, size, first.iov_base + offset) ? 0 : size;
	}
	size = at_most(size, SHORT_BUFFER);
	if (size && bpf_probe_read_user(to, size, first.iov_base + offset))
		return 0;
	if (bpf_probe_read_kernel(&second, sizeof(second), buffers + 1))
		return size;
	more = second.iov_len;
	if (more > count - size)
		more = count - size;
	more = at_most(more, PIECE_SIZE - SHORT_BUFFER);
	return bpf_probe_read_user(to + size, more, second.iov_base) ? size : size + more;
}

/* The same for whatever buffers the message has; 0 for those that are no memory of a process
 * (sendfile, splice, the kernel's own). */
static __always_inline u32 copy_message(u8 *to, const struct msghdr *msg, u64 count)
{
	const struct iov_iter___buffers *iter = &((const struct msghdr___buffers *)msg)->msg_iter;
	u8 type = BPF_CORE_READ(iter, iter_type);
	u64 size = at_most(count, PIECE_SIZE);

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
	return copy_buffers(to, iter, count);
}
