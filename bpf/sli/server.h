/* The server's end of a connection: what is known of its requests, and where that goes. */
#pragma once

#include "bpf/include/histogram.h"
#include "bpf/sli/broken.h"
#include "bpf/sli/rate.h"
#include "bpf/sli/work.h"

struct server_key {
	u32 tgid;
	u16 port;
	u16 family;
};
EVENT(server_key);

struct server_value {
	u64 requests;	    /* replied to, or given up with their connection */
	u64 responses;	    /* first writes after something was read */
	u64 request_bytes;  /* read before replies */
	u64 response_bytes; /* written */
	u64 measured;	    /* requests that were timed; in the histograms each stands for others */
	u64 pipelined;	    /* answered, but overlapping others on their connection: not timed */
	u64 parked;	    /* answered after they had waited on purpose: not timed */
	u64 unsplit;	    /* timed, but who replied is not who had read: not split into parts */
	u64 broken;	    /* connections that ended in the middle of a request or its reply */
	u64 peer_resets;    /* of those, as broken.h tells them apart */
	u64 stray_resets;
	u64 own_resets;
	u64 timeouts;
	struct window_max longest_wait; /* of requests without a reply at the end of the window */
	struct histogram latency;	/* last data of the request to TS4 */
	struct histogram receiving;  /* TS1 to the last data, of requests that are read in parts */
	struct histogram scheduling; /* from that to TS2 */
	struct histogram processing; /* TS2 to TS3 */
	struct histogram working;    /* of that: on a CPU */
	struct histogram queueing;   /* waiting for a CPU */
	struct histogram sleeping;   /* the rest */
	struct histogram sending;    /* TS3 to TS4 */
};

/* Rows: a server's processes times its ports; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct server_key);
	__type(value, struct server_value);
} servers SEC(".maps");

/* What all processes know together that serve one port. */
struct port_key {
	u32 netns;
	u32 port;
};

struct port_state {
	u32 answers;	  /* it has replied to somebody who did not wait on purpose */
	u32 replied_tick; /* the last quick reply on any connection */
	u32 owner;	  /* whose row the last one went to */
	u32 parked_ticks; /* the longest wait on purpose that ended by a reply lately */
	struct rate rate; /* of its requests */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct port_key);
	__type(value, struct port_state);
} ports SEC(".maps");

enum stamped {
	NOT_STAMPED,
	SLOW_ONLY, /* timed only if it is still slow when it is replied to */
	IN_SAMPLE,
};

/* For so many replies after a pause within one, a server counts as writing without being asked. */
#define PUSHING_REPLIES 16

struct conversation {
	u64 opened_ns;	   /* established; 0: older than the collector */
	u64 arrived_ns;	   /* TS1: the first data of the request arrived */
	u64 last_ns;	   /* its last data arrived */
	u64 read_ns;	   /* TS2: the application read that */
	u64 written_ns;	   /* TS3: it wrote the reply */
	u32 copied_seq;	   /* end of what was read when the last reply began */
	u32 written_seq;   /* end of the last reply so far; its acknowledgement is TS4 */
	u32 received_seq;  /* end of what had arrived at the last read that was looked at */
	u32 retransmitted; /* by this socket, ever, at TS3 */
	u32 bare_segments; /* received, ever, at TS3 */
	u32 replied_tick;  /* the last reply */
	u32 weight;	   /* how many requests the timed one stands for */
	u32 every;	   /* one request in so many is timed */
	/* Not yet in the row. */
	u32 requests;
	u32 responses;
	u32 pipelined;
	u32 parked;
	u32 counted_copied;
	u32 counted_written;
	/* Who works here. */
	u32 owner;  /* whose row it is */
	u32 holder; /* the process that read or wrote last */
	u32 reader; /* its thread that read last */
	u32 listener;
	u32 netns;
	u16 port; /* the kernel has taken it from the socket when that is closed */
	u16 family;
	/* What it is in the middle of. */
	u8 started;    /* sequence numbers are set */
	u8 reading;    /* something was read since the last reply */
	u8 stamped;    /* and when: IN_SAMPLE, or SLOW_ONLY; 0: not */
	u8 replying;   /* a timed reply has begun and is not known to have ended */
	u8 behind;     /* unread data was there when the last reply began */
	u8 pushes;     /* replies for which it counts as writing without being asked */
	u8 is_parked;  /* the open request waits on purpose */
	u8 laid_aside; /* its reader is ready for others */
	u8 is_split;   /* `parts` are those of the timed reply */
	u8 pad[3];
	/* As the iterator saw it last. */
	u32 looked_seq;	 /* end of what had arrived of an open request */
	u32 looked_tick; /* when that arrived */
	u32 gap_ticks;	 /* the longest that its client left between two parts of it */
	u32 noted_tick;	 /* when its port was told last of a reply */
	/* The thread of a timed request; last, since others do without. */
	u32 split_weight;   /* as `weight`: slow ones outside of the sample are not split */
	struct work work;   /* of who read, at TS2 */
	struct parts parts; /* of the time from TS2 to TS3 */
};

/* Lives and dies with its socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct conversation);
} conversations SEC(".maps");

static const struct server_value no_server;
static const struct port_state no_port = {.rate.every = 1};

static __always_inline struct server_value *server_of(const struct conversation *c)
{
	struct server_key key = {
		.tgid = c->owner,
		.port = c->port,
		.family = c->family,
	};

	return find_or_add(servers, &key, &no_server);
}

static __always_inline struct port_state *port_of(const struct conversation *c)
{
	struct port_key key = {.netns = c->netns, .port = c->port};

	return bpf_map_lookup_elem(&ports, &key);
}

static __always_inline struct conversation *find(const struct sock *sk)
{
	if (!sk->sk_bpf_storage)
		return 0;
	return bpf_sk_storage_get(&conversations, (void *)sk, 0, 0);
}

static __always_inline void identify(struct conversation *c, const struct sock *sk)
{
	c->netns = socket_netns(sk);
	c->port = sk->__sk_common.skc_num;
	c->family = sk->__sk_common.skc_family;
}

/* A new connection is known from its first byte, an older one from now on. */
static __always_inline void begin(struct conversation *c, const struct tcp_sock *tp)
{
	c->started = 1;
	c->written_seq = tp->write_seq;
	c->copied_seq = read_end(tp);
	if (c->opened_ns)
		c->copied_seq = data_end(tp) - (u32)(tp->bytes_received - fin_of(socket_of(tp)));
	c->counted_written = c->written_seq;
	c->counted_copied = c->copied_seq;
}

/* All that is counted so far goes to the row. */
static __always_inline void flush(struct conversation *c, const struct tcp_sock *tp,
				  struct server_value *server)
{
	u32 written = written_end(tp, c->counted_written);

	server->requests += c->requests;
	server->responses += c->responses;
	server->pipelined += c->pipelined;
	server->parked += c->parked;
	server->request_bytes += c->copied_seq - c->counted_copied;
	server->response_bytes += written - c->counted_written;
	c->requests = 0;
	c->responses = 0;
	c->pipelined = 0;
	c->parked = 0;
	c->counted_copied = c->copied_seq;
	c->counted_written = written;
}

static __always_inline bool has_counts(const struct conversation *c, const struct tcp_sock *tp)
{
	return c->responses || c->copied_seq != c->counted_copied ||
	       written_end(tp, c->counted_written) != c->counted_written;
}

/* What its thread did between TS2 and TS3. */
static __always_inline void add_parts(const struct conversation *c, struct server_value *server,
				      u32 of_window)
{
	u32 weight = c->split_weight;

	if (!c->is_split) {
		server->unsplit++;
		return;
	}
	histogram_add_for(&server->working, c->parts.working_ns, of_window, weight);
	histogram_add_for(&server->queueing, c->parts.queued_ns, of_window, weight);
	histogram_add_for(&server->sleeping, c->parts.sleeping_ns, of_window, weight);
}

/* The parts of a timed request, up to `arrived`, where its reply is with the client. */
static __always_inline void add_times(struct conversation *c, struct server_value *server,
				      u64 arrived, u32 of_window)
{
	u32 weight = c->weight;

	server->measured++;
	histogram_add_for(&server->latency, elapsed(c->last_ns, arrived), of_window, weight);
	if (c->last_ns > c->arrived_ns)
		histogram_add_for(&server->receiving, c->last_ns - c->arrived_ns, of_window,
				  weight);
	histogram_add_for(&server->scheduling, elapsed(c->last_ns, c->read_ns), of_window, weight);
	histogram_add_for(&server->processing, elapsed(c->read_ns, c->written_ns), of_window,
			  weight);
	histogram_add_for(&server->sending, elapsed(c->written_ns, arrived), of_window, weight);
	add_parts(c, server, of_window);
}

/* What waited once, as in a hang that has ended, is not usual for ever; what recurs is learned
 * anew. */
static __always_inline void adapt_port(struct port_state *port, u32 tick)
{
	u32 forgotten = adapt(&port->rate, tick) / 8;

	port->parked_ticks -= port->parked_ticks < forgotten ? port->parked_ticks : forgotten;
}

static __always_inline void note_timed(struct conversation *c)
{
	struct port_state *port = port_of(c);

	if (!port)
		return;
	port->rate.timed++;
	adapt_port(port, tick_now());
	c->every = port->rate.every;
}

/* The reply under way has ended, or is known no better: `arrived` is TS4, or 0. */
static __always_inline void end_reply(struct conversation *c, const struct tcp_sock *tp,
				      u64 arrived, u32 of_window)
{
	struct server_value *server = server_of(c);

	c->replying = 0;
	if (!arrived)
		c->pipelined++;
	if (!server)
		return;
	flush(c, tp, server);
	if (arrived)
		add_times(c, server, arrived, of_window);
	note_timed(c);
}

/* When the reply arrived at the client; 0: it has not. Not every kernel shows what sendfile()
 * writes: that is the rest of the reply. Where what was sent later hides the acknowledgement, the
 * usual round trip stands for it.
 */
static __always_inline u64 reply_arrived(struct conversation *c, const struct tcp_sock *tp,
					 bool with_data)
{
	u64 arrived;

	if (!c->pushes)
		c->written_seq = written_end(tp, c->written_seq);
	if (is_before(tp->snd_una, c->written_seq))
		return 0;
	arrived = arrived_at_peer(tp, c->written_seq, tp->total_retrans != c->retransmitted,
				  with_data);
	return arrived ? arrived : c->written_ns + (u64)(tp->srtt_us >> 3) * 1000;
}

/* The acknowledgement came with the segment that is being looked at, not before it; a FIN may have
 * come right behind. */
static __always_inline bool came_together(const struct conversation *c, const struct tcp_sock *tp)
{
	u32 bare = bare_segments(tp) - c->bare_segments;

	return !bare || bare == fin_of(socket_of(tp)) ||
	       tp->rack.mstamp + tp->rack.rtt_us == tp->tcp_clock_cache / 1000;
}
