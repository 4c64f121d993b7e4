// Did a series leave its usual range, when, and early enough to have caused what is asked about?
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "schemas/wire/event_generated.h"
#include "stages/infer/history.h"

namespace gala::infer {

/// What is asked of a candidate's series.
struct Question {
  /// End of the KPI's first abnormal window: later beginnings caused nothing.
  Moment bent;
  /// When the effect under examination began.
  Moment effect_began;
  /// Look no further.
  Moment until;
  /// One sampling window: the tolerance of every comparison of times.
  Duration window{0};
  /// The cause's episode must reach into this time before the effect began.
  Duration within{0};
  wire::Direction direction = wire::Direction::high;
  std::optional<double> above;
  std::optional<double> below;
  /// Least change against the usual value that counts.
  std::optional<double> least_change;
  /// A change is measured by at least this share of the usual level (robust.h); nothing = by a
  /// twentieth of the larger of usual and present level.
  std::optional<double> floor;
  /// Spread of the outliers of the past, where these widen what is usual.
  double (*outliers)(std::vector<double> values, double median) = nullptr;
  /// Its level is its present value, not a mean.
  bool is_setting = false;
  /// First sight of the entity.
  Moment seen;
  /// How much later than `bent` an episode may begin and still have to do with it; at least
  /// a window and a half.
  Duration slack{0};
  /// Begins and ends of earlier troubles of the KPI, in order: no windows to learn from what is
  /// usual.
  std::span<const std::pair<Moment, Moment>> troubles;
  /// First sight of the entity, when it was born after observation began: before it there was zero.
  std::optional<Moment> born;
};

/// Why a candidate is none; `abnormal` = it is one.
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

/// A plain reason for people.
std::string_view to_text(Finding finding);

/// What the series did.
struct Verdict {
  Finding finding = Finding::no_data;
  /// Begin of the first abnormal window, and its end.
  Moment began;
  Moment bent;
  /// Usual value, mean value (of a setting: the present one) and extreme of the abnormal episode.
  double baseline = 0;
  double level = 0;
  double peak = 0;
  /// Change in usual spreads, ≥ 0; and how sure that is, 0…1.
  double deviation = 0;
  double abnormality = 0;
};

/// How much the series changed, in its unit. What had no value before changed by all that it is.
double size_of(const Verdict& verdict);

/// How the beginnings of a cause and its effect fit: 1 when the cause began within `within` before
/// its effect; less the longer before, and half when it began more than a window after it.
double order_of(const Verdict& cause, const Verdict& effect, Duration within, Duration window);

/// When the series was abnormal before the time that is asked about: neighbouring windows as one.
std::vector<std::pair<Moment, Moment>> earlier_troubles(std::span<const Sample> samples,
                                                        const Question& question);

/// Without the samples behind `until`.
std::span<const Sample> seen_until(std::span<const Sample> samples, Moment until);
/// Level, peak and beginning of the samples from `first` on, as one episode. Requires: first is
/// one of them.
Verdict measure_since(std::span<const Sample> samples, std::size_t first, const Question& question);
/// Is the value one that can matter at all?
bool beyond_limits(const Question& question, double value);
/// How sure a change of that many spreads is, 0…1.
double sureness_of(double deviation);

/// Pure; `samples` oldest first, finite.
Verdict judge(std::span<const Sample> samples, const Question& question);

}  // namespace gala::infer
