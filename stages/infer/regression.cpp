// Least squares over pairs of windows.
#include "stages/infer/regression.h"

#include <algorithm>
#include <cmath>

namespace gala::infer {
namespace {

constexpr std::size_t least_pairs = 20;
/// The cause must account for that share of the effect's usual variance.
constexpr double least_determination = 0.5;

/// Sums over the pairs, around the means so far (Welford), so that large levels lose no digits.
class Pairs {
 public:
  void add(double cause, double effect) {
    ++count_;
    const double share = 1 / static_cast<double>(count_);
    const double off_cause = cause - mean_cause_;
    const double off_effect = effect - mean_effect_;
    mean_cause_ += off_cause * share;
    mean_effect_ += off_effect * share;
    cause_squares_ += off_cause * (cause - mean_cause_);
    effect_squares_ += off_effect * (effect - mean_effect_);
    products_ += off_cause * (effect - mean_effect_);
  }

  /// Change of the effect for each unit of the cause, if one follows the other.
  [[nodiscard]] std::optional<double> slope() const {
    const double squares = cause_squares_ * effect_squares_;
    if (count_ < least_pairs || !(squares > 0) ||
        products_ * products_ < least_determination * squares) {
      return std::nullopt;
    }
    return products_ / cause_squares_;
  }

 private:
  std::size_t count_ = 0;
  double mean_cause_ = 0;
  double mean_effect_ = 0;
  double cause_squares_ = 0;
  double effect_squares_ = 0;
  double products_ = 0;
};

}  // namespace

std::optional<double> predicted_share(const ChangedSeries& cause, const ChangedSeries& effect,
                                      Moment healthy_until, Duration window) {
  const double change = effect.level - effect.baseline;
  const double cause_change = cause.level - cause.baseline;
  if (change == 0 || !std::isfinite(change) || !std::isfinite(cause_change)) {
    return std::nullopt;
  }
  Pairs pairs;
  auto of_cause = cause.samples.begin();
  for (const Sample& sample : effect.samples) {
    if (sample.at > healthy_until) {
      break;
    }
    while (of_cause != cause.samples.end() && of_cause->at <= sample.at - window / 2) {
      ++of_cause;
    }
    if (of_cause != cause.samples.end() && of_cause->at <= sample.at + window / 2) {
      pairs.add(of_cause->value, sample.value);
    }
  }
  const auto slope = pairs.slope();
  return slope ? std::optional(std::clamp(*slope * cause_change / change, 0.0, 1.0)) : std::nullopt;
}

}  // namespace gala::infer
