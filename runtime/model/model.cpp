// The model as a whole: loading, look-up, a site's overrides, entity ids.
#include "runtime/model/model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "runtime/core/read_file.h"
#include "runtime/model/parse.h"
#include "runtime/model/paths.h"

namespace gala {
namespace {

/// What stores of topologies take as a key.
constexpr std::size_t longest_entity_id = 254;

bool allowed_in_id(char character) {
  constexpr std::string_view marks = "_-:.@()+,=;$!*'%";
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || marks.find(character) != std::string_view::npos;
}

/// FNV-1a, 64 bits: keeps long ids apart that agree in their first 237 characters.
std::string hex_digest(std::string_view text) {
  std::uint64_t digest = 0xcbf29ce484222325U;
  for (const char character : text) {
    digest = (digest ^ static_cast<unsigned char>(character)) * 0x100000001b3U;
  }
  std::string out(16, '0');
  for (auto digit = out.rbegin(); digit != out.rend(); ++digit, digest >>= 4U) {
    *digit = "0123456789abcdef"[digest & 0xfU];
  }
  return out;
}

/// The file beside those of entities.
bool names_relation_kinds(const SourceText& file) {
  return std::filesystem::path(file.file).stem() == "relations";
}

/// Applies `[override.<entity>.check.<id>]` to one entity.
void override_checks(Entity& entity, const Value& checks, Diagnostics& diagnostics) {
  if (checks.table() == nullptr) {
    diagnostics.error(checks.place(), "write [override." + entity.name + ".check.<id>]");
    return;
  }
  std::vector<std::string> ids;
  ids.reserve(entity.checks.size());
  for (const Check& check : entity.checks) {
    ids.push_back(check.id);
  }
  for (const Member& member : *checks.table()) {
    const auto check = std::ranges::find(entity.checks, member.key, &Check::id);
    if (check == entity.checks.end()) {
      diagnostics.error(member.key_place, "entity " + quote(entity.name) + " has no check " +
                                              quote(member.key) + did_you_mean(member.key, ids));
      continue;
    }
    SectionReader reader(member.value, "the override of check " + quote(member.key), diagnostics);
    Check changed = *check;
    read_check_values(reader, changed);
    reader.finish();
    check_values(entity, changed, member.key_place, diagnostics);
    *check = std::move(changed);
  }
}

}  // namespace

const Metric* Entity::find_metric(std::string_view metric) const {
  const auto found = std::ranges::find(metrics, metric, &Metric::name);
  return found == metrics.end() ? nullptr : &*found;
}

const Table* Entity::find_table(std::string_view table) const {
  const auto found = std::ranges::find(tables, table, &Table::name);
  return found == tables.end() ? nullptr : &*found;
}

bool Entity::has_attribute(std::string_view attribute) const {
  return std::ranges::find(keys, attribute, &Attribute::name) != keys.end() ||
         std::ranges::find(labels, attribute, &Attribute::name) != labels.end();
}

Model Model::parse(std::span<const SourceText> files, Diagnostics& diagnostics) {
  Model model;
  for (const SourceText& file : files) {
    if (names_relation_kinds(file)) {
      model.relation_kinds_ = parse_relation_kinds(file, diagnostics);
      continue;
    }
    std::optional<Entity> entity = parse_entity(file, diagnostics);
    if (!entity) {
      continue;
    }
    if (model.find(entity->name) != nullptr) {
      diagnostics.error({file.file, 0, 0}, "a second file for entity " + quote(entity->name) +
                                               "; its name is the file's name");
      continue;
    }
    model.entities_.push_back(std::move(*entity));
  }
  check_entities(model.entities_, model.relation_kinds_, diagnostics);
  expand_hazards(model.entities_, model.relation_kinds_, diagnostics);
  check_remedies(model.entities_, diagnostics);
  return model;
}

Model Model::load(const std::string& directory, std::vector<SourceText>& sources,
                  Diagnostics& diagnostics) {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".toml") {
      paths.push_back(entry->path().string());
    }
  }
  if (error) {
    diagnostics.error({directory, 0, 0}, "cannot read the model directory: " + error.message());
  }
  std::ranges::sort(paths);
  const std::size_t first = sources.size();
  for (const std::string& path : paths) {
    auto text = read_file(path);
    if (!text) {
      diagnostics.error({}, text.error().what);
      continue;
    }
    sources.push_back({path, std::move(*text)});
  }
  if (!paths.empty() && std::ranges::none_of(sources.begin() + static_cast<std::ptrdiff_t>(first),
                                             sources.end(), names_relation_kinds)) {
    diagnostics.error({directory + "/relations.toml", 0, 0},
                      "the model lacks this file, which names the kinds of relations");
  }
  return parse(std::span(sources).subspan(first), diagnostics);
}

const Entity* Model::find(std::string_view entity) const {
  const auto found = std::ranges::find(entities_, entity, &Entity::name);
  return found == entities_.end() ? nullptr : &*found;
}

std::string_view Model::kind_with(RelationRole role) const {
  const auto found = std::ranges::find(relation_kinds_, role, &RelationKind::role);
  return found == relation_kinds_.end() ? std::string_view{} : std::string_view(found->name);
}

void Model::apply_override(const Value& table, Diagnostics& diagnostics) {
  if (table.table() == nullptr) {
    diagnostics.error(table.place(), "\"override\" must be tables: [override.<entity>.check.<id>]");
    return;
  }
  const std::vector<std::string> known = names_of(entities_);
  for (const Member& member : *table.table()) {
    const auto entity = std::ranges::find(entities_, member.key, &Entity::name);
    if (entity == entities_.end()) {
      diagnostics.error(member.key_place,
                        "unknown entity " + quote(member.key) + did_you_mean(member.key, known));
      continue;
    }
    SectionReader reader(member.value, "the override of " + quote(member.key), diagnostics);
    if (const Value* checks = reader.find("check")) {
      override_checks(*entity, *checks, diagnostics);
    }
    reader.finish();
  }
}

std::string entity_id(std::string_view machine_id, std::string_view entity,
                      std::span<const std::string> key_values) {
  std::string id(machine_id);
  id.append("_").append(entity);
  for (const std::string& value : key_values) {
    id.append("_").append(value);
  }
  std::ranges::replace_if(id, [](char character) { return !allowed_in_id(character); }, ':');
  if (id.size() > longest_entity_id) {
    const std::string digest = ":" + hex_digest(id);
    id.resize(longest_entity_id - digest.size());
    id.append(digest);
  }
  return id;
}

}  // namespace gala
