// Limits with hysteresis, and deviation from the entity's own baseline.
#include "runtime/judge/judgement.h"

#include <algorithm>
#include <cmath>

namespace gala {
namespace {

constexpr double largest_score = 1e6;
/// The 90 % quantile of a normal distribution lies that many standard deviations above its median.
constexpr double quantile_distance = 1.28;
/// The nearer a server is to its capacity, the faster its queue grows with the load: halfway there,
/// as the square.
constexpr double queue_growth = 2;
/// No throughput falls by more than everything.
constexpr double largest_fall = 0.99;
/// Bounds of the factor that scales the noise of a window by its number of requests.
constexpr double largest_noise_ratio = 10;
constexpr double least_noise_ratio = 0.2;
/// The largest exponent of e with a finite result.
constexpr double largest_logarithm = 700;
/// A check without least_change, factor and floor has its edge at the median.
constexpr double least_edge = 1e-3;

double bounded(double score) {
  return std::isfinite(score) ? std::clamp(score, 0.0, largest_score) : largest_score;
}

double score_above(double value, double limit) {
  return limit > 0 ? bounded(value / limit)
                   : bounded(1 + (value - limit) / std::max(1.0, std::fabs(limit)));
}

double score_below(double value, double limit) {
  return limit > 0 && value > 0
             ? bounded(limit / value)
             : bounded(1 + (limit - value) / std::max(1e-3, std::fabs(limit)) * 1e3);
}

/// How far the load moves the edge out, ≥ 0.
double excuse_of(const Reference& reference, const BaselinePoint& point,
                 wire::Direction direction) {
  double excuse = 0;
  const double more_requests = point.rate - reference.rate_high;
  if (direction == wire::Direction::high && more_requests > 0) {
    excuse += queue_growth * more_requests;
  }
  const double less_work = reference.in_flight_low - point.in_flight;
  if (less_work > 0) {
    excuse += less_work;
  }
  return excuse;
}

/// A statistic of n values is √(usual n / n) times as noisy as usual.
double noise_of(const Reference& reference, const BaselinePoint& point) {
  const double fewer = reference.rate_median - point.rate;
  if (!std::isfinite(fewer)) {
    return reference.noise;
  }
  return reference.noise *
         std::clamp(std::exp(0.5 * fewer), least_noise_ratio, largest_noise_ratio);
}

/// Works for both directions: distances from the median, positive on the bad side.
struct Distances {
  double value = 0;
  double usual = 0;
  double least = 0;
  double floor = 0;
};

/// Distance from the median to where abnormal begins.
double edge_of(const Distances& at, double factor, double noise, double excuse) {
  const double beyond_usual =
      at.usual + std::max(at.least / 2, std::max(0.0, factor - quantile_distance) * noise);
  return std::max(std::max(at.least, beyond_usual) + excuse, at.floor);
}

Verdict verdict_of(double value, double normal_until, double abnormal_from) {
  if (value > abnormal_from) {
    return Verdict::abnormal;
  }
  return value > normal_until ? Verdict::between : Verdict::normal;
}

}  // namespace

Judgement judge_limit(const Check& check, double value) {
  Judgement judgement;
  const double no_clear = check.above ? *check.above : check.below.value_or(0);
  const double clear = check.clear.value_or(no_clear);
  judgement.expected_low = check.below.value_or(no_clear);
  judgement.expected_high = check.above.value_or(judgement.expected_low);
  Verdict high = Verdict::normal;
  Verdict low = Verdict::normal;
  if (check.above) {
    high = verdict_of(value, std::min(clear, *check.above), *check.above);
  }
  if (check.below) {
    const double back = check.above ? *check.below : std::max(clear, *check.below);
    low = verdict_of(-value, -back, -*check.below);
  }
  const bool is_low = check.below && (low > high || !check.above);
  judgement.verdict = is_low ? low : high;
  judgement.direction = is_low ? wire::Direction::low : wire::Direction::high;
  judgement.limit = is_low ? judgement.expected_low : judgement.expected_high;
  judgement.expected = judgement.limit;
  judgement.score =
      is_low ? score_below(value, judgement.limit) : score_above(value, judgement.limit);
  return judgement;
}

Judgement judge_deviation(const Check& check, const Reference& reference,
                          const BaselinePoint& point) {
  Judgement judgement;
  judgement.direction = check.direction;
  const bool is_high = check.direction == wire::Direction::high;
  const double sign = is_high ? 1 : -1;
  const std::optional<double> floor = is_high ? check.above : check.below;
  Distances at;
  at.value = sign * (double{point.value} - reference.median);
  at.usual = sign * (double{is_high ? reference.high : reference.low} - reference.median);
  // fmax ignores NaN.
  at.usual = std::fmax(at.usual, sign * (double{reference.sustained} - reference.median));
  at.least = is_high ? std::log1p(std::max(0.0, check.least_change))
                     : -std::log1p(-std::clamp(check.least_change, 0.0, largest_fall));
  at.floor = floor ? sign * (double{log_of(*floor)} - reference.median) : 0;
  const double edge = edge_of(at, check.factor, noise_of(reference, point),
                              excuse_of(reference, point, check.direction));
  judgement.verdict = verdict_of(at.value, (std::min(at.usual, edge) + edge) / 2, edge);
  judgement.expected = amount_of(double{reference.median});
  judgement.limit = std::exp(std::min(reference.median + sign * edge, largest_logarithm));
  judgement.expected_low = is_high ? amount_of(double{reference.low}) : judgement.limit;
  judgement.expected_high = is_high ? judgement.limit : amount_of(double{reference.high});
  judgement.score = bounded(std::max(0.0, at.value) / std::max(edge, least_edge));
  return judgement;
}

}  // namespace gala
