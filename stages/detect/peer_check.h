// Runs one peers check of the model: finds the entity that differs from its peers, in space and in
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/outbox.h"
#include "runtime/judge/alarm.h"
#include "runtime/judge/check_events.h"
#include "runtime/judge/episodes.h"
#include "runtime/judge/judged_message.h"
#include "runtime/judge/judgement.h"
#include "runtime/judge/sample.h"
#include "runtime/model/model.h"
#include "stages/detect/peer_group.h"

namespace gala::detect {

/// Limits and counts that all peers checks share.
struct PeerTally {
  std::size_t max_peers = 0;
  Duration new_level_after{0};
  /// The stage's own clock: the latest tick.
  std::uint64_t now_ns = 0;

  std::size_t peers = 0;
  std::size_t open = 0;
  std::uint64_t judged = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t opened = 0;
  std::uint64_t new_levels = 0;
  std::uint64_t refused = 0;
};

/// Usual distance of a member from the middle of its peers, learned from normal windows.
class UsualDistance {
 public:
  void learn(double distance, std::uint64_t window_ns, Duration memory);
  /// Accepts the present distance as the usual one.
  void accept(double distance) { mean_ = distance; }
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double noise() const { return noise_; }
  [[nodiscard]] std::uint64_t learned_ns() const { return learned_ns_; }

 private:
  double mean_ = 0;
  double noise_ = 0;
  std::uint64_t learned_ns_ = 0;
};

/// In space: worse than the middle of at least PeerGroup::fewest peers by `least_change`, and by
/// `factor` times their spread. In time: worse by as much than its own usual distance to them, so
/// that the leader of a cluster is not blamed for leading. With `warmup` = 0 the usual distance is
/// zero until the check accepts a lasting one. Then it finds a member that is slow from its first
/// window on, and also one that is meant to be different.
class PeerCheck {
 public:
  /// All references outlive the check.
  PeerCheck(const Entity& entity, const Check& check, const Metric& metric, PeerTally& tally)
      : check_(check), events_(entity, check, metric), tally_(tally) {}

  /// Judges every row of a message that has the metric.
  void on(const MessageView& message, Outbox& out);
  /// The entity has ended: closes its event.
  void end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out);
  /// Forgets entities and groups without a value since `before_ns` (stage clock).
  void sweep(std::uint64_t before_ns, Outbox& out);

 private:
  struct Member {
    std::uint64_t group_id = 0;
    std::uint64_t round = 0;
    std::uint64_t seen_ns = 0;
    std::uint64_t window_end_ns = 0;
    UsualDistance usual;
    AbnormalTime abnormal;
    Alarm alarm;
    std::unique_ptr<wire::EventT> event;
  };
  using Members = MapById<Member>;
  /// A row that takes part in its group's round.
  struct Vote {
    JudgedRow row;
    Member* member = nullptr;
    PeerGroup* group = nullptr;
    double value = 0;
  };

  [[nodiscard]] double scaled(double value) const;
  Member* find_member(const MessageView& message, const JudgedRow& row, Outbox& out);
  /// Names the group of a row in `group_name_`; false when all its names are empty: no group.
  bool name_group(const std::vector<ColumnView>& among, std::size_t row);
  PeerGroup& find_group();
  void vote(const MessageView& message, const JudgedRow& row, Outbox& out);
  void judge(const MessageView& message, const Vote& vote, Outbox& out);
  [[nodiscard]] Judgement judgement_of(const Member& member, const PeerGroup::Usual& usual,
                                       double value) const;
  void advance(const MessageView& message, const Vote& vote, const Judgement& judgement,
               Outbox& out);
  void close(Member& member, wire::Ending ending, Outbox& out);
  void drop(Members::iterator member);

  const Check& check_;
  CheckEvents events_;
  PeerTally& tally_;
  Members members_;
  MapById<PeerGroup> groups_;
  std::uint64_t last_group_id_ = 0;
  /// Of the message and of the row at hand.
  std::vector<Vote> votes_;
  std::string group_name_;
};

}  // namespace gala::detect
