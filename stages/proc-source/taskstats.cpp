// Sums over all threads of a process, from the kernel's taskstats.
#include "stages/proc-source/taskstats.h"

#include <linux/genetlink.h>
#include <linux/taskstats.h>

#include <string_view>

namespace gala::proc_source {
namespace {

/// A generic netlink request with one attribute.
std::vector<std::uint8_t> make_request(std::uint8_t command, std::uint8_t version,
                                       std::uint16_t attribute, Bytes value) {
  genlmsghdr header{};
  header.cmd = command;
  header.version = version;
  nlattr attribute_header{};
  attribute_header.nla_len = static_cast<std::uint16_t>(sizeof attribute_header + value.size());
  attribute_header.nla_type = attribute;
  std::vector<std::uint8_t> body(sizeof header + sizeof attribute_header + value.size());
  std::memcpy(body.data(), &header, sizeof header);
  std::memcpy(body.data() + sizeof header, &attribute_header, sizeof attribute_header);
  std::copy(value.begin(), value.end(), body.begin() + sizeof header + sizeof attribute_header);
  body.resize((body.size() + NLA_ALIGNTO - 1) & ~std::size_t{NLA_ALIGNTO - 1});
  return body;
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
  const auto request = make_request(CTRL_CMD_GETFAMILY, 1, CTRL_ATTR_FAMILY_NAME, value);
  std::uint16_t family = 0;
  TRY(socket.ask(GENL_ID_CTRL, 0, request, [&](std::uint16_t, Bytes payload) {
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
  const auto request =
      make_request(TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION, TASKSTATS_CMD_ATTR_TGID, value);
  std::optional<ThreadSums> sums;
  const auto answered = socket_.ask(
      family_, 0, request, [&](std::uint16_t, Bytes payload) { sums = parse_taskstats(payload); });
  return answered ? sums : std::nullopt;
}

}  // namespace gala::proc_source
