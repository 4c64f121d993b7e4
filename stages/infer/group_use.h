// What the members of a group took while an effect suffered. Members come and go.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "stages/infer/correlation.h"

namespace gala::infer {

/// A series of one member of a group, and when it may be looked at.
struct MemberSeries {
  Oriented series;
  /// The member may have begun to cause the effect that long before it.
  Duration within{0};
  /// First sight of its machine.
  Moment observed;
};

/// Sums up members, also those that have ended since, by the name of their group.
class GroupUse {
 public:
  void note(const std::string& group, const MemberSeries& member, const Oriented& effect,
            double usual_effect, const Stretch& stretch);

  struct Taken {
    double during = 0;
    double before = 0;
  };
  /// Nothing if nobody measured it.
  [[nodiscard]] std::optional<Taken> of(const std::string& group) const;

  void clear() { groups_.clear(); }

 private:
  struct Sum {
    Taken taken;
    bool measured = false;
  };
  std::map<std::string, Sum> groups_;
};

}  // namespace gala::infer
