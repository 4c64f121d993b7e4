// What is usual among equals at one time: the middle of their values and how far apart they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gala::detect {

/// Equals, such as the processes that serve one port. Location and spread are the median and the
/// median absolute deviation, which stay what they are while fewer than half of the group differs
/// (F. R. Hampel, J. Amer. Statist. Ass. 69, 1974).
///
/// Values come in rounds, one of each member: a round is over when somebody speaks again. So
/// members that come and go need no bookkeeping, and a value costs the same however many there are.
/// Not for members whose windows differ in length: the fastest would end each round alone.
class PeerGroup {
 public:
  /// With three, the two that are left without the odd one cannot say how far apart equals are.
  static constexpr std::size_t fewest = 4;

  /// What the members of the last round say.
  struct Usual {
    double middle = 0;
    /// One standard deviation between members, the rounds before considered.
    double spread = 0;
    std::size_t members = 0;
    [[nodiscard]] bool known() const { return members >= fewest; }
  };

  explicit PeerGroup(std::uint64_t id) : id_(id) {}

  /// Adds a finite value of a member that spoke last in `round` (0 = never); the round that it
  /// counts in now.
  std::uint64_t add(double value, std::uint64_t round);
  /// Call after the values of one message: when all have spoken who spoke in the round before, the
  /// round at hand says what is usual; otherwise the one before still does.
  void settle();

  [[nodiscard]] const Usual& usual() const { return usual_; }
  /// Tells groups apart that used the same name one after the other.
  [[nodiscard]] std::uint64_t id() const { return id_; }

  std::uint64_t seen_ns = 0;

 private:
  void conclude();

  std::uint64_t id_;
  std::uint64_t round_ = 1;
  std::vector<float> values_;
  /// How many of them `usual_` is made of; how many there were in the round before.
  std::size_t concluded_ = 0;
  std::size_t members_ = 0;
  Usual usual_;
  std::vector<float> scratch_;
  /// Mean square of the spreads of rounds.
  double square_ = 0;
  double rounds_ = 0;
};

}  // namespace gala::detect
