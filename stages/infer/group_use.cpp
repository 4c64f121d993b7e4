// Sums over the members of a group.
#include "stages/infer/group_use.h"

namespace gala::infer {

void GroupUse::note(const std::string& group, const MemberSeries& member, const Oriented& effect,
                    double usual_effect, const Stretch& stretch) {
  Sum& sum = groups_[group];
  const auto during = mean_while(member.series, effect, usual_effect, stretch);
  sum.taken.during += during.value_or(0);
  sum.taken.before += mean_before(member.series, member.within, member.observed, stretch);
  sum.measured = sum.measured || during.has_value();
}

std::optional<GroupUse::Taken> GroupUse::of(const std::string& group) const {
  const auto found = groups_.find(group);
  return found != groups_.end() && found->second.measured ? std::optional(found->second.taken)
                                                          : std::nullopt;
}

}  // namespace gala::infer
