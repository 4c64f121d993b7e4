/* Connections that break: that end by a reset, or because TCP gives up, in the middle of something.
 */
#pragma once

#include "bpf/include/kernel.h"

/* Who broke a connection. */
enum breaker {
	BROKEN_BY_NOBODY,
	BROKEN_BY_PEER,	    /* the other application gave it up: its reset acknowledges */
	BROKEN_BY_STRANGER, /* a reset answered a segment: whoever sent it knows no such connection
			     */
	BROKEN_BY_US,	    /* closed with unread data, or aborted */
	BROKEN_BY_SILENCE,  /* nothing answered any more, or no route is left */
};

#define count_broken(row, by)                                                                      \
	({                                                                                         \
		row->broken++;                                                                     \
		if (by == BROKEN_BY_PEER)                                                          \
			row->peer_resets++;                                                        \
		else if (by == BROKEN_BY_STRANGER)                                                 \
			row->stray_resets++;                                                       \
		else if (by == BROKEN_BY_US)                                                       \
			row->own_resets++;                                                         \
		else                                                                               \
			row->timeouts++;                                                           \
	})

/* An application's reset is a segment of its connection and acknowledges what arrived. One that
 * answers a segment takes its numbers from that, and acknowledges nothing (RFC 9293, 3.10.7.1).
 */
static __always_inline u32 who_resets(u32 tcp_flags)
{
	return tcp_flags & TCPHDR_ACK ? BROKEN_BY_PEER : BROKEN_BY_STRANGER;
}

/* Who ends the connection that goes from `before` to TCP_CLOSE, where its last segment, if that was
 * a reset that we saw, was `reset_by` somebody. The kernel notes the error before the state.
 */
static __always_inline u32 who_breaks(const struct sock *sk, int before, u32 reset_by)
{
	switch (sk->sk_err) {
	case 0:
		/* Who closes in peace leaves these states by a FIN. */
		return before == TCP_ESTABLISHED || before == TCP_CLOSE_WAIT ? BROKEN_BY_US
									     : BROKEN_BY_NOBODY;
	case ECONNABORTED:
		return BROKEN_BY_US;
	case EPIPE:
	case ECONNRESET:
		return reset_by ? reset_by : BROKEN_BY_PEER;
	default:
		return BROKEN_BY_SILENCE;
	}
}
