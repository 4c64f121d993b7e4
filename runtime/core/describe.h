// What a stage says of itself (`--describe`), as text and as JSON, and the catalog of installed
// stages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/config.h"
#include "runtime/core/graph.h"
#include "runtime/core/record_schema.h"
#include "runtime/core/result.h"
#include "runtime/core/stage.h"

namespace gala {

/// A stage as another program knows it: everything `--describe json` prints.
struct StageDescriptionFile {
  StageDescription description;
  std::vector<FieldDescription> fields;
  /// What a source offers; empty for other stages.
  RecordSchemas records;
};

/// `--describe json`. A source's records are those of the probes in `share_directory` and of this
/// kernel.
std::string describe_json(const detail::StageType& type, const std::string& share_directory);
/// `--describe text`.
std::string describe_text(const detail::StageType& type, const std::string& share_directory);
std::string describe_text(const StageDescriptionFile& stage);

/// Reads what `describe_json` wrote; unknown members are ignored, so that a newer stage can be
/// read.
Result<StageDescriptionFile> parse_description(std::string_view json);

/// `[{"file","line","column","text","warning"}]`, sorted.
std::string diagnostics_json(const Diagnostics& diagnostics);
/// Reads what `diagnostics_json` wrote.
Result<std::vector<Diagnostic>> parse_diagnostics(std::string_view json);

/// Every `<share_directory>/stages/*.json`, by stage name.
Result<std::vector<StageDescriptionFile>> load_descriptions(const std::string& share_directory);
/// The same without parameters and records, for `check_pipeline`.
StageCatalog catalog_of(const std::vector<StageDescriptionFile>& stages);
Result<StageCatalog> load_catalog(const std::string& share_directory);

/// "duration, default "5s", between 1s and 1h" without the name.
std::string field_facts(const FieldDescription& field);

}  // namespace gala
