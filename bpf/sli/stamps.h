/* What the kernel itself keeps of a connection's times: when the newest data arrived, and when the
 * newest segment was acknowledged. Nothing runs per segment.
 */
#pragma once

#include "bpf/include/tcp.h"
#include "bpf/include/ticks.h"

/* The kernel's shortest delayed acknowledgement is 40 ms (TCP_DELACK_MIN); a little less for its
 * timer. */
static const u64 delayed_ack_ns = 35000000;

/* From so many ticks on, a tick tells a time well enough. */
#define SLOW_TICKS 2

static __always_inline const struct sock *socket_of(const struct tcp_sock *tp)
{
	return &tp->inet_conn.icsk_inet.sk;
}

/* End of the data that was written, at least `least`. Our FIN takes a sequence number. */
static __always_inline u32 written_end(const struct tcp_sock *tp, u32 least)
{
	u8 state = socket_of(tp)->__sk_common.skc_state;
	u32 end = tp->write_seq;

	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT && state != TCP_SYN_RECV)
		end--;
	return (s32)(end - least) < 0 ? least : end;
}

/* The peer's FIN takes a sequence number: it is no data. */
static __always_inline u32 fin_of(const struct sock *sk)
{
	return !!(sk->__sk_common.skc_flags & SOCK_DONE);
}

/* End of the data that has arrived. */
static __always_inline u32 data_end(const struct tcp_sock *tp)
{
	return tp->rcv_nxt - fin_of(socket_of(tp));
}

/* End of the data that was read. An application that has read the end has read the FIN, too. */
static __always_inline u32 read_end(const struct tcp_sock *tp)
{
	u32 end = data_end(tp);

	return tp->copied_seq - end < 2 ? end : tp->copied_seq;
}

static __always_inline u32 ticks_since_data(const struct tcp_sock *tp)
{
	return tick_now() - tp->inet_conn.icsk_ack.lrcvtime;
}

/* `ticks` ago. */
static __always_inline u64 ticks_before(u64 now, u32 ticks)
{
	u64 hz = ticks_per_s();

	return hz ? now - ticks * 1000000000ULL / hz : now;
}

/* When the newest data arrived. The kernel stamps each segment that comes in, and some that go out:
 * where the tick of the last data is older, the stamp is that of something else.
 */
static __always_inline u64 data_arrived(const struct tcp_sock *tp)
{
	u64 stamp = tp->tcp_clock_cache;
	u32 ticks = ticks_since_data(tp);
	u64 now;

	if (ticks < SLOW_TICKS)
		return stamp;
	now = bpf_ktime_get_ns();
	return stamp > ticks_before(now, ticks - 1) ? ticks_before(now, ticks) : stamp;
}

static __always_inline bool is_before(u32 seq, u32 other)
{
	return (s32)(seq - other) < 0;
}

/* Segments without data that have come in. */
static __always_inline u32 bare_segments(const struct tcp_sock *tp)
{
	return tp->segs_in - tp->data_segs_in;
}

/* When the peer acknowledged all up to `end`, the newest data that was sent, or that and a FIN; 0:
 * it has not, or what was sent later hides it.
 */
static __always_inline u64 acknowledged_at(const struct tcp_sock *tp, u32 end)
{
	if (is_before(tp->snd_una, end) || tp->rack.end_seq - end > 1)
		return 0;
	return (tp->rack.mstamp + tp->rack.rtt_us) * 1000;
}

/* When all up to `end` arrived at the peer, as far as its acknowledgement tells; 0: not known. A
 * peer that has nothing to send may hold an acknowledgement back for up to 40 ms (RFC 1122,
 * 4.2.3.2), and one that thinks before its next request sends it `with_data`: such time is the
 * peer's own. Then the best round trip of the connection stands for the way, unless the data had to
 * be sent again.
 */
static __always_inline u64 arrived_at_peer(const struct tcp_sock *tp, u32 end, bool sent_again,
					   bool with_data)
{
	u64 acked = acknowledged_at(tp, end);
	u64 best = tp->rtt_min.s[0].v;
	u64 way = tp->rack.rtt_us;

	if (!acked || sent_again || best >= way || best * 1000 >= delayed_ack_ns)
		return acked;
	return with_data || way * 1000 >= delayed_ack_ns ? acked - (way - best) * 1000 : acked;
}

/* What was written before is acknowledged, and nothing has happened for so long that the next write
 * is not its rest. */
static __always_inline bool is_pause(const struct tcp_sock *tp, u64 now)
{
	u64 quiet = elapsed(tp->tcp_clock_cache, now);
	u64 least = (u64)(tp->srtt_us >> 3) * 4000;

	return quiet > (least > 50000000 ? least : 50000000);
}

/* Draws one in `every` by a sequence number, which is the same at each read of a request and
 * differs from request to request; mixed, since replies may all be of one size.
 */
static __always_inline bool is_drawn(u32 seq, u32 every)
{
	u32 mixed = seq * 2654435761U;

	mixed = (mixed ^ mixed >> 16) * 2246822519U;
	return every < 2 || (mixed >> 12) % every == 0;
}
