// appears: a series that exists only while something is set. Its appearance is a change. Its level
// is the last value, however often somebody set it meanwhile.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "stages/infer/method.h"

namespace gala::infer {
namespace {

/// A series that appears after that many windows without a value was not set before. It counts as
/// much as a jump from zero.
constexpr int windows_unset = 3;
constexpr double deviations_of_appearance = 20;

/// Did the series appear shortly before the effect?
bool appeared(std::span<const Sample> samples, const Question& question) {
  const Moment first = samples.front().at;
  return first - question.seen >= question.window * windows_unset &&
         first <= question.bent + question.window &&
         first >= question.effect_began - question.within - question.window;
}

/// Position of the last change before the effect bent. A file that was edited before, and again
/// now, changed now.
std::size_t last_change(std::span<const Sample> samples, const Question& question) {
  std::size_t change = 0;
  for (std::size_t i = 1; i < samples.size() && samples[i].at <= question.bent; ++i) {
    if (std::not_equal_to<>()(samples[i].value, samples[i - 1].value)) {
      change = i;
    }
  }
  return change;
}

Verdict appearance(std::span<const Sample> samples, const Question& question) {
  Verdict verdict = measure_since(samples, last_change(samples, question), question);
  verdict.finding = beyond_limits(question, verdict.level) ? Finding::abnormal : Finding::too_small;
  verdict.baseline = std::numeric_limits<double>::quiet_NaN();
  verdict.deviation = deviations_of_appearance;
  verdict.abnormality = sureness_of(verdict.deviation);
  return verdict;
}

class Appears : public EvidenceMethod {
 public:
  [[nodiscard]] Verdict judge(std::span<const Sample> samples,
                              const Question& question) const override {
    samples = seen_until(samples, question.until);
    Question setting = question;
    setting.is_setting = true;
    return !samples.empty() && appeared(samples, setting) ? appearance(samples, setting)
                                                          : infer::judge(samples, setting);
  }
};

}  // namespace

const EvidenceMethod& appears_method() {
  static const Appears method;
  return method;
}

}  // namespace gala::infer
