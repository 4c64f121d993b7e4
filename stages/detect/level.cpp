// A fast level, a slow one, and their spread.
#include "stages/detect/level.h"

#include <algorithm>
#include <cmath>

#include "stages/detect/model_state.h"

namespace gala::detect {

double Level::slow_share() const { return std::max(1 / speed_.slow_rows, 1 / (slow_rows_ + 1)); }

double Level::spread(std::size_t metric) const {
  return std::max(std::sqrt(slow_square_[metric]), scale_.deviation(metric, slow_[metric]));
}

void Level::learn(std::size_t metric, double value, double share) {
  if (rows_ == 0) {
    fast_[metric] = value;
  }
  scale_.learn(metric, value - fast_[metric], value, share);
  const double fast = std::max(speed_.fast, 1 / (rows_ + 1));
  fast_[metric] += fast * (value - fast_[metric]);
  if (share > 0) {
    const double slow = slow_share();
    const double error = value - slow_[metric];
    slow_[metric] += slow * error;
    slow_square_[metric] += slow * (error * error * (1 - slow) - slow_square_[metric]);
  }
}

void Level::next_row(bool normal) {
  rows_ += 1;
  slow_rows_ += normal ? 1 : 0;
}

void Level::accept() {
  slow_ = fast_;
  slow_rows_ = std::min(slow_rows_, speed_.slow_rows / 8);
}

void Level::save(StateWriter& writer) const {
  writer.put(fast_);
  writer.put(slow_);
  writer.put(slow_square_);
  scale_.save(writer);
  writer.put(rows_);
  writer.put(slow_rows_);
}

void Level::load(StateReader& reader) {
  reader.get(fast_);
  reader.get(slow_);
  reader.get(slow_square_);
  scale_.load(reader);
  reader.get(rows_);
  reader.get(slow_rows_);
}

}  // namespace gala::detect
