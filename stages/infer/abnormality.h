// Did a series leave its usual range, when, and early enough to be a cause?
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/wire/event_generated.h"
#include "stages/infer/history.h"

namespace gala::infer {

/// What to ask of a candidate's series.
struct Question {
  /// End of the KPI's first abnormal window. What begins later caused nothing.
  Moment bent;
  /// When the effect under examination began.
  Moment effect_began;
  /// Samples after it do not count.
  Moment until;
  /// One sampling window: the tolerance of every comparison of times.
  Duration window{0};
  /// The cause's episode must last into this time before the effect began.
  Duration within{0};
  wire::Direction direction = wire::Direction::high;
  std::optional<double> above;
  std::optional<double> below;
  /// Smallest change against the baseline that counts.
  std::optional<double> least_change;
  /// A change is divided by at least this share of the usual level (robust.h). Nothing: by a
  /// twentieth of the larger of usual and present level.
  std::optional<double> floor;
  /// Spread of the past outliers, for methods that widen the baseline by them.
  double (*outliers)(std::vector<double> values, double median) = nullptr;
  /// The series is a setting: its level is its last value, not a mean.
  bool is_setting = false;
  /// First sight of the entity.
  Moment seen;
  /// An episode may begin that much later than `bent` and still be a cause; at least a window and a
  /// half.
  Duration slack{0};
  /// Begins and ends of the KPI's earlier troubles, in order. The baseline does not learn from
  /// them.
  std::span<const std::pair<Moment, Moment>> troubles;
  /// First sight of the entity, if it was born after the observation began: its value was zero
  /// before.
  std::optional<Moment> born;
};

/// Why a candidate is no cause; `abnormal` means that it can be one.
enum class Finding : std::uint8_t {
  abnormal,
  began_after,
  over_before,
  not_involved,
  too_small,
  no_history,
  unchanged,
  no_data,
};

/// The reason in words for people.
std::string_view to_text(Finding finding);

/// What the series did.
struct Verdict {
  Finding finding = Finding::no_data;
  /// Begin and end of the first abnormal window.
  Moment began;
  Moment bent;
  /// Usual value, mean value of the abnormal episode (of a setting: the last value), and its
  /// extreme.
  double baseline = 0;
  double level = 0;
  double peak = 0;
  /// Change in usual spreads, ≥ 0, and how certain that is, 0…1.
  double deviation = 0;
  double abnormality = 0;
};

/// How much the series changed, in its unit. Without a baseline the whole level is the change.
double size_of(const Verdict& verdict);

/// How well the beginnings of a cause and its effect fit. 1: the cause began at most `within`
/// before its effect. Less, the earlier it began; a half if it began more than a window after it.
double order_of(const Verdict& cause, const Verdict& effect, Duration within, Duration window);

/// When the series was abnormal before the time in question. Joins neighbouring windows.
std::vector<std::pair<Moment, Moment>> earlier_troubles(std::span<const Sample> samples,
                                                        const Question& question);

/// The samples up to `until`.
std::span<const Sample> seen_until(std::span<const Sample> samples, Moment until);
/// Level, peak and beginning of the samples from `first` on, as one episode. Requires: `first` is
/// one of them.
Verdict measure_since(std::span<const Sample> samples, std::size_t first, const Question& question);
/// Can the value matter at all?
bool beyond_limits(const Question& question, double value);
/// How certain a change of that many spreads is, 0…1.
double sureness_of(double deviation);

/// Pure; `samples` oldest first, finite.
Verdict judge(std::span<const Sample> samples, const Question& question);

}  // namespace gala::infer
