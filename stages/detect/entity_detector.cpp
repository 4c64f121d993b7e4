// All methods on one entity.
#include "stages/detect/entity_detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gala::detect {
namespace {

/// Does not learn a row beyond that many times the usual score.
constexpr double usual_factor = 3;
constexpr double least_usual = 0.05;
/// Adds this to the factor while the model is young; it shrinks with each row.
constexpr double young_leniency = 10;
constexpr double young_rows = 1000;
/// If the model refuses that share of its last rows, the model is wrong, not the world: it learns
/// again.
constexpr double most_refused_share = 0.25;
constexpr double fewest_refused_rows = 60;
constexpr double most_refused_rows = 10'000;
/// A score below that many times the usual is no alarm, however quiet the history was.
constexpr double least_alarm = 3;
/// A score that many times the limit is an alarm at once. A smaller one must last so many rows; a
/// single peak is half gone by then.
constexpr double at_once_factor = 1.5;
constexpr std::size_t lasting_rows = 6;
/// The errors of a young model say nothing for that many rows.
constexpr double settling_rows = 16;
/// Weight of each method beside the forecasts, before the weight for how well it predicts.
constexpr double level_weight = 1;
constexpr double plane_weight = 0.1;
constexpr double seasonal_weight = 1;
constexpr std::size_t plane_components = 8;
constexpr double part_memory = 0.6;

VectorRegression::Shape regression_shape(const DetectorShape& shape) {
  VectorRegression::Shape regression;
  regression.metrics = shape.metrics;
  regression.memory_rows = shape.memory_rows;
  if (shape.metrics == 1) {
    // A single metric can only be forecast from its own past.
    regression.lags = 10;
    regression.horizons = {1, 5, 15};
  } else {
    regression.horizons = {1, 2};
  }
  return regression;
}

}  // namespace

EntityDetector::EntityDetector(const DetectorShape& shape)
    : shape_(shape),
      level_(shape.metrics, {0.2, shape.slow_rows}),
      seasonal_(shape.metrics),
      plane_scale_(shape.metrics),
      tail_(shape.memory_rows),
      row_(shape.metrics, 0.0),
      measured_(shape.metrics, false),
      plane_errors_(shape.metrics, 0.0),
      row_parts_(shape.metrics, 0.0),
      parts_(shape.metrics, 0.0),
      recent_(std::max<std::size_t>(shape.mean_rows, 1), 0.0) {
  std::size_t forecasts = 1;
  if (shape.metrics <= shape.most_vector_metrics) {
    vector_ = std::make_unique<VectorRegression>(regression_shape(shape));
    forecasts = vector_->shape().horizons.size();
  } else {
    single_ = std::make_unique<Autoregression>(shape.metrics, shape.memory_rows);
  }
  if (shape.metrics > 2 * plane_components) {
    pca_ = std::make_unique<IncrementalPca>(shape.metrics, plane_components, shape.memory_rows);
  }
  forecast_scale_.assign(forecasts, ResidualScale(shape.metrics));
  errors_.assign(forecasts * shape.metrics, 0.0);
}

RowFinding EntityDetector::next(std::span<const double> values, double wall_s, bool trusted) {
  fill_gaps(values);
  take_errors(wall_s);
  const double row_score = fuse();
  const double weight = weight_of(row_score, trusted);
  learn(wall_s, weight);
  return conclude(row_score, weight);
}

void EntityDetector::fill_gaps(std::span<const double> values) {
  for (std::size_t i = 0; i < shape_.metrics; ++i) {
    measured_[i] = i < values.size() && std::isfinite(values[i]) && std::abs(values[i]) < 1e15;
    if (measured_[i]) {
      row_[i] = values[i];
    }
    // Otherwise the last value stays, and its error does not count.
  }
}

void EntityDetector::take_errors(double wall_s) {
  wall_s_ = wall_s;
  if (vector_) {
    const Eigen::MatrixXd& errors = vector_->judge(row_);
    std::copy(errors.data(), errors.data() + errors.size(), errors_.begin());
  } else {
    for (std::size_t i = 0; i < shape_.metrics; ++i) {
      errors_[i] = single_->error(i, row_[i]);
    }
  }
  if (pca_) {
    const Eigen::VectorXd& errors = pca_->judge(row_);
    std::copy(errors.data(), errors.data() + errors.size(), plane_errors_.begin());
  }
}

double EntityDetector::fuse_metric(std::size_t metric) const {
  const double value = row_[metric];
  double forecast = 0;
  for (std::size_t i = 0; i < forecast_scale_.size(); ++i) {
    const double z =
        forecast_scale_[i].standardise(metric, errors_[i * shape_.metrics + metric], value);
    forecast += z * z;
  }
  forecast /= static_cast<double>(forecast_scale_.size());
  const double best = forecast_scale_.front().deviation(metric, value);
  double sum = forecast;
  double weights = 1;
  const auto add = [&](double z, double deviation, double trust) {
    const double ratio = std::min(1.0, best / deviation);
    const double weight = trust * ratio * ratio;
    sum += weight * z * z;
    weights += weight;
  };
  add(level_.deviations(metric, value), level_.scale().deviation(metric, value), level_weight);
  if (pca_) {
    add(plane_scale_.standardise(metric, plane_errors_[metric], value),
        plane_scale_.deviation(metric, value), plane_weight);
  }
  if (seasonal_.proven()) {
    add(seasonal_.scale().standardise(metric, seasonal_.error(metric, value, wall_s_), value),
        seasonal_.scale().deviation(metric, value), seasonal_weight);
  }
  return sum / weights;
}

double EntityDetector::fuse() {
  double sum = 0;
  for (std::size_t i = 0; i < shape_.metrics; ++i) {
    row_parts_[i] = measured_[i] && rows_ >= settling_rows ? fuse_metric(i) : 0;
    parts_[i] = part_memory * parts_[i] + (1 - part_memory) * row_parts_[i];
    sum += row_parts_[i];
  }
  return sum / static_cast<double>(shape_.metrics);
}

double EntityDetector::weight_of(double row_score, bool trusted) {
  const double leniency = 1 + young_leniency * young_rows / (young_rows + rows_);
  const double most = usual_factor * leniency * usual_score_;
  const bool learning = trusted || rows_ < 2 * settling_rows || relearn_rows_ > 0;
  double weight = learning || row_score <= most ? 1 : std::pow(most / row_score, 8);
  weight = weight < 1e-3 ? 0 : weight;
  const double share = std::max(1 / shape_.memory_rows, 1 / (rows_ + 1));
  const double counted = learning ? row_score : std::min(row_score, 2 * most);
  usual_score_ = std::max(usual_score_ + share * weight * (counted - usual_score_), least_usual);
  watch_refusals(weight);
  return weight;
}

void EntityDetector::watch_refusals(double weight) {
  relearn_rows_ = std::max(relearn_rows_ - 1, 0.0);
  refused_ = weight < 0.5 ? refused_ + 1 : std::max(refused_ - 1, 0.0);
  const double patience =
      std::clamp(most_refused_share * rows_, fewest_refused_rows, most_refused_rows);
  if (refused_ > patience) {
    refused_ = 0;
    relearn_rows_ = patience;
  }
}

void EntityDetector::learn(double wall_s, double weight) {
  const double share = weight * std::max(1 / shape_.memory_rows, 1 / (rows_ + 1));
  for (std::size_t i = 0; i < shape_.metrics; ++i) {
    if (!measured_[i]) {
      continue;
    }
    for (std::size_t f = 0; f < forecast_scale_.size() && rows_ >= settling_rows; ++f) {
      forecast_scale_[f].learn(i, errors_[f * shape_.metrics + i], row_[i], share);
    }
    if (pca_ && rows_ >= settling_rows) {
      plane_scale_.learn(i, plane_errors_[i], row_[i], share);
    }
    level_.learn(i, row_[i], share);
    seasonal_.learn(i, row_[i], wall_s, share);
    if (single_) {
      single_->learn(i, row_[i], weight);
    }
  }
  if (vector_) {
    vector_->learn(row_, weight);
  }
  if (pca_) {
    pca_->learn(row_, weight);
  }
  level_.next_row(weight > 0);
  seasonal_.next_row(wall_s);
  rows_ += 1;
}

RowFinding EntityDetector::conclude(double row_score, double weight) {
  recent_[static_cast<std::size_t>(std::fmod(rows_, static_cast<double>(recent_.size())))] =
      row_score;
  const double mean =
      std::accumulate(recent_.begin(), recent_.end(), 0.0) / static_cast<double>(recent_.size());
  held_ = std::max(mean, held_ * shape_.hold);
  RowFinding finding{held_, std::numeric_limits<double>::infinity(), row_score};
  if (rows_ >= shape_.warmup_rows) {
    finding.limit = limit_of(held_);
  }
  if (rows_ > 2 * settling_rows && (weight > 0 || !finding.abnormal())) {
    tail_.learn(held_);
  }
  return finding;
}

double EntityDetector::limit_of(double score) {
  const double limit = std::max(tail_.limit(shape_.false_alarm_rate), least_alarm * usual_score_);
  unlikely_rows_ = score > limit ? unlikely_rows_ + 1 : 0;
  return unlikely_rows_ >= lasting_rows ? limit : at_once_factor * limit;
}

void EntityDetector::interrupt() {
  if (vector_) {
    vector_->interrupt();
  }
  if (single_) {
    single_->interrupt();
  }
}

void EntityDetector::accept() {
  level_.accept();
  held_ = 0;
  unlikely_rows_ = 0;
  std::fill(recent_.begin(), recent_.end(), 0.0);
}

std::vector<std::size_t> EntityDetector::blamed(std::size_t most) const {
  std::vector<std::size_t> order(shape_.metrics);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](std::size_t a, std::size_t b) { return parts_[a] > parts_[b]; });
  order.resize(std::min(most, order.size()));
  return order;
}

double EntityDetector::expected(std::size_t metric) const {
  const bool by_season = seasonal_.proven() &&
                         seasonal_.scale().deviation(metric, row_[metric]) < level_.spread(metric);
  return by_season ? seasonal_.expected(metric, wall_s_) : level_.expected(metric);
}

double EntityDetector::spread(std::size_t metric) const {
  const double level = level_.spread(metric);
  return seasonal_.proven() ? std::min(level, seasonal_.scale().deviation(metric, row_[metric]))
                            : level;
}

std::size_t EntityDetector::bytes() const {
  MemoryBuilder builder;
  builder.Finish(save(builder));
  return sizeof(*this) + builder.GetSize();
}

flatbuffers::Offset<memory::KeptModel> EntityDetector::save(MemoryBuilder& builder) const {
  std::vector<flatbuffers::Offset<memory::KeptScale>> scales;
  for (const ResidualScale& scale : forecast_scale_) {
    scales.push_back(scale.save(builder));
  }
  const auto forecast_scales = builder.CreateVector(scales);
  const auto row = builder.CreateVector(row_);
  const auto plane_scale = plane_scale_.save(builder);
  const auto level = level_.save(builder);
  const auto seasons = seasonal_.save(builder);
  const auto tail = tail_.save(builder);
  flatbuffers::Offset<memory::KeptRegression> regression;
  flatbuffers::Offset<memory::KeptAutoregression> autoregression;
  flatbuffers::Offset<memory::KeptPlane> plane;
  if (vector_) {
    regression = vector_->save(builder);
  } else {
    autoregression = single_->save(builder);
  }
  if (pca_) {
    plane = pca_->save(builder);
  }
  return memory::CreateKeptModel(builder, static_cast<std::uint32_t>(shape_.metrics), regression,
                                 autoregression, plane, level, seasons, forecast_scales,
                                 plane_scale, tail, row, wall_s_, rows_, usual_score_);
}

bool EntityDetector::load(const memory::KeptModel* kept) {
  const bool fits = kept != nullptr && kept->metrics() == shape_.metrics && take(*kept);
  if (!fits) {
    *this = EntityDetector(shape_);
  }
  return fits;
}

bool EntityDetector::take(const memory::KeptModel& kept) {
  if (kept.forecast_scales() == nullptr ||
      kept.forecast_scales()->size() != forecast_scale_.size() || !is_amount(kept.rows()) ||
      !is_amount(kept.usual_score()) || !is_number(kept.wall_s())) {
    return false;
  }
  for (std::size_t i = 0; i < forecast_scale_.size(); ++i) {
    if (!forecast_scale_[i].load(
            kept.forecast_scales()->Get(static_cast<flatbuffers::uoffset_t>(i)))) {
      return false;
    }
  }
  rows_ = kept.rows();
  usual_score_ = kept.usual_score();
  wall_s_ = kept.wall_s();
  return (!vector_ || vector_->load(kept.regression())) &&
         (!single_ || single_->load(kept.autoregression())) &&
         (!pca_ || pca_->load(kept.plane())) && level_.load(kept.level()) &&
         seasonal_.load(kept.seasons()) && plane_scale_.load(kept.plane_scale()) &&
         tail_.load(kept.tail()) && take_numbers(kept.row(), row_) && level_.rows() == rows_;
}

}  // namespace gala::detect
