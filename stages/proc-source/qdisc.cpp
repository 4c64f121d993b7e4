// Queueing disciplines: drops, backlog and marks, from the kernel's rtnetlink.
#include "stages/proc-source/qdisc.h"

#include <fmt/format.h>
#include <linux/gen_stats.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace gala::proc_source {
namespace {

std::string format_handle(std::uint32_t handle) {
  if (handle == TC_H_ROOT) {
    return "root";
  }
  if (handle == TC_H_INGRESS) {
    return "ingress";
  }
  const std::uint32_t minor = TC_H_MIN(handle);
  return minor == 0 ? fmt::format("{:x}:", handle >> 16)
                    : fmt::format("{:x}:{:x}", handle >> 16, minor);
}

/// Explicit congestion marks, for the disciplines that make them.
double ecn_marks(const std::string& kind, Bytes own) {
  if (kind == "fq_codel") {
    const auto stats = read_prefix<tc_fq_codel_xstats>(own);
    return stats.type == TCA_FQ_CODEL_XSTATS_QDISC ? static_cast<double>(stats.qdisc_stats.ecn_mark)
                                                   : not_measured;
  }
  if (kind == "codel") {
    return static_cast<double>(read_prefix<tc_codel_xstats>(own).ecn_mark);
  }
  if (kind == "red") {
    return static_cast<double>(read_prefix<tc_red_xstats>(own).marked);
  }
  return not_measured;
}

}  // namespace

std::optional<QdiscRow> parse_qdisc(Bytes payload) {
  const auto header = read_struct<tcmsg>(payload);
  if (!header) {
    return std::nullopt;
  }
  const auto attributes = parse_attributes(after(payload, sizeof(tcmsg)));
  const auto kind = attributes.find(TCA_KIND);
  const auto statistics = attributes.find(TCA_STATS2);
  if (kind == attributes.end() || statistics == attributes.end()) {
    return std::nullopt;
  }
  QdiscRow row;
  row.ifindex = static_cast<std::uint64_t>(header->tcm_ifindex);
  row.handle = format_handle(header->tcm_handle);
  row.parent = format_handle(header->tcm_parent);
  row.kind = text_of(kind->second);
  const auto nested = parse_attributes(statistics->second);
  if (const auto basic = nested.find(TCA_STATS_BASIC); basic != nested.end()) {
    const auto values = read_prefix<gnet_stats_basic>(basic->second);
    row.sent_bytes = static_cast<double>(values.bytes);
    row.sent_packets = static_cast<double>(values.packets);
  }
  if (const auto queue = nested.find(TCA_STATS_QUEUE); queue != nested.end()) {
    const auto values = read_prefix<gnet_stats_queue>(queue->second);
    row.queue_packets = values.qlen;
    row.backlog_bytes = values.backlog;
    row.drops_count = values.drops;
    row.requeues_count = values.requeues;
    row.overlimits_count = values.overlimits;
  }
  if (const auto own = nested.find(TCA_STATS_APP); own != nested.end()) {
    row.ecn_mark_count = ecn_marks(row.kind, own->second);
  }
  return row;
}

std::vector<NicQdiscRow> sum_by_nic(const std::vector<QdiscRow>& qdiscs) {
  const auto or_zero = [](double value) { return value > 0 ? value : 0; };
  std::vector<NicQdiscRow> rows;
  for (const QdiscRow& qdisc : qdiscs) {
    if (qdisc.parent != "root") {
      continue;  // an inner one's drops are in its root's
    }
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const NicQdiscRow& one) { return one.dev_name == qdisc.dev_name; });
    if (row == rows.end()) {
      rows.push_back({});
      row = rows.end() - 1;
      row->dev_name = qdisc.dev_name;
    }
    row->tc_sent_drops_count += or_zero(qdisc.drops_count);
    row->tc_overlimits_count += or_zero(qdisc.overlimits_count);
    row->tc_requeues_count += or_zero(qdisc.requeues_count);
    row->tc_ecn_mark_count += or_zero(qdisc.ecn_mark_count);
    row->tc_backlog_bytes += or_zero(qdisc.backlog_bytes);
    row->tc_backlog_packets += or_zero(qdisc.queue_packets);
  }
  return rows;
}

Result<std::vector<QdiscRow>> read_qdiscs(NetlinkSocket& socket, const std::vector<NicRow>& nics) {
  NetlinkRequest request(RTM_GETQDISC, NLM_F_DUMP);
  request.put(tcmsg{});  // of every device: AF_UNSPEC is 0
  std::vector<QdiscRow> rows;
  TRY(socket.ask(request, [&](std::uint16_t type, Bytes payload) {
    auto row = type == RTM_NEWQDISC ? parse_qdisc(payload) : std::nullopt;
    const auto nic = std::find_if(nics.begin(), nics.end(), [&](const NicRow& one) {
      return row && one.ifindex == row->ifindex;
    });
    if (nic != nics.end()) {
      row->dev_name = nic->dev_name;
      rows.push_back(std::move(*row));
    }
  }));
  return rows;
}

}  // namespace gala::proc_source
