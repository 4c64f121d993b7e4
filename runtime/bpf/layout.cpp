// How the bytes of a BPF struct become columns.
#include "runtime/bpf/layout.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <limits>

namespace gala::bpf {
namespace {

constexpr int nesting_limit = 8;
constexpr std::size_t address_size = 16;
constexpr std::size_t window_max_size = 16;
constexpr std::size_t histogram_size = 416;

std::string_view name_of(const btf& types, std::uint32_t offset) {
  const char* name = btf__name_by_offset(&types, offset);
  return name == nullptr ? std::string_view{} : std::string_view{name};
}

/// The type behind typedefs, const and volatile.
const btf_type* resolve(const btf& types, std::uint32_t id) {
  const int real = btf__resolve_type(&types, id);
  return real < 0 ? nullptr : btf__type_by_id(&types, static_cast<std::uint32_t>(real));
}

bool is_char(const btf& types, std::uint32_t id) {
  const btf_type* type = resolve(types, id);
  return type != nullptr && btf_is_int(type) && type->size == 1 &&
         name_of(types, type->name_off) == "char";
}

class Reader {
 public:
  explicit Reader(const btf& types) : types_(types) {}

  Result<> add_struct(const btf_type& type, std::size_t base, int depth) {
    if (depth > nesting_limit) {
      return fail("structs are nested too deeply");
    }
    const btf_member* members = btf_members(&type);
    for (std::uint16_t i = 0; i < btf_vlen(&type); ++i) {
      const std::string_view name = name_of(types_, members[i].name_off);
      if (name.starts_with("pad")) {
        continue;
      }
      if (btf_member_bitfield_size(&type, i) != 0) {
        return fail(fmt::format("\"{}\" is a bit field, which has no column form", name));
      }
      const std::size_t offset = base + btf_member_bit_offset(&type, i) / 8;
      TRY(add_member(name, members[i].type, offset, depth));
    }
    return {};
  }

  std::vector<Field> take() { return std::move(fields_); }

 private:
  Result<> add_member(std::string_view name, std::uint32_t id, std::size_t offset, int depth) {
    const btf_type* type = resolve(types_, id);
    if (type == nullptr) {
      return fail(fmt::format("\"{}\" has no type", name));
    }
    if (btf_is_int(type) || btf_is_any_enum(type)) {
      const bool is_signed = btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
      return add(name, FieldKind::integer, offset, type->size, is_signed);
    }
    if (btf_is_array(type) && is_char(types_, btf_array(type)->type)) {
      return add(name, FieldKind::text, offset, btf_array(type)->nelems);
    }
    if (btf_is_struct(type)) {
      return add_known_struct(name, *type, offset, depth);
    }
    return fail(fmt::format("\"{}\" is of a kind that has no column form", name));
  }

  Result<> add_known_struct(std::string_view name, const btf_type& type, std::size_t offset,
                            int depth) {
    struct Known {
      std::string_view name;
      FieldKind kind;
      std::size_t size;
    };
    constexpr Known all_known[] = {{"ip_address", FieldKind::address, address_size},
                                   {"window_max", FieldKind::window_max, window_max_size},
                                   {"histogram", FieldKind::histogram, histogram_size}};
    const std::string_view type_name = name_of(types_, type.name_off);
    for (const Known& known : all_known) {
      if (known.name != type_name) {
        continue;
      }
      if (known.size != type.size) {
        return fail(
            fmt::format("struct {} has {} bytes, {} are expected: the object was built from other "
                        "headers than this program",
                        type_name, type.size, known.size));
      }
      return add(name, known.kind, offset, known.size);
    }
    return add_struct(type, offset, depth + 1);
  }

  Result<> add(std::string_view name, FieldKind kind, std::size_t offset, std::size_t size,
               bool is_signed = false) {
    if (kind == FieldKind::integer && size != 1 && size != 2 && size != 4 && size != 8) {
      return fail(fmt::format("\"{}\" is an integer of {} bytes", name, size));
    }
    fields_.push_back({std::string{name}, kind, offset, size, is_signed});
    return {};
  }

  const btf& types_;
  std::vector<Field> fields_;
};

}  // namespace

const std::vector<double>& histogram_bounds() {
  static const std::vector<double> bounds = [] {
    std::vector<double> all{1024};
    for (int octave = 10; octave < 34; ++octave) {
      for (int quarter = 1; quarter <= 4; ++quarter) {
        all.push_back(static_cast<double>(1ULL << octave) * (1 + quarter / 4.0));
      }
    }
    all.push_back(std::numeric_limits<double>::infinity());
    return all;
  }();
  return bounds;
}

wire::ColumnKind Field::column_kind() const {
  switch (kind) {
    case FieldKind::integer:
    case FieldKind::window_max:
      return wire::ColumnKind::integer;
    case FieldKind::text:
    case FieldKind::address:
      return wire::ColumnKind::text;
    case FieldKind::histogram:
      return wire::ColumnKind::histogram;
  }
  return wire::ColumnKind::integer;
}

Result<Layout> layout_of(const btf& types, std::uint32_t id) {
  const btf_type* type = resolve(types, id);
  if (type == nullptr || !btf_is_struct(type)) {
    return fail(fmt::format("type {} is no struct", id));
  }
  Reader reader(types);
  const Result<> added = reader.add_struct(*type, 0, 0);
  if (!added) {
    return tl::unexpected(
        Error{added.error()}.in(fmt::format("struct {}", name_of(types, type->name_off))));
  }
  return Layout{reader.take(), type->size};
}

Result<Layout> layout_of(const btf& types, std::string_view struct_name) {
  const int id = btf__find_by_name_kind(&types, std::string{struct_name}.c_str(), BTF_KIND_STRUCT);
  if (id < 0) {
    return fail(fmt::format("the object has no struct {} in its BTF; keep it with EVENT({})",
                            struct_name, struct_name));
  }
  return layout_of(types, static_cast<std::uint32_t>(id));
}

Result<Variable> find_variable(const btf& types, std::string_view name) {
  for (std::uint32_t id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* section = btf__type_by_id(&types, id);
    if (!btf_is_datasec(section)) {
      continue;
    }
    const btf_var_secinfo* entries = btf_var_secinfos(section);
    for (std::uint16_t i = 0; i < btf_vlen(section); ++i) {
      const btf_type* variable = btf__type_by_id(&types, entries[i].type);
      if (variable != nullptr && btf_is_var(variable) &&
          name_of(types, variable->name_off) == name) {
        return Variable{std::string{name_of(types, section->name_off)}, entries[i].offset,
                        entries[i].size};
      }
    }
  }
  return fail(fmt::format("the object has no variable \"{}\"", name));
}

}  // namespace gala::bpf
