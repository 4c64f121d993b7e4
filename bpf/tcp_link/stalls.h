/* Transfers that stand still again and again, for a few hundredths of a second each time, and why.
 *
 * The kernel's own sums (chrono_stat) do not tell many waits of microseconds, as in each fast
 * transfer, from a few long ones. So each look, once a period, asks whether the connection stands
 * still right now, and has for some time: of many looks, the share that finds it so is its share of
 * the time, less the beginning of each pause.
 */
#pragma once

#include "bpf/tcp_link/row.h"

enum {
	STILL_FOR_WINDOW, /* the peer's window is used up: it does not read */
	STILL_FOR_READER, /* the application here does not read */
	STILL_FOR_BUFFER, /* all that fits into the send buffer is under way */
	STILL_FOR_WRITER, /* the application here writes nothing */
	STILL_FOR_PATH,	  /* data waits until others are acknowledged */
	STILL_REASONS
};

/* Who moves less in a second makes no transfer, unless data waits all the time. */
#define LEAST_BYTES_PER_S 262144

/* Less that waits to be read is just arriving. */
#define LEAST_UNREAD 65536

/* What stands still for so long is no hiccup: at 250 ticks a second the same for both. */
#define STILL_TICKS 2
#define STILL_US    8000

/* A path with a shorter round trip keeps nobody waiting for hundredths of a second. */
#define LONG_ROUND_TRIP_US 10000

#define CA_RECOVERY 3

/* A share is that of about so many looks, as a power of two; in parts of 2^16. */
#define LOOKS_SHIFT 3
#define WHOLE	    65536

/* Of one socket. */
struct stalls {
	u64 looked_ns; /* the last look; 0: none */
	u32 shares[STILL_REASONS];
	u32 pad;
};

/* What moved between two looks. */
struct stretch {
	u64 us;
	u64 sent;
	u64 received;
	u64 busy_us; /* with data under way, whatever else limits it */
};

static __always_inline bool nothing_sent_lately(const struct tcp_sock *tp)
{
	return tick_now() - tp->lsndtime >= STILL_TICKS;
}

/* Of a fast transfer that a window limits all the time, the sums say the same, but it moves. */
static __always_inline bool limited_now(const struct tcp_sock *tp, u32 kind)
{
	return BPF_CORE_READ_BITFIELD(tp, chrono_type) == kind &&
	       tick_now() - tp->chrono_start >= STILL_TICKS && nothing_sent_lately(tp);
}

static __always_inline bool reader_pauses_now(const struct tcp_sock *tp, u64 now)
{
	u64 least =
		tp->rcv_rtt_est.rtt_us >> 2; /* twice the round trip: reads are noted once in one */

	/* Never measured: the last read is not noted. */
	if (!least || tp->rcv_nxt - tp->copied_seq < LEAST_UNREAD)
		return false;
	return elapsed(tp->rcvq_space.time, now / 1000) >= (least > STILL_US ? least : STILL_US);
}

static __always_inline bool writer_pauses_now(const struct tcp_sock *tp)
{
	return tp->write_seq == tp->snd_una && nothing_sent_lately(tp);
}

/* More waits behind what is under way, which is long under way, or lost. */
static __always_inline bool path_limits_now(const struct tcp_sock *tp)
{
	if (BPF_CORE_READ_BITFIELD(tp, chrono_type) != CHRONO_BUSY || tp->write_seq == tp->snd_nxt)
		return false;
	return tp->srtt_us >> 3 >= LONG_ROUND_TRIP_US ||
	       BPF_CORE_READ_BITFIELD_PROBED(tp, inet_conn.icsk_ca_state) >= CA_RECOVERY;
}

static __always_inline void note_look(u32 *share, bool still)
{
	*share -= *share >> LOOKS_SHIFT;
	if (still)
		*share += WHOLE >> LOOKS_SHIFT;
}

/* A sender that also receives waits for its peer's words: that is no pause of its application's. */
static __always_inline void look_for_stalls(struct stalls *stalls, const struct tcp_sock *tp,
					    const struct stretch *s, u64 now)
{
	note_look(&stalls->shares[STILL_FOR_WINDOW], limited_now(tp, CHRONO_RWND_LIMITED));
	note_look(&stalls->shares[STILL_FOR_READER], reader_pauses_now(tp, now));
	note_look(&stalls->shares[STILL_FOR_BUFFER], limited_now(tp, CHRONO_SNDBUF_LIMITED));
	note_look(&stalls->shares[STILL_FOR_WRITER], !s->received && writer_pauses_now(tp));
	note_look(&stalls->shares[STILL_FOR_PATH], path_limits_now(tp));
}

static __always_inline bool is_transfer(const struct tcp_sock *tp, const struct stretch *s)
{
	u64 least = s->us * LEAST_BYTES_PER_S;

	return s->sent * 1000000 >= least || s->received * 1000000 >= least ||
	       s->busy_us >= s->us / 2 || tp->rcv_nxt - tp->copied_seq >= LEAST_UNREAD;
}
