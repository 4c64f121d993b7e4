// One peers check of the model: by space and by time.
#include "stages/detect/peer_check.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

/// All distances beyond a factor of e^7 = 1100 count alike.
constexpr double farthest = 7;
/// From a mean absolute deviation to the standard deviation of a normal distribution.
constexpr double normal_scale = 1.2533;
/// A member is normal again within half of what is abnormal.
constexpr double clear_share = 0.5;
/// The 90 % quantile of a normal distribution, in standard deviations.
constexpr double quantile_distance = 1.28;
/// No value falls by more than everything.
constexpr double largest_fall = 0.99;
/// Separates the parts of a group's name; no label contains it.
constexpr char separator = '\x1f';

double clamped(double distance) { return std::clamp(distance, -farthest, farthest); }

}  // namespace

void UsualDistance::learn(double distance, std::uint64_t window_ns, Duration memory) {
  learned_ns_ += window_ns;
  const double share =
      static_cast<double>(window_ns) /
      std::min(static_cast<double>(learned_ns_),
               std::max(static_cast<double>(memory.count()), static_cast<double>(window_ns)));
  if (learned_ns_ > window_ns) {
    noise_ += share * (normal_scale * std::abs(distance - mean_) - noise_);
  }
  mean_ += share * (distance - mean_);
}

void PeerCheck::on(const MessageView& message, Outbox& out) {
  const SampleReader reader(check_, message.table, seconds(message.window));
  if (!reader.readable()) {
    return;
  }
  std::vector<ColumnView> among;
  for (const std::string& name : check_.among) {
    among.push_back(message.table.find(name));
  }
  votes_.clear();
  for (std::size_t index = 0; index < message.table.rows(); ++index) {
    const JudgedRow row{message.entity_id.text(index), index, reader.at(index)};
    const bool enough = check_.least_count <= 0 || row.sample.count >= check_.least_count;
    if (std::isfinite(row.sample.value) && enough && name_group(among, index)) {
      vote(message, row, out);
    }
  }
  // Takes in all rows before it judges any, because rows of one message are of one time.
  for (const Vote& vote : votes_) {
    vote.group->settle();
  }
  for (const Vote& vote : votes_) {
    judge(message, vote, out);
  }
}

bool PeerCheck::name_group(const std::vector<ColumnView>& among, std::size_t row) {
  group_name_.clear();
  bool is_named = among.empty();
  for (const ColumnView& column : among) {
    const std::size_t before = group_name_.size();
    if (column.valid()) {
      group_name_ += column.as_text(row);
    }
    is_named |= group_name_.size() > before;
    group_name_ += separator;
  }
  return is_named;
}

double PeerCheck::scaled(double value) const {
  // Values below `above` count alike: idle members do not make a busy one look odd.
  const bool is_high = check_.direction == wire::Direction::high;
  return static_cast<double>(log_of(is_high ? std::max(value, check_.above.value_or(0)) : value));
}

void PeerCheck::vote(const MessageView& message, const JudgedRow& row, Outbox& out) {
  Member* member = find_member(message, row, out);
  if (member == nullptr) {
    return;
  }
  PeerGroup& peers = find_group();
  peers.seen_ns = tally_.now_ns;
  if (member->group_id != peers.id()) {
    close(*member, wire::Ending::silent, out);
    member->usual = {};
    member->round = 0;
    member->group_id = peers.id();
  }
  const double value = scaled(row.sample.value);
  member->round = peers.add(value, member->round);
  member->window_end_ns = message.window.end_ns;
  ++tally_.judged;
  votes_.push_back({row, member, &peers, value});
}

Judgement PeerCheck::judgement_of(const Member& member, const PeerGroup::Usual& usual,
                                  double value) const {
  const bool is_high = check_.direction == wire::Direction::high;
  const double sign = is_high ? 1 : -1;
  const double least = is_high ? std::log1p(std::max(0.0, check_.least_change))
                               : -std::log1p(-std::clamp(check_.least_change, 0.0, largest_fall));
  const double edge = std::max(least, check_.factor * std::max(usual.spread, member.usual.noise()));
  // The usual distance can excuse a member, never accuse it.
  const double excuse = std::max(sign * member.usual.mean(), 0.0);
  const double distance = sign * clamped(value - usual.middle) - excuse;
  Judgement judgement;
  judgement.direction = check_.direction;
  judgement.verdict = distance > edge                 ? Verdict::abnormal
                      : distance > clear_share * edge ? Verdict::between
                                                      : Verdict::normal;
  judgement.expected = std::exp(usual.middle + sign * excuse);
  judgement.limit = std::exp(usual.middle + sign * (excuse + edge));
  const double other_end = std::exp(usual.middle - sign * quantile_distance * usual.spread);
  judgement.expected_low = is_high ? other_end : judgement.limit;
  judgement.expected_high = is_high ? judgement.limit : other_end;
  judgement.score = std::max(distance, 0.0) / std::max(edge, 1e-3);
  return judgement;
}

void PeerCheck::judge(const MessageView& message, const Vote& vote, Outbox& out) {
  Member& member = *vote.member;
  const PeerGroup::Usual& usual = vote.group->usual();
  Judgement judgement;
  const auto learned = static_cast<double>(member.usual.learned_ns());
  if (usual.known() && learned >= static_cast<double>(check_.warmup.count())) {
    judgement = judgement_of(member, usual, vote.value);
  }
  advance(message, vote, judgement, out);
  const bool is_quiet = member.alarm.idle() && judgement.verdict == Verdict::normal;
  if (usual.known() && is_quiet && check_.warmup > Duration{0}) {
    member.usual.learn(clamped(vote.value - usual.middle), message.window.length_ns(),
                       check_.baseline);
  }
}

void PeerCheck::advance(const MessageView& message, const Vote& vote, const Judgement& judgement,
                        Outbox& out) {
  Member& member = *vote.member;
  const Alarm::Change change =
      member.alarm.on({judgement.verdict, vote.row.sample.value, judgement.direction},
                      message.window, {check_.hold, check_.clear_after});
  if (change == Alarm::Change::none) {
    member.abnormal.forgive(message.window);
    return;
  }
  if (change == Alarm::Change::opened) {
    ++tally_.opened;
    ++tally_.open;
    const WallTime began =
        wall_of(BootTime::from_ns(member.alarm.started_ns()), message.wall_offset_ns);
    member.event = events_.begin(member.alarm, began, message, vote.row);
  }
  events_.describe(*member.event, member.alarm, message, vote.row, judgement);
  if (change == Alarm::Change::closed) {
    close(member, wire::Ending::normal, out);
    return;
  }
  events_.send(*member.event, out);
  member.abnormal.add(message.window);
  if (member.abnormal.reaches(tally_.new_level_after)) {
    ++tally_.new_levels;
    close(member, wire::Ending::new_level, out);
    member.usual.accept(clamped(vote.value - vote.group->usual().middle));
    member.abnormal = {};
  }
}

PeerCheck::Member* PeerCheck::find_member(const MessageView& message, const JudgedRow& row,
                                          Outbox& out) {
  auto found = members_.find(row.entity_id);
  if (found == members_.end()) {
    if (row.entity_id.empty()) {
      return nullptr;
    }
    if (tally_.peers >= tally_.max_peers) {
      ++tally_.refused;
      return nullptr;
    }
    ++tally_.peers;
    found = members_.try_emplace(std::string(row.entity_id)).first;
  }
  Member& member = found->second;
  member.seen_ns = tally_.now_ns;
  const Order order = order_of(message.window, member.window_end_ns);
  if (order == Order::next) {
    return &member;
  }
  ++tally_.out_of_order;
  if (order == Order::late) {
    return nullptr;
  }
  close(member, wire::Ending::silent, out);
  return &member;
}

PeerGroup& PeerCheck::find_group() {
  const auto found = groups_.find(group_name_);
  return found != groups_.end() ? found->second
                                : groups_.try_emplace(group_name_, ++last_group_id_).first->second;
}

void PeerCheck::close(Member& member, wire::Ending ending, Outbox& out) {
  if (member.event != nullptr) {
    events_.close(*member.event, ending, out);
    member.event.reset();
    --tally_.open;
  }
  if (ending != wire::Ending::normal) {
    member.alarm = Alarm{};
  }
}

void PeerCheck::end(std::string_view entity_id, std::uint64_t at_ns, Outbox& out) {
  const auto found = members_.find(entity_id);
  if (found == members_.end()) {
    return;
  }
  if (found->second.event != nullptr) {
    found->second.event->updated_ns = std::max(found->second.event->updated_ns, at_ns);
  }
  close(found->second, wire::Ending::ended, out);
  drop(found);
}

void PeerCheck::sweep(std::uint64_t before_ns, Outbox& out) {
  for (const std::string& id : silent_since(members_, before_ns)) {
    const auto found = members_.find(id);
    close(found->second, wire::Ending::silent, out);
    drop(found);
  }
  for (const std::string& name : silent_since(groups_, before_ns)) {
    groups_.erase(name);
  }
}

void PeerCheck::drop(Members::iterator member) {
  --tally_.peers;
  members_.erase(member);
}

}  // namespace gala::detect
