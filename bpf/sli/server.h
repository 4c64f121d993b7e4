/* The server's end of a connection: four stamps a request. */
#pragma once

#include "bpf/include/histogram.h"
#include "bpf/include/tcp.h"
#include "bpf/sli/broken.h"

volatile u32 sample_every = 1; /* time one request in so many; counts stay complete */

struct server_key {
	u32 tgid;
	u16 port;
	u16 family;
};
EVENT(server_key);

struct server_value {
	u64 requests;	    /* first reads of new data after a reply */
	u64 responses;	    /* first writes after a read */
	u64 request_bytes;  /* read before replies */
	u64 response_bytes; /* written */
	u64 measured;	    /* requests with all four stamps: in the histograms */
	u64 pipelined;	    /* answered, but overlapping others on their connection: not timed */
	u64 broken;	    /* connections that ended in the middle of a request or its reply */
	u64 peer_resets;    /* of those, as broken.h tells them apart */
	u64 stray_resets;
	u64 own_resets;
	u64 timeouts;
	struct window_max longest_wait; /* of requests without a reply at the end of the window */
	struct histogram latency;	/* TS1 to TS4 */
	struct histogram scheduling;	/* TS1 to TS2 */
	struct histogram processing;	/* TS2 to TS3 */
	struct histogram sending;	/* TS3 to TS4 */
};

/* Rows: a server's processes times its ports; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct server_key);
	__type(value, struct server_value);
} servers SEC(".maps");

/* Stamps of a request that is not timed. */
#define UNSEEN	0 /* its first segment was not seen alone: it overlaps another request */
#define SKIPPED 1 /* left out by sampling */

/* The kernel's shortest delayed acknowledgement is 40 ms (TCP_DELACK_MIN); a little less for its
 * timer. */
static const u64 delayed_ack_ns = 35000000;

/* What is not replied to by then is no request, and what is replied to for longer is a stream. */
#define SEGMENTS_OF_A_STREAM 64
static const u64 never_replied_ns = 60000000000;

/* A reply that was acknowledged for so long has no further part, unless the next request or the end
 * of the connection says so before. Asked once a period only. */
static const u64 reply_pause_ns = 250000000;

/* Two CPUs take turns here: the one that runs the application and the one that receives for it.
 * Each writes its own cache line only, the application's is the first one (the kernel puts 8 bytes
 * of its own in front). The socket lock keeps them apart.
 */
struct conversation {
	/* the application's side */
	u64 read_ns;	/* TS2 */
	u64 written_ns; /* TS3 */
	u32 requests;	/* read so far; one more than responses while one is being worked on */
	u32 responses;
	u32 written_seq; /* end of all that was written so far; its acknowledgement is TS4 */
	u32 copied_seq;	 /* end of what was read when the last reply began */
	u32 tgid;
	u32 started;	   /* sequence numbers are set */
	u32 behind;	   /* unread data was there when the last reply began */
	u32 retransmitted; /* by this socket, ever, at TS3 */
	u32 sent_seq;	   /* the sequence number written at TS3 */
	u16 port;	   /* the kernel has taken it from the socket when that is closed */
	u16 family;
	/* the receiving side */
	u64 arrived_ns;	      /* TS1, or UNSEEN, or SKIPPED */
	u32 counted_requests; /* of the above as far as `servers` has them */
	u32 counted_responses;
	u32 counted_written;
	u32 counted_copied;
	u32 unstamped;	  /* 1 + requests when data came that begins no timed request */
	u32 segments;	  /* with data, since the one that began the request */
	u32 acked_seq;	  /* what acked_ns acknowledged */
	u32 reset_by;	  /* whoever sent a reset */
	u64 acked_ns;	  /* TS4 of the reply as far as it was written then, or 0 */
	u64 progress_ns;  /* when part of a reply was acknowledged last */
	u32 progress_seq; /* and how far */
	u32 pad;
};
_Static_assert(__builtin_offsetof(struct conversation, arrived_ns) == 56, "cache lines");

/* Lives and dies with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct conversation);
} conversations SEC(".maps");

static const struct server_value no_server;

static __always_inline struct server_value *server_of(const struct conversation *c)
{
	struct server_key key = {
		.tgid = c->tgid,
		.port = c->port,
		.family = c->family,
	};

	return find_or_add(servers, &key, &no_server);
}

static __always_inline struct conversation *find(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&conversations, (void *)sk, 0, 0);
}

static __always_inline void begin(struct conversation *c, const struct tcp_sock *tp)
{
	const struct sock *sk = &tp->inet_conn.icsk_inet.sk;

	c->started = 1;
	c->port = sk->__sk_common.skc_num;
	c->family = sk->__sk_common.skc_family;
	c->written_seq = tp->write_seq;
	c->copied_seq = tp->copied_seq;
	c->counted_written = c->written_seq;
	c->counted_copied = c->copied_seq;
}

/* All that is known so far goes to the row of the server, with the times if there are any: `now` is
 * TS4 or 0. */
static __always_inline void finish_in(struct conversation *c, u64 now, u32 of_window)
{
	struct server_value *server = server_of(c);
	u32 responses = c->responses - c->counted_responses;

	if (server) {
		server->requests += c->requests - c->counted_requests;
		server->responses += responses;
		server->request_bytes += c->copied_seq - c->counted_copied;
		server->response_bytes += c->written_seq - c->counted_written;
		if (now) {
			server->measured++;
			histogram_add_in(&server->latency, elapsed(c->arrived_ns, now), of_window);
			histogram_add_in(&server->scheduling, elapsed(c->arrived_ns, c->read_ns),
					 of_window);
			histogram_add_in(&server->processing, elapsed(c->read_ns, c->written_ns),
					 of_window);
			histogram_add_in(&server->sending, elapsed(c->written_ns, now), of_window);
		} else if (c->arrived_ns != SKIPPED) {
			server->pipelined += responses;
		}
	}
	c->counted_requests = c->requests;
	c->counted_responses = c->responses;
	c->counted_copied = c->copied_seq;
	c->counted_written = c->written_seq;
	c->arrived_ns = UNSEEN;
	c->acked_ns = 0;
}

static __always_inline void finish(struct conversation *c, u64 now)
{
	finish_in(c, now, window);
}

/* Exactly one request has been answered since the last time, and none was begun after it. */
static __always_inline bool is_timed(const struct conversation *c)
{
	return c->arrived_ns > SKIPPED && c->responses == c->counted_responses + 1 &&
	       c->requests == c->responses && c->read_ns >= c->arrived_ns &&
	       c->written_ns >= c->read_ns;
}

/* There is a reply that may have ended: all of it that was written is acknowledged. */
static __always_inline bool is_acknowledged(const struct conversation *c)
{
	return c->acked_ns && (s32)(c->acked_seq - c->written_seq) >= 0;
}

/* When the last segment left that is not acknowledged, or 0. */
static __always_inline u64 last_sent(const struct tcp_sock *tp)
{
	const struct rb_node *segment = tp->inet_conn.icsk_inet.sk.tcp_rtx_queue.rb_node;

	if (!segment)
		return 0;
	if (segment->rb_right)
		segment = segment->rb_right;
	/* A segment begins with its place in the queue (net/ipv4/tcp_output.c). */
	return BPF_CORE_READ((const struct sk_buff *)segment, skb_mstamp_ns);
}

/* When the reply arrived, as far as its acknowledgement tells. A client that has nothing to send
 * may hold it back for up to 40 ms (RFC 1122, 4.2.3.2), and one that thinks before its next request
 * sends it with that: such time is the client's own. Then the best round trip of the connection
 * stands for the way of the reply, unless the reply had to be sent again.
 */
static __always_inline u64 reply_arrived(const struct conversation *c, const struct tcp_sock *tp,
					 u64 now, bool with_data)
{
	u64 way = elapsed(c->written_ns, now);
	u64 best = (u64)tp->rtt_min.s[0].v * 1000;
	u32 bytes = c->acked_seq - c->sent_seq;
	u64 sent_ns;

	if (tp->total_retrans != c->retransmitted)
		return now;
	/* Only the last two segments can be held back (RFC 1122); a longer reply, or one that the
	 * client's window does not take at once, was on its way until those were left, and sent.
	 */
	if (bytes > 2 * tp->mss_cache || bytes > tp->snd_wnd) {
		if (c->acked_seq - c->progress_seq > 2 * tp->mss_cache)
			return now;
		sent_ns = last_sent(tp);
		if (!sent_ns)
			return now;
		if (sent_ns < c->progress_ns)
			sent_ns = c->progress_ns;
		return elapsed(sent_ns, now) <= best ? now : sent_ns + best;
	}
	if (best >= way || best >= delayed_ack_ns)
		return now;
	return with_data || way >= delayed_ack_ns ? c->written_ns + best : now;
}

/* A reply is acknowledged so far, and little more is on its way. */
static __always_inline void note_progress(struct conversation *c, const struct tcp_sock *tp,
					  u32 ack_seq)
{
	if (tp->snd_nxt - ack_seq > 2 * tp->mss_cache || c->progress_seq == ack_seq || !is_timed(c))
		return;
	c->progress_seq = ack_seq;
	c->progress_ns = bpf_ktime_get_ns();
}

/* All that was written is acknowledged, up to `ack_seq`. That is TS4 if the reply ends here, which
 * the next request tells: replies are written in parts. Returns the clock if it was read, or 0.
 */
static __always_inline u64 reply_is_acknowledged(struct conversation *c, const struct tcp_sock *tp,
						 u32 ack_seq, bool with_data)
{
	bool timed = is_timed(c);
	u64 now = 0;

	if (timed && (!c->acked_ns || c->acked_seq != ack_seq)) {
		now = bpf_ktime_get_ns();
		c->acked_seq = ack_seq;
		c->acked_ns = reply_arrived(c, tp, now, with_data);
		c->progress_seq = ack_seq;
		c->progress_ns = now;
	}
	if (!timed || with_data || tp->rcv_nxt != tp->copied_seq)
		finish(c, timed ? c->acked_ns : 0);
	return now;
}

/* TS1 and TS4. */
static __always_inline void server_receives(struct conversation *c, struct sock *sk,
					    struct sk_buff *skb)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	u32 bytes, ack_seq;
	u64 now = 0;

	if (!tp)
		return;
	if (!c->started)
		begin(c, tp);
	bytes = skb_field(skb, end_seq) - skb_field(skb, seq);
	if (!bytes && skb_field(skb, tcp_flags) & TCPHDR_RST) {
		c->reset_by = who_resets(skb_field(skb, tcp_flags));
		if (c->reset_by != BROKEN_BY_PEER)
			return; /* acknowledges nothing */
	}
	ack_seq = skb_field(skb, ack_seq);
	if (c->responses != c->counted_responses) {
		/* Not every kernel shows here what sendfile() writes. */
		if ((s32)(ack_seq - c->written_seq) >= 0 && (s32)(ack_seq - tp->write_seq) >= 0)
			now = reply_is_acknowledged(c, tp, ack_seq, bytes != 0);
		else if (c->responses - c->counted_responses > 64)
			finish(c, 0); /* a stream of overlapping requests has no TS4 */
		else
			note_progress(c, tp, ack_seq);
	}
	/* A FIN counts as a byte, and is no request. */
	if (!bytes || (bytes == 1 && skb_field(skb, tcp_flags) & TCPHDR_FIN))
		return;
	if (c->arrived_ns) {
		c->segments++;
		return;
	}
	/* Timed only when nothing else is under way: all read, all answered, all acknowledged. */
	if (c->requests != c->counted_responses || c->behind || c->unstamped == c->requests + 1 ||
	    (s32)(ack_seq - c->written_seq) < 0)
		c->unstamped = c->requests + 1;
	else if (sample_every > 1 && c->requests % sample_every)
		c->arrived_ns = SKIPPED;
	else
		c->arrived_ns = now ? now : bpf_ktime_get_ns();
	c->segments = 0;
}

/* A request that is not answered, or a reply that has not arrived. */
static __always_inline bool is_under_way(const struct conversation *c)
{
	return !is_acknowledged(c) && (c->arrived_ns || c->requests != c->counted_requests ||
				       c->responses != c->counted_responses);
}

/* How long the request waits for the first byte of its reply; 0: there is none that waits. What
 * comes in many segments, or on a connection that has never been replied to, may be a stream that
 * nobody is meant to reply to.
 */
static __always_inline u64 waits_for_reply(const struct conversation *c, u64 now)
{
	u64 waited;

	if (c->arrived_ns <= SKIPPED || c->responses != c->counted_responses)
		return 0;
	if (c->segments > SEGMENTS_OF_A_STREAM)
		return 0;
	waited = elapsed(c->arrived_ns, now);
	return c->responses || waited < never_replied_ns ? waited : 0;
}

/* Once a period: a reply that has no next request to tell that it has ended. The application and
 * its next request may meet this on another CPU, for a window of a few instructions.
 */
static __always_inline void end_idle_reply(struct conversation *c, u64 now)
{
	if (is_acknowledged(c) && elapsed(c->acked_ns, now) >= reply_pause_ns)
		finish_in(c, c->acked_ns, window - 1);
	else if (c->arrived_ns > SKIPPED && elapsed(c->arrived_ns, now) >= never_replied_ns)
		finish_in(c, 0, window - 1);
}

/* TS3. What was sent before, if anything, has arrived: the client waits for the application. */
static __always_inline void send_from(struct conversation *c, const struct tcp_sock *tp)
{
	c->written_ns = bpf_ktime_get_ns();
	c->sent_seq = c->written_seq;
	c->retransmitted = tp->total_retrans;
}

/* `end` is where the bytes written so far will end, including what this call brings. */
static __always_inline void reply(struct sock *sk, struct conversation *c,
				  const struct tcp_sock *tp, u32 end)
{
	u32 tgid = current_tgid();

	if (tgid != c->tgid) {
		if (!want_current(tgid)) {
			bpf_sk_storage_delete(&conversations, sk);
			return;
		}
		c->tgid = tgid;
	}
	if (!c->started)
		begin(c, tp);
	if (c->requests != c->responses) {
		if (sample_every <= 1 || !(c->responses % sample_every))
			send_from(c, tp);
		c->responses++;
		c->copied_seq = tp->copied_seq;
		c->behind = tp->rcv_nxt != tp->copied_seq;
	} else if (is_acknowledged(c)) {
		send_from(c, tp); /* more of the same reply, after a pause */
	}
	c->written_seq = end;
}
