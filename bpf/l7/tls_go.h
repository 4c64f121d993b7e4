/* Clear text of Go's crypto/tls. A goroutine may end what it begins in another thread and on
 * another stack, so what it is in is kept by goroutine, and a return is a probe at each return
 * instruction.
 */
#pragma once

#include "bpf/l7/tls.h"

/* func (c *Conn) Read(b []byte) (int, error), or the handshake, which a read may begin with. */
SEC("uprobe")
int go_call_begins(struct pt_regs *ctx)
{
	struct goroutine key = {.address = goroutine_in(ctx), .tgid = current_tgid()};
	struct tls_call call = {.session = go_receiver(ctx), .buffer = go_slice(ctx)};

	go_seen = true;
	call.what = bpf_get_attach_cookie(ctx);
	/* A handshake within a read finds that there, and leaves it. */
	bpf_map_update_elem(&go_calls, &key, &call,
			    call.what & TLS_HANDSHAKE ? BPF_NOEXIST : BPF_ANY);
	return 0;
}

SEC("uprobe")
int go_call_ends(struct pt_regs *ctx)
{
	struct goroutine key = {.address = goroutine_in(ctx), .tgid = current_tgid()};
	struct tls_call *found = bpf_map_lookup_elem(&go_calls, &key);
	struct tls_session *session;
	struct tls_call call;
	s64 size = returned(ctx);

	if (!found || found->what != bpf_get_attach_cookie(ctx))
		return 0;
	call = *found;
	bpf_map_delete_elem(&go_calls, &key);
	if (call.what != TLS_READS || size <= 0)
		return 0;
	session = find_session(call.session, key.tgid);
	if (session)
		text_passes(session, &call, size);
	return 0;
}

/* func (c *Conn) Write(b []byte) (int, error): of a connection that nobody has read from yet,
 * nothing is known.
 */
SEC("uprobe")
int go_writes(struct pt_regs *ctx)
{
	struct tls_session *session = find_session(go_receiver(ctx), current_tgid());
	struct tls_call call = {
		.buffer = go_slice(ctx), .what = TLS_WRITES, .entered_ns = bpf_ktime_get_boot_ns()};

	if (session && go_slice_size(ctx))
		text_passes(session, &call, go_slice_size(ctx));
	return 0;
}
