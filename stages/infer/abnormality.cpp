// Judges a series against its own past: robust baseline, episodes, time order.
#include "stages/infer/abnormality.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stages/infer/robust.h"

namespace gala::infer {
namespace {

constexpr double abnormal_deviations = 3;
/// At this many spreads a change is 63 % of certain.
constexpr double convincing_deviations = 6;
/// Joins abnormal windows with at most that many normal ones between them to one episode, because
/// losses and overflows come in bursts.
constexpr int bridged_windows = 3;
constexpr std::size_t least_baseline = 5;
/// If that share of the past reached the level too, the level is usual.
constexpr double usual_share = 0.1;
/// An episode with at least that share of abnormal windows is a steady state; others are a series
/// of bursts.
constexpr double steady_share = 0.8;

struct Baseline {
  bool known = false;
  std::vector<double> values;
  Robust robust;
  /// Spread of the past outliers, if the method counts them.
  double tail = 0;
  /// First sample after the baseline.
  std::size_t end = 0;
};

double oriented(const Question& question, double value) {
  return question.direction == wire::Direction::high ? value : -value;
}

bool in_trouble(const Question& question, Moment at) {
  return std::any_of(question.troubles.begin(), question.troubles.end(), [&](const auto& trouble) {
    return at >= trouble.first && at <= trouble.second;
  });
}

/// The samples before the KPI bent, without the last ones: the cause may have begun in them.
Baseline baseline_of(std::span<const Sample> samples, const Question& question) {
  const auto bent = std::find_if(samples.begin(), samples.end(),
                                 [&](const Sample& sample) { return sample.at >= question.bent; });
  const auto before = static_cast<std::size_t>(bent - samples.begin());
  const auto guard = std::find_if(samples.begin(), bent, [&](const Sample& sample) {
    return sample.at > question.bent - question.within - question.window;
  });
  Baseline baseline;
  baseline.end = std::max(static_cast<std::size_t>(guard - samples.begin()), (before + 1) / 2);
  const bool young =
      question.born && *question.born >= question.bent - question.within - question.window * 2;
  if (young && question.direction == wire::Direction::high) {
    baseline.known = true;  // What did not exist used nothing.
    baseline.end = 0;
    return baseline;
  }
  if (baseline.end < least_baseline) {
    return baseline;
  }
  baseline.known = true;
  for (const Sample& sample : samples.first(baseline.end)) {
    if (!in_trouble(question, sample.at)) {
      baseline.values.push_back(sample.value);
    }
  }
  if (baseline.values.size() < least_baseline) {
    baseline.values.clear();
    for (const Sample& sample : samples.first(baseline.end)) {
      baseline.values.push_back(sample.value);
    }
  }
  baseline.robust = robust_of(baseline.values);
  baseline.tail =
      question.outliers == nullptr ? 0 : question.outliers(baseline.values, baseline.robust.median);
  return baseline;
}

struct Episode {
  /// First rising sample, at or before `first`.
  std::size_t onset = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

/// Runs of flagged samples; small gaps do not end a run.
std::vector<Episode> episodes_of(std::span<const Sample> samples, const std::vector<bool>& flags,
                                 Duration window) {
  std::vector<Episode> episodes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (!flags[i]) {
      continue;
    }
    if (!episodes.empty() &&
        samples[i].at - samples[episodes.back().last].at <= window * (bridged_windows + 1)) {
      episodes.back().last = i;
    } else {
      episodes.push_back({i, i, i});
    }
  }
  return episodes;
}

/// Dates each episode back to its first rising sample. A series that multiplies within seconds is
/// measured by its height, but it began when it left the baseline.
void find_onsets(const std::vector<bool>& rising, std::vector<Episode>& episodes) {
  std::size_t free = 0;
  for (Episode& episode : episodes) {
    while (episode.onset > free && rising[episode.onset - 1]) {
      --episode.onset;
    }
    free = episode.last + 1;
  }
}

/// The unit in which deviations from the baseline are measured.
struct Scale {
  double median = 0;
  double spread = 0;
};

Scale scale_of(const Baseline& baseline, const Question& question, double extreme) {
  const double median = baseline.robust.median;
  const double floor = question.floor ? spread_floor(median, extreme, *question.floor)
                                      : spread_floor(median, extreme);
  return {median, std::max({baseline.robust.spread, baseline.tail, floor})};
}

/// Chooses the episode that can be the cause, or says why none can.
Finding choose(std::span<const Sample> samples, const std::vector<Episode>& episodes,
               const Question& question, Episode& chosen) {
  // Windows of two tables end at different instants, and their distance varies.
  const Duration tolerance = std::max(question.window * 3 / 2, question.slack);
  Finding finding = Finding::unchanged;
  for (const Episode& episode : episodes) {
    if (samples[episode.onset].at > question.bent + tolerance) {
      return finding == Finding::abnormal ? finding : Finding::began_after;
    }
    if (samples[episode.last].at < question.effect_began - question.within) {
      finding = Finding::over_before;
    } else {
      finding = Finding::abnormal;
      chosen = episode;
    }
  }
  return finding;
}

Moment window_begin(std::span<const Sample> samples, std::size_t index, Duration window) {
  const Moment usual = samples[index].at - window;
  return index > 0 && samples[index - 1].at > usual - window ? samples[index - 1].at : usual;
}

/// Share of the samples since the KPI bent that are abnormal. A cause that lasts as long as its
/// effect counts more than a blip, and more than a series that nobody reports any more.
double coverage(std::span<const Sample> samples, const std::vector<bool>& flags,
                const Question& question) {
  std::size_t flagged = 0;
  std::size_t all = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].at >= question.bent && samples[i].at <= question.until) {
      ++all;
      flagged += flags[i] ? 1U : 0U;
    }
  }
  if (all == 0) {
    return samples.back().at >= question.effect_began - question.window * bridged_windows ? 1 : 0;
  }
  return static_cast<double>(flagged) / static_cast<double>(all);
}

void measure(std::span<const Sample> samples, const Episode& episode, const Question& question,
             Verdict& verdict) {
  double sum = 0;
  double peak = oriented(question, samples[episode.first].value);
  for (std::size_t i = episode.first; i <= episode.last; ++i) {
    sum += samples[i].value;
    peak = std::max(peak, oriented(question, samples[i].value));
  }
  // The last value of a setting holds, however often somebody changed it meanwhile.
  verdict.level = question.is_setting ? samples[episode.last].value
                                      : sum / static_cast<double>(episode.last - episode.first + 1);
  verdict.peak = oriented(question, peak);
  verdict.bent = samples[episode.onset].at;
  verdict.began = window_begin(samples, episode.onset, question.window);
}

/// Is the episode one steady state, rather than bursts close to each other?
bool is_steady(const std::vector<bool>& flags, const Episode& episode) {
  const auto first = flags.begin() + static_cast<std::ptrdiff_t>(episode.first);
  const auto last = flags.begin() + static_cast<std::ptrdiff_t>(episode.last) + 1;
  return static_cast<double>(std::count(first, last, true)) >=
         steady_share * static_cast<double>(last - first);
}

/// Share of the baseline that reached the episode's level too. A steady episode that began long ago
/// is no precedent of itself.
double reached_before(const Baseline& baseline, const Question& question, double level,
                      std::size_t end) {
  end = std::min(end, baseline.values.size());
  const auto last = baseline.values.begin() + static_cast<std::ptrdiff_t>(end);
  const auto reached = std::count_if(baseline.values.begin(), last, [&](double v) {
    return oriented(question, v) >= oriented(question, level);
  });
  return end == 0 ? 0.0 : static_cast<double>(reached) / static_cast<double>(end);
}

}  // namespace

std::string_view to_text(Finding finding) {
  switch (finding) {
    case Finding::abnormal:
      return "abnormal";
    case Finding::began_after:
      return "began after the KPI";
    case Finding::over_before:
      return "was over before the KPI bent";
    case Finding::not_involved:
      return "changed, but what suffers does not use it";
    case Finding::too_small:
      return "changed too little to matter";
    case Finding::no_history:
      return "too little history to judge";
    case Finding::unchanged:
      return "did not change";
    case Finding::no_data:
      break;
  }
  return "no data";
}

double size_of(const Verdict& verdict) {
  return std::abs(verdict.level - (std::isfinite(verdict.baseline) ? verdict.baseline : 0));
}

double order_of(const Verdict& cause, const Verdict& effect, Duration within, Duration window) {
  const Duration lead = effect.bent - cause.bent;
  if (lead < -window) {
    return 0.5;
  }
  const Duration usual = std::max(within, window);
  if (lead <= usual) {
    return 1;
  }
  return std::max(0.4, static_cast<double>(usual.count()) / static_cast<double>(lead.count()));
}

std::vector<std::pair<Moment, Moment>> earlier_troubles(std::span<const Sample> samples,
                                                        const Question& question) {
  std::vector<std::pair<Moment, Moment>> troubles;
  const Baseline baseline = baseline_of(samples, question);
  if (!baseline.known || baseline.values.empty()) {
    return troubles;
  }
  std::vector<bool> deviates(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    deviates[i] = oriented(question, samples[i].value - baseline.robust.median) >
                  abnormal_deviations * scale_of(baseline, question, samples[i].value).spread;
  }
  for (const Episode& episode : episodes_of(samples, deviates, question.window)) {
    // One more window on each side: causes begin earlier, and their effects wear off.
    const Moment end = samples[episode.last].at + question.window;
    if (end < question.bent - question.within - question.window) {
      troubles.emplace_back(samples[episode.first].at - question.window, end);
    }
  }
  return troubles;
}

std::span<const Sample> seen_until(std::span<const Sample> samples, Moment until) {
  while (!samples.empty() && samples.back().at > until) {
    samples = samples.first(samples.size() - 1);
  }
  return samples;
}

bool beyond_limits(const Question& question, double value) {
  return (!question.above || value > *question.above) &&
         (!question.below || value < *question.below);
}

double sureness_of(double deviation) { return 1 - std::exp(-deviation / convincing_deviations); }

Verdict measure_since(std::span<const Sample> samples, std::size_t first,
                      const Question& question) {
  Verdict verdict;
  measure(samples, {first, first, samples.size() - 1}, question, verdict);
  return verdict;
}

Verdict judge(std::span<const Sample> samples, const Question& question) {
  Verdict verdict;
  samples = seen_until(samples, question.until);
  if (samples.empty()) {
    return verdict;
  }
  const Baseline baseline = baseline_of(samples, question);
  verdict.baseline = baseline.robust.median;
  if (!baseline.known) {
    verdict.finding = Finding::no_history;
    return verdict;
  }
  double extreme = baseline.robust.median;
  for (const Sample& sample : samples.subspan(baseline.end)) {
    if (oriented(question, sample.value) > oriented(question, extreme)) {
      extreme = sample.value;
    }
  }
  const Scale scale = scale_of(baseline, question, extreme);
  std::vector<bool> deviates(samples.size());
  std::vector<bool> matters(samples.size());
  std::vector<bool> rising(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    rising[i] = oriented(question, samples[i].value - scale.median) >
                abnormal_deviations * scale_of(baseline, question, samples[i].value).spread;
    deviates[i] =
        oriented(question, samples[i].value - scale.median) > abnormal_deviations * scale.spread;
    matters[i] =
        deviates[i] && beyond_limits(question, samples[i].value) &&
        oriented(question, samples[i].value - scale.median) >= question.least_change.value_or(0);
  }
  Episode episode;
  std::vector<Episode> episodes = episodes_of(samples, matters, question.window);
  find_onsets(rising, episodes);
  verdict.finding = choose(samples, episodes, question, episode);
  if (verdict.finding != Finding::abnormal) {
    Episode small;
    if (verdict.finding == Finding::unchanged &&
        choose(samples, episodes_of(samples, deviates, question.window), question, small) ==
            Finding::abnormal) {
      verdict.finding = Finding::too_small;
    }
    return verdict;
  }
  measure(samples, episode, question, verdict);
  const std::size_t precedents =
      is_steady(matters, episode) ? episode.first : baseline.values.size();
  const double usual = reached_before(baseline, question, verdict.level, precedents);
  if (usual > usual_share) {
    verdict.finding = Finding::unchanged;
    return verdict;
  }
  verdict.deviation = oriented(question, verdict.level - scale.median) / scale.spread;
  verdict.abnormality = sureness_of(verdict.deviation) * (1 - usual / usual_share * 0.5) *
                        (0.4 + 0.6 * coverage(samples, matters, question));
  return verdict;
}

}  // namespace gala::infer
