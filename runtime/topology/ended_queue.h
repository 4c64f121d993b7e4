// What ended and is to be forgotten later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "runtime/core/time.h"

namespace gala {

/// Keys in the order in which they ended. One that comes back is taken out. Memory is bounded by
/// what lingers, however often it ends and comes back; every call costs the same, amortised.
template <class Key, class Hash = std::hash<Key>>
class EndedQueue {
 public:
  /// Requires: `key` is not in the queue.
  void add(const Key& key, BootTime at) {
    serial_of_.emplace(key, ++serial_);
    order_.push_back({at, serial_, key});
  }

  void remove(const Key& key) {
    if (serial_of_.erase(key) > 0 && order_.size() > 2 * serial_of_.size() + spare) {
      std::erase_if(order_, [this](const Entry& entry) { return !waits(entry); });
    }
  }

  /// Takes out the next that ended before `time`.
  std::optional<Key> take_before(BootTime time) {
    while (!order_.empty() && order_.front().at < time) {
      const Entry entry = order_.front();
      order_.pop_front();
      if (waits(entry)) {
        serial_of_.erase(entry.key);
        return entry.key;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::size_t size() const { return serial_of_.size(); }
  /// Places taken, those of keys that came back among them.
  [[nodiscard]] std::size_t places() const { return order_.size(); }

 private:
  static constexpr std::size_t spare = 64;

  struct Entry {
    BootTime at;
    std::uint64_t serial = 0;
    Key key;
  };

  [[nodiscard]] bool waits(const Entry& entry) const {
    const auto found = serial_of_.find(entry.key);
    return found != serial_of_.end() && found->second == entry.serial;
  }

  std::deque<Entry> order_;
  std::unordered_map<Key, std::uint64_t, Hash> serial_of_;
  std::uint64_t serial_ = 0;
};

}  // namespace gala
