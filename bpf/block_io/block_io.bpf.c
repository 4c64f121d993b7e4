/* block_io: how long disks take, for whom, and what they answered.
 *
 * A request is followed from its start (accounted, still in the context of whoever submits it) over
 * issue to the driver to completion. Its process is the one that starts it: for buffered writes
 * that is the kernel's flusher thread, and the row says so by its name; the writer's own bytes are
 * in its /proc/PID/io.
 */
#include "bpf/include/compat.h"
#include "bpf/include/histogram.h"
#include "bpf/include/filter.h"

#define DISK_NAME_LEN 32

/* The name belongs to the key: a path of NVMe multipath has a number that no file shows, and a
 * number may be given to another disk later.
 */
struct disk_key {
	u32 major;
	u32 minor;
	char disk_name[DISK_NAME_LEN];
};

struct disk_value {
	u64 reads;
	u64 writes;
	u64 others; /* flushes, discards, zone operations */
	u64 read_bytes;
	u64 write_bytes;
	u64 read_ns; /* sums of whole requests */
	u64 write_ns;
	u64 other_ns;
	u64 errors;
	u64 timeout_errors;
	u64 medium_errors;
	u64 space_errors;
	u64 transport_errors;
	u64 other_errors;
	struct histogram latency_req;	 /* start to completion */
	struct histogram latency_queue;	 /* start to issue: scheduler, throttling, no free tag */
	struct histogram latency_device; /* issue to completion: driver and device */
};

/* Rows: whole disks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, struct disk_key);
	__type(value, struct disk_value);
} disks SEC(".maps");

struct user_key {
	struct disk_key disk;
	u32 tgid;
};

struct user_value {
	char comm[16];
	u64 reads;
	u64 writes;
	u64 others;
	u64 read_bytes;
	u64 write_bytes;
	u64 errors;
	struct histogram latency_req;
};

/* Rows: processes that submit, per disk; idle rows are evicted by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct user_key);
	__type(value, struct user_value);
} disk_users SEC(".maps");

struct flight {
	u64 started_ns;
	u64 issued_ns;
	u32 tgid;
	u32 pad;
	char comm[16];
};

/* Requests on their way: bounded by the tags of all queues. Removed at completion; what never
 * completes is overwritten when its request is used again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct flight);
} flights SEC(".maps");

static const struct disk_value no_disk;
static const struct user_value no_user;

#define REQ_OP_MASK 0xff
enum {
	OP_READ = 0,
	OP_WRITE = 1,
	OP_DRV_IN = 34,
	OP_DRV_OUT = 35
};

static __always_inline bool is_passthrough(const struct request *rq)
{
	u32 op = rq->cmd_flags & REQ_OP_MASK;

	return op == OP_DRV_IN || op == OP_DRV_OUT;
}

static __always_inline struct flight *take_off(struct request *rq, u64 now)
{
	struct flight flight = {.started_ns = now};
	u64 id = (u64)rq;

	flight.tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(flight.comm, sizeof(flight.comm));
	if (bpf_map_update_elem(&flights, &id, &flight, BPF_ANY)) {
		count_lost(map_full);
		return 0;
	}
	return bpf_map_lookup_elem(&flights, &id);
}

/* 5a80bd075f3b ("block: introduce block_io_start/block_io_done tracepoints"), 6.5 */
SEC("tp_btf/block_io_start")
int BPF_PROG(request_starts, struct request *rq)
{
	if (!is_passthrough(rq))
		take_off(rq, bpf_ktime_get_ns());
	return 0;
}

SEC("fentry/__blk_account_io_start")
int BPF_PROG(request_starts_fentry, struct request *rq)
{
	if (!is_passthrough(rq))
		take_off(rq, bpf_ktime_get_ns());
	return 0;
}

SEC("fentry/blk_account_io_start")
int BPF_PROG(request_starts_fentry_old, struct request *rq)
{
	if (!is_passthrough(rq))
		take_off(rq, bpf_ktime_get_ns());
	return 0;
}

/* 5.11 took the request_queue from the arguments of the request tracepoints. */
static __always_inline struct request *request_of(u64 *ctx)
{
	return LINUX_KERNEL_VERSION < KERNEL(5, 11) ? (void *)ctx[1] : (void *)ctx[0];
}

/* Only where the start is not hooked: into a scheduler, or straight to the driver. */
SEC("tp_btf/block_rq_insert")
int request_inserted(u64 *ctx)
{
	struct request *rq = request_of(ctx);

	if (!is_passthrough(rq))
		take_off(rq, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/block_rq_issue")
int request_issued(u64 *ctx)
{
	struct request *rq = request_of(ctx);
	struct flight *flight;
	u64 id = (u64)rq;
	u64 now;

	if (is_passthrough(rq))
		return 0;
	now = bpf_ktime_get_ns();
	flight = bpf_map_lookup_elem(&flights, &id);
	if (!flight)
		flight = take_off(rq, now);
	if (flight)
		flight->issued_ns = now;
	return 0;
}

/* blk_status_t on newer kernels, a negative errno on older ones: their signs tell them apart. */
static __always_inline void count_error(struct disk_value *disk, int error)
{
	disk->errors++;
	switch (error) {
	case 2:
	case -110: /* ETIMEDOUT */
		disk->timeout_errors++;
		break;
	case 7:
	case 8:
	case -61: /* ENODATA */
	case -84: /* EILSEQ */
		disk->medium_errors++;
		break;
	case 3:
	case -28: /* ENOSPC */
		disk->space_errors++;
		break;
	case 4:
	case 5:
	case 6:
	case -67:  /* ENOLINK */
	case -121: /* EREMOTEIO */
	case -52:  /* EBADE */
		disk->transport_errors++;
		break;
	default:
		disk->other_errors++;
	}
}

/* Counts the part of a request that completed for the process that began it; 0 when it is
 * not watched. */
static __always_inline struct user_value *count_user(const struct flight *flight,
						     const struct disk_key *disk, u32 op,
						     u64 completed, u64 bytes)
{
	struct user_key key = {.tgid = flight->tgid};
	struct user_value *user;

	if (!want_process(flight->tgid, 0))
		return 0;
	key.disk = *disk;
	user = find_or_add(disk_users, &key, &no_user);
	if (!user)
		return 0;
	__builtin_memcpy(user->comm, flight->comm, sizeof(user->comm));
	if (op == OP_READ) {
		user->reads += completed;
		user->read_bytes += bytes;
	} else if (op == OP_WRITE) {
		user->writes += completed;
		user->write_bytes += bytes;
	} else {
		user->others += completed;
	}
	return user;
}

static __always_inline void land(struct disk_key *disk_key, struct flight *flight, u32 op, u64 now)
{
	struct disk_value *disk = bpf_map_lookup_elem(&disks, disk_key);
	u64 whole = elapsed(flight->started_ns, now);

	if (!disk)
		return;
	histogram_add(&disk->latency_req, whole);
	if (flight->issued_ns) {
		histogram_add(&disk->latency_queue, elapsed(flight->started_ns, flight->issued_ns));
		histogram_add(&disk->latency_device, elapsed(flight->issued_ns, now));
	}
	if (op == OP_READ)
		disk->read_ns += whole;
	else if (op == OP_WRITE)
		disk->write_ns += whole;
	else
		disk->other_ns += whole;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(request_completes, struct request *rq, int error, unsigned int bytes)
{
	struct gendisk *gendisk = request_disk(rq);
	u32 op = rq->cmd_flags & REQ_OP_MASK;
	struct disk_key disk_key = {};
	struct disk_value *disk;
	struct user_value *user;
	struct flight *flight;
	u64 id = (u64)rq;
	bool last;

	if (op == OP_DRV_IN || op == OP_DRV_OUT || !gendisk)
		return 0;
	last = bytes >= rq->__data_len; /* a request may complete in parts */
	flight = bpf_map_lookup_elem(&flights, &id);
	disk_key.major = BPF_CORE_READ(gendisk, major);
	disk_key.minor = BPF_CORE_READ(gendisk, first_minor);
	bpf_probe_read_kernel_str(disk_key.disk_name, sizeof(disk_key.disk_name),
				  &gendisk->disk_name);
	disk = find_or_add(disks, &disk_key, &no_disk);
	if (disk) {
		if (op == OP_READ) {
			disk->reads += last;
			disk->read_bytes += bytes;
		} else if (op == OP_WRITE) {
			disk->writes += last;
			disk->write_bytes += bytes;
		} else {
			disk->others += last;
		}
		if (error)
			count_error(disk, error);
	}
	if (!flight)
		return 0; /* began before the collector */
	user = count_user(flight, &disk_key, op, last ? 1 : 0, bytes);
	if (user && error)
		user->errors++;
	if (last) {
		u64 now = bpf_ktime_get_ns();

		land(&disk_key, flight, op, now);
		if (user)
			histogram_add(&user->latency_req, elapsed(flight->started_ns, now));
		bpf_map_delete_elem(&flights, &id);
	}
	return 0;
}

/* A request that another one swallowed, or that is done without the rest of its way, completes no
 * more. */
SEC("tp_btf/block_rq_merge")
int request_merged(u64 *ctx)
{
	u64 id = (u64)request_of(ctx);

	bpf_map_delete_elem(&flights, &id);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
