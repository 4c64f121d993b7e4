// Walks over the cases of a folder.
#include "runtime/cli/rca/rca_eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "runtime/cli/csv_table.h"
#include "runtime/cli/rca/rca_run.h"

namespace gala {
namespace {

Result<std::vector<std::string>> cases_in(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_directory() && plain_or_gzip_exists(entry.path().string() + "/metrics.csv")) {
      names.push_back(entry.path().filename().string());
    }
  }
  if (error) {
    return fail("cannot read " + quote(directory) + ": " + error.message());
  }
  if (names.empty()) {
    return fail("no folder in " + quote(directory) + " has a metrics.csv or metrics.csv.gz");
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<MetricKinds> read_kinds(const std::string& path) {
  const SourceText source{path, TRY(read_plain_or_gzip(path))};
  Diagnostics diagnostics;
  MetricKinds kinds = MetricKinds::parse(source, diagnostics);
  if (diagnostics.has_errors()) {
    return fail(diagnostics.render(std::span(&source, 1)));
  }
  return kinds;
}

}  // namespace

Result<RcaEvalDone> evaluate_rca(const RcaEvalOptions& options,
                                 const std::string& share_directory) {
  const MetricKinds kinds = TRY(read_kinds(
      options.kinds.empty() ? share_directory + "/eval/metric_kinds.toml" : options.kinds));
  const std::vector<std::string> names = TRY(cases_in(options.in));
  std::ofstream file(options.out);
  file << "case,rank,entity,metric,score\n";
  RcaEvalDone done;
  for (const std::string& name : names) {
    const RcaCase one = TRY(read_rca_case(options.in + "/" + name, name));
    const auto begin = std::chrono::steady_clock::now();
    const std::vector<RcaAnswer> answers = explain_case(one, kinds, {});
    done.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::size_t rank = 0;
    for (const RcaAnswer& answer : answers) {
      file << fmt::format("{},{},{},{},{:.4f}\n", csv_cell(name), ++rank, csv_cell(answer.entity),
                          csv_cell(answer.metric), answer.score);
    }
    ++done.cases;
    done.without_cause += answers.empty() ? 1U : 0U;
  }
  file.flush();
  if (!file) {
    return fail("cannot write " + quote(options.out));
  }
  return done;
}

}  // namespace gala
