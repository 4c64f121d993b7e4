// Forecasts each metric from its own last values. Entities with very many metrics get it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "stages/detect/model_memory.h"

namespace gala::detect {

/// AR(3) by recursive least squares with forgetting (L. Ljung, T. Söderström, Theory and Practice
/// of Recursive Identification, 1983, ch. 2). Subtracts the first value and divides by the mean
/// size, so that floats suffice. 96 bytes a metric.
class Autoregression {
 public:
  static constexpr std::size_t order = 3;

  Autoregression(std::size_t metrics, double memory_rows)
      : keep_(1 - 1 / memory_rows), states_(metrics) {}

  /// Value minus forecast, in the metric's unit; 0 before the first forecast.
  [[nodiscard]] double error(std::size_t metric, double value) const;
  /// `weight` 0…1: how normal the value is.
  void learn(std::size_t metric, double value, double weight);
  /// Begins anew: the next row does not follow the last one.
  void interrupt();

  [[nodiscard]] static constexpr std::size_t bytes_per_metric() { return sizeof(State); }
  [[nodiscard]] flatbuffers::Offset<memory::KeptAutoregression> save(MemoryBuilder& builder) const;
  /// False if the saved state does not fit; the object is then of no use.
  [[nodiscard]] bool load(const memory::KeptAutoregression* kept);

 private:
  static constexpr std::size_t inputs = order + 1;
  static constexpr std::size_t triangle = inputs * (inputs + 1) / 2;
  using Inputs = std::array<float, inputs>;
  struct State {
    double origin = 0;
    float unit = 0;
    std::uint32_t seen = 0;
    Inputs coefficients{1, 0, 0, 0};
    std::array<float, order> last{};
    /// Lower triangle of the inverse moments.
    std::array<float, triangle> inverse{};
  };
  [[nodiscard]] static Inputs inputs_of(const State& state);
  static void start(State& state, double value);
  static void update(State& state, const Inputs& input, double error, double weight, double keep);

  double keep_;
  std::vector<State> states_;
};

}  // namespace gala::detect
