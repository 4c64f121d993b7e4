// Scores paths, and lets causes hand over to deeper ones that explain them.
#include "stages/infer/ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gala::infer {
namespace {

/// An effect hands over to a cause that is at least this strong relative to it.
constexpr double hand_over_share = 0.6;
/// If a cause predicts that much of a series' change, the series has no cause of its own: it did as
/// it always does.
constexpr double explaining_share = 0.8;
/// Share of the remaining doubt that each confirmed deeper level removes, and how fast this wears
/// off.
constexpr double depth_bonus = 0.2;
constexpr double depth_decay = 0.6;
/// How much a foreign cause takes from "the application itself" at most.
constexpr double own_discount = 0.5;
constexpr double unknown_correlation = 0.5;
/// Factor for the score of a cause that a deeper one explains.
constexpr double explained_share = 0.6;
/// Likeness of two series without any correlation, for a prior of 1.
constexpr double least_alike = 0.4;
constexpr std::size_t longest_path = 8;
constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

/// The candidates as a graph without cycles.
class Explanation {
 public:
  explicit Explanation(const Candidates& candidates) : candidates_(candidates) {
    strengths_.reserve(candidates.links.size());
    causes_of_.resize(candidates.series.size());
    for (std::size_t i = 0; i < candidates.links.size(); ++i) {
      const CauseLink& link = candidates.links[i];
      strengths_.push_back(strength_of(link, candidates.series[link.cause]));
      causes_of_[link.effect].push_back(i);
    }
    order_without_cycles();
    score_paths();
    compare_levels();
  }

  /// The best path to each series that no deeper cause explains.
  [[nodiscard]] std::vector<RankedCause> roots(bool with_explained) const {
    std::vector<RankedCause> roots;
    for (std::size_t series = 1; series < candidates_.series.size(); ++series) {
      const bool explained = handed_over(series);
      if (explained && !with_explained) {
        continue;
      }
      if (RankedCause cause = best_path(series); !cause.path.empty()) {
        cause.explained = explained;
        cause.score *= explained || sibling_explained(series) ? explained_share : 1;
        roots.push_back(std::move(cause));
      }
    }
    return roots;
  }

 private:
  struct Best {
    double sum = -1;
    std::size_t link = none;
  };
  using BestByLength = std::vector<Best>;

  /// Walks depth first from the KPI and leaves out links that would close a cycle. Then `order_`
  /// has every effect before its causes.
  void order_without_cycles() {
    enum class State : std::uint8_t { fresh, open, done };
    std::vector<State> states(candidates_.series.size(), State::fresh);
    struct Frame {
      std::size_t series;
      std::size_t next;
    };
    std::vector<Frame> stack{{0, 0}};
    states[0] = State::open;
    kept_.assign(candidates_.links.size(), true);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const auto& out = causes_of_[frame.series];
      if (frame.next == out.size()) {
        states[frame.series] = State::done;
        order_.push_back(frame.series);
        stack.pop_back();
        continue;
      }
      const std::size_t link = out[frame.next++];
      const std::size_t cause = candidates_.links[link].cause;
      if (states[cause] == State::open) {
        kept_[link] = false;
      } else if (states[cause] == State::fresh) {
        states[cause] = State::open;
        stack.push_back({cause, 0});
      }
    }
    std::reverse(order_.begin(), order_.end());
  }

  void score_paths() {
    best_.assign(candidates_.series.size(), BestByLength(longest_path + 1));
    best_[0][0].sum = 0;
    for (const std::size_t effect : order_) {
      for (const std::size_t link : causes_of_[effect]) {
        for (std::size_t length = 0; kept_[link] && length < longest_path; ++length) {
          const double sum = best_[effect][length].sum + strengths_[link];
          Best& best = best_[candidates_.links[link].cause][length + 1];
          if (best_[effect][length].sum >= 0 && sum > best.sum) {
            best = {sum, link};
          }
        }
      }
    }
  }

  /// How strongly each series is blamed, and how strongly it blames others.
  void compare_levels() {
    blamed_.assign(candidates_.series.size(), 0);
    blames_.assign(candidates_.series.size(), 0);
    predicted_.assign(candidates_.series.size(), 0);
    for (std::size_t i = 0; i < candidates_.links.size(); ++i) {
      if (kept_[i]) {
        const CauseLink& link = candidates_.links[i];
        blamed_[link.cause] = std::max(blamed_[link.cause], strengths_[i]);
        blames_[link.effect] = std::max(blames_[link.effect], strengths_[i]);
        predicted_[link.effect] = std::max(predicted_[link.effect], link.predicted.value_or(0));
      }
    }
  }

  [[nodiscard]] bool handed_over(std::size_t series) const {
    return predicted_[series] >= explaining_share ||
           (blames_[series] > 0 && blames_[series] >= blamed_[series] * hand_over_share);
  }

  /// Workers of one service suffer from the same cause: what explains one of them explains the
  /// others, even before it shows there.
  [[nodiscard]] bool sibling_explained(std::size_t series) const {
    const AbnormalSeries& ours = candidates_.series[series];
    for (std::size_t other = 1; !ours.service.empty() && other < candidates_.series.size();
         ++other) {
      const AbnormalSeries& theirs = candidates_.series[other];
      if (theirs.service == ours.service && theirs.metric == ours.metric &&
          theirs.entity != ours.entity && handed_over(other)) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] RankedCause best_path(std::size_t series) const {
    RankedCause best;
    best.root = series;
    for (std::size_t length = 1; length <= longest_path; ++length) {
      const Best& end = best_[series][length];
      if (end.sum < 0) {
        continue;
      }
      const double mean = (end.sum + strengths_[end.link]) / static_cast<double>(length + 1);
      const double bonus =
          depth_bonus * (1 - std::pow(depth_decay, static_cast<double>(length - 1)));
      std::vector<std::size_t> path = path_to(series, length);
      const double score = (mean + (1 - mean) * bonus) * std::sqrt(least_covered(path));
      if (score > best.score) {
        best.score = score;
        best.path = std::move(path);
      }
    }
    return best;
  }

  /// A path explains no more of the KPI than its narrowest link lets through.
  [[nodiscard]] double least_covered(const std::vector<std::size_t>& path) const {
    double least = 1;
    for (const std::size_t link : path) {
      least = std::min(least, candidates_.links[link].covered);
    }
    return least;
  }

  [[nodiscard]] std::vector<std::size_t> path_to(std::size_t series, std::size_t length) const {
    std::vector<std::size_t> path;
    for (; length > 0; --length) {
      path.push_back(best_[series][length].link);
      series = candidates_.links[path.back()].effect;
    }
    return path;
  }

  const Candidates& candidates_;
  std::vector<double> strengths_;
  std::vector<std::vector<std::size_t>> causes_of_;
  std::vector<bool> kept_;
  std::vector<std::size_t> order_;
  std::vector<BestByLength> best_;
  std::vector<double> blamed_;
  std::vector<double> blames_;
  std::vector<double> predicted_;
};

}  // namespace

double strength_of(const CauseLink& link, const AbnormalSeries& cause) {
  const double correlation = std::max(0.0, cause.correlation.value_or(unknown_correlation));
  const double doubt = 1 - link.rule->hazard.prior;
  const double alike = std::lerp(least_alike * link.rule->hazard.prior, 1.0, correlation);
  return std::sqrt(link.rule->hazard.prior) * std::pow(cause.verdict.abnormality, 0.4) *
         std::pow(link.order, 0.3) * std::pow(alike, 0.2 + 0.6 * doubt) *
         std::pow(cause.standing, 0.5 * doubt) * link.covered * (0.4 + 0.6 * link.share);
}

std::vector<RankedCause> rank(const Candidates& candidates, const RankingOptions& options) {
  std::vector<RankedCause> roots = Explanation(candidates).roots(options.with_explained);
  const auto is_own = [&](const RankedCause& cause) {
    const GraphIndex entity = candidates.series[cause.root].entity;
    return std::find(options.own.begin(), options.own.end(), entity) != options.own.end();
  };
  double foreign = 0;
  for (const RankedCause& cause : roots) {
    foreign = is_own(cause) ? foreign : std::max(foreign, cause.score);
  }
  for (RankedCause& cause : roots) {
    cause.score *= is_own(cause) ? 1 - own_discount * foreign : 1;
  }
  std::stable_sort(roots.begin(), roots.end(),
                   [](const RankedCause& a, const RankedCause& b) { return a.score > b.score; });
  std::vector<RankedCause> best;
  for (RankedCause& cause : roots) {
    const bool named = std::any_of(best.begin(), best.end(), [&](const RankedCause& other) {
      const AbnormalSeries& theirs = candidates.series[other.root];
      const AbnormalSeries& ours = candidates.series[cause.root];
      return theirs.entity == ours.entity || (!ours.group.empty() && theirs.group == ours.group);
    });
    if (!named && best.size() < options.top_k) {
      best.push_back(std::move(cause));
    }
  }
  return best;
}

}  // namespace gala::infer
