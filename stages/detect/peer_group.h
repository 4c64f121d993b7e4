// What is usual among peers at one time: the middle of their values, and their spread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gala::detect {

/// Peers, such as the processes that serve one port. Location and spread are the median and the
/// median absolute deviation, which do not move while fewer than half of the group differs (F. R.
/// Hampel, J. Amer. Statist. Ass. 69, 1974).
///
/// Values come in rounds, one from each member; a round ends when a member reports again. So
/// members may come and go without bookkeeping, and a value costs the same however many there are.
/// Not for members whose windows differ in length: the fastest one would end each round alone.
class PeerGroup {
 public:
  /// Without the odd one, two of three are left, and two cannot say how far apart peers are.
  static constexpr std::size_t fewest = 4;

  /// Summary of the last round.
  struct Usual {
    double middle = 0;
    /// One standard deviation between members; earlier rounds count too.
    double spread = 0;
    std::size_t members = 0;
    [[nodiscard]] bool known() const { return members >= fewest; }
  };

  explicit PeerGroup(std::uint64_t id) : id_(id) {}

  /// Adds a finite value of a member whose last value was in `round` (0 = none). Returns the round
  /// that the value belongs to.
  std::uint64_t add(double value, std::uint64_t round);
  /// Call after the values of one message. When all members of the last round have reported, the
  /// new round gives the usual value; until then the last one does.
  void settle();

  [[nodiscard]] const Usual& usual() const { return usual_; }
  /// Distinguishes groups that had the same name one after the other.
  [[nodiscard]] std::uint64_t id() const { return id_; }

  std::uint64_t seen_ns = 0;

 private:
  void conclude();

  std::uint64_t id_;
  std::uint64_t round_ = 1;
  std::vector<float> values_;
  /// Members that `usual_` summarises, and members of the round before.
  std::size_t concluded_ = 0;
  std::size_t members_ = 0;
  Usual usual_;
  std::vector<float> scratch_;
  /// Mean square of the spreads of rounds.
  double square_ = 0;
  double rounds_ = 0;
};

}  // namespace gala::detect
