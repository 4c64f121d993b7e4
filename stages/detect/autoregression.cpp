// AR(3) of each metric by recursive least squares.
#include "stages/detect/autoregression.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

constexpr float first_inverse = 10;
constexpr float largest_inverse = 1e4F;
constexpr double least_unit = 1e-12;

constexpr std::size_t cell(std::size_t row, std::size_t column) {
  return row >= column ? row * (row + 1) / 2 + column : column * (column + 1) / 2 + row;
}

}  // namespace

Autoregression::Inputs Autoregression::inputs_of(const State& state) {
  Inputs input{};
  std::copy(state.last.begin(), state.last.end(), input.begin());
  input[order] = 1;
  return input;
}

double Autoregression::error(std::size_t metric, double value) const {
  const State& state = states_[metric];
  if (state.seen < order) {
    return 0;
  }
  const Inputs input = inputs_of(state);
  double forecast = 0;
  for (std::size_t i = 0; i < inputs; ++i) {
    forecast += static_cast<double>(state.coefficients[i]) * static_cast<double>(input[i]);
  }
  return value - state.origin - forecast * static_cast<double>(state.unit);
}

void Autoregression::start(State& state, double value) {
  state.origin = value;
  state.unit = static_cast<float>(std::max(std::abs(value) * 0.1, least_unit));
  for (std::size_t i = 0; i < inputs; ++i) {
    state.inverse[cell(i, i)] = first_inverse;
  }
}

void Autoregression::update(State& state, const Inputs& input, double error, double weight,
                            double keep) {
  Inputs gain{};
  float denominator = static_cast<float>(keep / weight);
  for (std::size_t i = 0; i < inputs; ++i) {
    for (std::size_t j = 0; j < inputs; ++j) {
      gain[i] += state.inverse[cell(i, j)] * input[j];
    }
    denominator += gain[i] * input[i];
  }
  const auto relative = static_cast<float>(error / static_cast<double>(state.unit));
  for (std::size_t i = 0; i < inputs; ++i) {
    state.coefficients[i] += gain[i] / denominator * relative;
    for (std::size_t j = 0; j <= i; ++j) {
      float& inverse = state.inverse[cell(i, j)];
      inverse = (inverse - gain[i] * gain[j] / denominator) / static_cast<float>(keep);
    }
    // Without this a constant input lets its inverse grow without bound.
    state.inverse[cell(i, i)] = std::clamp(state.inverse[cell(i, i)], 0.0F, largest_inverse);
  }
}

void Autoregression::learn(std::size_t metric, double value, double weight) {
  State& state = states_[metric];
  if (state.unit == 0) {
    start(state, value);
  }
  if (state.seen >= order && weight > 0) {
    update(state, inputs_of(state), error(metric, value), weight, keep_);
    const bool finite = std::all_of(state.coefficients.begin(), state.coefficients.end(),
                                    [](float x) { return std::isfinite(x); });
    if (!finite) {
      state = State{};
      start(state, value);
    }
  }
  const double relative = (value - state.origin) / static_cast<double>(state.unit);
  std::copy_backward(state.last.begin(), state.last.end() - 1, state.last.end());
  state.last[0] = static_cast<float>(std::clamp(relative, -1e6, 1e6));
  state.seen = std::min<std::uint32_t>(state.seen + 1, order);
}

void Autoregression::interrupt() {
  for (State& state : states_) {
    state.seen = 0;
  }
}

flatbuffers::Offset<memory::KeptAutoregression> Autoregression::save(MemoryBuilder& builder) const {
  std::vector<double> origins;
  std::vector<float> units;
  std::vector<float> coefficients;
  std::vector<float> inverses;
  for (const State& state : states_) {
    origins.push_back(state.origin);
    units.push_back(state.unit);
    coefficients.insert(coefficients.end(), state.coefficients.begin(), state.coefficients.end());
    inverses.insert(inverses.end(), state.inverse.begin(), state.inverse.end());
  }
  return memory::CreateKeptAutoregressionDirect(builder, &origins, &units, &coefficients,
                                                &inverses);
}

bool Autoregression::load(const memory::KeptAutoregression* kept) {
  std::vector<double> origins(states_.size());
  std::vector<float> units(states_.size());
  std::vector<float> coefficients(states_.size() * inputs);
  std::vector<float> inverses(states_.size() * triangle);
  const bool fit = kept != nullptr && take_numbers(kept->origins(), origins) &&
                   take_numbers(kept->units(), units, 0) &&
                   take_numbers(kept->coefficients(), coefficients) &&
                   take_numbers(kept->inverses(), inverses);
  for (std::size_t i = 0; i < states_.size() && fit; ++i) {
    State& state = states_[i];
    state.origin = origins[i];
    state.unit = units[i];
    std::copy_n(&coefficients[i * inputs], inputs, state.coefficients.begin());
    std::copy_n(&inverses[i * triangle], triangle, state.inverse.begin());
  }
  return fit;
}

}  // namespace gala::detect
