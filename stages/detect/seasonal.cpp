// Usual values by time of the day and day of the week.
#include "stages/detect/seasonal.h"

#include <algorithm>
#include <cmath>

namespace gala::detect {
namespace {

constexpr double day_s = 86'400;
/// A day counts that share of all days before it.
constexpr double forget_days = 7;
constexpr double fewest_days_for_a_week = 14;
/// Later than any clock.
constexpr std::int64_t latest_day = 1'000'000;

/// Position in the day, in slots, and number of the day since 1970.
struct Place {
  double slot = 0;
  std::size_t weekday = 0;
  std::int64_t day = 0;
};

Place place_of(double wall_s, std::size_t slots) {
  const double day = std::floor(wall_s / day_s);
  const auto number = static_cast<std::int64_t>(day);
  return {(wall_s / day_s - day) * static_cast<double>(slots),
          static_cast<std::size_t>(((number % 7) + 7) % 7), number};
}

}  // namespace

double Seasonal::expected(std::size_t metric, double wall_s) const {
  const Place place = place_of(wall_s, slots);
  const double shifted = place.slot + static_cast<double>(slots) - 0.5;
  const auto left = static_cast<std::size_t>(shifted) % slots;
  const double part = shifted - std::floor(shifted);
  const float* means = &slot_mean_[metric * slots];
  const double usual = (1 - part) * static_cast<double>(means[left]) +
                       part * static_cast<double>(means[(left + 1) % slots]);
  const bool weekly = days_seen_ >= fewest_days_for_a_week;
  return usual + (weekly ? static_cast<double>(day_mean_[metric * days + place.weekday]) : 0.0);
}

double Seasonal::error(std::size_t metric, double value, double wall_s) const {
  return ready() ? value - expected(metric, wall_s) : 0;
}

void Seasonal::begin() {
  slot_mean_.assign(metrics_ * slots, 0.0F);
  day_mean_.assign(metrics_ * days, 0.0F);
  slot_rows_.assign(slots, 0.0F);
}

void Seasonal::learn(std::size_t metric, double value, double wall_s, double share) {
  if (slot_mean_.empty()) {
    begin();
  }
  if (ready()) {
    // Its errors have a younger history than the values.
    const double young = share > 0 ? std::max(share, 1 / (judged_rows_ + 1)) : 0;
    scale_.learn(metric, error(metric, value, wall_s), value, young);
  }
  if (share <= 0) {
    return;
  }
  const Place place = place_of(wall_s, slots);
  const auto slot = static_cast<std::size_t>(place.slot) % slots;
  float& mean = slot_mean_[metric * slots + slot];
  float& day = day_mean_[metric * days + place.weekday];
  const double rows = static_cast<double>(slot_rows_[slot]);
  const double rest = value - static_cast<double>(mean) - static_cast<double>(day);
  mean += static_cast<float>(rest / (rows + 1));
  if (ready()) {
    day += static_cast<float>((rest - static_cast<double>(day)) * share);
  }
}

void Seasonal::next_row(double wall_s) {
  if (slot_rows_.empty()) {
    return;
  }
  judged_rows_ += ready() ? 1 : 0;
  const Place place = place_of(wall_s, slots);
  if (first_day_ < 0 || place.day < first_day_) {
    first_day_ = place.day;
  }
  const double days_now = wall_s / day_s - static_cast<double>(first_day_);
  const double rows_per_slot =
      std::max(1.0, static_cast<double>(slot_rows_[static_cast<std::size_t>(place.slot) % slots]) /
                        std::max(1.0, days_now));
  float& rows = slot_rows_[static_cast<std::size_t>(place.slot) % slots];
  rows = static_cast<float>(std::min(static_cast<double>(rows) + 1, forget_days * rows_per_slot));
  days_seen_ = std::max(days_seen_, days_now);
}

flatbuffers::Offset<memory::KeptSeasons> Seasonal::save(MemoryBuilder& builder) const {
  const auto scale = scale_.save(builder);
  return memory::CreateKeptSeasonsDirect(builder, &slot_mean_, &day_mean_, &slot_rows_, first_day_,
                                         days_seen_, judged_rows_, scale);
}

bool Seasonal::load(const memory::KeptSeasons* kept) {
  const bool whole = kept != nullptr && kept->slot_means() != nullptr &&
                     kept->day_means() != nullptr && kept->slot_rows() != nullptr;
  if (!whole || !is_amount(kept->days_seen()) || !is_amount(kept->judged_rows()) ||
      kept->first_day() < -latest_day || kept->first_day() > latest_day) {
    return false;
  }
  first_day_ = kept->first_day();
  days_seen_ = kept->days_seen();
  judged_rows_ = kept->judged_rows();
  if (kept->slot_rows()->size() > 0) {
    begin();
  } else if (ready() || proven()) {
    return false;
  }
  return take_numbers(kept->slot_means(), slot_mean_) &&
         take_numbers(kept->day_means(), day_mean_) &&
         take_numbers(kept->slot_rows(), slot_rows_, 0) && scale_.load(kept->scale());
}

}  // namespace gala::detect
