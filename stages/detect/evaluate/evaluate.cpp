// The detector of the stage over series of foreign metrics, in virtual time.
#include "stages/detect/evaluate/evaluate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "runtime/core/diagnostics.h"
#include "runtime/core/exit_code.h"
#include "runtime/core/stage_memory.h"
#include "runtime/core/stage_options.h"
#include "runtime/judge/alarm.h"
#include "stages/detect/entity_detector.h"
#include "stages/detect/model_memory.h"
#include "stages/evaluation/csv_table.h"

namespace gala::detect {
namespace {

namespace fs = std::filesystem;

struct EvalOptions {
  std::string input;
  std::string output;
  bool no_training = false;
};

/// Rows that an alarm lasts after the last abnormal one, so that an incident is one alarm.
constexpr std::uint64_t quiet_rows = 10;
constexpr std::size_t most_blamed = 40;
/// The alarm counts windows and takes a row for a window of one second.
constexpr std::uint64_t row_ns = 1'000'000'000;

std::string blamed_text(const EntityDetector& detector, const SeriesTable& table) {
  std::string text;
  for (const std::size_t index : detector.blamed(most_blamed)) {
    text += (text.empty() ? "" : "|") + table.columns[index];
  }
  return text;
}

/// Feeds all rows; writes a line for each when `file` is given.
void feed(EntityDetector& detector, const SeriesTable& table, bool trusted, std::ofstream* file) {
  Alarm alarm;
  const AlarmTiming timing{Duration{0}, Duration{quiet_rows * row_ns}};
  std::vector<double> row(table.columns.size());
  for (std::size_t i = 0; i < table.times.size(); ++i) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      row[column] = table.values[column][i];
    }
    const RowFinding finding = detector.next(row, table.times[i], trusted);
    if (file == nullptr) {
      continue;
    }
    alarm.on({finding.abnormal() ? Verdict::abnormal : Verdict::normal, finding.score,
              wire::Direction::high},
             {i * row_ns, (i + 1) * row_ns}, timing);
    *file << fmt::format("{:.0f},{:.6g},{},{}\n", table.times[i], finding.score,
                         alarm.is_open() ? 1 : 0, blamed_text(detector, table));
  }
}

/// Makes a detector as the stage would start it, from the file that training wrote.
Result<EntityDetector> restart(const EntityDetector& trained, const std::string& path) {
  MemoryBuilder builder;
  const auto model = trained.save(builder);
  TRY(write_memory(path, finish_memory(builder, model)));
  const std::vector<std::uint8_t> bytes = TRY(read_memory(path));
  EntityDetector detector(trained.shape());
  if (!detector.load(only_model(*TRY(open_memory(bytes))))) {
    return fail(path + ": not what was written there; is the disk full?");
  }
  detector.interrupt();
  return detector;
}

ExitResult<> evaluate(const fs::path& folder, const EvalOptions& options) {
  const std::string name = folder.filename().string();
  const SeriesTable test = TRY(read_series(folder / "test.csv").map_error(as_bad_input));
  DetectorShape shape;
  shape.metrics = test.columns.size();
  EntityDetector detector(shape);
  if (csv_exists(folder / "train.csv") && !options.no_training) {
    const SeriesTable train = TRY(read_series(folder / "train.csv").map_error(as_bad_input));
    if (train.columns != test.columns) {
      return tl::unexpected(as_bad_input(
          {folder.string() + ": train.csv and test.csv have different metrics; both need one "
                             "header"}));
    }
    feed(detector, train, true, nullptr);
    const fs::path memory = fs::path(options.output) / (name + ".memory");
    detector = TRY(restart(detector, memory.string()).map_error(as_failure));
  }
  const fs::path output = fs::path(options.output) / (name + ".csv");
  std::ofstream file(output);
  file << "time,score,alarm,metrics\n";
  feed(detector, test, false, &file);
  file.flush();
  if (!file) {
    return tl::unexpected(as_failure(
        {"cannot write " + output.string() + "; is --out a folder that you may write to?"}));
  }
  return {};
}

Result<std::set<fs::path>> folders_in(const std::string& directory) {
  std::error_code error;
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.is_directory()) {
      folders.insert(entry.path());
    }
  }
  if (error) {
    return fail("cannot read " + quote(directory) + ": " + error.message());
  }
  if (folders.empty()) {
    return fail(quote(directory) + " has no folder; a series is a folder with a test.csv");
  }
  return folders;
}

/// Returns the number of series.
ExitResult<std::size_t> run(const EvalOptions& options) {
  const std::set<fs::path> folders = TRY(folders_in(options.input).map_error(as_bad_input));
  std::error_code error;
  fs::create_directories(options.output, error);
  for (const fs::path& folder : folders) {
    TRY(evaluate(folder, options));
  }
  return folders.size();
}

}  // namespace

int evaluate_main(int argc, char** argv) {
  EvalOptions options;
  CLI::App app("Scores, alarms and blamed metrics for each row of DIR/<series>/test.csv[.gz]",
               "gala-detect evaluate");
  app.footer("Example:\n  gala eval detect --in data/detect/smd --out scores");
  app.add_option("--in", options.input, "Folder of series")->required()->type_name("DIR");
  app.add_option("--out", options.output, "Where <series>.csv are written")
      ->required()
      ->type_name("DIR");
  app.add_flag("--no-training", options.no_training, "Leave train.csv alone: a cold start");
  if (const auto code = parse_mode(app, argc, argv)) {
    return *code;
  }
  const auto series = run(options);
  if (!series) {
    fmt::print(stderr, "gala-detect evaluate: {}\n", series.error().what);
    return series.error().exit_code;
  }
  fmt::print("{} series in {}\n", *series, options.output);
  return 0;
}

}  // namespace gala::detect
