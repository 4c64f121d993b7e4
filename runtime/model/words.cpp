// The words of the model files and what they mean.
#include "runtime/model/words.h"

#include <algorithm>
#include <array>

namespace gala {
namespace {

constexpr std::array<Word<Statistic>, 8> statistics{{{"value", Statistic::value},
                                                     {"mean", Statistic::mean},
                                                     {"p50", Statistic::p50},
                                                     {"p90", Statistic::p90},
                                                     {"p95", Statistic::p95},
                                                     {"p99", Statistic::p99},
                                                     {"max", Statistic::max},
                                                     {"count", Statistic::count}}};
constexpr std::array<Word<MetricType>, 3> metric_types{{{"gauge", MetricType::gauge},
                                                        {"counter", MetricType::counter},
                                                        {"histogram", MetricType::histogram}}};
constexpr std::array<Word<Combine>, 5> combines{{{"sum", Combine::sum},
                                                 {"max", Combine::max},
                                                 {"min", Combine::min},
                                                 {"mean", Combine::mean},
                                                 {"last", Combine::last}}};
constexpr std::array<Word<wire::Direction>, 2> directions{
    {{"high", wire::Direction::high}, {"low", wire::Direction::low}}};
constexpr std::array<Word<Check::Kind>, 4> kinds{{{"limit", Check::Kind::limit},
                                                  {"deviation", Check::Kind::deviation},
                                                  {"joint", Check::Kind::joint},
                                                  {"peers", Check::Kind::peers}}};
constexpr std::array<Word<wire::Severity>, 4> severities{{{"info", wire::Severity::info},
                                                          {"warn", wire::Severity::warn},
                                                          {"error", wire::Severity::error},
                                                          {"fatal", wire::Severity::fatal}}};
constexpr std::array<Word<Method>, 5> methods{{{"level", Method::level},
                                               {"part_of_a_sum", Method::part_of_a_sum},
                                               {"shares_in_group", Method::shares_in_group},
                                               {"appears", Method::appears},
                                               {"noisy_part", Method::noisy_part}}};
constexpr std::array<Word<RelationRole>, 3> roles{
    {{"part", RelationRole::part}, {"peer", RelationRole::peer}, {"talk", RelationRole::talk}}};
}  // namespace

std::span<const Word<Statistic>> statistic_words() { return statistics; }
std::span<const Word<MetricType>> metric_type_words() { return metric_types; }
std::span<const Word<Combine>> combine_words() { return combines; }
std::span<const Word<wire::Direction>> direction_words() { return directions; }
std::span<const Word<Check::Kind>> check_kind_words() { return kinds; }
std::span<const Word<wire::Severity>> severity_words() { return severities; }
std::span<const Word<Method>> method_words() { return methods; }
std::span<const Word<RelationRole>> relation_role_words() { return roles; }

std::optional<Statistic> parse_statistic(std::string_view word) {
  const auto found = std::ranges::find(statistics, word, &Word<Statistic>::word);
  return found == statistics.end() ? std::nullopt : std::optional(found->meaning);
}

std::string_view to_string(Method method) {
  return std::ranges::find(methods, method, &Word<Method>::meaning)->word;
}

std::string_view to_string(Statistic statistic) {
  return std::ranges::find(statistics, statistic, &Word<Statistic>::meaning)->word;
}

}  // namespace gala
