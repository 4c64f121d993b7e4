/* Replies over unix sockets whose end is not known: they outlive their connection, for no program
 * runs when it is closed.
 */
#pragma once

#include "bpf/sli/unix_end.h"

/* A reply whose end is not known. */
struct unix_reply {
	u64 arrived_ns;
	u64 last_ns;
	u64 read_ns;
	u64 written_ns;
	u64 sent_ns;	    /* its last part was written */
	u64 bytes;	    /* that its client has read */
	struct parts parts; /* of the time from read_ns to written_ns */
	u32 weight;
	u32 is_split;
	struct unix_server_key server;
	u32 pad;
};
_Static_assert(sizeof(struct unix_reply) == 208, "no hidden padding");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct unix_reply);
} unix_replies SEC(".maps");

/* Nobody else ends it: two programs may try at the same time. */
static __noinline void end_unix_reply(u64 cookie, u32 of_window)
{
	struct unix_reply *found = bpf_map_lookup_elem(&unix_replies, &cookie);
	struct server_value *row;
	struct unix_reply reply;

	if (!found)
		return;
	reply = *found;
	if (bpf_map_delete_elem(&unix_replies, &cookie))
		return;
	row = find_or_add(unix_servers, &reply.server, &no_server);
	if (!row)
		return;
	row->measured++;
	row->response_bytes += reply.bytes;
	histogram_add_for(&row->latency, elapsed(reply.last_ns, reply.sent_ns), of_window,
			  reply.weight);
	if (reply.last_ns > reply.arrived_ns)
		histogram_add_for(&row->receiving, reply.last_ns - reply.arrived_ns, of_window,
				  reply.weight);
	histogram_add_for(&row->scheduling, elapsed(reply.last_ns, reply.read_ns), of_window,
			  reply.weight);
	histogram_add_for(&row->processing, elapsed(reply.read_ns, reply.written_ns), of_window,
			  reply.weight);
	histogram_add_for(&row->sending, elapsed(reply.written_ns, reply.sent_ns), of_window,
			  reply.weight);
	if (!reply.is_split) {
		row->unsplit++;
		return;
	}
	histogram_add_for(&row->working, reply.parts.working_ns, of_window, reply.weight);
	histogram_add_for(&row->queueing, reply.parts.queued_ns, of_window, reply.weight);
	histogram_add_for(&row->sleeping, reply.parts.sleeping_ns, of_window, reply.weight);
}
