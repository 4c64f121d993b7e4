// Network interfaces and their queueing disciplines.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "runtime/core/time.h"
#include "stages/proc-source/files.h"
#include "stages/proc-source/netlink.h"
#include "stages/proc-source/table.h"

namespace gala::proc_source {

/// What rarely changes of an interface.
struct NicFacts {
  std::uint64_t ifindex = 0;
  /// 1 when a device stands behind it (PCI, virtio, …), 0 for veth, bridges, tunnels, loopback.
  std::uint64_t physical = 0;
  /// DEVTYPE of its uevent ("bridge", "vlan", "bond", …), "" when the kernel names none.
  std::string kind;
  /// First global address, and all.
  std::string address;
  std::string mac;
  /// Bridge or bond it belongs to.
  std::string master;
  double mtu_bytes = not_measured;
  double speed_mbit = not_measured;
  double tx_queue_limit = not_measured;
};

struct NicRow : NicFacts {
  static constexpr std::string_view table = "system.nic";
  using Row = NicRow;
  static constexpr auto cells() {
    return std::tuple{
        Text<Row>{"dev_name", &Row::dev_name},
        Integer<Row>{"ifindex", &Row::ifindex},
        Text<Row>{"status", &Row::status},
        Integer<Row>{"physical", &Row::physical},
        Text<Row>{"kind", &Row::kind},
        Text<Row>{"address", &Row::address},
        Text<Row>{"mac", &Row::mac},
        Text<Row>{"master", &Row::master},
        Counter<Row>{"rx_bytes", &Row::rx_bytes},
        Counter<Row>{"rx_packets", &Row::rx_packets},
        Counter<Row>{"rx_errors_count", &Row::rx_errors_count},
        Counter<Row>{"rx_dropped_count", &Row::rx_dropped_count},
        Counter<Row>{"rx_fifo_count", &Row::rx_fifo_count},
        Counter<Row>{"rx_frame_count", &Row::rx_frame_count},
        Counter<Row>{"multicast_count", &Row::multicast_count},
        Counter<Row>{"tx_bytes", &Row::tx_bytes},
        Counter<Row>{"tx_packets", &Row::tx_packets},
        Counter<Row>{"tx_errors_count", &Row::tx_errors_count},
        Counter<Row>{"tx_dropped_count", &Row::tx_dropped_count},
        Counter<Row>{"tx_fifo_count", &Row::tx_fifo_count},
        Counter<Row>{"tx_carrier_count", &Row::tx_carrier_count},
        Counter<Row>{"collisions_count", &Row::collisions_count},
        Counter<Row>{"carrier_changes_count", &Row::carrier_changes_count},
        Gauge<Row>{"mtu_bytes", &Row::mtu_bytes},
        Gauge<Row>{"speed_mbit", &Row::speed_mbit},
        Gauge<Row>{"tx_queue_limit", &Row::tx_queue_limit},
    };
  }

  std::string dev_name;
  /// UP, DOWN or UNKNOWN (interfaces such as loopback have no carrier).
  std::string status;
  double rx_bytes = not_measured;
  double rx_packets = not_measured;
  double rx_errors_count = not_measured;
  double rx_dropped_count = not_measured;
  double rx_fifo_count = not_measured;
  double rx_frame_count = not_measured;
  double multicast_count = not_measured;
  double tx_bytes = not_measured;
  double tx_packets = not_measured;
  double tx_errors_count = not_measured;
  double tx_dropped_count = not_measured;
  double tx_fifo_count = not_measured;
  double tx_carrier_count = not_measured;
  double collisions_count = not_measured;
  double carrier_changes_count = not_measured;
};

/// /proc/net/dev.
std::vector<NicRow> parse_net_dev(std::string_view text);

/// Addresses of an interface; link-local ones are left out.
using AddressesByNic = std::map<std::string, std::vector<std::string>, std::less<>>;
/// Asks the running kernel.
AddressesByNic read_addresses();

/// All interfaces of our network namespace.
class NicScan {
 public:
  explicit NicScan(Duration facts_period) : facts_period_(facts_period) {}

  std::vector<NicRow> scan(Files& files, BootTime now);

 private:
  static NicFacts read_facts(Files& files, const std::string& name,
                             const AddressesByNic& addresses);

  Duration facts_period_;
  BootTime facts_read_at_;
  std::map<std::string, NicFacts> facts_;
  AddressesByNic addresses_;
};

}  // namespace gala::proc_source
