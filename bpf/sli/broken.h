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

/* Who sent the reset that has just come in. An application's is a segment of its connection, with
 * the time stamp that all of them carry; one that answers a segment (RFC 9293, 3.10.7.1) knows of
 * no connection and carries none.
 */
static __always_inline u32 who_resets(const struct tcp_sock *tp)
{
	bool stamped = BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.saw_tstamp);
	bool agreed = BPF_CORE_READ_BITFIELD_PROBED(tp, rx_opt.tstamp_ok);

	return agreed && !stamped ? BROKEN_BY_STRANGER : BROKEN_BY_PEER;
}

/* Who ends the connection that goes from `before` to TCP_CLOSE. The kernel notes the error before
 * the state. */
static __always_inline u32 who_breaks(const struct sock *sk, const struct tcp_sock *tp, int before)
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
		return who_resets(tp);
	default:
		return BROKEN_BY_SILENCE;
	}
}
