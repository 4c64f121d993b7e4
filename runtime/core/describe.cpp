// JSON and text forms of stage descriptions and diagnostics. Only .cpp files include nlohmann-json.
#include "runtime/core/describe.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "runtime/core/read_file.h"
#include "runtime/core/section.h"

namespace gala {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kind_names{"integer", "number", "text", "histogram"};

std::string dump(const Json& json) {
  // Texts may hold bytes of a broken file; they are replaced, never thrown about.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json types_json(std::span<const wire::MessageType> types) {
  Json list = Json::array();
  for (const wire::MessageType type : types) {
    list.push_back(type_name(type));
  }
  return list;
}

/// JSON has no infinity: an open end of a range is null.
Json limit_json(double limit) { return std::isfinite(limit) ? Json(limit) : Json(nullptr); }

std::string text_of(const Json& object, std::string_view key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string{};
}

double limit_of(const Json& object, std::string_view key, double open) {
  const auto member = object.find(key);
  return member != object.end() && member->is_number() ? member->get<double>() : open;
}

unsigned count_of(const Json& object, std::string_view key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_number_unsigned() ? member->get<unsigned>() : 0;
}

/// The elements of a list member; none when it is absent or no list.
Json list_of(const Json& object, std::string_view key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_array() ? *member : Json::array();
}

std::vector<wire::MessageType> types_of(const Json& list) {
  std::vector<wire::MessageType> types;
  for (const Json& name : list) {
    const auto type =
        name.is_string() ? type_from_name(name.get<std::string>()) : wire::MessageType::none;
    if (type != wire::MessageType::none) {
      types.push_back(type);
    }
  }
  return types;
}

/// A member that is an object; an empty one when it is absent or something else.
Json member_of(const Json& object, std::string_view key) {
  const auto member = object.find(key);
  return member != object.end() && member->is_object() ? *member : Json::object();
}

/// "records" holds the columns of each table, "teaches" the facts of those that teach something,
/// with the column that holds each.
RecordSchemas records_of(const Json& object) {
  RecordSchemas schemas;
  const Json records = member_of(object, "records");
  for (const auto& [table, columns] : records.items()) {
    std::vector<RecordColumn>& schema = schemas[table].columns;
    for (const Json& column : columns) {
      const auto kind = std::ranges::find(kind_names, text_of(column, "kind"));
      if (kind != kind_names.end()) {
        schema.push_back(
            {text_of(column, "name"), static_cast<wire::ColumnKind>(kind - kind_names.begin())});
      }
    }
  }
  const Json teaches = member_of(object, "teaches");
  for (const auto& [table, words] : teaches.items()) {
    const auto schema = schemas.find(table);
    for (const auto& [word, column] : words.items()) {
      const auto fact = parse_fact(word);
      if (fact && column.is_string() && schema != schemas.end()) {
        schema->second.teaches.emplace(*fact, column.get<std::string>());
      }
    }
  }
  return schemas;
}

Json description_json(const StageDescriptionFile& stage) {
  Json json;
  json["name"] = stage.description.name;
  json["about"] = stage.description.about;
  json["needs"] = stage.description.needs;
  json["inputs"] = types_json(stage.description.inputs);
  json["outputs"] = Json::array();
  for (const PortDescription& port : stage.description.outputs) {
    json["outputs"].push_back(
        {{"name", port.name}, {"types", types_json(port.types)}, {"about", port.about}});
  }
  json["fields"] = Json::array();
  for (const FieldDescription& field : stage.fields) {
    json["fields"].push_back({{"name", field.name},
                              {"type", field.type},
                              {"default", field.default_text},
                              {"help", field.help},
                              {"minimum", limit_json(field.minimum)},
                              {"maximum", limit_json(field.maximum)}});
  }
  if (!stage.records.empty()) {
    Json& records = json["records"] = Json::object();
    for (const auto& [name, table] : stage.records) {
      Json& list = records[name] = Json::array();
      for (const RecordColumn& column : table.columns) {
        list.push_back({{"name", column.name},
                        {"kind", kind_names.at(static_cast<std::size_t>(column.kind))}});
      }
    }
    Json& teaches = json["teaches"] = Json::object();
    for (const auto& [name, teachings] : teachings_of(stage.records)) {
      for (const auto& [fact, column] : teachings) {
        teaches[name][std::string(to_string(fact))] = column;
      }
    }
  }
  return json;
}

StageDescriptionFile described(const detail::StageType& type, const std::string& share_directory) {
  StageDescriptionFile stage{type.description, type.fields, {}};
  if (type.records) {
    stage.records = type.records(share_directory);
  }
  return stage;
}

std::string show_limit(const FieldDescription& field, double limit) {
  if (field.type == "duration") {
    return format_duration(Duration{std::llround(limit * 1e9)});
  }
  return format_number(limit);
}

void append_types(std::string& out, std::span<const wire::MessageType> types) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    out.append(i > 0 ? ", " : "").append(type_name(types[i]));
  }
}

}  // namespace

std::string describe_json(const detail::StageType& type, const std::string& share_directory) {
  return dump(description_json(described(type, share_directory)));
}

std::string describe_text(const detail::StageType& type, const std::string& share_directory) {
  return describe_text(described(type, share_directory));
}

std::string describe_text(const StageDescriptionFile& stage) {
  const StageDescription& description = stage.description;
  std::string out = description.name + ": " + description.about + "\n";
  out.append("\n  reads   ");
  append_types(out, description.inputs);
  out.append(description.inputs.empty() ? "nothing; it is a source\n" : "\n");
  for (const PortDescription& port : description.outputs) {
    out.append("  sends   ").append(port.name).append(" (");
    append_types(out, port.types);
    out.append("): ").append(port.about).append("\n");
  }
  out.append("  needs   ").append(description.needs.empty() ? "nothing" : description.needs);
  out.append("\n");
  if (!stage.fields.empty()) {
    out.append("\nparameters\n");
  }
  for (const FieldDescription& field : stage.fields) {
    out.append("  ").append(field.name).append(": ").append(field_facts(field)).append("\n");
    out.append("      ").append(field.help).append("\n");
  }
  if (!stage.records.empty()) {
    out.append("\nrecords\n");
  }
  for (const auto& [name, table] : stage.records) {
    out.append("  ").append(name).append(":");
    for (const RecordColumn& column : table.columns) {
      out.append(" ").append(column.name);
    }
    out.append("\n");
    for (const auto& [fact, column] : table.teaches) {
      out.append("      teaches ").append(to_string(fact)).append(": ").append(column).append("\n");
    }
  }
  return out;
}

std::string field_facts(const FieldDescription& field) {
  std::string out = field.type + ", default " + field.default_text;
  const bool above = std::isfinite(field.minimum);
  const bool below = std::isfinite(field.maximum);
  if (above && below) {
    out.append(", between ").append(show_limit(field, field.minimum));
    out.append(" and ").append(show_limit(field, field.maximum));
  } else if (above) {
    out.append(", at least ").append(show_limit(field, field.minimum));
  } else if (below) {
    out.append(", at most ").append(show_limit(field, field.maximum));
  }
  return out;
}

Result<StageDescriptionFile> parse_description(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return fail("a stage description must be a JSON object");
  }
  StageDescriptionFile stage;
  stage.description.name = text_of(object, "name");
  stage.description.about = text_of(object, "about");
  stage.description.needs = text_of(object, "needs");
  if (stage.description.name.empty()) {
    return fail("a stage description must have a \"name\"");
  }
  stage.description.inputs = types_of(list_of(object, "inputs"));
  for (const Json& port : list_of(object, "outputs")) {
    stage.description.outputs.push_back(
        {text_of(port, "name"), types_of(list_of(port, "types")), text_of(port, "about")});
  }
  constexpr double open = std::numeric_limits<double>::infinity();
  for (const Json& field : list_of(object, "fields")) {
    stage.fields.push_back({text_of(field, "name"), text_of(field, "type"),
                            text_of(field, "default"), text_of(field, "help"),
                            limit_of(field, "minimum", -open), limit_of(field, "maximum", open)});
  }
  stage.records = records_of(object);
  return stage;
}

std::string diagnostics_json(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& one : diagnostics.sorted()) {
    list.push_back({{"file", one.place.file},
                    {"line", one.place.line},
                    {"column", one.place.column},
                    {"text", one.text},
                    {"warning", one.warning}});
  }
  return dump(list);
}

Result<std::vector<Diagnostic>> parse_diagnostics(std::string_view json) {
  const Json list = Json::parse(json, nullptr, false);
  if (!list.is_array()) {
    return fail("diagnostics must be a JSON list");
  }
  std::vector<Diagnostic> diagnostics;
  for (const Json& one : list) {
    const auto warning = one.find("warning");
    diagnostics.push_back({{text_of(one, "file"), count_of(one, "line"), count_of(one, "column")},
                           text_of(one, "text"),
                           warning != one.end() && warning->is_boolean() && warning->get<bool>()});
  }
  return diagnostics;
}

Result<std::vector<StageDescriptionFile>> load_descriptions(const std::string& share_directory) {
  const std::string directory = share_directory + "/stages";
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".json") {
      paths.push_back(entry->path().string());
    }
  }
  if (error) {
    return fail(directory + ": cannot be read (" + error.message() +
                "); --share-dir must name the installed share/gala");
  }
  std::ranges::sort(paths);
  std::vector<StageDescriptionFile> stages;
  for (const std::string& path : paths) {
    auto stage = parse_description(TRY(read_file(path)));
    if (!stage) {
      return tl::unexpected(std::move(stage).error().in(path));
    }
    stages.push_back(std::move(*stage));
  }
  return stages;
}

StageCatalog catalog_of(const std::vector<StageDescriptionFile>& stages) {
  StageCatalog catalog;
  for (const StageDescriptionFile& stage : stages) {
    catalog.emplace(stage.description.name, stage.description);
  }
  return catalog;
}

Result<StageCatalog> load_catalog(const std::string& share_directory) {
  return catalog_of(TRY(load_descriptions(share_directory)));
}

}  // namespace gala
