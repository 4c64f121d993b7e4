// Network interfaces.
#include "stages/proc-source/nic.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>

#include "stages/proc-source/text.h"

namespace gala::proc_source {
namespace {

/// Columns of /proc/net/dev behind the name, in their order; "compressed" is of no use.
constexpr std::array<double NicRow::*, 16> columns{
    &NicRow::rx_bytes,
    &NicRow::rx_packets,
    &NicRow::rx_errors_count,
    &NicRow::rx_dropped_count,
    &NicRow::rx_fifo_count,
    &NicRow::rx_frame_count,
    nullptr,
    &NicRow::multicast_count,
    &NicRow::tx_bytes,
    &NicRow::tx_packets,
    &NicRow::tx_errors_count,
    &NicRow::tx_dropped_count,
    &NicRow::tx_fifo_count,
    &NicRow::collisions_count,
    &NicRow::tx_carrier_count,
    nullptr,
};

std::string value_of_line(std::string_view text, std::string_view key) {
  Lines lines(text);
  while (const auto line = lines.next()) {
    const Halves halves = split_once(*line, '=');
    if (halves.first == key) {
      return std::string(halves.second);
    }
  }
  return {};
}

std::string status_of(std::string_view operational_state) {
  if (operational_state == "up") {
    return "UP";
  }
  return operational_state.empty() || operational_state == "unknown" ? "UNKNOWN" : "DOWN";
}

std::string format_address(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) {
      return {};
    }
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

}  // namespace

std::vector<NicRow> parse_net_dev(std::string_view text) {
  std::vector<NicRow> rows;
  Lines lines(text);
  while (const auto line = lines.next()) {
    const auto colon = line->rfind(':');  // an alias may hold one itself
    if (colon == std::string_view::npos) {
      continue;  // the two heading lines
    }
    NicRow row;
    row.dev_name = trimmed(line->substr(0, colon));
    Words words(line->substr(colon + 1));
    for (const auto column : columns) {
      const auto word = words.next();
      if (column != nullptr && !word.empty()) {
        row.*column = parse_number(word);
      }
    }
    if (!row.dev_name.empty()) {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

AddressesByNic read_addresses() {
  AddressesByNic addresses;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    return addresses;
  }
  const Handle<ifaddrs, ::freeifaddrs> owner(first);
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) {
      continue;
    }
    if (std::string text = format_address(each->ifa_addr); !text.empty()) {
      addresses[each->ifa_name].push_back(std::move(text));
    }
  }
  return addresses;
}

std::vector<NicRow> NicScan::scan(Files& files, BootTime now) {
  const auto text = files.read("proc/net/dev");
  std::vector<NicRow> rows = parse_net_dev(text.value_or(std::string_view{}));
  if (facts_.empty() || now - facts_read_at_ >= facts_period_) {
    facts_.clear();
    facts_read_at_ = now;
    addresses_ = files.live() ? read_addresses() : AddressesByNic{};
  }
  for (NicRow& row : rows) {
    auto known = facts_.find(row.dev_name);
    if (known == facts_.end()) {
      known = facts_.emplace(row.dev_name, read_facts(files, row.dev_name, addresses_)).first;
    }
    static_cast<NicFacts&>(row) = known->second;
    const std::string directory = "sys/class/net/" + row.dev_name + "/";
    row.status = status_of(files.line(directory + "operstate"));
    row.carrier_changes_count = files.number(directory + "carrier_changes");
  }
  return rows;
}

NicFacts NicScan::read_facts(Files& files, const std::string& name,
                             const AddressesByNic& addresses) {
  NicFacts facts;
  const std::string directory = "sys/class/net/" + name + "/";
  const double ifindex = files.number(directory + "ifindex");
  facts.ifindex = ifindex > 0 ? static_cast<std::uint64_t>(ifindex) : 0;
  facts.physical = files.exists(directory + "device") ? 1 : 0;
  if (const auto text = files.read(directory + "uevent")) {
    facts.kind = value_of_line(*text, "DEVTYPE");
  }
  facts.mac = files.line(directory + "address");
  const std::string master = files.link(directory + "master");
  facts.master = master.substr(master.rfind('/') + 1);
  facts.mtu_bytes = files.number(directory + "mtu");
  const double speed_mbit = files.number(directory + "speed");
  facts.speed_mbit = speed_mbit > 0 ? speed_mbit : not_measured;  // -1: no link, or none known
  facts.tx_queue_limit = files.number(directory + "tx_queue_len");
  if (const auto found = addresses.find(name); found != addresses.end()) {
    facts.address = found->second.front();
  }
  return facts;
}

}  // namespace gala::proc_source
