// How each derived word is worked out.
#include "stages/entity-assembler/derive.h"

#include <algorithm>

#include "stages/entity-assembler/connection.h"

namespace gala::entity_assembler {

std::optional<Word> parse_word(std::string_view name) {
  const auto found = std::ranges::find(derived_words, name, &DerivedWord::name);
  if (found == derived_words.end()) {
    return std::nullopt;
  }
  return static_cast<Word>(found - derived_words.begin());
}

Topic topic_of(Word word) {
  switch (word) {
    case Word::machine_id:
      return Topic::none;
    case Word::comm:
    case Word::cmdline:
    case Word::exe:
    case Word::start_time:
    case Word::ppid:
    case Word::pgid:
      return Topic::process;
    case Word::cgroup:
    case Word::container_id:
    case Word::container_runtime:
    case Word::pod_id:
    case Word::own_container_id:
    case Word::own_pod_id:
      return Topic::process | Topic::cgroup;
    case Word::disk_name:
    case Word::blk_name:
      return Topic::disk;
    default:
      return Topic::connection;
  }
}

Deriver::Deriver(const MessageCells& cells, const Facts& facts, std::string_view machine_id,
                 Options options)
    : facts_(facts),
      machine_id_(machine_id),
      options_(options),
      tgid_(cells.find("tgid")),
      cgroup_(cells.find("cgroup")),
      cgroup_id_(cells.find("cgroup_id")),
      address_(cells.find("address")),
      client_ip_(cells.find("client_ip")),
      server_ip_(cells.find("server_ip")),
      major_(cells.find("major")),
      minor_(cells.find("minor")),
      device_(cells.find("device")) {}

std::string Deriver::derive(Word word, std::size_t row) const {
  const Topic topic = topic_of(word);
  if (word == Word::machine_id) {
    return std::string(machine_id_);
  }
  if (includes(topic, Topic::cgroup)) {
    return derive_owner(word, row);
  }
  if (topic == Topic::process) {
    return derive_process(word, row);
  }
  return topic == Topic::disk ? derive_disk(word, row) : std::string(scope(row));
}

std::string Deriver::derive_process(Word word, std::size_t row) const {
  const Process* known = process(row);
  if (known == nullptr) {
    return {};
  }
  switch (word) {
    case Word::comm:
      return known->comm;
    case Word::cmdline:
      return known->cmdline;
    case Word::exe:
      return known->exe;
    case Word::ppid:
      return known->ppid;
    case Word::pgid:
      return known->pgid;
    default:
      return known->start_ns == 0 ? std::string{} : std::to_string(known->start_ns);
  }
}

std::string_view Deriver::cgroup(std::size_t row) const {
  if (cgroup_.present()) {
    return cgroup_.word(row);
  }
  return cgroup_id_.present() ? facts_.cgroup_path(cgroup_id_.integer(row)) : std::string_view{};
}

std::string Deriver::derive_owner(Word word, std::size_t row) const {
  std::string_view path = cgroup(row);
  const Process* known = path.empty() ? process(row) : nullptr;
  if (known != nullptr) {
    path = known->cgroup;
  }
  if (word == Word::cgroup) {
    return std::string(path);
  }
  CgroupOwner owner = known != nullptr ? known->owner : parse_cgroup_path(path);
  switch (word) {
    case Word::container_id:
      return std::move(owner.container_id);
    case Word::container_runtime:
      return std::move(owner.container_runtime);
    case Word::pod_id:
      return std::move(owner.pod_id);
    case Word::own_container_id:
      return owner.is_container ? std::move(owner.container_id) : std::string{};
    default:
      return owner.is_pod ? std::move(owner.pod_id) : std::string{};
  }
}

std::string_view Deriver::scope(std::size_t row) const {
  const std::string_view server = client_ip_.present() ? server_ip_.word(row) : address_.word(row);
  return is_loopback(client_ip_.word(row), server) ? "loopback" : "network";
}

std::string Deriver::derive_disk(Word word, std::size_t row) const {
  const DeviceNumber number = major_.is_number()
                                  ? DeviceNumber{major_.integer(row), minor_.integer(row)}
                                  : split_device(device_.integer(row));
  const Disk* disk = facts_.disk(number.major, number.minor);
  if (disk == nullptr) {
    return {};
  }
  return word == Word::disk_name ? disk->disk_name : disk->blk_name;
}

const Process* Deriver::process(std::size_t row) const {
  return tgid_.is_number() ? facts_.process(tgid_.integer(row)) : nullptr;
}

std::uint64_t Deriver::inputs_hash(Topic topics, std::size_t row) const {
  std::uint64_t hash = 1;
  if (includes(topics, Topic::process)) {
    hash = extend(hash, tgid_.hash(row));
  }
  if (includes(topics, Topic::cgroup)) {
    hash = extend(extend(hash, cgroup_.hash(row)), cgroup_id_.hash(row));
  }
  if (includes(topics, Topic::connection)) {
    for (const Cells* cells : {&address_, &client_ip_, &server_ip_}) {
      hash = extend(hash, cells->hash(row));
    }
  }
  if (includes(topics, Topic::disk)) {
    hash = extend(extend(extend(hash, major_.hash(row)), minor_.hash(row)), device_.hash(row));
  }
  return hash;
}

std::uint64_t Deriver::facts_version(Topic topics, std::size_t row) const {
  std::uint64_t version = 1;
  if (includes(topics, Topic::process)) {
    const Process* known = process(row);
    version = extend(version, known == nullptr ? 0 : known->version);
  }
  if (includes(topics, Topic::cgroup) && cgroup_id_.present()) {
    version = extend(version, facts_.cgroups_version());
  }
  if (includes(topics, Topic::disk)) {
    version = extend(version, facts_.disks_version());
  }
  return version;
}

}  // namespace gala::entity_assembler
