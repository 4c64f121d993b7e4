// Walks a verified FlatBuffer along its reflection schema.
#include "runtime/text/reflect.h"

#include <flatbuffers/reflection.h>

#include <algorithm>
#include <filesystem>

#include "runtime/core/read_file.h"
#include "runtime/text/json_parts.h"
#include "runtime/text/rows_json.h"

namespace gala {
namespace {

using reflection::BaseType;

constexpr flatbuffers::uoffset_t max_depth = 16;
constexpr flatbuffers::uoffset_t max_tables = 4'000'000;

/// The library's check by reflection trusts the root offset, so that is looked at first.
bool verifies(const reflection::Schema& schema, const reflection::Object& root,
              std::span<const std::uint8_t> payload) {
  const flatbuffers::Verifier bounds(payload.data(), payload.size());
  return payload.size() >= 2 * sizeof(flatbuffers::uoffset_t) && bounds.VerifyOffset(0) != 0 &&
         flatbuffers::Verify(schema, root, payload.data(), payload.size(), max_depth, max_tables);
}

class Walker {
 public:
  explicit Walker(const reflection::Schema& schema) : schema_(schema) {}

  Json table(const flatbuffers::Table& table, const reflection::Object& object) {
    Json json = Json::object();
    for (const reflection::Field* field : by_id(object)) {
      const std::string name = field->name()->str();
      const BaseType base = field->type()->base_type();
      if (flatbuffers::IsScalar(base)) {
        if (base != BaseType::UType) {
          json[name] = table_scalar(table, *field);
        }
      } else if (table.CheckField(field->offset())) {
        json[name] = reference(table, *field);
      }
    }
    return json;
  }

 private:
  /// In the order of the schema's text; the file has them by name.
  static std::vector<const reflection::Field*> by_id(const reflection::Object& object) {
    std::vector<const reflection::Field*> fields;
    for (const reflection::Field* field : *object.fields()) {
      if (!field->deprecated()) {
        fields.push_back(field);
      }
    }
    std::sort(fields.begin(), fields.end(),
              [](const auto* a, const auto* b) { return a->id() < b->id(); });
    return fields;
  }

  Json table_scalar(const flatbuffers::Table& table, const reflection::Field& field) const {
    if (const std::uint8_t* data = table.GetAddressOf(field.offset())) {
      return scalar(data, field.type()->base_type(), field.type()->index());
    }
    if (flatbuffers::IsFloat(field.type()->base_type())) {
      return number(field.default_real());
    }
    return integer(field.default_integer(), field.type()->base_type(), field.type()->index());
  }

  Json scalar(const std::uint8_t* data, BaseType base, std::int32_t index) const {
    if (flatbuffers::IsFloat(base)) {
      return number(flatbuffers::GetAnyValueF(base, data));
    }
    return integer(flatbuffers::GetAnyValueI(base, data), base, index);
  }

  Json integer(std::int64_t value, BaseType base, std::int32_t index) const {
    if (index >= 0) {
      for (const reflection::EnumVal* word : *schema_.enums()->Get(index_of(index))->values()) {
        if (word->value() == value) {
          return word->name()->string_view();
        }
      }
    }
    if (base == BaseType::Bool) {
      return value != 0;
    }
    return base == BaseType::ULong ? Json(static_cast<std::uint64_t>(value)) : Json(value);
  }

  Json reference(const flatbuffers::Table& table_, const reflection::Field& field) {
    switch (field.type()->base_type()) {
      case BaseType::String:
        return text_of(flatbuffers::GetFieldS(table_, field));
      case BaseType::Obj: {
        const reflection::Object& object = object_at(field.type()->index());
        return object.is_struct() ? structure(*flatbuffers::GetFieldStruct(table_, field), object)
                                  : table(*flatbuffers::GetFieldT(table_, field), object);
      }
      case BaseType::Vector:
        return vector(*flatbuffers::GetFieldAnyV(table_, field), *field.type());
      default:
        return nullptr;  // Unions and arrays are not used by our messages.
    }
  }

  Json vector(const flatbuffers::VectorOfAny& items, const reflection::Type& type) {
    Json json = Json::array();
    for (flatbuffers::uoffset_t i = 0; i < items.size(); ++i) {
      json.push_back(element(items, type, i));
    }
    return json;
  }

  Json element(const flatbuffers::VectorOfAny& items, const reflection::Type& type,
               flatbuffers::uoffset_t i) {
    const BaseType base = type.element();
    if (base == BaseType::String) {
      return text_of(flatbuffers::GetAnyVectorElemPointer<const flatbuffers::String>(&items, i));
    }
    if (base != BaseType::Obj) {
      return scalar(items.Data() + flatbuffers::GetTypeSize(base) * i, base, type.index());
    }
    const reflection::Object& object = object_at(type.index());
    if (object.is_struct()) {
      const auto size = static_cast<std::size_t>(object.bytesize());
      return structure(
          *flatbuffers::GetAnyVectorElemAddressOf<const flatbuffers::Struct>(&items, i, size),
          object);
    }
    return table(*flatbuffers::GetAnyVectorElemPointer<const flatbuffers::Table>(&items, i),
                 object);
  }

  Json structure(const flatbuffers::Struct& structure, const reflection::Object& object) const {
    Json json = Json::object();
    for (const reflection::Field* field : by_id(object)) {
      const BaseType base = field->type()->base_type();
      if (flatbuffers::IsScalar(base)) {
        json[field->name()->str()] =
            scalar(structure.GetAddressOf(field->offset()), base, field->type()->index());
      }
    }
    return json;
  }

  [[nodiscard]] const reflection::Object& object_at(std::int32_t index) const {
    return *schema_.objects()->Get(index_of(index));
  }
  static flatbuffers::uoffset_t index_of(std::int32_t index) {
    return static_cast<flatbuffers::uoffset_t>(index);
  }

  const reflection::Schema& schema_;
};

}  // namespace

Result<Reflection> Reflection::load(const std::string& directory) {
  Reflection all;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (entry.path().extension() != ".bfbs") {
      continue;
    }
    std::string bytes = TRY(read_file(entry.path().string()));
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                   bytes.size());
    if (!reflection::VerifySchemaBuffer(verifier)) {
      return fail(entry.path().string() + ": is no reflection schema; install the program again");
    }
    all.schemas_.emplace(entry.path().stem().string(), std::move(bytes));
  }
  if (all.schemas_.empty()) {
    return fail(directory + ": has no reflection schemas (*.bfbs); is --share-dir right?");
  }
  return all;
}

Result<std::string> Reflection::to_json(std::string_view type,
                                        std::span<const std::uint8_t> payload) const {
  const auto found = schemas_.find(type);
  if (found == schemas_.end()) {
    return fail("there is no schema of messages of type \"" + std::string(type) + "\"");
  }
  const reflection::Schema& schema = *reflection::GetSchema(found->second.data());
  const reflection::Object* root = schema.root_table();
  if (root == nullptr || !verifies(schema, *root, payload)) {
    return fail("a message of type \"" + std::string(type) + "\" does not verify");
  }
  Walker walker(schema);
  Json json = walker.table(*flatbuffers::GetAnyRoot(payload.data()), *root);
  columns_to_rows(json);
  return dump(json);
}

std::vector<std::string> Reflection::types() const {
  std::vector<std::string> names;
  names.reserve(schemas_.size());
  for (const auto& [name, schema] : schemas_) {
    names.push_back(name);
  }
  return names;
}

}  // namespace gala
