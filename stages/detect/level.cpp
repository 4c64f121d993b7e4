// A fast level, a slow one, and their spread.
#include "stages/detect/level.h"

#include <algorithm>
#include <cmath>

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

flatbuffers::Offset<memory::KeptLevel> Level::save(MemoryBuilder& builder) const {
  const auto scale = scale_.save(builder);
  return memory::CreateKeptLevelDirect(builder, &fast_, &slow_, &slow_square_, scale, rows_,
                                       slow_rows_);
}

bool Level::load(const memory::KeptLevel* kept) {
  if (kept == nullptr || !is_amount(kept->rows()) || !is_amount(kept->slow_rows()) ||
      kept->slow_rows() > kept->rows()) {
    return false;
  }
  rows_ = kept->rows();
  slow_rows_ = kept->slow_rows();
  return take_numbers(kept->fast(), fast_) && take_numbers(kept->slow(), slow_) &&
         take_numbers(kept->slow_square(), slow_square_, 0) && scale_.load(kept->scale());
}

}  // namespace gala::detect
