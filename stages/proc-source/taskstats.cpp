// Sums over all threads of a process, from the kernel's taskstats.
#include "stages/proc-source/taskstats.h"

#include <linux/genetlink.h>
#include <linux/taskstats.h>

#include <string_view>

namespace gala::proc_source {
namespace {

/// A generic netlink request with one attribute.
NetlinkRequest make_request(std::uint16_t family, const genlmsghdr& header, std::uint16_t attribute,
                            Bytes value) {
  NetlinkRequest request(family, 0);
  request.put(header);
  request.put_attribute(attribute, value);
  return request;
}

std::optional<Bytes> find(const std::map<std::uint16_t, Bytes>& attributes, std::uint16_t type) {
  const auto found = attributes.find(type);
  return found == attributes.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::optional<ThreadSums> parse_taskstats(Bytes payload) {
  const auto outer = parse_attributes(after(payload, sizeof(genlmsghdr)));
  const auto group = find(outer, TASKSTATS_TYPE_AGGR_TGID);
  if (!group) {
    return std::nullopt;
  }
  const auto stats = find(parse_attributes(*group), TASKSTATS_TYPE_STATS);
  if (!stats || stats->size() < offsetof(taskstats, ac_utimescaled)) {
    return std::nullopt;
  }
  const auto values = read_prefix<taskstats>(*stats);
  // These come from sched_info, so they are there with delay accounting off, too, and the kernel
  // keeps what ended threads had. Switches it does not keep (fill_tgid_exit): they would fall when
  // a thread ends.
  return ThreadSums{
      .cpu_ns = static_cast<double>(values.cpu_run_virtual_total),
      .run_delay_ns = static_cast<double>(values.cpu_delay_total),
      .timeslices_count = static_cast<double>(values.cpu_count),
  };
}

Result<TaskStats> TaskStats::open() {
  NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_GENERIC));
  constexpr std::string_view name{TASKSTATS_GENL_NAME, sizeof TASKSTATS_GENL_NAME};
  const std::vector<std::uint8_t> value(name.begin(), name.end());
  auto request =
      make_request(GENL_ID_CTRL, {.cmd = CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0},
                   CTRL_ATTR_FAMILY_NAME, value);
  std::uint16_t family = 0;
  TRY(socket.ask(request, [&](std::uint16_t, Bytes payload) {
    const auto attributes = parse_attributes(after(payload, sizeof(genlmsghdr)));
    if (const auto id = find(attributes, CTRL_ATTR_FAMILY_ID)) {
      family = read_prefix<std::uint16_t>(*id);
    }
  }));
  if (family == 0) {
    return fail("the kernel has no taskstats (CONFIG_TASKSTATS)");
  }
  return TaskStats(std::move(socket), family);
}

std::optional<ThreadSums> TaskStats::read(std::uint32_t tgid) {
  std::array<std::uint8_t, sizeof tgid> value{};
  std::memcpy(value.data(), &tgid, sizeof tgid);
  auto request = make_request(
      family_, {.cmd = TASKSTATS_CMD_GET, .version = TASKSTATS_GENL_VERSION, .reserved = 0},
      TASKSTATS_CMD_ATTR_TGID, value);
  std::optional<ThreadSums> sums;
  const auto answered =
      socket_.ask(request, [&](std::uint16_t, Bytes payload) { sums = parse_taskstats(payload); });
  return answered ? sums : std::nullopt;
}

}  // namespace gala::proc_source
