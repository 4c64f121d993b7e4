// Words of the model that no source writes: worked out from a row and from what other rows taught.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/model/derived.h"
#include "stages/entity-assembler/cells.h"
#include "stages/entity-assembler/facts.h"

namespace gala::entity_assembler {

/// The words of runtime/model/derived.h.
enum class Word : std::uint8_t {
  machine_id,
  comm,
  cmdline,
  exe,
  start_time,
  ppid,
  pgid,
  cgroup,
  container_id,
  container_runtime,
  pod_id,
  own_container_id,
  own_pod_id,
  scope,
  disk_name,
  blk_name,
};
std::optional<Word> parse_word(std::string_view name);

/// What a word depends on; a set of bits.
enum class Topic : std::uint8_t { none = 0, process = 1, cgroup = 2, connection = 4, disk = 8 };
constexpr Topic operator|(Topic a, Topic b) {
  return static_cast<Topic>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool includes(Topic set, Topic one) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(one)) != 0;
}
Topic topic_of(Word word);

/// Derives words for the rows of one message. Borrows its arguments.
class Deriver {
 public:
  struct Options {
    /// Keep the client's port; otherwise it is 0, so that all connections of a pair are one entity.
    bool client_ports = false;
  };

  Deriver(const MessageCells& cells, const Facts& facts, std::string_view machine_id,
          Options options);

  /// Empty when the row does not tell.
  [[nodiscard]] std::string derive(Word word, std::size_t row) const;
  /// Equal for rows that name the same things.
  [[nodiscard]] std::uint64_t inputs_hash(Topic topics, std::size_t row) const;
  /// Changes when a fact that the row's words rest on changes.
  [[nodiscard]] std::uint64_t facts_version(Topic topics, std::size_t row) const;
  /// The process that the row is about; nullptr when it names none or an unknown one.
  [[nodiscard]] const Process* process(std::size_t row) const;
  [[nodiscard]] std::uint64_t tgid(std::size_t row) const { return tgid_.integer(row); }
  [[nodiscard]] bool keeps_client_ports() const { return options_.client_ports; }

 private:
  [[nodiscard]] std::string derive_process(Word word, std::size_t row) const;
  [[nodiscard]] std::string derive_owner(Word word, std::size_t row) const;
  [[nodiscard]] std::string derive_disk(Word word, std::size_t row) const;
  [[nodiscard]] std::string_view cgroup(std::size_t row) const;
  [[nodiscard]] std::string_view scope(std::size_t row) const;

  const Facts& facts_;
  std::string_view machine_id_;
  Options options_;
  const Cells& tgid_;
  const Cells& cgroup_;
  const Cells& cgroup_id_;
  const Cells& address_;
  const Cells& client_ip_;
  const Cells& server_ip_;
  const Cells& major_;
  const Cells& minor_;
  const Cells& device_;
};

}  // namespace gala::entity_assembler
