// Queueing disciplines: drops, backlog and marks, from the kernel's rtnetlink.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "stages/proc-source/netlink.h"
#include "stages/proc-source/nic.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// One queueing discipline of one interface.
struct QdiscRow {
  static constexpr std::string_view table = "system.qdisc";
  using Row = QdiscRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"dev_name", &Row::dev_name},
        Text<Row>{"handle", &Row::handle},
        Text<Row>{"parent", &Row::parent},
        Integer<Row>{"ifindex", &Row::ifindex},
        Text<Row>{"kind", &Row::kind},
        Counter<Row>{"sent_bytes", &Row::sent_bytes},
        Counter<Row>{"sent_packets", &Row::sent_packets},
        Counter<Row>{"drops_count", &Row::drops_count},
        Counter<Row>{"overlimits_count", &Row::overlimits_count},
        Counter<Row>{"requeues_count", &Row::requeues_count},
        Counter<Row>{"ecn_mark_count", &Row::ecn_mark_count},
        Gauge<Row>{"backlog_bytes", &Row::backlog_bytes},
        Gauge<Row>{"queue_packets", &Row::queue_packets},
    };
  }

  std::string dev_name;
  /// As tc writes it ("8001:"); "root" for the parent of the outermost one.
  std::string handle;
  std::string parent;
  std::uint64_t ifindex = 0;
  std::string kind;
  double sent_bytes = not_measured;
  double sent_packets = not_measured;
  double drops_count = not_measured;
  double overlimits_count = not_measured;
  double requeues_count = not_measured;
  double ecn_mark_count = not_measured;
  double backlog_bytes = not_measured;
  double queue_packets = not_measured;
};

/// What the outermost disciplines of an interface say together.
struct NicQdiscRow {
  static constexpr std::string_view table = "system.nic_qdisc";
  using Row = NicQdiscRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"dev_name", &Row::dev_name},
        Counter<Row>{"tc_sent_drops_count", &Row::tc_sent_drops_count},
        Counter<Row>{"tc_overlimits_count", &Row::tc_overlimits_count},
        Counter<Row>{"tc_requeues_count", &Row::tc_requeues_count},
        Counter<Row>{"tc_ecn_mark_count", &Row::tc_ecn_mark_count},
        Gauge<Row>{"tc_backlog_bytes", &Row::tc_backlog_bytes},
        Gauge<Row>{"tc_backlog_packets", &Row::tc_backlog_packets},
    };
  }

  std::string dev_name;
  double tc_sent_drops_count = 0;
  double tc_overlimits_count = 0;
  double tc_requeues_count = 0;
  double tc_ecn_mark_count = 0;
  double tc_backlog_bytes = 0;
  double tc_backlog_packets = 0;
};

/// The payload of one RTM_NEWQDISC message; nothing when it is too short or has no statistics.
std::optional<QdiscRow> parse_qdisc(Bytes payload);

/// Sums the root disciplines of each interface. A "noqueue" interface has a row of zeros.
std::vector<NicQdiscRow> sum_by_nic(const std::vector<QdiscRow>& qdiscs);

/// All disciplines of the interfaces in `nics`, which also give the names.
Result<std::vector<QdiscRow>> read_qdiscs(NetlinkSocket& socket, const std::vector<NicRow>& nics);

}  // namespace gala::proc_source
