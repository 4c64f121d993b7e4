// Which series and rules of the model infer needs.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/model.h"

namespace gala::infer {

/// One statistic of one metric.
struct SeriesName {
  std::string metric;
  Statistic statistic = Statistic::value;
  friend auto operator<=>(const SeriesName&, const SeriesName&) = default;
};

/// The model as infer needs it. The model must outlive it.
class Interest {
 public:
  explicit Interest(const Model& model);

  /// The series of an entity type to remember, sorted. The position of a series is its slot.
  [[nodiscard]] const std::vector<SeriesName>& series_of(std::string_view entity) const;
  [[nodiscard]] std::optional<std::size_t> slot(std::string_view entity,
                                                const SeriesName& name) const;
  /// Rules whose effect is this metric, in the order of the model.
  [[nodiscard]] const std::vector<const Cause*>& causes_of(std::string_view entity,
                                                           std::string_view metric) const;
  [[nodiscard]] std::vector<const Remedy*> remedies_of(std::string_view entity,
                                                       std::string_view metric) const {
    return model_.remedies_of(entity, metric);
  }
  [[nodiscard]] const Entity* entity(std::string_view name) const;
  /// Can an entity of this type be an application's own, such as a process, container or pod? The
  /// model derives connections between these.
  [[nodiscard]] bool is_owner(std::string_view entity) const { return owners_.contains(entity); }
  /// The kind of relations that has this role; "" if none has.
  [[nodiscard]] std::string kind_with(RelationRole role) const {
    return std::string(model_.kind_with(role));
  }

 private:
  void remember(const std::string& entity, SeriesName name);

  const Model& model_;
  std::map<std::string, std::vector<SeriesName>, std::less<>> series_;
  std::map<std::string, std::map<std::string, std::vector<const Cause*>, std::less<>>, std::less<>>
      causes_;
  std::set<std::string, std::less<>> owners_;
};

}  // namespace gala::infer
