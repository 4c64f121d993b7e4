// Walks over the cases of a folder.
#include "stages/infer/evaluate/evaluate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/core/exit_code.h"
#include "runtime/core/read_file.h"
#include "runtime/core/stage_options.h"
#include "stages/evaluation/csv_table.h"
#include "stages/infer/evaluate/rca_run.h"

namespace gala::infer {
namespace {

struct EvaluateOptions {
  /// Folder with one folder for each case.
  std::string in;
  /// File to write: case,rank,entity,metric,score.
  std::string out;
  /// What names of metrics mean; "" = the shipped file.
  std::string kinds;
  std::string share_directory;
};

/// Counts of what was done.
struct Done {
  std::size_t cases = 0;
  std::size_t without_cause = 0;
  double seconds = 0;
};

Result<std::vector<std::string>> cases_in(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_directory() && csv_exists(entry.path().string() + "/metrics.csv")) {
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
  const SourceText source{path, TRY(read_file(path))};
  Diagnostics diagnostics;
  MetricKinds kinds = MetricKinds::parse(source, diagnostics);
  if (diagnostics.has_errors()) {
    return fail(diagnostics.render(std::span(&source, 1)));
  }
  return kinds;
}

tl::unexpected<Failure> cannot_write(const EvaluateOptions& options) {
  return tl::unexpected(as_failure(
      {"cannot write " + quote(options.out) + "; is there such a folder, and room in it?"}));
}

/// Reads, explains and writes. A case that cannot be read is an error that names the file.
ExitResult<Done> evaluate(const EvaluateOptions& options) {
  const std::string shipped = options.share_directory + "/eval/metric_kinds.toml";
  const MetricKinds kinds =
      TRY(read_kinds(options.kinds.empty() ? shipped : options.kinds).map_error(as_bad_input));
  const std::vector<std::string> names = TRY(cases_in(options.in).map_error(as_bad_input));
  std::ofstream file(options.out);
  if (!file) {
    return cannot_write(options);
  }
  file << "case,rank,entity,metric,score\n";
  Done done;
  for (const std::string& name : names) {
    const RcaCase one = TRY(read_rca_case(options.in + "/" + name, name).map_error(as_bad_input));
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
    return cannot_write(options);
  }
  return done;
}

}  // namespace

int evaluate_main(int argc, char** argv) {
  EvaluateOptions options;
  CLI::App app("Root causes of incidents in foreign metrics", "gala-infer evaluate");
  app.footer("Example:\n  gala eval rca --in petshop_train --out ranks.csv");
  app.add_option("--in", options.in, "Folder with one folder for each case")
      ->required()
      ->type_name("DIR");
  app.add_option("--out", options.out, "File for the ranks")->required()->type_name("FILE");
  app.add_option("--kinds", options.kinds, "What names of metrics mean (default: shipped)")
      ->type_name("FILE");
  add_share_option(app, options.share_directory);
  if (const auto code = parse_mode(app, argc, argv)) {
    return *code;
  }
  const auto done = evaluate(options);
  if (!done) {
    fmt::print(stderr, "gala-infer evaluate: {}\n", done.error().what);
    return done.error().exit_code;
  }
  fmt::print("{} cases, {} without a cause, {:.3f} s to explain; written to {}\n", done->cases,
             done->without_cause, done->seconds, options.out);
  return 0;
}

}  // namespace gala::infer
