// The words of the model files and what they mean.
#pragma once

#include <span>

#include "runtime/core/section.h"
#include "runtime/model/model.h"

namespace gala {

std::span<const Word<Statistic>> statistic_words();
std::span<const Word<MetricType>> metric_type_words();
std::span<const Word<Combine>> combine_words();
std::span<const Word<wire::Direction>> direction_words();
std::span<const Word<Check::Kind>> check_kind_words();
std::span<const Word<wire::Severity>> severity_words();
std::span<const Word<Method>> method_words();
std::span<const Word<RelationRole>> relation_role_words();

}  // namespace gala
